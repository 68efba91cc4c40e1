"""Assignments: who has which role where.

Giving and taking a role both need `members:assign` at the scope and every permission of the role
there, so that nobody hands out, or takes from others, more than they hold.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from identity import assignment_events, moments, owners, roles, text
from identity.access import targets
from identity.access.compiled import Access, narrowed
from identity.access.decision import Grant, Target
from identity.access.load import read_access
from identity.access.lookup import Lookup, Place, seen_with
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.holders import PRINCIPALS, PrincipalRow
from identity.refusals import Conflict, LastOwner, NotFound, Refusal
from identity.subject import Subject
from identity.writing import Write, writing
from models.api_key import ApiKey
from models.assignment import Assignment, PrincipalType, ScopeType
from models.clock import now
from models.group import Group
from models.member import Member
from models.role import Role

REASON_LENGTH = 500
PRINCIPAL_NAMES = {
    PrincipalType.MEMBER: "member",
    PrincipalType.GROUP: "group",
    PrincipalType.API_KEY: "service key",
}


class Kept(Enum):
    """What stands in a change for what stays as it is."""

    KEPT = "kept"


KEPT = Kept.KEPT


class Principal(NamedTuple):
    """Who gets a role."""

    type: PrincipalType
    id: UUID


class Scope(NamedTuple):
    """Where a role is given."""

    type: ScopeType
    id: UUID


async def assign(
    subject: Subject,
    *,
    role_id: UUID,
    principal: Principal,
    scope: Scope,
    expires_at: datetime | None = None,
    reason: str | None = None,
) -> Assignment:
    """Give a role at a scope, until `expires_at` if given.

    Raises `NotFound` for a role, principal or scope that is not visible, `Forbidden`, `Escalation`,
    `BadInput` for a past expiry or a role that does not fit the scope, and `Conflict` when it is
    held there already.
    """
    if expires_at is not None:
        expires_at = moments.future(expires_at, what="expiry", field="expiresAt")
    reason = text.optional_prose(reason, field="reason", longest=REASON_LENGTH)
    async with writing(subject, Action.ROLE_ASSIGN, changes_access=True) as write:
        at = await targets.scope(write.access, scope.type, scope.id)
        write.access.require(Permission.MEMBERS_ASSIGN, at)
        role = await roles.found(write.access, role_id)
        roles.require_fitting(role, scope.type, field="scopeId")
        holder = await _principal(write.organization_id, principal)
        write.about(target(holder), workspace_id=at.workspace_id)
        mask = narrowed(roles.mask_of_role(role), scope.type)
        write.access.require_holding(mask, at, until=expires_at)
        await roles.drop_ended(write, role, principal_id=principal.id)
        if await Assignment.exists(
            role=role, principal_id=principal.id, scope_type=scope.type, scope_id=scope.id
        ):
            raise Conflict(f"{holder.name} has the role {role.name} there already.")
        assignment = await Assignment.create(
            organization_id=write.organization_id,
            role=role,
            principal_type=principal.type,
            principal_id=principal.id,
            scope_type=scope.type,
            scope_id=scope.id,
            workspace_id=at.workspace_id,
            expires_at=expires_at,
            reason=reason,
            assigned_by_id=write.subject.member_id,
        )
        await write.record(
            target(holder),
            changes({}, assignment_events.facts(assignment, role)),
            workspace_id=at.workspace_id,
            reason=reason,
        )
    return assignment


def could_give(access: Access, role: Role, scope_type: ScopeType, at: Target) -> bool:
    """Whether `assign` would let somebody with this access give the role there, for good."""
    mask = narrowed(roles.mask_of_role(role), scope_type)
    return (
        roles.fits(role, scope_type)
        and targets.sees_scope(access, scope_type, at)
        and roles.ROLE.seen(access, at)
        and access.allows(Permission.MEMBERS_ASSIGN, at)
        and access.holds(mask, at)
    )


ASSIGNMENT = Lookup(
    Assignment,
    "assignment",
    Place.SCOPE,
    seen_with(Permission.MEMBERS_READ),
)


async def found(access: Access, assignment_id: UUID) -> Assignment:
    """The assignment with its role, if the subject may read members at its scope.

    Raises `NotFound`.
    """
    assignment = await ASSIGNMENT.find(access, assignment_id)
    await assignment.fetch_related("role")
    return assignment


async def update(
    subject: Subject,
    assignment_id: UUID,
    *,
    expires_at: datetime | Kept | None = KEPT,
    reason: str | Kept | None = KEPT,
) -> Assignment:
    """Have a role end at another moment, or never, or give another reason; what is not given stays.
    It stays the same assignment. Holding it for longer is giving it: the subject must hold the role
    for as long.

    Raises `NotFound`, `Forbidden`, `Escalation`, `LastOwner`, `BadInput` for a past expiry, and
    `Conflict` for an assignment that has ended.
    """
    if isinstance(expires_at, datetime):
        expires_at = moments.future(expires_at, what="expiry", field="expiresAt")
    if reason is not KEPT:
        reason = text.optional_prose(reason, field="reason", longest=REASON_LENGTH)
    async with writing(subject, Action.ASSIGNMENT_UPDATE, changes_access=True) as write:
        assignment = await found(write.access, assignment_id)
        holder = await _holder(write, assignment)
        _require_handing(write, assignment, until=now())
        before = assignment.expires_at
        if before is not None and before <= now():
            raise Conflict(f"{holder.name} has the role no longer: it ended. Give it again.")
        until = before if expires_at is KEPT else expires_at
        if _longer(until, before):
            _require_handing(write, assignment, until=until)
        write.changes_access = until != before
        told = assignment_events.terms(assignment)
        assignment.expires_at = until
        assignment.reason = assignment.reason if reason is KEPT else reason
        diff = changes(told, assignment_events.terms(assignment))
        if not diff:
            return assignment
        await assignment.save(update_fields=["expires_at", "reason"])
        await write.record(
            target(holder),
            [*assignment_events.naming(assignment, assignment.role), *diff],
            workspace_id=assignment.workspace_id,
            reason=assignment.reason,
        )
    return assignment


def _longer(until: datetime | None, before: datetime | None) -> bool:
    """Whether what ends at the first moment lasts longer than what ends at the second."""
    return before is not None and (until is None or until > before)


async def unassign(subject: Subject, assignment_id: UUID) -> Assignment:
    """Take a role away. Raises `NotFound`, `Forbidden`, `Escalation`, `LastOwner`."""
    async with writing(subject, Action.ROLE_UNASSIGN, changes_access=True) as write:
        assignment = await found(write.access, assignment_id)
        role = assignment.role
        holder = await _holder(write, assignment)
        _require_handing(write, assignment, until=now())
        await assignment.delete()
        await write.record(
            target(holder),
            changes(assignment_events.facts(assignment, role), {}),
            workspace_id=assignment.workspace_id,
        )
    return assignment


async def unassign_all(
    write: Write, wanted: Sequence[Assignment], *, reason: str
) -> Mapping[UUID, Refusal]:
    """Take several roles away, each that may be, as a part of the caller's change: the refusals of
    the others, by assignment. The number of statements does not grow with the assignments.

    They come with their roles, read under the lock of a change of access. Of those that own the
    organization, the last one in the order given stays.
    """
    owning = await owners.owning(write.organization_id)
    refusals: dict[UUID, Refusal] = {}
    going = []
    for assignment in wanted:
        try:
            _require_handing(write, assignment, until=now())
            if owning <= {assignment.id}:
                raise LastOwner
        except Refusal as refusal:
            refusals[assignment.id] = refusal
        else:
            owning -= {assignment.id}
            going.append(assignment)
    await assignment_events.delete(write.subject, going, reason=reason)
    return refusals


async def require_taking(write: Write, member: Member) -> None:
    """Raise `Escalation` unless the subject holds what every role of the member gives, directly or
    through a group: whoever takes a member out takes all of it.
    """
    for grant in await _grants_of(write, member):
        write.access.require_holding(grant.mask, _target(grant), until=now())


async def require_giving(write: Write, member: Member) -> None:
    """The same for as long as the member will: whoever brings a member back gives all of it."""
    for grant in await _grants_of(write, member):
        write.access.require_holding(grant.mask, _target(grant), until=grant.expires_at)


async def _grants_of(write: Write, member: Member) -> Iterable[Grant]:
    access = await read_access(write.organization_id, member.id, write.subject.plan)
    return access.grants


def _target(grant: Grant) -> Target:
    return Place.SCOPE.target_of(grant)


async def require_taking_from(write: Write, group: Group) -> None:
    """Raise `Escalation` unless the subject holds what every role of the group gives, and
    `Forbidden` where it may not take roles: whoever leaves the group loses all of it.
    """
    for assignment in await _live_of(write, group):
        _require_handing(write, assignment, until=now())


async def require_giving_to(write: Write, group: Group) -> None:
    """The same for as long as the group will: whoever joins it gets all of it."""
    for assignment in await _live_of(write, group):
        _require_handing(write, assignment, until=assignment.expires_at)


async def _live_of(write: Write, group: Group) -> Iterable[Assignment]:
    """The assignments of a group that have not ended, with their roles."""
    found = await Assignment.filter(
        organization_id=write.organization_id, principal_id=group.id
    ).select_related("role")
    return [each for each in found if each.expires_at is None or each.expires_at > now()]


def _require_handing(write: Write, assignment: Assignment, *, until: datetime | None) -> None:
    at = roles.scope_of(assignment)
    write.access.require(Permission.MEMBERS_ASSIGN, at)
    mask = narrowed(roles.mask_of_role(assignment.role), assignment.scope_type)
    write.access.require_holding(mask, at, until=until)


async def delete_of_principal(write: Write, principal_id: UUID, *, reason: str) -> None:
    """Drop what a member or group that is going away was assigned, as a part of the caller's
    change, while it is still there.
    """
    held = Assignment.filter(organization_id=write.organization_id, principal_id=principal_id)
    going = await held.select_related("role")
    await assignment_events.delete(write.subject, going, reason=reason)


async def delete_at_resource(write: Write, scope: Scope, *, reason: str) -> int:
    """Drop what was assigned at a resource that is going away, as a part of the caller's change;
    how many it were.
    """
    there = Assignment.filter(
        organization_id=write.organization_id, scope_type=scope.type, scope_id=scope.id
    )
    going = await there.select_related("role")
    await assignment_events.delete(write.subject, going, reason=reason)
    return len(going)


async def _holder(write: Write, assignment: Assignment) -> PrincipalRow:
    """Who has it, whom the change is about."""
    holder = await _principal(
        write.organization_id, Principal(assignment.principal_type, assignment.principal_id)
    )
    write.about(target(holder), workspace_id=assignment.workspace_id)
    return holder


async def _principal(organization_id: UUID, principal: Principal) -> PrincipalRow:
    """Who holds a role, or gets one: a personal key, or one that was ended, holds none."""
    row = await PRINCIPALS[principal.type].get_or_none(
        id=principal.id, organization_id=organization_id
    )
    if row is None or (isinstance(row, ApiKey) and not row.takes_roles):
        raise NotFound(PRINCIPAL_NAMES[principal.type])
    return row
