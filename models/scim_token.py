from uuid import UUID

from tortoise import fields

from models.organization import Organization
from models.record import Record


class ScimToken(Record):
    """A directory's bearer token for `/scim/v2`, stored as a hash; people see its `prefix`."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False, db_index=True
    )
    name = fields.CharField(max_length=100)
    prefix = fields.CharField(max_length=24)
    token_hash = fields.CharField(max_length=64, unique=True)
    expires_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)

    organization_id: UUID

    class Meta:
        table = "scim_tokens"
