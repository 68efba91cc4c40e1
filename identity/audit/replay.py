"""The past, from the present and the audit log: what happened since is undone, the newest first.

So the log need not reach back to the beginning: it is enough that it tells of everything between
the moment and now. Each function undoes what concerns one kind of fact, and reads nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from identity.audit.actions import Action
from identity.audit.diff import Change
from models.assignment import PrincipalType, ScopeType
from models.member import MemberStatus
from models.organization import Plan
from models.role import BuiltinRole

_OF_MEMBERS = frozenset(
    {
        Action.OWNER_RECOVER,
        Action.MEMBER_UPDATE,
        Action.MEMBER_SUSPEND,
        Action.MEMBER_REACTIVATE,
    }
)
_OF_KEYS = frozenset(
    {
        Action.API_KEY_CREATE,
        Action.API_KEY_UPDATE,
        Action.API_KEY_ROTATE,
        Action.API_KEY_REVOKE,
    }
)
_OF_GROUPS = frozenset({Action.GROUP_CREATE, Action.GROUP_UPDATE, Action.GROUP_DELETE})

TELLING = frozenset(
    {
        *_OF_MEMBERS,
        *_OF_GROUPS,
        Action.ORGANIZATION_PLAN,
        Action.WORKSPACE_ARCHIVE,
        Action.WORKSPACE_RESTORE,
        Action.MEMBER_PROVISION,
        Action.MEMBER_REMOVE,
        Action.MEMBER_LEAVE,
        Action.INVITATION_ACCEPT,
        Action.ROLE_CREATE,
        Action.ROLE_UPDATE,
        Action.ROLE_RESTORE,
        Action.ROLE_DELETE,
        Action.ROLE_ASSIGN,
        Action.ROLE_UNASSIGN,
        *_OF_KEYS,
        Action.ASSIGNMENT_UPDATE,
    }
)
"""The actions that say by themselves how access changed."""

TOLD = frozenset(
    {
        Action.ACCESS_REVIEW_DECIDE,
        Action.ACCESS_REVIEW_CLOSE,
        Action.CAMPAIGN_CREATE,
        Action.CAMPAIGN_DELETE,
        Action.MAILING_LIST_CREATE,
        Action.MAILING_LIST_DELETE,
        Action.SENDING_SERVER_CREATE,
        Action.SENDING_SERVER_DELETE,
    }
)
"""The actions whose events do not say it, because each role that was given or taken along with them
has an event of its own."""


@dataclass(frozen=True, slots=True)
class Event:
    """What of an audit event tells of access."""

    action: Action
    target_type: str
    target_id: UUID
    workspace_id: UUID | None
    changes: Mapping[str, Change]
    """The diff by its paths."""

    def was(self, path: str, otherwise: Any = None) -> Any:
        """The value before the event, or `otherwise` if it did not change."""
        change = self.changes.get(path)
        return otherwise if change is None else change["before"]

    def added(self, path: str) -> frozenset[str]:
        """What came to a set."""
        return frozenset(self.changes.get(path, {}).get("added", ()))

    def removed(self, path: str) -> frozenset[str]:
        """What went from it."""
        return frozenset(self.changes.get(path, {}).get("removed", ()))


@dataclass(frozen=True, slots=True)
class PastMember:
    """A member at a moment, with the groups that they were in."""

    name: str
    active: bool
    groups: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class PastKey:
    """A service key at a moment."""

    name: str
    scopes: frozenset[str]
    administrative: bool
    expires_at: datetime | None
    ended: bool


@dataclass(frozen=True, slots=True)
class PastRole:
    """A role at a moment. What a built-in one holds is the code's, now as then."""

    name: str
    version: int
    builtin: BuiltinRole | None
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class PastAssignment:
    """An assignment at a moment, which may have ended by then."""

    role_id: UUID
    principal_type: PrincipalType
    principal_id: UUID
    scope_type: ScopeType
    scope_id: UUID
    workspace_id: UUID | None
    expires_at: datetime | None


def member_before(
    events: Iterable[Event], member_id: UUID, present: PastMember | None
) -> PastMember | None:
    """The member as they were before the events, which come newest first; `None` for nobody."""
    member, own = present, str(member_id)
    for event in events:
        if event.action in _OF_GROUPS:
            if member is not None:
                member = replace(member, groups=_groups_before(event, own, member.groups))
        elif event.action is Action.INVITATION_ACCEPT:
            if event.changes["member"]["after"] == own:
                member = None
        elif event.target_id == member_id:
            member = _one_before(event, member)
    return member


def _groups_before(event: Event, member: str, groups: frozenset[UUID]) -> frozenset[UUID]:
    if member in event.added("memberIds"):
        return groups - {event.target_id}
    if member in event.removed("memberIds"):
        return groups | {event.target_id}
    return groups


