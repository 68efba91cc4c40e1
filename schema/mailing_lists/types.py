"""Mailing lists."""

from typing import ClassVar

import strawberry

from identity.access.kinds import MAILING_LIST
from identity.access.lookup import Place
from models.assignment import ScopeType
from models.mailing_list import MailingList as MailingListRow
from schema.connection import Connection
from schema.directives import column
from schema.members.types import Assignment, assignments_at
from schema.node import Node


@strawberry.type(description="Whom a campaign is sent to.")
class MailingList(Node):
    row: strawberry.Private[MailingListRow]
    place = Place.RESOURCE
    own_groups: ClassVar[frozenset[str]] = frozenset({"lists"})

    name: str | None = column("name", "What it is called.", requires=MAILING_LIST.seen_with)
    subscriber_count: int | None = column(
        "subscriber_count", "How many addresses it has.", requires=MAILING_LIST.seen_with
    )
    assignments: Connection[Assignment] | None = assignments_at(ScopeType.MAILING_LIST)
