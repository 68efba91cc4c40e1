from uuid import UUID

from tortoise import fields

from models.audit_event import ActorType
from models.columns import optional_text
from models.organization import Organization
from models.record import Record


class IdempotentRequest(Record):
    """A mutation that came with an `Idempotency-Key`, of one subject; under way until it has an
    answer. It counts from `created_at` for as long as `identity.idempotency` says.

    The key is stored as a hash, because clients choose it. What was asked and answered may hold
    secrets: of the first there is a digest only, and both are encrypted, because a digest of a weak
    password can be guessed.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False
    )
    actor_type = fields.CharEnumField(ActorType, max_length=16)
    actor_id = fields.UUIDField()
    key_hash = fields.CharField(max_length=64)
    request_encrypted = fields.TextField()
    answer_encrypted = optional_text()

    organization_id: UUID

    class Meta:
        table = "idempotent_requests"
        unique_together = (("organization", "actor_type", "actor_id", "key_hash"),)
        indexes = (("created_at",),)
