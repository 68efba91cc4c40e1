"""Groups of members."""

from typing import ClassVar

import strawberry

from identity.access.permissions import Permission
from models.assignment import Assignment as AssignmentRow
from models.group import Group as GroupRow
from models.group import GroupSource
from schema.directives import At, column, public_column
from schema.fields import to_many
from schema.members.types import Assignment
from schema.node import Node

READ = (Permission.MEMBERS_READ,)


@strawberry.type(description="A set of members. A role given to a group holds for all of them.")
class Group(Node):
    row: strawberry.Private[GroupRow]
    own_groups: ClassVar[frozenset[str]] = frozenset({"members"})

    name: str = public_column("name", "What it is called.")
    source: GroupSource | None = column(
        "source", "Who keeps its members.", requires=READ, at=At.ORGANIZATION
    )

    assignments: list[Assignment] | None = to_many(
        AssignmentRow,
        "principal_id",
        "The roles it was given.",
        requires=READ,
        at=At.ORGANIZATION,
    )
