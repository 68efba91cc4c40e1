"""The only way an operation gets its target.

What the subject may not see is not found, in the same words as what is not there; what it may see
but not do is forbidden, with the reason.
"""

from uuid import UUID

from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION, Target
from identity.access.kinds import KINDS, Resource, ResourceKind, ResourceT
from identity.access.lookup import Lookup, Place, Seen
from identity.access.permissions import Permission
from identity.refusals import NotFound
from models.assignment import ScopeType
from models.workspace import Workspace

WORKSPACE = Lookup(
    Workspace, "workspace", Place.WORKSPACE, Seen(lambda access, target: access.enters_at(target))
)


async def visible_workspace(access: Access, workspace_id: UUID) -> Workspace:
    """The workspace, if the subject holds anything in it; raises `NotFound` otherwise."""
    return await WORKSPACE.find(access, workspace_id)


async def workspace(access: Access, workspace_id: UUID, permission: Permission) -> Workspace:
    """The workspace, for an operation that needs `permission` there.

    Raises `NotFound` or `Forbidden`.
    """
    found = await visible_workspace(access, workspace_id)
    access.require(permission, Target(found.id))
    return found


async def visible_resource(
    access: Access, kind: ResourceKind[ResourceT], resource_id: UUID
) -> ResourceT:
    """The resource, if the subject may see it. Raises `NotFound`."""
    return await kind.lookup.find(access, resource_id)


async def resource(
    access: Access,
    model: type[ResourceT],
    resource_id: UUID,
    permission: Permission,
) -> ResourceT:
    """The resource, for an operation that needs `permission` on it. Its row is locked until the
    caller's transaction ends, so that what is decided on it still holds when it is saved.

    Raises `NotFound` when it is not visible, `Forbidden` when it is and the permission is missing.
    """
    found = await _kind(model).lookup.find(access, resource_id, locked=True)
    access.require(permission, target_of(found))
    return found


async def unlocked(access: Access, model: type[ResourceT], resource_id: UUID) -> ResourceT:
    """The resource as it is just now, if the subject may see it. Raises `NotFound`."""
    return await _kind(model).lookup.find(access, resource_id)


def require(access: Access, row: ResourceT, permission: Permission) -> None:
    """What `resource` requires, of a row of the organization that is loaded already."""
    kind = _kind(type(row))
    if not kind.lookup.seen(access, target_of(row)):
        raise NotFound(kind.label)
    access.require(permission, target_of(row))


def _kind(model: type[ResourceT]) -> ResourceKind[ResourceT]:
    return next(kind for kind in KINDS.values() if kind.model is model)


async def scope(access: Access, scope_type: ScopeType, scope_id: UUID) -> Target:
    """The target that a scope names, if the subject may see it; raises `NotFound`."""
    if scope_type is ScopeType.ORGANIZATION:
        if scope_id != access.organization_id:
            raise NotFound("organization")
        return ORGANIZATION
    if scope_type is ScopeType.WORKSPACE:
        return Target((await visible_workspace(access, scope_id)).id)
    return target_of(await visible_resource(access, KINDS[scope_type], scope_id))


def sees_scope(access: Access, scope_type: ScopeType, at: Target) -> bool:
    """Whether `scope` finds one whose target is `at`, which is in the subject's organization."""
    if scope_type is ScopeType.ORGANIZATION:
        return True
    lookup = WORKSPACE if scope_type is ScopeType.WORKSPACE else KINDS[scope_type].lookup
    return lookup.seen(access, at)


def target_of(row: Resource) -> Target:
    return Target(row.workspace_id, row.id)
