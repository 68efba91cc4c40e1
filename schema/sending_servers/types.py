"""Sending servers. Their credentials go in and never come out."""

from typing import ClassVar

import strawberry

from identity.access.kinds import SENDING_SERVER
from identity.access.lookup import Place
from identity.access.permissions import Permission
from models.assignment import ScopeType
from models.sending_server import SendingServer as SendingServerRow
from schema.connection import Connection
from schema.directives import column
from schema.members.types import Assignment, assignments_at
from schema.node import Node

READ = (Permission.SERVERS_READ,)


@strawberry.type(description="An SMTP server that campaigns go out through.")
class SendingServer(Node):
    row: strawberry.Private[SendingServerRow]
    place = Place.RESOURCE
    own_groups: ClassVar[frozenset[str]] = frozenset({"servers"})

    name: str | None = column("name", "What it is called.", requires=SENDING_SERVER.seen_with)
    version: int | None = column(
        "version",
        "Grows with each change; give it back as `expectedVersion`.",
        requires=SENDING_SERVER.seen_with,
    )
    host: str | None = column("host", "Its host name.", requires=READ)
    port: int | None = column("port", "Its port.", requires=READ)
    username: str | None = column("username", "The name it is signed in to with.", requires=READ)
    password_fingerprint: str | None = column(
        "password_fingerprint",
        "Tells two stored passwords apart. The password itself is never given out.",
        requires=READ,
    )
    assignments: Connection[Assignment] | None = assignments_at(ScopeType.SENDING_SERVER)
