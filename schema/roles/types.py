"""Roles."""

from datetime import datetime
from typing import ClassVar

import strawberry

from identity import roles
from identity.access.permissions import Permission
from models.role import Role as RoleRow
from schema.directives import PUBLIC, At, column, public_column
from schema.fields import computed
from schema.node import Node

READ = (Permission.ROLES_READ,)


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
