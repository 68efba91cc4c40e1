from enum import StrEnum
from uuid import UUID

from tortoise import fields

from models.columns import optional_text
from models.connection import Connection
from models.member import Member
from models.organization import Organization
from models.record import Record


class LoginMethod(StrEnum):
    OIDC = "oidc"
    LINK = "link"
    """A one-time sign-in link, made by the operator."""


class LoginAttempt(Record):
    """A sign-in under way, from its first step to the session; every secret of it is a hash.

    Started: `state_hash`, `browser_hash` (the flow cookie's) and the OIDC values are set.
    Verified: `member` and `finish_hash` are set; whoever holds that code (and, for OIDC, the flow
    cookie) gets the session, after the person agreed if another site had the browser begin
    (`from_elsewhere`). Over: `finished_at` is set, with `failure` when it was refused.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False, db_index=True
    )
    method = fields.CharEnumField(LoginMethod, max_length=8)
    connection: fields.ForeignKeyNullableRelation[Connection] = fields.ForeignKeyField(
        "models.Connection", related_name=False, null=True, db_index=True
    )
    member: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name=False, null=True, db_index=True
    )
    state_hash = fields.CharField(max_length=64, null=True, unique=True)
    browser_hash = fields.CharField(max_length=64, null=True)
    nonce = fields.CharField(max_length=64, null=True)
    code_verifier_encrypted = optional_text()
    finish_hash = fields.CharField(max_length=64, null=True, unique=True)
    from_elsewhere = fields.BooleanField(default=False)
    return_to = fields.CharField(max_length=500, default="/")
    expires_at = fields.DatetimeField(db_index=True)
    answered_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)
    failure = fields.CharField(max_length=64, null=True)

    organization_id: UUID
    connection_id: UUID | None
    member_id: UUID | None

    class Meta:
        table = "login_attempts"
