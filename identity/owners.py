"""The invariant that somebody can always get in and repair things."""

from uuid import UUID

from identity.access.builtin_roles import BUILTIN_PERMISSIONS
from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION
from identity.access.permissions import mask_of
from identity.refusals import Forbidden, LastOwner
from models.assignment import ScopeType
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

OWNER_MASK = mask_of(BUILTIN_PERMISSIONS[BuiltinRole.OWNER])

_OWNS = Statement("""
    SELECT a.id FROM assignments a
    JOIN roles r ON r.id = a.role_id AND r.builtin = $3
    WHERE a.organization_id = $1 AND a.scope_type = $4
      AND (a.expires_at IS NULL OR a.expires_at > $5)
      AND (a.principal_id = $2
           OR a.principal_id IN (SELECT group_id FROM group_members WHERE member_id = $2))
    LIMIT 1
""")


async def owns(organization_id: UUID, member_id: UUID) -> bool:
    """Whether the member owns the organization now, directly or through a group."""
    owning = await _OWNS.row(
        organization_id,
        member_id,
        BuiltinRole.OWNER.value,
        ScopeType.ORGANIZATION.value,
        now(),
    )
    return owning is not None


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


def is_owner(access: Access) -> bool:
    """Whether the subject holds all of Owner at the organization, whatever the plan includes."""
    return not OWNER_MASK & ~access.granted_at(ORGANIZATION)


def require_being_owner(access: Access) -> None:
    """Raise `Forbidden` for anybody but an owner."""
    if not is_owner(access):
        raise Forbidden("Only an owner may do this.", reason="OWNER_ONLY", missing=[])
