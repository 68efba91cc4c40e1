from datetime import date
from uuid import UUID

from tortoise import fields

from models.member import Member
from models.organization import Organization
from models.record import Record


class PermissionUse(Record):
    """What a member used of what they hold, on one day of UTC.

    `permissions` are names, as in a role: the bits of a mask change with the vocabulary. Rows only
    grow, and go with the member, or when `identity.permission_uses` says that they are old.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False
    )
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name=False
    )
    day: date = fields.DateField(db_index=True)
    permissions: fields.JSONField[list[str]] = fields.JSONField(default=list)

    organization_id: UUID
    member_id: UUID

    class Meta:
        table = "permission_uses"
        unique_together = (("member", "day"),)
        indexes = (("organization_id", "day"),)
