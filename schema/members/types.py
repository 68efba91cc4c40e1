"""Members, the groups they are in, and what both are assigned.

Members and groups name each other, so that both stand here.
"""

from datetime import datetime
from typing import ClassVar

import strawberry

from identity import groups
from identity.access.permissions import Permission
from models.assignment import Assignment as AssignmentRow
from models.assignment import ScopeType
from models.group import Group as GroupRow
from models.group import GroupSource
from models.member import Member as MemberRow
from models.member import MemberStatus
from schema.connection import Connection
from schema.directives import PUBLIC, At, column, public_column
from schema.fields import all_of, computed, page_of, to_many, to_one
from schema.ids import SCOPE_NODES, global_id
from schema.node import Node
from schema.roles.types import Role

READ = (Permission.MEMBERS_READ,)


@strawberry.type(description="That a member or a group has a role at a scope.")
class Assignment(Node):
    row: strawberry.Private[AssignmentRow]
    own_groups: ClassVar[frozenset[str]] = frozenset({"members"})

    scope_type: ScopeType = public_column("scope_type", "The kind of place.")
    expires_at: datetime | None = public_column("expires_at", "When it ends by itself.")
    reason: str | None = public_column("reason", "Why it was given, in the giver's words.")

    scope_id: strawberry.ID = computed(
        lambda access, row: global_id(SCOPE_NODES[row.scope_type], row.scope_id),
        "The place: the id of the organization, a workspace, or a resource.",
        reads=("scope_type", "scope_id"),
        requires=PUBLIC,
    )
    role: Role = to_one("role", "The role.", requires=PUBLIC)


@strawberry.type(description="A person in the organization.")
class Member(Node):
    row: strawberry.Private[MemberRow]
    own_groups: ClassVar[frozenset[str]] = frozenset({"members"})

    name: str = public_column("name", "What people call them.")
    email: str | None = column("email", "Their address.", requires=READ, at=At.ORGANIZATION)
    user_name: str | None = column(
        "user_name", "Their name at the directory.", requires=READ, at=At.ORGANIZATION
    )
    status: MemberStatus | None = column(
        "status", "Whether they can sign in.", requires=READ, at=At.ORGANIZATION
    )
    created_at: datetime | None = column(
        "created_at", "When they joined.", requires=READ, at=At.ORGANIZATION
    )
    version: int | None = column(
        "version",
        "Grows with each change; give it back as `expectedVersion`.",
        requires=READ,
        at=At.ORGANIZATION,
    )

    assignments: list[Assignment] | None = to_many(
        AssignmentRow,
        "principal_id",
        "The roles they were given directly.",
        requires=READ,
        at=At.ORGANIZATION,
    )
    groups: list["Group"] | None = all_of(
        lambda access, member_id: groups.of_member(access, member_id),
        "The groups they are in, by name.",
        requires=READ,
        at=At.ORGANIZATION,
    )


@strawberry.type(description="A set of members. A role given to a group holds for all of them.")
class Group(Node):
    row: strawberry.Private[GroupRow]
    own_groups: ClassVar[frozenset[str]] = frozenset({"members"})

    name: str = public_column("name", "What it is called.")
    source: GroupSource | None = column(
        "source", "Who keeps its members.", requires=READ, at=At.ORGANIZATION
    )
    version: int | None = column(
        "version",
        "Grows with each change; give it back as `expectedVersion`.",
        requires=READ,
        at=At.ORGANIZATION,
    )

    assignments: list[Assignment] | None = to_many(
        AssignmentRow,
        "principal_id",
        "The roles it was given.",
        requires=READ,
        at=At.ORGANIZATION,
    )
    members: Connection[Member] | None = page_of(
        lambda access, group_id: groups.members_of(access, group_id),
        "Who is in it, newest members of the organization first.",
        requires=READ,
        at=At.ORGANIZATION,
    )
