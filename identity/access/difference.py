"""What somebody gained and lost between two readings of their access, scope by scope."""

from dataclasses import dataclass
from uuid import UUID

from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION, Target
from identity.access.permissions import Permission, permissions_in
from models.assignment import ScopeType


@dataclass(frozen=True, slots=True)
class Difference:
    """At one scope: what is held there now and was not, and the other way round. What changed in
    the same way at a scope above it is said there alone. `workspace_id` is the workspace that the
    scope is or lies in; null at the organization.
    """

    scope_type: ScopeType
    scope_id: UUID
    workspace_id: UUID | None
    gained: tuple[Permission, ...]
    lost: tuple[Permission, ...]


@dataclass(frozen=True, slots=True)
class _Change:
    gained: int
    lost: int


def differences(before: Access, after: Access) -> list[Difference]:
    """The organization's first, then workspaces, then resources. Empty when nothing changed."""
    if _alike(before, after):
        return []
    at_organization = _change(before, after, ORGANIZATION)
    found = [_difference(ScopeType.ORGANIZATION, before.organization_id, None, at_organization)]
    for scope_type, scope_id, workspace_id in sorted(_scopes(before, after), key=_order):
        is_workspace = scope_type is ScopeType.WORKSPACE
        change = _change(before, after, Target(workspace_id, None if is_workspace else scope_id))
        change = _without(change, at_organization)
        if not is_workspace:
            change = _without(change, _change(before, after, Target(workspace_id)))
        found.append(_difference(scope_type, scope_id, workspace_id, change))
    return [each for each in found if each.gained or each.lost]


def _alike(before: Access, after: Access) -> bool:
    """Whether they cannot differ at any scope, of which there may be very many: the same masks, and
    a plan that cuts nothing of what is held anywhere.
    """
    recut = before.plan_cut ^ after.plan_cut
    return (
        not (before.granted_anywhere | before.fixed_mask) & recut
        and not (after.granted_anywhere | after.fixed_mask) & recut
        and before.archived_workspaces == after.archived_workspaces
        and before.fixed_mask == after.fixed_mask
        and before.organization_mask == after.organization_mask
        and before.workspace_masks == after.workspace_masks
        and before.resource_masks == after.resource_masks
    )


def _scopes(before: Access, after: Access) -> set[tuple[ScopeType, UUID, UUID]]:
    """Below the organization: where either holds a role, and the workspaces that were archived or
    brought back in which either holds anything.
    """
    scopes = {
        (grant.scope_type, grant.scope_id, grant.workspace_id)
        for access in (before, after)
        for grant in access.grants
        if grant.workspace_id is not None
    }
    for workspace_id in before.archived_workspaces ^ after.archived_workspaces:
        if before.enters(workspace_id) or after.enters(workspace_id):
            scopes.add((ScopeType.WORKSPACE, workspace_id, workspace_id))
    return scopes


def _order(scope: tuple[ScopeType, UUID, UUID]) -> tuple[bool, UUID]:
    return scope[0] is not ScopeType.WORKSPACE, scope[1]


def _change(before: Access, after: Access, target: Target) -> _Change:
    was, is_now = before.mask_at(target), after.mask_at(target)
    return _Change(gained=is_now & ~was, lost=was & ~is_now)


def _without(change: _Change, above: _Change) -> _Change:
    return _Change(change.gained & ~above.gained, change.lost & ~above.lost)


def _difference(
    scope_type: ScopeType, scope_id: UUID, workspace_id: UUID | None, change: _Change
) -> Difference:
    gained, lost = _named(change.gained), _named(change.lost)
    return Difference(scope_type, scope_id, workspace_id, gained, lost)


def _named(mask: int) -> tuple[Permission, ...]:
    return tuple(permissions_in(mask))
