"""Jobs: what takes long, and is carried out in steps by a worker while people watch.

Whoever asks for one puts it down in the transaction of the asking. A worker holds it, does a step
and its count in one transaction, and says so; after a crash another goes on from the last step.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from identity.access.compiled import Access
from identity.access.lookup import Lookup, Place, seen_with
from identity.access.permissions import Permission
from identity.facts import Fact, Kind, board, mention
from identity.refusals import Refusal
from identity.subject import Subject
from models.clock import now
from models.database import transaction
from models.job import Job, JobKind, JobStatus
from models.listing import Listing, Rows
from models.sql import Statement, is_postgres

LEASE = timedelta(minutes=2)
"""How long a step may take."""
LOOK_SECONDS = 60.0
"""What is said of a job is lost if its process dies after the commit."""
GIVEN_UP_AFTER = timedelta(days=1)
"""A job that is not over by then, because its steps fail by a fault of ours, has failed."""
KEPT_FOR = timedelta(days=90)
ERROR_LENGTH = 200

JOB = Lookup(Job, "job", Place.ORGANIZATION, seen_with(Permission.AUDIT_EXPORT))
"""All that is done by jobs takes events of the audit log out of the product."""

_TAKE = """
    UPDATE jobs SET leased_until = $3, status = $4, started_at = COALESCE(started_at, $2)
    WHERE id = (SELECT id FROM jobs WHERE id = $1 AND status IN ($5, $4) AND leased_until <= $2
        {lock})
    RETURNING id
"""
_TAKE_ON_SQLITE = Statement(_TAKE.format(lock=""))
_TAKE_ON_POSTGRES = Statement(_TAKE.format(lock="FOR UPDATE SKIP LOCKED"))
_COUNT = Statement("UPDATE jobs SET done = done + $2, leased_until = $3 WHERE id = $1")
_FINISH = Statement("UPDATE jobs SET status = $2, finished_at = $3, error = $4 WHERE id = $1")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a job is to do: with the row `about_id`, and with `parameters`, in `total` parts."""

    kind: JobKind
    about_id: UUID
    parameters: dict[str, Any]
    total: int


def listing(access: Access) -> Listing:
    """The jobs of the organization, newest first. Raises `Forbidden` without `audit:export`."""
    access.require(Permission.AUDIT_EXPORT, Place.ORGANIZATION.target())
    return Rows(Job, {"organization_id": access.organization_id})


async def put(subject: Subject, asked: Asked) -> Job:
    """A job to be carried out when the caller's transaction has committed. Those of the
    organization that ended long ago go.
    """
    ended = Job.filter(organization_id=subject.organization_id, finished_at__lt=now() - KEPT_FOR)
    await ended.delete()
    job = await Job.create(
        organization_id=subject.organization_id,
        kind=asked.kind,
        about_id=asked.about_id,
        parameters=asked.parameters,
        asked_by_id=subject.member_id,
        asked_by_name=subject.actor_name,
        total=asked.total,
    )
    _mention(job)
    return job


async def is_under_way(kind: JobKind, about_id: UUID) -> bool:
    """Whether such a job with the row is not over yet."""
    open_ones = [status for status in JobStatus if not status.is_over]
    return await Job.exists(kind=kind, about_id=about_id, status__in=open_ones)


async def due(kind: JobKind) -> Sequence[UUID]:
    """The jobs of the kind that nobody carries out, the oldest first."""
    open_ones = [status for status in JobStatus if not status.is_over]
    waiting = Job.filter(kind=kind, status__in=open_ones, leased_until__lte=now())
    ids: list[UUID] = await waiting.order_by("id").values_list("id", flat=True)  # type: ignore[assignment]
    return ids


async def carry_out(job_id: UUID, step: Callable[[Job], Awaitable[int]]) -> None:
    """Carry a job out, unless another process does: `step` by step, each in a transaction, until
    one has done nothing more. A step returns in how many parts it did something; a `Refusal` ends
    the job as failed.
    """
    moment = now()
    take = _TAKE_ON_POSTGRES if is_postgres() else _TAKE_ON_SQLITE
    running, queued = JobStatus.RUNNING.value, JobStatus.QUEUED.value
    if await take.returned(job_id, moment, moment + LEASE, running, queued) is None:
        return
    job = await Job.get(id=job_id)
    _mention(job)
    if job.created_at <= moment - GIVEN_UP_AFTER:
        await _finish(job, JobStatus.FAILED, "It did not end within a day.")
        return
    try:
        while done := await _one(job, step):
            job.done += done
    except Refusal as refusal:
        await _finish(job, JobStatus.FAILED, refusal.message[:ERROR_LENGTH])
    else:
        await _finish(job, JobStatus.DONE, None)


async def _one(job: Job, step: Callable[[Job], Awaitable[int]]) -> int:
    async with transaction():
        done = await step(job)
        await _COUNT.execute(job.id, done, now() + LEASE)
        _mention(job)
    return done


async def _finish(job: Job, status: JobStatus, error: str | None) -> None:
    await _FINISH.execute(job.id, status.value, now(), error)
    _mention(job)


def _mention(job: Job) -> None:
    mention(Fact(Kind.JOB, job.organization_id, job.id))


async def progress(organization_id: UUID, job_id: UUID) -> AsyncGenerator[Job, None]:
    """The job as it is, and again whenever it has gone on; it ends with the job.

    Whether the caller may see it is decided for each, by whoever passes it on.
    """
    shown: tuple[JobStatus, int] | None = None

    def concerns(fact: Fact) -> bool:
        return fact.kind is Kind.JOB and fact.id == job_id

    with board.watching(organization_id, concerns) as watch:
        while True:
            job = await Job.get_or_none(id=job_id, organization_id=organization_id)
            if job is None:
                return
            if (job.status, job.done) != shown:
                shown = job.status, job.done
                yield job
            if job.status.is_over:
                return
            await watch.heard(within=LOOK_SECONDS)
