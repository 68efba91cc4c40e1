"""Asking which permissions there are."""

import strawberry

from identity.access.permissions import GROUPS
from schema.directives import public
from schema.permissions.types import PermissionGroup


@strawberry.type
class PermissionQuery:
    @public("Every permission there is, by groups in the order of a role designer.")
    def permission_catalogue(self) -> list[PermissionGroup]:
        return [PermissionGroup(row=group) for group in GROUPS]
