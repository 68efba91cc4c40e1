"""Roles, what they were, and how they compare."""

from datetime import datetime
from typing import Any, ClassVar

import strawberry

from identity import role_versions, roles
from identity.access.levels import GroupLevel as GroupLevelOfRole
from identity.access.levels import RoleLevel, levels_of
from identity.access.permissions import Permission
from identity.least_privilege import DEFAULT_DAYS, Use
from identity.role_comparison import ComparedLevel, Comparison
from models.audit_event import ActorType
from models.role import Role as RoleRow
from models.role_version import RoleChange
from models.role_version import RoleVersion as RoleVersionRow
from schema.arguments import Days
from schema.connection import Connection
from schema.context import ContextInfo
from schema.directives import PUBLIC, At, auth, column, public, public_column
from schema.fields import computed, computed_list, embedded, page_of
from schema.ids import global_id
from schema.node import Node

READ = (Permission.ROLES_READ,)


def _known(names: str, description: str) -> Any:
    """The permissions whose names stand in a column of a version, as far as they still exist."""
    return computed(
        lambda access, row: role_versions.known(getattr(row, names)),
        description,
        reads=(names,),
        requires=PUBLIC,
    )


@strawberry.type(description="How a version of a role differs from the version before.")
class RoleDiff:
    row: strawberry.Private[RoleVersionRow]

    added: list[Permission] = _known("added", "What the role got.")
    removed: list[Permission] = _known("removed", "What the role lost.")
    previous_name: str | None = public_column(
        "previous_name", "What it was called before, if that changed."
    )
    previous_description: str | None = public_column(
        "previous_description", "How it was described before, if that changed."
    )


@strawberry.type(description="A custom role as it was once; the role may be gone since.")
class RoleVersion(Node):
    row: strawberry.Private[RoleVersionRow]
    own_groups: ClassVar[frozenset[str]] = frozenset({"roles"})

    number: int = public_column("number", "The version that the role had then.")
    change: RoleChange = public_column("change", "What made this version.")
    restored_from: int | None = public_column(
        "restored_from", "The number of the version that it repeats, if the role was restored."
    )
    created_at: datetime = public_column("created_at", "From when on the role was so.")
    name: str = public_column("name", "What the role was called.")
    description: str = public_column("description", "What it was for.")
    actor_type: ActorType = public_column("actor_type", "What kind of caller made it so.")
    actor_name: str | None = column(
        "actor_name",
        "Who made it so, by the name they had then.",
        requires=[Permission.MEMBERS_READ, Permission.AUDIT_READ],
        at=At.ORGANIZATION,
    )

    role_id: strawberry.ID = computed(
        lambda access, row: global_id("Role", row.role_id),
        "The id of the role.",
        reads=("role_id",),
        requires=PUBLIC,
    )
    permissions: list[Permission] = _known("permissions", "What the role held.")
    diff: RoleDiff = embedded("What changed with it.", requires=PUBLIC)


@strawberry.type(description="How much of one group of permissions a role grants.")
class GroupLevel:
    row: strawberry.Private[GroupLevelOfRole]

    group: str = public_column("group", "The name of the group.")
    level: RoleLevel = public_column("level", "How much of it.")


@strawberry.type(description="How much of a role was used in the last days.")
class RoleUse:
    row: strawberry.Private[Use]

    observation_began_at: datetime = public_column(
        "observed_since",
        "Since when it is known what was used of the role as it is: not before it last changed or "
        "was given.",
    )
    observed_long_enough: bool = public_column(
        "long_enough", "Whether that is all of the days, so that what was not used tells something."
    )

    @public("What was used, with what it implies.")
    def used(self) -> list[Permission]:
        return list(self.row.used_permissions)

    @public("What was not.")
    def unused(self) -> list[Permission]:
        return list(self.row.unused_permissions)


@strawberry.type(description="A named set of permissions. Built-in roles are fixed.")
class Role(Node):
    row: strawberry.Private[RoleRow]
    own_groups: ClassVar[frozenset[str]] = frozenset({"roles"})

    name: str = public_column("name", "What it is called.")
    description: str | None = column(
        "description", "What it is for.", requires=READ, at=At.ANYWHERE
    )
    version: int | None = column(
        "version",
        "Grows with each change; give it back as `expectedVersion`.",
        requires=READ,
        at=At.ANYWHERE,
    )
    updated_at: datetime | None = column(
        "updated_at", "When it last changed.", requires=READ, at=At.ANYWHERE
    )

    builtin: bool = computed(
        lambda access, row: row.builtin is not None,
        "Whether it is built in, and so can be copied but not changed.",
        reads=("builtin",),
        requires=PUBLIC,
    )
    permissions: list[Permission] | None = computed(
        lambda access, row: list(roles.permissions_of(row)),
        "What it holds, in the order of the vocabulary.",
        reads=("builtin", "permissions"),
        requires=READ,
        at=At.ANYWHERE,
    )
    history: Connection[RoleVersion] | None = page_of(
        role_versions.listing,
        "Its versions, the present one first. A built-in role has none.",
        requires=READ,
        at=At.ANYWHERE,
    )

    levels: list[GroupLevel] | None = computed_list(
        lambda access, row: levels_of(roles.mask_of_role(row)),
        "How much it grants of each group, in the order of the vocabulary, with what is implied.",
        reads=("builtin", "permissions"),
        requires=READ,
        at=At.ANYWHERE,
    )

    @auth(
        "What was used of it by anybody who holds it, wherever they used it. Needs `roles:read` "
        "there, too.",
        requires=[Permission.MEMBERS_READ],
        at=At.ORGANIZATION,
    )
    async def unused_permissions(
        self, info: ContextInfo, days: Days = DEFAULT_DAYS
    ) -> RoleUse | None:
        return RoleUse(row=await info.context.use_of(self.row, days))


@strawberry.type(description="How much of one group of permissions each of two roles grants.")
class LevelComparison:
    row: strawberry.Private[ComparedLevel]

    group: str = public_column("group", "The name of the group.")
    level: RoleLevel = public_column("level", "How much of it the role grants.")
    other_level: RoleLevel = public_column("other_level", "How much of it the other role grants.")


@strawberry.type(description="Two roles side by side, by what they grant, implied permissions too.")
class RoleComparison:
    row: strawberry.Private[Comparison]

    name: str = public_column("role.name", "What the role is called, or was in that version.")
    other_name: str = public_column("other.name", "What the other is called, or was then.")

    @public("What both grant.")
    def in_both(self) -> list[Permission]:
        return list(self.row.in_both)

    @public("What only the role grants.")
    def only_in_role(self) -> list[Permission]:
        return list(self.row.only_in_role)

    @public("What only the other grants.")
    def only_in_other(self) -> list[Permission]:
        return list(self.row.only_in_other)

    @public("How much of each group they grant, in the order of the vocabulary.")
    def levels(self) -> list[LevelComparison]:
        return [LevelComparison(row=each) for each in self.row.levels]
