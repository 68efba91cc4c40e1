from enum import StrEnum
from uuid import UUID

from tortoise import fields

from models.columns import optional_enum
from models.organization import Organization
from models.record import VersionedRecord


class BuiltinRole(StrEnum):
    """The fixed roles. What they hold is in `identity/access/builtin_roles.py`."""

    OWNER = "owner"
    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"
    MEMBER = "member"
    EDITOR = "editor"
    AUDITOR = "auditor"
    CREATOR = "creator"


class Role(VersionedRecord):
    """A named set of permissions, owned by an organization.

    Every organization has a row for each built-in role, so that assignments point at a row of the
    same tenant; the permissions of those rows are the code's, and `permissions` stays empty.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False
    )
    name = fields.CharField(max_length=100)
    name_key = fields.CharField(max_length=100)
    description = fields.CharField(max_length=500, default="")
    builtin = optional_enum(BuiltinRole, max_length=16)
    permissions: fields.JSONField[list[str]] = fields.JSONField(default=list)

    organization_id: UUID

    class Meta:
        table = "roles"
        unique_together = (("organization", "name_key"),)
