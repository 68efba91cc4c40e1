"""What somebody could do at a past moment: the present, with what the audit log tells of since then
undone, compiled by the engine that authorises.

Roles, assignments, groups, the status of members, the plan and the state of workspaces are those of
the moment. What a built-in role holds and what a plan includes are the code's of now.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from identity import answers
from identity.access.bounds import bounded, bounds_of, scope_mask
from identity.access.builtin_roles import held
from identity.access.compiled import narrowed
from identity.access.decision import ORGANIZATION, Grant
from identity.access.holders import Holder
from identity.access.load import access_at, archived_in
from identity.access.permissions import Permission, mask_of
from identity.answers import HeldGrant
from identity.assignments import Principal
from identity.audit.replay import (
    TELLING,
    Event,
    PastAssignment,
    PastKey,
    PastMember,
    PastRole,
    archived_before,
    assignments_before,
    group_names_before,
    key_before,
    member_before,
    plan_before,
    roles_before,
)
from identity.refusals import BadInput, NotFound
from identity.subject import Subject
from models.api_key import ApiKey, ApiKeyKind
from models.assignment import PrincipalType, ScopeType
from models.audit_event import Outcome
from models.clock import now
from models.database import snapshot
from models.listing import Values
from models.member import MemberStatus
from models.organization import Plan
from models.role import BuiltinRole
from models.sql import Statement, as_json, as_optional_time, as_optional_uuid, as_uuid

MOST_EVENTS = 20_000
"""What is undone in one answer: it is held in memory."""

_ACTIONS = {action.value: action for action in TELLING}

_ORGANIZATION = Statement("""
    SELECT plan, (
        SELECT created_at FROM audit_events WHERE organization_id = $1 ORDER BY id LIMIT 1
    ) AS begun
    FROM organizations WHERE id = $1
""")
_MEMBER = Statement("SELECT name, status FROM members WHERE id = $2 AND organization_id = $1")
_GROUPS_OF = Statement("SELECT group_id FROM group_members WHERE member_id = $1")
_ROLES = Statement("""
    SELECT id, name, version, builtin, permissions FROM roles WHERE organization_id = $1
""")


@dataclass(frozen=True, slots=True)
class _Past:
    """What the log of an organization tells of the time since a moment, the newest first, and the
    plan at that moment.
    """

    organization_id: UUID
    moment: datetime
    plan: Plan
    events: Sequence[Event]

    async def holder(self, principal: Principal) -> Holder:
        """The principal as it was, in six statements. Raises `NotFound` for one that was not."""
        if principal.type is PrincipalType.API_KEY:
            return await self._key(principal.id)
        member = None
        if principal.type is PrincipalType.MEMBER:
            member = member_before(self.events, principal.id, await self._member(principal.id))
            if member is None:
                raise NotFound("member at that moment")
        group_ids = {principal.id} if member is None else member.groups
        names = group_names_before(self.events, await self._group_names(group_ids))
        if member is None and principal.id not in names:
            raise NotFound("group at that moment")
        holders = {group_id: names[group_id] for group_id in group_ids}
        if member is not None:
            holders[principal.id] = member.name
        access = access_at(
            self.moment,
            self.organization_id,
            await self._grants(holders),
            self.plan,
            await self._archived(),
        )
        active = member is None or member.active
        return Holder(principal.type, principal.id, holders[principal.id], active, access)

    async def _key(self, key_id: UUID) -> Holder:
        """A service key, limited to the places that it is limited to now: they never change."""
        row = await ApiKey.get_or_none(
            id=key_id, organization_id=self.organization_id, kind=ApiKeyKind.SERVICE
        )
        key = None if row is None else key_before(self.events, key_id, _present_key(row))
        if row is None or key is None:
            raise NotFound("service key at that moment")
        whole = access_at(
            self.moment,
            self.organization_id,
            await self._grants({key_id: key.name}),
            self.plan,
            await self._archived(),
        )
        mask = scope_mask(sorted(key.scopes), administrative=key.administrative)
        access = bounded(whole, replace(bounds_of(row), mask=mask))
        over = key.ended or (key.expires_at is not None and key.expires_at <= self.moment)
        return Holder(PrincipalType.API_KEY, key_id, key.name, not over, access)

    async def _member(self, member_id: UUID) -> PastMember | None:
        row = await _MEMBER.row(self.organization_id, member_id)
        if row is None:
            return None
        groups = frozenset(as_uuid(each["group_id"]) for each in await _GROUPS_OF.rows(member_id))
        return PastMember(row["name"], row["status"] == MemberStatus.ACTIVE, groups)

    async def _group_names(self, ids: Iterable[UUID]) -> dict[UUID, str]:
        rows = await self._of("id, name", "groups", "id", ids)
        return {as_uuid(row["id"]): row["name"] for row in rows}

    async def _archived(self) -> frozenset[UUID]:
        return archived_before(self.events, await archived_in(self.organization_id))

    async def _grants(self, holders: dict[UUID, str]) -> list[Grant]:
        """What these members and groups had, in the order in which it was given."""
        roles = roles_before(
            self.events,
            {as_uuid(row["id"]): _role(row) for row in await _ROLES.rows(self.organization_id)},
        )
        present = await self._of("*", "assignments", "principal_id", holders)
        assignments = assignments_before(
            self.events, {as_uuid(row["id"]): _assignment(row) for row in present}
        )
        return [
            _grant(id_, assignment, roles[assignment.role_id], holders[assignment.principal_id])
            for id_, assignment in sorted(assignments.items())
            if assignment.principal_id in holders
        ]

    async def _of(self, wanted: str, table: str, column: str, ids: Iterable[UUID]) -> Sequence[Any]:
        """Columns of the organization's rows of which a column has one of these ids."""
        values = Values()
        condition = f"organization_id = {values.add(self.organization_id)}"
        listed = values.add_all(sorted(ids))
        if not listed:
            return []
        text = f"SELECT {wanted} FROM {table} WHERE {condition} AND {column} IN ({listed})"  # noqa: S608
        return await Statement(text).rows(*values.given)


