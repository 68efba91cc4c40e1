from enum import StrEnum
from uuid import UUID

from tortoise import fields

from models.organization import Organization
from models.record import VersionedRecord


class WorkspaceState(StrEnum):
    ACTIVE = "active"
    ARCHIVED = "archived"
    """Readable by whoever could read it; nothing in it can be changed."""


class Workspace(VersionedRecord):
    """Where resources live; an organization has one or more."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False
    )
    slug = fields.CharField(max_length=63)
    name = fields.CharField(max_length=200)
    state = fields.CharEnumField(WorkspaceState, max_length=16, default=WorkspaceState.ACTIVE)

    organization_id: UUID

    class Meta:
        table = "workspaces"
        unique_together = (("organization", "slug"),)
