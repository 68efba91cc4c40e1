"""What every table has: a time-sortable id and two times."""

from tortoise import fields
from tortoise.models import Model

from models.clock import now
from models.ids import new_id


class Record(Model):
    id = fields.UUIDField(primary_key=True, default=new_id)
    created_at = fields.DatetimeField(default=now)

    class Meta:
        abstract = True


class VersionedRecord(Record):
    """A record that is edited: `version` grows with each change, so that a lost race is seen."""

    updated_at = fields.DatetimeField(default=now)
    version = fields.IntField(default=1)

    class Meta:
        abstract = True

    def touch(self) -> None:
        """Mark the record as changed; the caller saves it."""
        self.version += 1
        self.updated_at = now()
