from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import fields

from models.columns import optional_enum
from models.document_mode import DocumentMode
from models.listing import Values
from models.member import Member
from models.organization import Organization
from models.record import VersionedRecord
from models.workspace import Workspace

ACTIVE_FOR = timedelta(days=7)
QUIET_FOR = timedelta(days=30)


class ApiKeyKind(StrEnum):
    PERSONAL = "personal"
    SERVICE = "service"


class ApiKeyEnd(StrEnum):
    """Why a key ended before its time."""

    REVOKED = "revoked"
    SUSPENDED = "suspended"
    LEFT = "left"


class ApiKeyUse(StrEnum):
    """When a key was last used."""

    UNUSED = "unused"
    ACTIVE = "active"
    QUIET = "quiet"
    DORMANT = "dormant"


class ApiKey(VersionedRecord):
    """A credential of a service, in one organization; its secrets are stored as hashes.

    `member` owns a personal key, and is the sponsor of a service key; null when they left. A
    service key goes on without one. `workspace` is where the key is at home: the one workspace that
    it is limited to, or null for the organization.

    `scopes` are permissions; those of groups that administrate count only when `administrative`.
    `workspaces` and `resources` limit where they hold, `networks` (CIDR) where a request comes
    from; null is no limit. A resource is {type, id, workspace}. `previous_hash` is good until
    `previous_until`. `rate_limit` is what its operations may cost in a minute. Last uses are
    written with a delay (`identity.credentials.key_uses`) and change no version.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False
    )
    kind = fields.CharEnumField(ApiKeyKind, max_length=8)
    member: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name=False, null=True, on_delete=fields.SET_NULL, db_index=True
    )
    workspace: fields.ForeignKeyNullableRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name=False, null=True, db_index=True
    )
    name = fields.CharField(max_length=100)
    secret_hash = fields.CharField(max_length=64)
    previous_hash = fields.CharField(max_length=64, null=True)
    previous_until = fields.DatetimeField(null=True)
    scopes: fields.JSONField[list[str]] = fields.JSONField()
    administrative = fields.BooleanField(default=False)
    workspaces: fields.JSONField[list[str] | None] = fields.JSONField(null=True)
    resources: fields.JSONField[list[dict[str, Any]] | None] = fields.JSONField(null=True)
    networks: fields.JSONField[list[str] | None] = fields.JSONField(null=True)
    document_mode = optional_enum(DocumentMode, max_length=8)
    rate_limit = fields.IntField(null=True)
    expires_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)
    end_reason = optional_enum(ApiKeyEnd, max_length=16)
    last_used_at = fields.DatetimeField(null=True)
    last_used_ip = fields.CharField(max_length=45, null=True)
    last_used_operation = fields.CharField(max_length=100, null=True)

    organization_id: UUID
    member_id: UUID | None
    workspace_id: UUID | None

    class Meta:
        table = "api_keys"
        indexes = (("organization_id", "id"),)

    @property
    def takes_roles(self) -> bool:
        """Whether roles can be given to it."""
        return self.kind is ApiKeyKind.SERVICE and self.revoked_at is None

    def is_over(self, moment: datetime) -> bool:
        """Whether it was ended, or has ended by itself."""
        ended = self.expires_at is not None and self.expires_at <= moment
        return ended or self.revoked_at is not None


def use_at(moment: datetime, last_used_at: datetime | None) -> ApiKeyUse:
    """The class of a key that was last used then."""
    if last_used_at is None:
        return ApiKeyUse.UNUSED
    ago = moment - last_used_at
    if ago < ACTIVE_FOR:
        return ApiKeyUse.ACTIVE
    return ApiKeyUse.QUIET if ago < QUIET_FOR else ApiKeyUse.DORMANT


def use_conditions(use: ApiKeyUse, moment: datetime, values: Values) -> list[str]:
    """SQL that is true of the keys `t` of a class."""
    if use is ApiKeyUse.UNUSED:
        return ["t.last_used_at IS NULL"]
    older, newer = [], []
    if use is not ApiKeyUse.DORMANT:
        newer = [moment - (ACTIVE_FOR if use is ApiKeyUse.ACTIVE else QUIET_FOR)]
    if use is not ApiKeyUse.ACTIVE:
        older = [moment - (QUIET_FOR if use is ApiKeyUse.DORMANT else ACTIVE_FOR)]
    return [
        *(f"t.last_used_at > {values.add(since)}" for since in newer),
        *(f"t.last_used_at <= {values.add(until)}" for until in older),
    ]
