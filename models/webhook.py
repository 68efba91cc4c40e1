from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import fields

from models.audit_event import Outcome
from models.clock import now
from models.columns import optional_enum, optional_text
from models.organization import Organization
from models.record import Record, VersionedRecord
from models.secret import keyring
from models.workspace import Workspace


class WebhookFormat(StrEnum):
    """What the body of a message is."""

    GATEPOST = "gatepost"
    """An envelope as Standard Webhooks describes it, around the document of the event."""
    OCSF = "ocsf"
    """The event in the Open Cybersecurity Schema Framework, and nothing around it."""


class WebhookDisabled(StrEnum):
    """Why nothing is delivered any more."""

    BY_HAND = "by_hand"
    GONE = "gone"
    """The receiver said that it is: 410."""
    FAILING = "failing"
    """Nothing had been accepted for days."""


class Webhook(VersionedRecord):
    """Where audit events of an organization are delivered to.

    Only events of one of `actions`, which may end in `*`, and of the outcome and the workspace,
    where these are given. The secrets go in and never come out: only fingerprints do; until
    `previous_until` messages are signed with both.

    What delivery itself writes is no part of the version: `position` is how far it has come in the
    organization's feed, `failures` how many attempts have failed since the last success, since
    `failing_since`; until `rests_until` none is made. Who serves it has the `lease`, until
    `leased_until`; then anybody may.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False
    )
    name = fields.CharField(max_length=200)
    url = fields.CharField(max_length=2000)
    actions: fields.JSONField[list[str]] = fields.JSONField(default=list)
    outcome = optional_enum(Outcome, max_length=8)
    workspace: fields.ForeignKeyNullableRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name=False, null=True, db_index=True
    )
    format = fields.CharEnumField(WebhookFormat, max_length=16, default=WebhookFormat.GATEPOST)
    disabled = optional_enum(WebhookDisabled, max_length=16)
    disabled_at = fields.DatetimeField(null=True)
    secret_encrypted = fields.TextField()
    secret_fingerprint = fields.CharField(max_length=16)
    previous_encrypted = optional_text()
    previous_fingerprint = fields.CharField(max_length=16, null=True)
    previous_until: fields.Field[datetime | None] = fields.DatetimeField(null=True)
    position = fields.BigIntField(default=0)
    failures = fields.IntField(default=0)
    failing_since: fields.Field[datetime | None] = fields.DatetimeField(null=True)
    rests_until: fields.Field[datetime | None] = fields.DatetimeField(null=True)
    delivered_at: fields.Field[datetime | None] = fields.DatetimeField(null=True)
    lease = fields.UUIDField(null=True)
    leased_until = fields.DatetimeField(default=now)

    organization_id: UUID
    workspace_id: UUID | None

    class Meta:
        table = "webhooks"
        indexes = (("organization_id", "id"),)

    @property
    def enabled(self) -> bool:
        return self.disabled is None

    def set_secret(self, clear: str) -> None:
        self.secret_encrypted = keyring.encrypt(clear)
        self.secret_fingerprint = keyring.fingerprint(clear)

    def set_previous(self, until: datetime) -> None:
        """Keep the present secret beside the next one until then."""
        self.previous_encrypted = self.secret_encrypted
        self.previous_fingerprint = self.secret_fingerprint
        self.previous_until = until

    def drop_previous(self) -> None:
        self.previous_encrypted = self.previous_fingerprint = self.previous_until = None

    def secrets(self, moment: datetime) -> list[str]:
        """What messages are signed with at the moment, the newest first."""
        stored = [self.secret_encrypted]
        if self.previous_encrypted and self.previous_until and moment < self.previous_until:
            stored.append(self.previous_encrypted)
        return [keyring.decrypt(each) for each in stored]


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Every attempt failed; it is tried again when somebody says so."""


class WebhookDelivery(Record):
    """One message to one webhook: an audit event, or without `event_id` a ping.

    The event is read when the message is sent, and carries no foreign key: its retention goes by
    the log. `position` is its place in the feed. `due_at` is when it is tried next, `ended_at` when
    it was delivered or given up. `attempts` is what was tried since it was last put in line, and
    `log` the newest of all: {at, status, milliseconds, error, response}.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False, db_index=True
    )
    webhook: fields.ForeignKeyRelation[Webhook] = fields.ForeignKeyField(
        "models.Webhook", related_name=False
    )
    event_id = fields.UUIDField(null=True)
    action = fields.CharField(max_length=64)
    position = fields.BigIntField()
    status = fields.CharEnumField(DeliveryStatus, max_length=16, default=DeliveryStatus.PENDING)
    attempts = fields.IntField(default=0)
    due_at: fields.Field[datetime | None] = fields.DatetimeField(null=True)
    ended_at: fields.Field[datetime | None] = fields.DatetimeField(null=True)
    log: fields.JSONField[list[dict[str, Any]]] = fields.JSONField(default=list)

    organization_id: UUID
    webhook_id: UUID

    class Meta:
        table = "webhook_deliveries"
        unique_together = (("webhook", "event_id"),)
        indexes = (
            ("webhook_id", "id"),
            ("webhook_id", "due_at"),
            ("webhook_id", "status", "id"),
            ("status", "ended_at"),
        )
