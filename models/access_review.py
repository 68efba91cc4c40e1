from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tortoise import fields

from models.assignment import PrincipalType, ScopeType
from models.member import Member
from models.organization import Organization
from models.record import Record, VersionedRecord
from models.workspace import Workspace


class AccessReviewSubject(StrEnum):
    """Which assignments are reviewed."""

    WORKSPACE = "workspace"
    OWNERS = "owners"


class Unanswered(StrEnum):
    """What becomes of the assignments that nobody has decided about when the review closes."""

    KEEP = "keep"
    REVOKE = "revoke"


class AccessReviewStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class AccessReviewDecision(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    REVOKED = "revoked"
    EXPIRED = "expired"
    """Nobody had decided when the review closed, and so the assignment was taken away."""
    GONE = "gone"
    """The assignment ended, was taken away or became another one before anybody decided."""


class AccessReview(VersionedRecord):
    """That the assignments of a workspace, or those of Owner, are looked through until `due_at`.

    `workspace` is the one under review, null for owners. `opened_by_id` is the member's, null for
    the operator. `total` is the number of its items, and the other counts how many of them have
    which decision: written in the transaction that decides, under the organization's lock.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False
    )
    title = fields.CharField(max_length=200)
    subject = fields.CharEnumField(AccessReviewSubject, max_length=16)
    workspace: fields.ForeignKeyNullableRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name=False, null=True, db_index=True
    )
    opened_by_id = fields.UUIDField(null=True)
    opened_by_name = fields.CharField(max_length=320)
    due_at = fields.DatetimeField()
    unanswered = fields.CharEnumField(Unanswered, max_length=16)
    status = fields.CharEnumField(
        AccessReviewStatus, max_length=16, default=AccessReviewStatus.OPEN
    )
    closed_at = fields.DatetimeField(null=True)
    reminders_sent = fields.IntField(default=0)
    reminded_at = fields.DatetimeField(null=True)
    total = fields.IntField(default=0)
    pending = fields.IntField(default=0)
    confirmed = fields.IntField(default=0)
    revoked = fields.IntField(default=0)
    expired = fields.IntField(default=0)
    gone = fields.IntField(default=0)

    organization_id: UUID
    workspace_id: UUID | None

    class Meta:
        table = "access_reviews"
        indexes = (("organization_id", "id"), ("status", "due_at"))

    @property
    def name(self) -> str:
        """What the audit log calls it."""
        return self.title

    def is_over(self, moment: datetime) -> bool:
        """Whether nothing may be decided any more, closed or not."""
        return self.status is not AccessReviewStatus.OPEN or self.due_at <= moment


class AccessReviewItem(Record):
    """One assignment under review, as it was when the review opened.

    The assignment, its principal, role and scope are copied and carry no foreign keys: the item
    tells of them when they are gone. `reviewer` is the member who is asked; without one, any owner.
    `refusal` is the code of the refusal that kept the assignment when the review closed.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False, db_index=True
    )
    review: fields.ForeignKeyRelation[AccessReview] = fields.ForeignKeyField(
        "models.AccessReview", related_name=False
    )
    assignment_id = fields.UUIDField()
    role_id = fields.UUIDField()
    role_name = fields.CharField(max_length=100)
    principal_type = fields.CharEnumField(PrincipalType, max_length=16)
    principal_id = fields.UUIDField()
    principal_name = fields.CharField(max_length=320)
    scope_type = fields.CharEnumField(ScopeType, max_length=32)
    scope_id = fields.UUIDField()
    workspace_id = fields.UUIDField(null=True)
    expires_at = fields.DatetimeField(null=True)
    reviewer: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name=False, null=True, on_delete=fields.SET_NULL, db_index=True
    )
    decision = fields.CharEnumField(
        AccessReviewDecision, max_length=16, default=AccessReviewDecision.PENDING
    )
    decided_by_id = fields.UUIDField(null=True)
    decided_by_name = fields.CharField(max_length=320, null=True)
    decided_at = fields.DatetimeField(null=True)
    note = fields.CharField(max_length=500, null=True)
    refusal = fields.CharField(max_length=32, null=True)

    organization_id: UUID
    review_id: UUID
    reviewer_id: UUID | None

    class Meta:
        table = "access_review_items"
        unique_together = (("review", "assignment_id"),)
        indexes = (("review_id", "id"),)
