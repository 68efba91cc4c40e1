"""What the product does by itself: by `gatepost worker`, or beside serving on SQLite."""

import asyncio
import logging
import signal
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from gateway import worker
from gateway.app import application
from gateway.settings import Settings
from gateway.worker import Job
from identity import members, organizations
from identity.access_reviews import opening
from models import (
    AccessReview,
    AccessReviewStatus,
    Assignment,
    AuditEvent,
    BuiltinRole,
    Mail,
    Plan,
    Unanswered,
    ViaType,
)
from models.clock import now
from models.ids import new_id
from tests.conftest import SECRET_KEYS
from tests.gateway.commands import Gatepost
from tests.gateway.program import running
from tests.world import World, new_world


async def review_that_is_due() -> None:
    """A review of acme's owners whose time has come."""
    review = await opening.open_review(
        await organizations.operator_of("acme"),
        title="Owners",
        workspace_id=None,
        due_at=now() + timedelta(hours=1),
        unanswered=Unanswered.KEEP,
    )
    await AccessReview.filter(id=review.id).update(due_at=now())


async def status() -> AccessReviewStatus:
    return (await AccessReview.get()).status


async def closed() -> None:
    """Wait until the review is."""
    async with asyncio.timeout(30):
        while await status() is AccessReviewStatus.OPEN:  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.05)


def test_once_does_what_is_due_and_ends(gatepost: Gatepost) -> None:
    gatepost.acme()
    gatepost.look(review_that_is_due)
    said = gatepost.run("worker", "--once")
    assert (said.exit_code, said.stdout, said.stderr) == (0, "", "")
    assert gatepost.look(status) is AccessReviewStatus.CLOSED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_works_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "var" / "gatepost.sqlite3"
    command = Gatepost(f"sqlite://{path}")
    await asyncio.to_thread(_prepare, command)
    async with running("worker", folder=tmp_path, GATEPOST_SECRET_KEYS=SECRET_KEYS[0]) as program:
        await program.line_starting("The worker looks for what is due.")
        await asyncio.to_thread(command.look, closed)
        program.process.send_signal(number)
        assert await program.ended() == (0, "")


def _prepare(command: Gatepost) -> None:
    assert command.run("migrate").exit_code == 0
    command.acme()
    command.look(review_that_is_due)


async def test_serving_on_sqlite_works_as_well_and_on_postgresql_does_not(
    database_url: str, world: World
) -> None:
    await review_that_is_due()
    app = application(Settings(database_url=database_url, secret_keys=tuple(SECRET_KEYS)))
    async with app.router.lifespan_context(app):
        if database_url.startswith("sqlite"):
            await closed()
        else:
            await asyncio.sleep(0.5)
            assert await status() is AccessReviewStatus.OPEN


async def test_what_fails_keeps_nothing_else_from_being_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad, good = new_id(), new_id()
    done = []

    async def broken() -> Sequence[UUID]:
        raise RuntimeError("no answer")

    async def due() -> Sequence[UUID]:
        return [bad, good]

    async def carry_out(each: UUID) -> None:
        if each == bad:
            raise RuntimeError("poison")
        done.append(each)

    with caplog.at_level(logging.ERROR, logger="gatepost.worker"):
        await worker.work([Job("blind", broken, carry_out), Job("seeing", due, carry_out)])

    assert done == [good]
    assert [record.getMessage() for record in caplog.records] == [
        "blind: what is due could not be found",
        f"seeing: {bad} failed",
    ]


async def test_what_is_under_way_is_finished_before_it_stops() -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()
    done = []

    async def due() -> Sequence[UUID]:
        return [new_id()]

    async def carry_out(each: UUID) -> None:
        begun.set()
        await may_end.wait()
        done.append(each)

    stopping = asyncio.Event()
    task = asyncio.create_task(worker.work_until(stopping, jobs=[Job("slow", due, carry_out)]))
    await begun.wait()
    stopping.set()
    await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    async with asyncio.timeout(5):
        await task
    assert len(done) == 1


async def owners_in_review(world: World) -> AccessReview:
    """A review of the owners that is due, and takes away what nobody confirmed."""
    review = await opening.open_review(
        world.operator,
        title="Owners",
        workspace_id=None,
        due_at=now() + timedelta(hours=1),
        unanswered=Unanswered.REVOKE,
    )
    await AccessReview.filter(id=review.id).update(due_at=now())
    return review


async def test_the_last_owner_stays_whatever_is_due(world: World) -> None:
    ann = await world.member("Ann")
    await world.give(ann, BuiltinRole.OWNER, world.everywhere)
    await owners_in_review(world)

    await worker.work()

    [stays] = await Assignment.filter(organization=world.organization)
    assert stays.principal_id == world.owner.id, "of the last owners the first"
    assert await status() is AccessReviewStatus.CLOSED
    [lost] = await AuditEvent.filter(action="role.unassign")
    assert (lost.target_name, lost.actor_name, lost.via) == ("Ann", "access review", ViaType.JOB)


async def test_what_is_due_of_one_organization_touches_no_other(world: World) -> None:
    other = await new_world("globex")
    for each in (world, other):
        ann = await each.member("Ann")
        await each.give(ann, BuiltinRole.OWNER, each.everywhere)
    await owners_in_review(world)
    rows = [row async for row in Assignment.filter(organization=other.organization).values()]
    log = len(await other.events())

    await worker.work()

    assert await Assignment.filter(organization=world.organization).count() == 1
    left = [row async for row in Assignment.filter(organization=other.organization).values()]
    assert left == rows
    assert len(await other.events()) == log


@pytest.mark.parametrize("plan", Plan)
async def test_no_plan_keeps_what_is_due_from_being_done_or_widens_it(
    world: World, plan: Plan
) -> None:
    ann = await world.member("Ann")
    await world.give(ann, BuiltinRole.OWNER, world.everywhere)
    before = (await world.subject(world.owner)).access
    await owners_in_review(world)
    await organizations.change_plan(world.operator, plan)

    await worker.work()

    after = (await world.subject(world.owner)).access
    assert await status() is AccessReviewStatus.CLOSED
    assert not after.anywhere_mask & ~before.anywhere_mask
    assert (await world.subject(ann)).access.anywhere_mask == 0


async def test_who_takes_part_no_more_gets_no_reminder(world: World) -> None:
    """The reviewer is suspended: nothing is sent, to nobody."""
    ann = await world.someone("Ann", BuiltinRole.OWNER, world.everywhere)
    assert ann.member_id is not None
    await opening.open_review(
        world.operator,
        title="Owners",
        workspace_id=None,
        due_at=now() + timedelta(hours=1),
        unanswered=Unanswered.KEEP,
        reviewer_ids=[ann.member_id],
    )
    await members.suspend(world.operator, ann.member_id)
    await AccessReview.all().update(created_at=now() - timedelta(days=2))

    await worker.work()

    assert (await AccessReview.get()).reminders_sent == 1
    assert await Mail.all().count() == 0
