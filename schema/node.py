"""The Node interface: a global id, and what the viewer may do with the object."""

from collections.abc import Sequence
from typing import Any, ClassVar

import strawberry

from identity.access.compiled import Access
from identity.access.decision import Decision, Target
from identity.access.lookup import Place
from identity.access.permissions import GROUPS, Permission
from schema.arguments import Asked
from schema.context import ContextInfo
from schema.directives import PUBLIC, public_column
from schema.fields import decided, own_id


@strawberry.type(description="Whether the viewer holds a permission on an object, and why.")
class ViewerCan:
    row: strawberry.Private[Decision]

    permission: Permission = public_column("permission", "The permission that is asked about.")
    allowed: bool = public_column("allowed", "Whether the viewer holds it on this object.")
    reason: str = public_column("reason", "What allows it, or what is missing, in one sentence.")


def decisions(
    node: type["Node"],
    access: Access,
    target: Target,
    permissions: Sequence[Permission] | None = None,
) -> list[Decision]:
    """What the subject holds there, of these permissions or else of those about the type."""
    asked = own_permissions(node) if permissions is None else permissions
    return [access.check(each, target) for each in dict.fromkeys(asked)]


def own_permissions(node: type["Node"]) -> list[Permission]:
    """Those that are about objects of the type."""
    return [p for group in GROUPS if group.name in node.own_groups for p in group.permissions]


def _viewer_can(root: Any, info: ContextInfo, permissions: Asked = None) -> list[ViewerCan]:
    found = decisions(type(root), info.context.access, root.access_target(), permissions)
    return [ViewerCan(row=decision) for decision in found]


@strawberry.interface(description="An object with a global id.")
class Node:
    """A type that stands on a row. Permissions on its objects are checked at `place`; `own_groups`
    are the permission groups that `viewerCan` answers for when it is not asked about particular
    ones.
    """

    row: strawberry.Private[Any]
    own_groups: ClassVar[frozenset[str]] = frozenset()
    place: ClassVar[Place] = Place.ORGANIZATION

    id: strawberry.ID = own_id("The global id.", requires=PUBLIC)
    viewer_can: list[ViewerCan] = decided(
        decisions,
        _viewer_can,
        "Which permissions the viewer holds on this object, and why or why not. Without an "
        "argument: those that are about objects of this type.",
    )

    def access_target(self) -> Target:
        """Where permissions on this object are checked."""
        return self.place.target_of(self.row)
