"""The Node interface: a global id, and what the viewer may do with the object."""

from collections.abc import Sequence
from typing import Any, ClassVar

import strawberry

from identity.access.decision import ORGANIZATION, Decision, Target
from identity.access.permissions import GROUPS, Permission
from schema.arguments import Asked
from schema.context import ContextInfo
from schema.directives import public, public_column
from schema.ids import global_id


@strawberry.type(description="Whether the viewer holds a permission on an object, and why.")
class ViewerCan:
    row: strawberry.Private[Decision]

    permission: Permission = public_column("permission", "The permission that is asked about.")
    allowed: bool = public_column("allowed", "Whether the viewer holds it on this object.")
    reason: str = public_column("reason", "What allows it, or what is missing, in one sentence.")


@strawberry.interface(description="An object with a global id.")
class Node:
    """A type that stands on a row. `own_groups` are the permission groups that `viewerCan` answers
    for when it is not asked about particular ones.
    """

    row: strawberry.Private[Any]
    own_groups: ClassVar[frozenset[str]] = frozenset()

    @public("The global id.")
    def id(self) -> strawberry.ID:
        return global_id(type(self).__name__, self.row.id)

    @public(
        "Which permissions the viewer holds on this object, and why or why not. Without an "
        "argument: those that are about objects of this type."
    )
    def viewer_can(self, info: ContextInfo, permissions: Asked = None) -> list[ViewerCan]:
        asked = dict.fromkeys(permissions or own_permissions(type(self).own_groups))
        target = self.access_target()
        return [ViewerCan(row=info.context.access.check(each, target)) for each in asked]

    def access_target(self) -> Target:
        """Where permissions on this object are checked."""
        return ORGANIZATION


def own_permissions(groups: frozenset[str]) -> Sequence[Permission]:
    return [p for group in GROUPS if group.name in groups for p in group.permissions]
