"""What is told: with the commit, to every process, to the organization it concerns."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from identity.facts import Board, Fact, Heard, Kind, Watch, announce, board, hearing, mention
from models.announcing import CHANNEL
from models.database import transaction
from models.ids import new_id
from models.sql import Statement, is_postgres
from tests.conftest import SECRET_KEYS
from tests.world import UNKNOWN_ID, World

HERE = new_id()
ELSEWHERE = new_id()
SECONDS = 10
only_postgres = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)

ANOTHER_PROCESS = """
import asyncio, sys
from uuid import UUID
from identity.facts import Fact, Kind, announce, mention
from models.database import opened, transaction
from models.sql import Statement

async def main(url, key, organization):
    async with opened(url, [key]):
        async with transaction():
            await Statement("UPDATE organizations SET name = name || '!'").execute()
            mention(Fact(Kind.AUDIT, UUID(organization), UUID(organization)))
            await announce(Fact(Kind.ACCESS, UUID(organization), UUID(organization)))

asyncio.run(main(*sys.argv[1:]))
"""


def everything(fact: Fact) -> bool:
    return True


async def until_missed(watch: Watch) -> None:
    """The listener says so once it listens, so that nothing before it is relied on."""
    async with asyncio.timeout(SECONDS):
        while not (await watch.heard()).missed:
            pass


@pytest.fixture
async def watch(database: str) -> AsyncIterator[Watch]:
    """A watch on everything that is told to HERE."""
    with board.watching(HERE, everything) as found:
        async with hearing():
            await until_missed(found)
            yield found


def fact(kind: Kind = Kind.AUDIT) -> Fact:
    return Fact(kind, HERE, new_id())


async def heard(watch: Watch, *facts: Fact) -> None:
    """Waits until exactly these were heard."""
    left = set(facts)
    async with asyncio.timeout(SECONDS):
        while left:
            now_heard = (await watch.heard()).facts
            assert now_heard <= left
            left -= now_heard


async def test_what_is_told_is_heard_after_the_commit(watch: Watch) -> None:
    announced, mentioned = fact(Kind.ACCESS), fact()
    async with transaction():
        await announce(announced)
        mention(mentioned)
        assert await watch.heard(within=0.2) == Heard(frozenset(), missed=False)

    await heard(watch, announced, mentioned)


async def rolled_back() -> None:
    async with transaction():
        await announce(fact(Kind.ACCESS))
        mention(fact())
        raise ZeroDivisionError


async def test_what_is_rolled_back_is_not_told(watch: Watch) -> None:
    last = fact(Kind.ACCESS)
    with pytest.raises(ZeroDivisionError):
        await rolled_back()
    async with transaction():
        with pytest.raises(ZeroDivisionError):
            await rolled_back()
        mention(last)

    await heard(watch, last)


async def test_an_inner_block_tells_when_the_outer_one_has_committed(watch: Watch) -> None:
    announced, mentioned = fact(Kind.SESSION), fact()
    async with transaction():
        async with transaction():
            await announce(announced)
            mention(mentioned)
        assert (await watch.heard(within=0.2)).facts == frozenset()

    await heard(watch, announced, mentioned)


async def test_nobody_hears_of_another_organization(watch: Watch) -> None:
    ours = fact()
    async with transaction():
        await announce(Fact(Kind.ACCESS, ELSEWHERE, HERE))
        mention(Fact(Kind.AUDIT, ELSEWHERE, HERE))
        mention(ours)

    await heard(watch, ours)


async def test_another_process_is_heard(watch: Watch, database: str, world: World) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ANOTHER_PROCESS, database, SECRET_KEYS[0], str(HERE)),
        cwd=Path(__file__).parents[2],
    )
    if is_postgres():
        await heard(watch, *(Fact(kind, HERE, HERE) for kind in (Kind.ACCESS, Kind.AUDIT)))
    else:
        await until_missed(watch)
    assert await process.wait() == 0


@only_postgres
async def test_after_a_lost_connection_everybody_looks_and_hears_again(
    watch: Watch, database: str
) -> None:
    admin = await asyncpg.connect(database)
    killed = await admin.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    )
    await admin.close()
    assert killed == 1

    await until_missed(watch)  # it was lost
    await until_missed(watch)  # it is back
    after = fact(Kind.SESSION)
    async with transaction():
        await announce(after)
    await heard(watch, after)


@only_postgres
async def test_what_this_version_does_not_know_makes_everybody_look(watch: Watch) -> None:
    await Statement("SELECT pg_notify($1, $2)").rows(CHANNEL, "invoice 1 2")

    await until_missed(watch)


async def test_a_watch_that_nobody_looks_at_stays_bounded() -> None:
    local = Board()
    with local.watching(HERE, everything) as watch:
        for _ in range(1_001):
            local.hear(str(fact()))
        found = await watch.heard()
    assert len(found.facts) == 1_000
    assert found.missed is True
    assert local._watches == {}


def test_a_fact_reads_as_it_was_written() -> None:
    written = Fact(Kind.SESSION, HERE, UNKNOWN_ID)
    assert Fact.parse(str(written)) == written
    assert len(str(written)) < 100
    for wrong in ("", "access", f"access {HERE.hex}", f"{written} more", "access x y"):
        with pytest.raises(ValueError, match=r"."):
            Fact.parse(wrong)