async def access_as_of(
    subject: Subject, principal: Principal | None, at: datetime
) -> tuple[HeldGrant, ...]:
    """Everything that a member or a group, or without one the subject itself, had at a moment, with
    what it came to then, newest first. Raises as `holder_as_of` does.
    """
    return answers.held_by(subject, await holder_as_of(subject, principal, at))


async def holder_as_of(subject: Subject, principal: Principal | None, at: datetime) -> Holder:
    """A member or a group, or without one the subject itself, as they were at a moment. The number
    of statements does not grow with what they hold or with what happened since.

    Raises `Forbidden` without `audit:read` and `members:read` at the organization, `NotFound` for
    who was not there then, and `BadInput` for a moment in the future, before the organization's
    log, or with more than `MOST_EVENTS` events about access since.
    """
    for permission in (Permission.AUDIT_READ, Permission.MEMBERS_READ):
        subject.access.require(permission, ORGANIZATION)
    asked = answers.asked_about(subject, principal)
    moment = _past(at)
    async with snapshot():
        past = await _past_since(subject.organization_id, moment)
        return await past.holder(asked)


def _past(at: datetime) -> datetime:
    """The moment in UTC. Raises `BadInput` when it lies ahead, or has no time zone."""
    if at.tzinfo is None:
        raise BadInput("Give the time with its zone, e.g. 2030-01-01T09:00:00Z.", field="at")
    if at > now():
        raise BadInput("The moment lies in the future.", field="at")
    return at.astimezone(UTC)


async def _past_since(organization_id: UUID, moment: datetime) -> _Past:
    organization = await _ORGANIZATION.row(organization_id)
    if organization is None:
        raise NotFound("organization")
    begun = as_optional_time(organization["begun"])
    if begun is None or moment < begun:
        since = "has no event yet" if begun is None else f"begins at {begun:%Y-%m-%d %H:%M:%S} UTC"
        raise BadInput(f"The audit log {since}: what was before is not known any more.", field="at")
    values = Values()
    text = (
        "SELECT action, target_type, target_id, workspace_id, diff FROM audit_events"  # noqa: S608
        f" WHERE organization_id = {values.add(organization_id)}"
        f" AND action IN ({values.add_all(sorted(_ACTIONS))})"
        f" AND created_at > {values.add(moment)}"
        f" AND outcome = {values.add(Outcome.SUCCESS.value)}"
        f" ORDER BY created_at DESC, id DESC LIMIT {MOST_EVENTS + 1}"
    )
    found = await Statement(text).rows(*values.given)
    if len(found) > MOST_EVENTS:
        raise BadInput(
            f"Access changed more than {MOST_EVENTS} times since then. Ask for a later moment.",
            field="at",
        )
    events = [_event(row) for row in found]
    plan = plan_before(events, Plan(organization["plan"]))
    return _Past(organization_id, moment, plan, events)


def _event(row: Any) -> Event:
    return Event(
        action=_ACTIONS[row["action"]],
        target_type=row["target_type"],
        target_id=as_uuid(row["target_id"]),
        workspace_id=as_optional_uuid(row["workspace_id"]),
        changes={change["path"]: change for change in as_json(row["diff"])},
    )


def _present_key(row: ApiKey) -> PastKey:
    return PastKey(
        name=row.name,
        scopes=frozenset(row.scopes),
        administrative=row.administrative,
        expires_at=row.expires_at,
        ended=row.revoked_at is not None,
    )


def _role(row: Any) -> PastRole:
    return PastRole(
        name=row["name"],
        version=row["version"],
        builtin=None if row["builtin"] is None else BuiltinRole(row["builtin"]),
        permissions=frozenset(as_json(row["permissions"])),
    )


def _assignment(row: Any) -> PastAssignment:
    return PastAssignment(
        role_id=as_uuid(row["role_id"]),
        principal_type=PrincipalType(row["principal_type"]),
        principal_id=as_uuid(row["principal_id"]),
        scope_type=ScopeType(row["scope_type"]),
        scope_id=as_uuid(row["scope_id"]),
        workspace_id=as_optional_uuid(row["workspace_id"]),
        expires_at=as_optional_time(row["expires_at"]),
    )


def _grant(id_: UUID, assignment: PastAssignment, role: PastRole, holder_name: str) -> Grant:
    return Grant(
        assignment_id=id_,
        role_id=assignment.role_id,
        role_name=role.name,
        role_version=role.version,
        principal_type=assignment.principal_type,
        principal_id=assignment.principal_id,
        principal_name=holder_name,
        scope_type=assignment.scope_type,
        scope_id=assignment.scope_id,
        workspace_id=assignment.workspace_id,
        mask=narrowed(mask_of(held(role.builtin, role.permissions)), assignment.scope_type),
        expires_at=assignment.expires_at,
        builtin=role.builtin,
    )
