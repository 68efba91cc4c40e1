from uuid import UUID

from tortoise import fields

from models.record import VersionedRecord
from models.workspace import Workspace


class MailingList(VersionedRecord):
    """Whom a campaign is sent to."""

    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name=False
    )
    name = fields.CharField(max_length=200)
    subscriber_count = fields.IntField(default=0)

    workspace_id: UUID

    class Meta:
        table = "mailing_lists"
        indexes = (("workspace_id", "id"),)
