from enum import StrEnum
from uuid import UUID

from tortoise import fields

from models.mailing_list import MailingList
from models.member import Member
from models.record import VersionedRecord
from models.sending_server import SendingServer
from models.workspace import Workspace


class CampaignStatus(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"

    @property
    def editable(self) -> bool:
        return self is CampaignStatus.DRAFT

    @property
    def deletable(self) -> bool:
        return self not in (CampaignStatus.SCHEDULED, CampaignStatus.SENDING)


OVER = (CampaignStatus.SENT, CampaignStatus.CANCELLED)
"""The states in which a campaign goes out no more, so that its list and its server may go."""


class Campaign(VersionedRecord):
    """One outbound mailing, with what it needs to go out and the counts of what became of it."""

    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name=False
    )
    owner: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name=False, null=True, on_delete=fields.SET_NULL, db_index=True
    )
    mailing_list: fields.ForeignKeyNullableRelation[MailingList] = fields.ForeignKeyField(
        "models.MailingList",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        db_index=True,
    )
    sending_server: fields.ForeignKeyNullableRelation[SendingServer] = fields.ForeignKeyField(
        "models.SendingServer",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        db_index=True,
    )
    name = fields.CharField(max_length=200)
    status = fields.CharEnumField(CampaignStatus, max_length=16, default=CampaignStatus.DRAFT)
    subject = fields.CharField(max_length=500, default="")
    body = fields.TextField(default="")
    scheduled_at = fields.DatetimeField(null=True)
    started_at = fields.DatetimeField(null=True)
    recipients = fields.IntField(default=0)
    delivered = fields.IntField(default=0)
    opened = fields.IntField(default=0)
    clicked = fields.IntField(default=0)
    bounced = fields.IntField(default=0)
    complained = fields.IntField(default=0)

    workspace_id: UUID
    owner_id: UUID | None
    mailing_list_id: UUID | None
    sending_server_id: UUID | None

    class Meta:
        table = "campaigns"
        indexes = (("workspace_id", "id"),)
