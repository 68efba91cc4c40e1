from datetime import datetime
from uuid import UUID

from tortoise import fields

from models.columns import optional_text
from models.organization import Organization
from models.record import Record


class Mail(Record):
    """A mail on its way. It is written in the transaction of what it tells, and sent after that.

    On its way: `due_at` is when it is tried next. Sent: `sent_at` is set. Given up: neither is, and
    `failure` says why the last attempt failed, or that none was made. What it says, links included,
    is kept encrypted, and no longer than it is on its way.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False
    )
    recipient = fields.CharField(max_length=320)
    message_encrypted = optional_text()
    attempts = fields.IntField(default=0)
    due_at: fields.Field[datetime | None] = fields.DatetimeField(null=True, db_index=True)
    sent_at = fields.DatetimeField(null=True)
    failure = fields.CharField(max_length=200, null=True)

    organization_id: UUID

    class Meta:
        table = "mails"
        indexes = (("organization_id", "created_at"),)
