from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import fields

from models.member import Member
from models.organization import Organization
from models.record import Record, VersionedRecord


class GroupSource(StrEnum):
    MANUAL = "manual"
    DIRECTORY = "directory"
    """Provisioned over SCIM: only its directory edits it."""


class Group(VersionedRecord):
    """A set of members. SCIM Groups land here; `scim` holds attributes without a column."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False
    )
    name = fields.CharField(max_length=320)
    name_key = fields.CharField(max_length=320)
    source = fields.CharEnumField(GroupSource, max_length=16, default=GroupSource.MANUAL)
    external_id = fields.CharField(max_length=320, null=True)
    scim: fields.JSONField[dict[str, Any] | None] = fields.JSONField(null=True)

    organization_id: UUID

    class Meta:
        table = "groups"
        unique_together = (("organization", "name_key"),)
        indexes = (("organization_id", "external_id"),)


class GroupMember(Record):
    """That a member belongs to a group."""

    group: fields.ForeignKeyRelation[Group] = fields.ForeignKeyField(
        "models.Group", related_name=False
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name=False, db_index=True
    )

    group_id: UUID
    member_id: UUID

    class Meta:
        table = "group_members"
        unique_together = (("group", "member"),)
