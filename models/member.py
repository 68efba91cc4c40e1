from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import fields

from models.clock import now
from models.columns import optional_enum
from models.organization import Organization
from models.record import VersionedRecord
from models.user import User


class MemberStatus(StrEnum):
    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"


class SuspendedBy(StrEnum):
    """Who suspended a member: a directory may bring back only what a directory suspended."""

    ADMIN = "admin"
    DIRECTORY = "directory"


class Member(VersionedRecord):
    """A user's place in an organization.

    The `*_key` columns are the case-folded values that look-ups and uniqueness use. `scim` holds
    the attributes a directory sent that have no column of their own, as they were sent, and
    `scim_keys` the same ones as filters compare them; both are null until a directory has changed
    something. `provisioned` says that a directory brought the member in, and so may say whose
    account it is; changing somebody who was there already never makes it so. `active_since` is when
    the member came, or was last brought back from a suspension.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False
    )
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, db_index=True
    )
    status = fields.CharEnumField(MemberStatus, max_length=16, default=MemberStatus.ACTIVE)
    suspended_by = optional_enum(SuspendedBy, max_length=16)
    active_since = fields.DatetimeField(default=now)
    user_name = fields.CharField(max_length=320)
    user_name_key = fields.CharField(max_length=320)
    email = fields.CharField(max_length=320)
    email_key = fields.CharField(max_length=320)
    name = fields.CharField(max_length=200)
    external_id = fields.CharField(max_length=320, null=True)
    provisioned = fields.BooleanField(default=False)
    scim: fields.JSONField[dict[str, Any] | None] = fields.JSONField(null=True)
    scim_keys: fields.JSONField[dict[str, Any] | None] = fields.JSONField(null=True)

    organization_id: UUID
    user_id: UUID

    class Meta:
        table = "members"
        unique_together = (("organization", "user"), ("organization", "user_name_key"))
        indexes = (("organization_id", "email_key"), ("organization_id", "external_id"))

    def activate(self) -> None:
        """Let the member in again; the caller saves the row."""
        self.status, self.suspended_by, self.active_since = MemberStatus.ACTIVE, None, now()
