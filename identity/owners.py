"""Owners, and the invariant that one of them can always get in and repair things.

An owner has the built-in role Owner at the organization. One who lasts has it without an end, and
is active: of those one must remain.
"""

from uuid import UUID

from identity.refusals import Forbidden, LastOwner
from identity.subject import Subject
from models.assignment import ScopeType
from models.audit_event import ActorType
from models.clock import now
from models.member import MemberStatus
from models.role import BuiltinRole
from models.sql import Statement, as_uuid

_LASTING_OWNER = """
    FROM assignments a
    JOIN roles r ON r.id = a.role_id AND r.builtin = $2
    {members}
    WHERE a.organization_id = $1 AND a.scope_type = $3 AND a.expires_at IS NULL AND m.status = $4
"""

_LASTING_OWNERS = (
    "SELECT a.id "
    + _LASTING_OWNER.format(members="JOIN members m ON m.id = a.principal_id")
    + " UNION SELECT a.id "
    + _LASTING_OWNER.format(
        members="JOIN group_members gm ON gm.group_id = a.principal_id"
        " JOIN members m ON m.id = gm.member_id"
    )
)
_OWNING = Statement(_LASTING_OWNERS)
_OWNING_ONE = Statement(_LASTING_OWNERS + " LIMIT 1")

_ADDRESSES = Statement("""
    SELECT DISTINCT m.email FROM members m
    WHERE m.organization_id = $1 AND m.status = $4 AND EXISTS (
        SELECT 1 FROM assignments a JOIN roles r ON r.id = a.role_id AND r.builtin = $2
        WHERE a.organization_id = $1 AND a.scope_type = $3
          AND (a.expires_at IS NULL OR a.expires_at > $5)
          AND (a.principal_id = m.id
               OR a.principal_id IN (SELECT group_id FROM group_members WHERE member_id = m.id)))
    ORDER BY m.email
""")


async def addresses(organization_id: UUID) -> list[str]:
    """The addresses of the active members who own the organization now."""
    rows = await _ADDRESSES.rows(
        organization_id,
        BuiltinRole.OWNER.value,
        ScopeType.ORGANIZATION.value,
        MemberStatus.ACTIVE.value,
        now(),
    )
    return [row["email"] for row in rows]


async def require_owner(organization_id: UUID) -> None:
    """Raise `LastOwner` unless an active member owns the organization without an end date.

    An owner of the organization owns each of its workspaces, so that no workspace is without one.
    """
    owner = await _OWNING_ONE.row(
        organization_id,
        BuiltinRole.OWNER.value,
        ScopeType.ORGANIZATION.value,
        MemberStatus.ACTIVE.value,
    )
    if owner is None:
        raise LastOwner


async def owning(organization_id: UUID) -> frozenset[UUID]:
    """The assignments of which each makes an active member own the organization without an end."""
    rows = await _OWNING.rows(
        organization_id,
        BuiltinRole.OWNER.value,
        ScopeType.ORGANIZATION.value,
        MemberStatus.ACTIVE.value,
    )
    return frozenset(as_uuid(row["id"]) for row in rows)


def is_owner(subject: Subject) -> bool:
    """Whether the subject owns the organization now: a member who has Owner there, for good or for
    a time, directly or through a group. A role of one's own that holds as much makes no owner, and
    no API key is one. The operator stands above owners.
    """
    if subject.by_key:
        return False
    if subject.member_id is None:
        return subject.actor_type is ActorType.SYSTEM
    return any(
        grant.builtin is BuiltinRole.OWNER and grant.scope_type is ScopeType.ORGANIZATION
        for grant in subject.access.grants
    )


def require_being_owner(subject: Subject) -> None:
    """Raise `Forbidden` for anybody but an owner."""
    if not is_owner(subject):
        raise Forbidden("Only an owner may do this.", reason="OWNER_ONLY", missing=[])
