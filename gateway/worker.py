"""What the product does by itself, when it is due."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

from identity import retention
from identity.access_reviews import due as access_reviews
from identity.audit import sealing
from identity.webhooks import expiring, lining_up

LOOK_SECONDS = 30.0
"""How often it is looked for what is due."""

log = logging.getLogger("gatepost.worker")


@dataclass(frozen=True, slots=True)
class Job:
    """A kind of work. `due` finds what is to be done, `carry_out` does one of it, by its id.

    Several workers may run at once: `carry_out` looks again, under a lock, if it is to be done.
    """

    name: str
    due: Callable[[], Awaitable[Sequence[UUID]]]
    carry_out: Callable[[UUID], Awaitable[None]]


JOBS = (
    Job("access reviews", access_reviews.due, access_reviews.carry_out),
    Job("audit sealing", sealing.due, sealing.carry_out),
    Job("redelivery to webhooks", lining_up.due, lining_up.carry_out),
    Job("old deliveries", expiring.due, expiring.carry_out),
    Job("audit retention", retention.due, retention.carry_out),
)


async def work(jobs: Sequence[Job] = JOBS) -> None:
    """Do all that is due now. What fails is logged, keeps nothing else from being done, and is done
    when it is looked for again.
    """
    for job in jobs:
        try:
            found = await job.due()
        except Exception:
            log.exception("%s: what is due could not be found", job.name)
            continue
        for each in found:
            try:
                await job.carry_out(each)
            except Exception:
                log.exception("%s: %s failed", job.name, each)


async def work_until(stopping: asyncio.Event, *, jobs: Sequence[Job] = JOBS) -> None:
    """Work, over and over, until told to stop; what is under way is finished."""
    while not stopping.is_set():
        await work(jobs)
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await stopping.wait()


@asynccontextmanager
async def working() -> AsyncIterator[None]:
    """While the block runs, this process works beside what else it does."""
    stopping = asyncio.Event()
    task = asyncio.create_task(work_until(stopping))
    try:
        yield
    finally:
        stopping.set()
        await task
