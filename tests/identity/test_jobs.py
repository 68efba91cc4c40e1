"""Jobs: carried out once, in steps, and followed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta

import pytest

from identity import jobs
from identity.facts import hearing
from identity.jobs import KEPT_FOR, LEASE, Asked, carry_out
from identity.refusals import Conflict
from models import Job, JobKind, JobStatus
from models.clock import now
from tests.clock import MovableClock
from tests.world import UNKNOWN_ID, World, new_world

KIND = JobKind.WEBHOOK_REDELIVERY


@pytest.fixture
async def job(world: World) -> Job:
    return await jobs.put(world.operator, Asked(KIND, UNKNOWN_ID, {}, total=4))


@pytest.fixture
async def heard(database: str) -> AsyncIterator[None]:
    async with hearing():
        yield


def in_steps(*done: int) -> list[int]:
    return [*done, 0]


async def test_it_is_done_step_by_step(job: Job) -> None:
    steps = in_steps(3, 1)

    async def step(_: Job) -> int:
        return steps.pop(0)

    assert list(await jobs.due(KIND)) == [job.id]
    await carry_out(job.id, step)
    await job.refresh_from_db()
    assert (job.status, job.done, job.total) == (JobStatus.DONE, 4, 4)
    assert list(await jobs.due(KIND)) == []
    assert not await jobs.is_under_way(KIND, UNKNOWN_ID)


async def test_two_workers_carry_it_out_once(job: Job) -> None:
    begun: list[int] = []

    async def step(_: Job) -> int:
        begun.append(1)
        return 0

    await asyncio.gather(*(carry_out(job.id, step) for _ in range(4)))
    assert begun == [1]


async def test_after_a_crash_another_goes_on_from_the_last_step(
    movable_clock: MovableClock, job: Job
) -> None:
    steps = [2]

    async def crashes(_: Job) -> int:
        return steps.pop(0)

    with pytest.raises(IndexError):
        await carry_out(job.id, crashes)
    await job.refresh_from_db()
    assert (job.status, job.done) == (JobStatus.RUNNING, 2)
    assert list(await jobs.due(KIND)) == []
    movable_clock.move(LEASE)
    assert list(await jobs.due(KIND)) == [job.id]
    steps += in_steps(2)
    await carry_out(job.id, crashes)
    await job.refresh_from_db()
    assert (job.status, job.done) == (JobStatus.DONE, 4)


async def test_what_cannot_be_carried_out_is_given_up_after_a_day(
    movable_clock: MovableClock, job: Job
) -> None:
    async def breaks(_: Job) -> int:
        raise RuntimeError("poison")

    for _ in range(3):
        with pytest.raises(RuntimeError):
            await carry_out(job.id, breaks)
        movable_clock.move(timedelta(hours=8))
    await carry_out(job.id, breaks)
    await job.refresh_from_db()
    assert (job.status, job.error) == (JobStatus.FAILED, "It did not end within a day.")
    assert list(await jobs.due(KIND)) == []


async def test_what_ended_long_ago_goes_with_the_next(
    movable_clock: MovableClock, world: World, job: Job
) -> None:
    other = await jobs.put((await new_world("other")).operator, Asked(KIND, UNKNOWN_ID, {}, 1))
    await Job.all().update(finished_at=now())
    movable_clock.move(KEPT_FOR)
    kept = await jobs.put(world.operator, Asked(KIND, UNKNOWN_ID, {}, total=1))
    assert await Job.all().count() == 3
    movable_clock.move(timedelta(seconds=1))
    last = await jobs.put(world.operator, Asked(KIND, UNKNOWN_ID, {}, total=1))
    assert {each.id for each in await Job.all()} == {other.id, kept.id, last.id}


async def test_what_is_refused_fails_and_says_why(job: Job) -> None:
    steps = [1]

    async def refused(_: Job) -> int:
        if steps:
            return steps.pop()
        raise Conflict("No more. " + "x" * 300)

    await carry_out(job.id, refused)
    await job.refresh_from_db()
    assert (job.status, job.done) == (JobStatus.FAILED, 1)
    assert job.error is not None
    assert (job.error[:9], len(job.error)) == ("No more. ", 200)


async def test_who_follows_sees_each_step_and_the_end(job: Job, heard: None) -> None:
    seen: list[tuple[str, int]] = []
    may_go_on = asyncio.Event()
    steps = in_steps(3, 1)

    async def step(_: Job) -> int:
        await may_go_on.wait()
        may_go_on.clear()
        return steps.pop(0)

    async def follow() -> None:
        async with aclosing(jobs.progress(job.organization_id, job.id)) as progress:
            async for each in progress:
                seen.append((each.status.value, each.done))
                may_go_on.set()

    async with asyncio.timeout(20):
        following = asyncio.create_task(follow())
        await asyncio.sleep(0.2)
        await carry_out(job.id, step)
        await following
    assert seen[0] == ("queued", 0)
    assert seen[-1] == ("done", 4)
    assert ("running", 3) in seen


async def test_another_organization_follows_nothing(job: Job) -> None:
    other = await new_world("other")
    async with aclosing(jobs.progress(other.organization.id, job.id)) as progress:
        assert [each async for each in progress] == []
