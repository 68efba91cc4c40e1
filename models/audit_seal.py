from tortoise import fields
from tortoise.models import Model

from models.record import Record


class AuditSeal(Model):
    """That an event stood in the log when it was sealed: `id` is the event's.

    The seals of an organization are numbered from 1 without a gap. `digest` is of the event, with
    `salt` (16 random bytes); `hash` is of the digest, the number and the hash before. Rows are only
    added, and go with an event that retention deletes; triggers refuse everything else.
    """

    id = fields.UUIDField(primary_key=True)
    organization_id = fields.UUIDField()
    sequence = fields.BigIntField()
    salt = fields.BinaryField()
    digest = fields.BinaryField()
    hash = fields.BinaryField()

    class Meta:
        table = "audit_seals"
        unique_together = (("organization_id", "sequence"),)


class AuditUnsealed(Model):
    """An event that waits for its seal: `id` is the event's.

    A trigger adds the row with the event, in one transaction; only a sealed one can be deleted.
    """

    id = fields.UUIDField(primary_key=True)
    organization_id = fields.UUIDField()

    class Meta:
        table = "audit_unsealed"
        indexes = (("organization_id", "id"),)


class AuditCheckpoint(Record):
    """A signed statement, made at `created_at`: the log of the organization had `sequence` events,
    the last seal has `hash`, and all events from the number `kept_from` on are there.

    It outlives the events that retention deletes. Rows are only added.
    """

    organization_id = fields.UUIDField()
    sequence = fields.BigIntField()
    hash = fields.BinaryField()
    kept_from = fields.BigIntField()
    key_id = fields.CharField(max_length=16)
    signature = fields.BinaryField()

    class Meta:
        table = "audit_checkpoints"
        indexes = (("organization_id", "sequence", "created_at"),)


class AuditKey(Record):
    """A pair of keys (Ed25519) that checkpoints are signed with; the one with the highest number
    signs. `key_id` is how the public key is called, which is kept as 64 hex digits.

    Rows are only added; what changes is how the private key is encrypted.
    """

    number = fields.IntField(unique=True)
    key_id = fields.CharField(max_length=16, unique=True)
    public_key = fields.CharField(max_length=64)
    private_key_encrypted = fields.TextField()

    class Meta:
        table = "audit_keys"