def _one_before(event: Event, member: PastMember | None) -> PastMember | None:
    """A member before an event that is about them."""
    match event.action:
        case Action.MEMBER_PROVISION:
            return None
        case Action.MEMBER_REMOVE | Action.MEMBER_LEAVE:
            return PastMember(
                name=event.was("name"),
                active=event.was("status") == MemberStatus.ACTIVE,
                groups=frozenset(map(UUID, event.removed("groupIds"))),
            )
        case action if action in _OF_MEMBERS and member is not None:
            status = event.was("status")
            active = member.active if status is None else status == MemberStatus.ACTIVE
            return replace(member, name=event.was("name", member.name), active=active)
    return member


def key_before(events: Iterable[Event], key_id: UUID, present: PastKey) -> PastKey | None:
    """A service key as it was before the events; `None` for one that was not there yet."""
    key = present
    for event in events:
        if event.target_id != key_id or event.action not in _OF_KEYS:
            continue
        if event.action is Action.API_KEY_CREATE:
            return None
        if event.action is Action.API_KEY_REVOKE:
            key = replace(key, ended=False)
        else:
            key = _key_before(event, key)
    return key


def _key_before(event: Event, key: PastKey) -> PastKey:
    """A key before it was changed or rotated."""
    expires_at = key.expires_at
    if "expiresAt" in event.changes:
        before = event.was("expiresAt")
        expires_at = None if before is None else datetime.fromisoformat(before)
    return replace(
        key,
        name=event.was("name", key.name),
        scopes=(key.scopes - event.added("scopes")) | event.removed("scopes"),
        administrative=event.was("administrative", key.administrative),
        expires_at=expires_at,
    )


def group_names_before(events: Iterable[Event], present: Mapping[UUID, str]) -> dict[UUID, str]:
    """What groups were called before the events, those included that are gone since."""
    names = dict(present)
    for event in events:
        if event.action is Action.GROUP_CREATE:
            names.pop(event.target_id, None)
        elif event.action is Action.GROUP_DELETE:
            names[event.target_id] = event.was("name")
        elif event.action is Action.GROUP_UPDATE and event.target_id in names:
            names[event.target_id] = event.was("name", names[event.target_id])
    return names


def plan_before(events: Iterable[Event], present: Plan) -> Plan:
    """The plan before the events."""
    plan = present
    for event in events:
        if event.action is Action.ORGANIZATION_PLAN:
            plan = Plan(event.was("plan"))
    return plan


def archived_before(events: Iterable[Event], present: frozenset[UUID]) -> frozenset[UUID]:
    """Which workspaces were archived before the events."""
    archived = set(present)
    for event in events:
        if event.action is Action.WORKSPACE_ARCHIVE:
            archived.discard(event.target_id)
        elif event.action is Action.WORKSPACE_RESTORE:
            archived.add(event.target_id)
    return frozenset(archived)


def roles_before(events: Iterable[Event], present: Mapping[UUID, PastRole]) -> dict[UUID, PastRole]:
    """What roles were before the events. A role that was brought back had been deleted, and until
    then is what the event of that says.
    """
    roles = dict(present)
    for event in events:
        id_ = event.target_id
        if event.action is Action.ROLE_CREATE:
            roles.pop(id_, None)
        elif event.action is Action.ROLE_DELETE:
            roles[id_] = PastRole(
                name=event.was("name"),
                version=event.was("version"),
                builtin=None,
                permissions=event.removed("permissions"),
            )
        elif event.action in (Action.ROLE_UPDATE, Action.ROLE_RESTORE) and id_ in roles:
            role = roles[id_]
            roles[id_] = replace(
                role,
                name=event.was("name", role.name),
                version=role.version - 1,
                permissions=(role.permissions - event.added("permissions"))
                | event.removed("permissions"),
            )
    return roles


def assignments_before(
    events: Iterable[Event], present: Mapping[UUID, PastAssignment]
) -> dict[UUID, PastAssignment]:
    """The assignments before the events, by id: the present ones that were there already, and all
    that were taken since, whoever had them.
    """
    assignments = dict(present)
    for event in events:
        if event.action is Action.ROLE_ASSIGN:
            assignments.pop(UUID(event.changes["assignmentId"]["after"]), None)
        elif event.action is Action.ROLE_UNASSIGN:
            assignments[UUID(event.was("assignmentId"))] = _taken(event)
        elif event.action is Action.ASSIGNMENT_UPDATE and "expiresAt" in event.changes:
            id_ = UUID(event.was("assignmentId"))
            if id_ in assignments:
                assignments[id_] = replace(assignments[id_], expires_at=_moment(event))
    return assignments


def _taken(event: Event) -> PastAssignment:
    scope_type, scope_id = event.was("scope").split(":")
    return PastAssignment(
        role_id=UUID(event.was("roleId")),
        principal_type=PrincipalType(event.target_type),
        principal_id=event.target_id,
        scope_type=ScopeType(scope_type),
        scope_id=UUID(scope_id),
        workspace_id=event.workspace_id,
        expires_at=_moment(event),
    )


def _moment(event: Event) -> datetime | None:
    """When an assignment was to end, before an event about it."""
    expires_at = event.was("expiresAt")
    return None if expires_at is None else datetime.fromisoformat(expires_at)
