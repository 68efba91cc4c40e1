"""The tail of the audit log: every event once, in order, whoever commits when."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from uuid import UUID

import pytest

from identity.audit.actions import Action
from identity.audit.record import record
from identity.audit.tail import tail
from identity.facts import board, hearing
from models import AuditEvent, ids
from models.database import transaction
from models.ids import new_id
from tests.world import World, new_world

SECONDS = 10

Tail = AsyncGenerator[AuditEvent, None]


@asynccontextmanager
async def following(
    world: World, *, after: UUID | None, workspace_id: UUID | None = None
) -> AsyncIterator[Tail]:
    events = tail(world.organization.id, workspace_id=workspace_id, after=after)
    async with hearing(), aclosing(events):
        yield events


async def add(world: World, reason: str, workspace_id: UUID | None = None) -> AuditEvent:
    async with transaction():
        return await record(
            Action.CAMPAIGN_UPDATE,
            subject=world.operator,
            target=None,
            reason=reason,
            workspace_id=workspace_id,
        )


async def reasons(events: Tail, count: int) -> list[str | None]:
    """Those of the next events."""
    async with asyncio.timeout(SECONDS):
        return [(await anext(events)).reason for _ in range(count)]


async def newest(world: World) -> UUID:
    return (await world.events())[-1].id


async def nothing_more(world: World, events: Tail) -> None:
    """The next event is one that is added now, so that none was left over."""
    await add(world, "the end")
    assert await reasons(events, 1) == ["the end"]


async def test_it_begins_after_an_event_and_goes_on(world: World) -> None:
    start = await newest(world)
    await add(world, "one")
    await add(world, "two")
    async with following(world, after=start) as events:
        assert await reasons(events, 2) == ["one", "two"]
        await add(world, "three")
        assert await reasons(events, 1) == ["three"]
        await nothing_more(world, events)
    assert board._watches == {}


async def test_without_a_start_it_begins_now(world: World) -> None:
    await add(world, "before")
    async with following(world, after=None) as events:
        first = asyncio.create_task(anext(events))
        async with asyncio.timeout(SECONDS):
            while not first.done():  # it has begun at the latest when it delivers one
                await add(world, "after")
                await asyncio.wait({first}, timeout=0.1)
        assert (await first).reason == "after"


async def test_a_backlog_of_several_pages_comes_once_and_in_order(world: World) -> None:
    start = await newest(world)
    for number in range(230):
        await add(world, str(number))
    async with following(world, after=start) as events:
        assert await reasons(events, 230) == [str(number) for number in range(230)]
        await nothing_more(world, events)


async def test_what_is_committed_late_is_not_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An id that was made early becomes visible after higher ones were delivered."""
    start, early = await newest(world), new_id()
    async with following(world, after=start) as events:
        await add(world, "higher")
        assert await reasons(events, 1) == ["higher"]
        monkeypatch.setattr(ids, "uuid7", lambda: early)
        await add(world, "late")
        monkeypatch.undo()
        assert await reasons(events, 1) == ["late"]
        await nothing_more(world, events)


async def test_what_was_not_heard_of_is_found_when_everybody_looks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, early = await newest(world), new_id()
    async with following(world, after=start) as events:
        await add(world, "higher")
        assert await reasons(events, 1) == ["higher"]
        monkeypatch.setattr("identity.audit.record.mention", lambda fact: None)
        monkeypatch.setattr(ids, "uuid7", lambda: early)
        await add(world, "unheard")
        monkeypatch.undo()
        board.miss()
        assert await reasons(events, 1) == ["unheard"]
        await nothing_more(world, events)


async def test_another_tenant_is_never_in_it(world: World) -> None:
    foreign = await new_world("globex")
    async with following(world, after=await newest(world)) as events:
        await add(foreign, "foreign")
        await nothing_more(world, events)


async def test_of_a_workspace_only_its_own(world: World) -> None:
    async with following(world, after=await newest(world), workspace_id=world.a.id) as events:
        await add(world, "organization")
        await add(world, "b", world.b.id)
        await add(world, "a", world.a.id)
        assert await reasons(events, 1) == ["a"]
        await add(world, "b again", world.b.id)
        await add(world, "a again", world.a.id)
        assert await reasons(events, 1) == ["a again"]


async def test_many_writers_at_once_lose_and_repeat_nothing(world: World) -> None:
    async with following(world, after=await newest(world)) as events:
        writing = asyncio.gather(*(add(world, str(number)) for number in range(60)))
        got = await reasons(events, 60)
        await writing
        assert sorted(got, key=str) == sorted((str(number) for number in range(60)), key=str)
        await nothing_more(world, events)
