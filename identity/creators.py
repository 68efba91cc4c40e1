"""What somebody may do with a resource that they made.

Whoever creates a resource and lacks a part of what Creator holds of its group gets that role at the
new resource, in the same transaction. Creator holds nothing that is hard to undo: making something
is no way to the right to send or delete it.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from identity import assignment_events
from identity.access.builtin_roles import BUILTIN_PERMISSIONS
from identity.access.compiled import Access
from identity.access.decision import Target
from identity.access.kinds import ResourceKind, ResourceT
from identity.access.permissions import Permission, bits_of
from identity.access.targets import target_of
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.writing import Write
from models.assignment import Assignment, PrincipalType
from models.member import Member
from models.role import BuiltinRole, Role

REASON = "Created it."

_HELD = BUILTIN_PERMISSIONS[BuiltinRole.CREATOR]


def adding(kind: ResourceKind[Any], workspace_id: UUID) -> Callable[[Access], bool]:
    """Whether Creator would add anything for whoever makes such a resource in the workspace."""
    offered = bits_of(permission for permission in _HELD if permission.group == kind.group)
    return lambda access: bool(offered & ~_whole(access).granted_at(Target(workspace_id)))


async def give(
    write: Write, kind: ResourceKind[ResourceT], resource: ResourceT, *, by: Permission
) -> None:
    """Give the caller Creator at the resource that they just made, in a `write` that changes
    access where that adds anything, and only there.

    It ends with the last of the roles that gave the permission `by` which they made it: nobody
    makes lasting what they have for a time.
    """
    if not write.changes_access or write.subject.member_id is None:
        write.changes_access = False
        return
    at = target_of(resource)
    organization_id = write.organization_id
    creator = await Member.get(id=write.subject.member_id, organization_id=organization_id)
    role = await Role.get(organization_id=organization_id, builtin=BuiltinRole.CREATOR)
    ends = [grant.expires_at for grant in _whole(write.access).check(by, at).grants]
    assignment = await Assignment.create(
        organization_id=organization_id,
        role=role,
        principal_type=PrincipalType.MEMBER,
        principal_id=creator.id,
        scope_type=kind.scope_type,
        scope_id=resource.id,
        workspace_id=resource.workspace_id,
        expires_at=None if None in ends else max(filter(None, ends)),
        reason=REASON,
        assigned_by_id=creator.id,
    )
    await write.record(
        target(creator),
        changes({}, assignment_events.facts(assignment, role)),
        workspace_id=resource.workspace_id,
        action=Action.ROLE_ASSIGN,
        reason=REASON,
    )


def _whole(access: Access) -> Access:
    """What is behind an API key: a key brings its owner no role that they did not need."""
    return access.whole or access
