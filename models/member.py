from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import fields

from models.clock import now
from models.organization import Organization
from models.record import VersionedRecord
from models.user import User


class MemberStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


class SuspendedBy(StrEnum):
    """Who suspends a member. Each lifts what they did, and not what the other did."""

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
    suspended_by_admin = fields.BooleanField(default=False)
    suspended_by_directory = fields.BooleanField(default=False)
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

    @property
    def suspended_by(self) -> frozenset[SuspendedBy]:
        """Who keeps the member out; nobody, of one who is not suspended."""
        sides = {
            SuspendedBy.ADMIN: self.suspended_by_admin,
            SuspendedBy.DIRECTORY: self.suspended_by_directory,
        }
        return frozenset(side for side, suspends in sides.items() if suspends)

    def suspend(self, by: SuspendedBy) -> None:
        """Keep the member out until the same side lifts it; the caller saves the row."""
        self._keep_out(self.suspended_by | {by})

    def lift(self, *sides: SuspendedBy) -> None:
        """Take back what these sides did, and let the member in if nobody else keeps them out; the
        caller saves the row.
        """
        self._keep_out(self.suspended_by - set(sides))

    def _keep_out(self, by: frozenset[SuspendedBy]) -> None:
        self.suspended_by_admin = SuspendedBy.ADMIN in by
        self.suspended_by_directory = SuspendedBy.DIRECTORY in by
        if not by and self.status is not MemberStatus.ACTIVE:
            self.active_since = now()
        self.status = MemberStatus.SUSPENDED if by else MemberStatus.ACTIVE
