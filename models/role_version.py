from enum import StrEnum
from uuid import UUID

from tortoise import fields

from models.audit_event import ActorType
from models.organization import Organization
from models.record import Record


class RoleChange(StrEnum):
    """What made a version of a role."""

    CREATED = "created"
    UPDATED = "updated"
    RESTORED = "restored"
    DELETED = "deleted"


class RoleVersion(Record):
    """A custom role as it was from `created_at` on, and who made it so. Rows are only ever added.

    `number` is the role's version. The last version of a deleted role says what it was and who
    deleted it; there is no foreign key to the role, since the history outlives it. `added`,
    `removed`, `previous_name` and `previous_description` are the difference from the version
    before; the texts are null where they stayed. A restored version names the one it repeats.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False
    )
    role_id = fields.UUIDField()
    number = fields.IntField()
    change = fields.CharEnumField(RoleChange, max_length=8)
    restored_from = fields.IntField(null=True)
    name = fields.CharField(max_length=100)
    description = fields.CharField(max_length=500)
    permissions: fields.JSONField[list[str]] = fields.JSONField(default=list)
    added: fields.JSONField[list[str]] = fields.JSONField(default=list)
    removed: fields.JSONField[list[str]] = fields.JSONField(default=list)
    previous_name = fields.CharField(max_length=100, null=True)
    previous_description = fields.CharField(max_length=500, null=True)
    actor_type = fields.CharEnumField(ActorType, max_length=16)
    actor_id = fields.UUIDField(null=True)
    actor_name = fields.CharField(max_length=320)

    organization_id: UUID

    class Meta:
        table = "role_versions"
        unique_together = (("organization", "role_id", "number"),)
        indexes = (("organization_id", "change"),)
