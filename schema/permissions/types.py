"""The vocabulary of permissions, as a role designer shows it."""

import strawberry

from identity.access.permissions import (
    ORGANIZATION_ONLY_GROUPS,
    SENSITIVE,
    Permission,
    implied_by,
)
from identity.access.permissions import PermissionGroup as Group
from schema.context import ContextInfo
from schema.directives import public, public_column


@strawberry.type(description="A permission, with what a role designer tells of it.")
class PermissionEntry:
    row: strawberry.Private[Permission]

    meaning: str = public_column("meaning", "What it allows, in one sentence.")

    @public("The permission.")
    def permission(self) -> Permission:
        return self.row

    @public("The permission that it brings along, if any.")
    def implies(self) -> Permission | None:
        return implied_by(self.row)

    @public("Whether its misuse is hard to undo.")
    def sensitive(self) -> bool:
        return self.row in SENSITIVE

    @public("Whether it means something at the organization only: other scopes never grant it.")
    def organization_only(self) -> bool:
        return self.row.group in ORGANIZATION_ONLY_GROUPS

    @public(
        "Whether the viewer could give it to others at the organization now: by a role that they "
        "write or by one that they assign."
    )
    def viewer_may_grant(self, info: ContextInfo) -> bool:
        return info.context.access.may_grant(self.row)


@strawberry.type(description="The permissions on things of one kind.")
class PermissionGroup:
    row: strawberry.Private[Group]

    name: str = public_column("name", "Its name: what stands before the colon of a permission.")

    @public("What the level READ of the group holds.")
    def read(self) -> list[Permission]:
        return list(self.row.read)

    @public("What the level FULL of the group holds: all of it.")
    def full(self) -> list[Permission]:
        return list(self.row.permissions)

    @public("Each of its permissions.")
    def permissions(self) -> list[PermissionEntry]:
        return [PermissionEntry(row=permission) for permission in self.row.permissions]
