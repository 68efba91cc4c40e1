"""Invitations: what was promised to whom."""

from datetime import datetime
from typing import ClassVar

import strawberry

from identity import invitations
from identity.access.lookup import Place
from models.assignment import ScopeType
from models.invitation import Invitation as InvitationRow
from models.invitation import InvitationStatus
from models.mail import Mail as MailRow
from schema.directives import PUBLIC, public_column
from schema.fields import computed, to_one
from schema.ids import SCOPE_NODES, global_id
from schema.members.types import Member
from schema.node import Node
from schema.roles.types import Role


@strawberry.type(description="What became of a mail.")
class Delivery:
    row: strawberry.Private[MailRow]

    sent_at: datetime | None = public_column("sent_at", "When the mail server took it.")
    next_attempt_at: datetime | None = public_column(
        "due_at", "When it is tried next; null once it is sent or given up."
    )
    attempts: int = public_column("attempts", "How often it was tried.")
    failure: str | None = public_column("failure", "Why it has not been sent.")


@strawberry.type(
    description="A role that is promised to an address, and given when it is accepted."
)
class Invitation(Node):
    row: strawberry.Private[InvitationRow]
    place = Place.SCOPE
    own_groups: ClassVar[frozenset[str]] = frozenset({"members"})

    email: str = public_column("email", "The address that it is for.")
    scope_type: ScopeType = public_column("scope_type", "The kind of place.")
    access_expires_at: datetime | None = public_column(
        "access_expires_at", "When the role will end by itself."
    )
    expires_at: datetime = public_column("expires_at", "Until when it can be accepted.")
    created_at: datetime = public_column("created_at", "When it was made.")
    accepted_at: datetime | None = public_column("accepted_at", "When it was accepted.")
    revoked_at: datetime | None = public_column("revoked_at", "When it was revoked.")
    invited_by_name: str = public_column(
        "invited_by_name", "Who sent it last, by the name they had then."
    )

    status: InvitationStatus = computed(
        lambda access, row: invitations.status_of(row),
        "How far it is.",
        reads=("accepted_at", "revoked_at", "expires_at"),
        requires=PUBLIC,
    )
    scope_id: strawberry.ID = computed(
        lambda access, row: global_id(SCOPE_NODES[row.scope_type], row.scope_id),
        "The place: the id of the organization or a workspace.",
        reads=("scope_type", "scope_id"),
        requires=PUBLIC,
    )
    role: Role | None = to_one(
        "role", "The role; null once that was deleted, and then nobody can accept.", requires=PUBLIC
    )
    delivery: Delivery | None = to_one(
        "mail", "What became of the mail that it was sent with last.", requires=PUBLIC
    )
    accepted_by: Member | None = to_one("accepted_by", "Who accepted it.", requires=PUBLIC)
