"""Access reviews and their items."""

from datetime import datetime
from typing import ClassVar

import strawberry

from identity.access.lookup import Place
from identity.access_reviews import reading
from models.access_review import AccessReview as AccessReviewRow
from models.access_review import (
    AccessReviewDecision,
    AccessReviewStatus,
    AccessReviewSubject,
    Unanswered,
)
from models.access_review import AccessReviewItem as AccessReviewItemRow
from models.assignment import ScopeType
from schema.connection import Connection
from schema.directives import PUBLIC, public_column
from schema.fields import computed, embedded, page_of, to_one
from schema.ids import PRINCIPAL_NODES, SCOPE_NODES, global_id
from schema.members.types import Member
from schema.node import Node


@strawberry.type(description="How many items of an access review came out how.")
class AccessReviewProgress:
    row: strawberry.Private[AccessReviewRow]

    total: int = public_column("total", "How many there are.")
    pending: int = public_column(
        "pending", "How many nobody has decided about; at the end, how many stayed so."
    )
    confirmed: int = public_column("confirmed", "How many a reviewer confirmed.")
    revoked: int = public_column("revoked", "How many a reviewer took away.")
    expired: int = public_column(
        "expired", "How many were taken away because nobody had decided at the end."
    )
    gone: int = public_column(
        "gone", "How many were found ended, changed or taken away before a decision."
    )


@strawberry.type(description="One assignment under review, as it was when the review opened.")
class AccessReviewItem(Node):
    row: strawberry.Private[AccessReviewItemRow]
    own_groups: ClassVar[frozenset[str]] = frozenset({"members"})
    place = Place.SCOPE

    principal_name: str = public_column("principal_name", "Who holds the role.")
    role_name: str = public_column("role_name", "The role.")
    scope_type: ScopeType = public_column("scope_type", "The kind of place it is held at.")
    expires_at: datetime | None = public_column("expires_at", "When it ends by itself.")
    decision: AccessReviewDecision = public_column("decision", "What became of it.")
    decided_by_name: str | None = public_column("decided_by_name", "Who decided.")
    decided_at: datetime | None = public_column("decided_at", "When that was.")
    note: str | None = public_column("note", "Why, in the reviewer's words.")
    refusal: str | None = public_column(
        "refusal",
        "The code of the refusal that kept it when the review ended, such as `LAST_OWNER`.",
    )

    principal_id: strawberry.ID = computed(
        lambda access, row: global_id(PRINCIPAL_NODES[row.principal_type], row.principal_id),
        "Who holds the role: the id of a member or a group.",
        reads=("principal_type", "principal_id"),
        requires=PUBLIC,
    )
    role_id: strawberry.ID = computed(
        lambda access, row: global_id("Role", row.role_id),
        "The id of the role.",
        reads=("role_id",),
        requires=PUBLIC,
    )
    scope_id: strawberry.ID = computed(
        lambda access, row: global_id(SCOPE_NODES[row.scope_type], row.scope_id),
        "The place: the id of the organization, a workspace, or a resource.",
        reads=("scope_type", "scope_id"),
        requires=PUBLIC,
    )
    assignment_id: strawberry.ID = computed(
        lambda access, row: global_id("Assignment", row.assignment_id),
        "The id that the assignment has or had.",
        reads=("assignment_id",),
        requires=PUBLIC,
    )
    reviewer: Member | None = to_one(
        "reviewer", "Who is asked; any owner may decide as well.", requires=PUBLIC
    )


@strawberry.type(description="That assignments are looked through, one by one, until a day.")
class AccessReview(Node):
    row: strawberry.Private[AccessReviewRow]
    own_groups: ClassVar[frozenset[str]] = frozenset({"members"})
    place = Place.WITHIN

    title: str = public_column("title", "What it is called.")
    subject: AccessReviewSubject = public_column("subject", "Which assignments it is about.")
    status: AccessReviewStatus = public_column("status", "How far it is.")
    unanswered: Unanswered = public_column(
        "unanswered", "What becomes of assignments that nobody has decided about."
    )
    opened_by_name: str = public_column("opened_by_name", "Who opened it.")
    created_at: datetime = public_column("created_at", "When it was opened.")
    due_at: datetime = public_column("due_at", "When it ends by itself.")
    closed_at: datetime | None = public_column("closed_at", "When it ended.")
    reminders_sent: int = public_column("reminders_sent", "How often it was reminded of.")
    reminded_at: datetime | None = public_column("reminded_at", "When that was last.")
    version: int = public_column("version", "Grows with each change.")

    workspace_id: strawberry.ID | None = computed(
        lambda access, row: row.workspace_id and global_id("Workspace", row.workspace_id),
        "The workspace under review; null for owners.",
        reads=("workspace_id",),
        requires=PUBLIC,
    )
    progress: AccessReviewProgress = embedded("How far it has come.", requires=PUBLIC)
    items: Connection[AccessReviewItem] = page_of(
        reading.items, "Its items, by the names of the holders.", requires=PUBLIC
    )
