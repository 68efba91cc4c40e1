"""The invariant that somebody can always get in and repair things."""

from uuid import UUID

from identity.refusals import LastOwner
from models.assignment import ScopeType
from models.member import MemberStatus
from models.role import BuiltinRole
from models.sql import Statement

_LASTING_OWNER = """
    FROM assignments a
    JOIN roles r ON r.id = a.role_id AND r.builtin = $2
    {members}
    WHERE a.organization_id = $1 AND a.scope_type = $3 AND a.expires_at IS NULL AND m.status = $4
"""

OWNERS = Statement(
    "SELECT m.id "
    + _LASTING_OWNER.format(members="JOIN members m ON m.id = a.principal_id")
    + " UNION SELECT m.id "
    + _LASTING_OWNER.format(
        members="JOIN group_members gm ON gm.group_id = a.principal_id"
        " JOIN members m ON m.id = gm.member_id"
    )
    + " LIMIT 1"
)


async def require_owner(organization_id: UUID) -> None:
    """Raise `LastOwner` unless an active member owns the organization without an end date.

    An owner of the organization owns each of its workspaces, so that no workspace is without one.
    """
    owner = await OWNERS.row(
        organization_id,
        BuiltinRole.OWNER.value,
        ScopeType.ORGANIZATION.value,
        MemberStatus.ACTIVE.value,
    )
    if owner is None:
        raise LastOwner
