from enum import StrEnum

from tortoise import fields

from models.record import VersionedRecord


class Plan(StrEnum):
    STARTER = "starter"
    PREMIUM = "premium"
    ENTERPRISE = "enterprise"


class Organization(VersionedRecord):
    """The customer. `access_revision` grows with every change of who may do what."""

    slug = fields.CharField(max_length=63, unique=True)
    name = fields.CharField(max_length=200)
    plan = fields.CharEnumField(Plan)
    access_revision = fields.BigIntField(default=1)

    class Meta:
        table = "organizations"
