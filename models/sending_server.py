from uuid import UUID

from tortoise import fields

from models.columns import optional_text
from models.record import VersionedRecord
from models.secret import keyring
from models.workspace import Workspace


class SendingServer(VersionedRecord):
    """An SMTP server. Its password goes in and never comes out: only the fingerprint does."""

    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name=False
    )
    name = fields.CharField(max_length=200)
    host = fields.CharField(max_length=253)
    port = fields.IntField(default=587)
    username = fields.CharField(max_length=320, default="")
    password_encrypted = optional_text()
    password_fingerprint = fields.CharField(max_length=16, null=True)

    workspace_id: UUID

    class Meta:
        table = "sending_servers"
        indexes = (("workspace_id", "id"),)

    def set_password(self, clear: str) -> None:
        self.password_encrypted = keyring.encrypt(clear)
        self.password_fingerprint = keyring.fingerprint(clear)
