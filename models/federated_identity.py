from uuid import UUID

from tortoise import fields

from models.connection import Connection
from models.member import Member
from models.organization import Organization
from models.record import Record


class FederatedIdentity(Record):
    """That `subject` at a connection's provider is this member. The only key of an SSO account."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False, db_index=True
    )
    connection: fields.ForeignKeyRelation[Connection] = fields.ForeignKeyField(
        "models.Connection", related_name=False
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name=False, db_index=True
    )
    subject = fields.CharField(max_length=255)
    last_used_at = fields.DatetimeField(null=True)

    organization_id: UUID
    connection_id: UUID
    member_id: UUID

    class Meta:
        table = "federated_identities"
        unique_together = (("connection", "subject"), ("connection", "member"))
