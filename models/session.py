from enum import StrEnum
from uuid import UUID

from tortoise import fields

from models.columns import optional_enum
from models.connection import Connection
from models.member import Member
from models.organization import Organization
from models.record import Record


class EndReason(StrEnum):
    LOGGED_OUT = "logged_out"
    SUSPENDED = "suspended"
    REPLACED = "replaced"


class Session(Record):
    """A signed-in browser of one member in one organization; its token is stored as a hash.

    `connection` is null for a sign-in by one-time link. A session is live while `ended_at` is null,
    `expires_at` lies ahead and `last_seen_at` is within the idle timeout.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False, db_index=True
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name=False, db_index=True
    )
    connection: fields.ForeignKeyNullableRelation[Connection] = fields.ForeignKeyField(
        "models.Connection", related_name=False, null=True, db_index=True
    )
    token_hash = fields.CharField(max_length=64, unique=True)
    authenticated_at = fields.DatetimeField()
    last_seen_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    end_reason = optional_enum(EndReason, max_length=16)
    ip = fields.CharField(max_length=45, null=True)
    user_agent = fields.CharField(max_length=400, null=True)

    organization_id: UUID
    member_id: UUID
    connection_id: UUID | None

    class Meta:
        table = "sessions"
