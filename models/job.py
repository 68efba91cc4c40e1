from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import fields

from models.clock import now
from models.organization import Organization
from models.record import Record


class JobKind(StrEnum):
    WEBHOOK_REDELIVERY = "webhook_redelivery"
    """Dead letters of a webhook are put in line again."""


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        return self in (JobStatus.DONE, JobStatus.FAILED)


class Job(Record):
    """Something long that somebody asked for, carried out by a worker in steps.

    `about_id` is the row that it concerns, `parameters` are what else was asked for. `done` of
    `total` grows with each step, in the transaction of the step, so that whoever goes on after a
    crash begins where it stopped. Who carries it out has it until `leased_until`.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False
    )
    kind = fields.CharEnumField(JobKind, max_length=32)
    about_id = fields.UUIDField()
    parameters: fields.JSONField[dict[str, Any]] = fields.JSONField(default=dict)
    asked_by_id = fields.UUIDField(null=True)
    asked_by_name = fields.CharField(max_length=320)
    status = fields.CharEnumField(JobStatus, max_length=16, default=JobStatus.QUEUED)
    done = fields.IntField(default=0)
    total = fields.IntField(default=0)
    started_at: fields.Field[datetime | None] = fields.DatetimeField(null=True)
    finished_at: fields.Field[datetime | None] = fields.DatetimeField(null=True)
    error = fields.CharField(max_length=200, null=True)
    leased_until = fields.DatetimeField(default=now)

    organization_id: UUID

    class Meta:
        table = "jobs"
        indexes = (("organization_id", "id"), ("status", "leased_until"))
