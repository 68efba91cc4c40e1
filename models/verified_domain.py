from uuid import UUID

from tortoise import fields

from models.organization import Organization
from models.record import Record


class VerifiedDomain(Record):
    """A mail domain that an organization claims; it counts as its own once `verified_at` is set."""

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False
    )
    domain = fields.CharField(max_length=253)
    verified_at = fields.DatetimeField(null=True)

    organization_id: UUID

    class Meta:
        table = "verified_domains"
        unique_together = (("organization", "domain"),)
