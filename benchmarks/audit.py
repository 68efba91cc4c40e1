"""What the audit log costs: `python -m benchmarks.audit [--full]`.

* writes: eight writers, each of whom adds mailing lists by the use case that GraphQL calls: without
  any event, with the event alone, with the event queued for its seal, and with sealing at work
  beside them, in a process of its own on PostgreSQL as `gatepost worker` is, in this one on SQLite
  as in `gatepost serve`. In turns, so that what else the machine does falls on all of them.
* sealing: events that wait, sealed one batch after the other.

On PostgreSQL (`GATEPOST_TEST_POSTGRES_URL`) and SQLite. What reading and exporting costs is in
`benchmarks.audit_reading`.
"""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from unittest.mock import patch

import click
from cryptography.fernet import Fernet

from benchmarks.databases import on_postgres, on_sqlite
from benchmarks.graphql.report import aligned
from identity import mailing_lists, organizations
from identity.audit import sealing, signing, verifying
from identity.organizations import Opened
from identity.subject import operator
from models.database import opened
from models.ids import numbered_id
from models.migrating import upgrade
from models.organization import Plan
from models.sql import Statement, connection, is_postgres

WRITERS = 8
SEAL_EVERY = 1.0
"""Seconds; a worker looks every 30, and then seals as many at once."""
AIM = 0.9
"""Of the writes without sealing."""


@dataclass(frozen=True, slots=True)
class Size:
    seconds: float
    rounds: int
    waiting: int


QUICK = Size(0.4, 8, 5_000)
FULL = Size(1.0, 40, 200_000)


@click.command()
@click.option("--full", is_flag=True, help="More data, longer rounds.")
@click.option("--seal", "url", hidden=True, help="Seal this database until told to stop.")
def main(full: bool, url: str | None) -> None:
    """Measure what the audit log costs."""
    if url is not None:
        asyncio.run(_seal_elsewhere(url))
    else:
        asyncio.run(_databases(FULL if full else QUICK))


async def _databases(size: Size) -> None:
    key = Fernet.generate_key().decode()
    for name, database in (("SQLite", on_sqlite), ("PostgreSQL", on_postgres)):
        async with database("audit") as url, opened(url, [key]):
            await upgrade()
            await signing.signing_key()
            click.echo(f"\nOn {name}")
            await _writes(size, url, key)
            await _sealing(size)


# Writes.


async def _writes(size: Size, url: str, key: str) -> None:
    places = [
        await organizations.create(
            slug=f"acme-{number}",
            name="Acme",
            plan=Plan.ENTERPRISE,
            owner_email=f"olga@acme-{number}.example",
        )
        for number in range(WRITERS)
    ]
    ways: Mapping[str, Callable[[], Awaitable[int]]] = {
        "no event": lambda: _without_events(size, places),
        "event": lambda: _unqueued(size, places),
        "event, queued": lambda: _rate(size, places),
        "event, queued, sealing at work": lambda: _beside_sealing(size, places, url, key),
    }
    counts: dict[str, list[int]] = {name: [] for name in ways}
    await _rate(size, places)
    names = list(ways)
    for number in range(size.rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            counts[name].append(await ways[name]())
    medians = {name: statistics.median(each) / size.seconds for name, each in counts.items()}
    unsealed = medians["event"]
    rows = [("writes", "a second", "of those with an event alone", f"aim {AIM:.0%}")]
    for name, median in medians.items():
        share = median / unsealed
        judged = "queued" in name
        reached = ("reached" if share >= AIM else "missed") if judged else ""
        rows.append((name, f"{median:.0f}", f"{share:.0%}", reached))
    for line in aligned(rows):
        click.echo(line)


async def _rate(size: Size, places: Sequence[Opened]) -> int:
    """How many lists the writers add in the time of a round."""
    end = time.perf_counter() + size.seconds

    async def write(place: Opened) -> int:
        subject, count = operator(place.organization.id, Plan.ENTERPRISE), 0
        while time.perf_counter() < end:
            await mailing_lists.create(subject, place.workspace.id, name="List")
            count += 1
        return count

    return sum(await asyncio.gather(*map(write, places)))


async def _without_events(size: Size, places: Sequence[Opened]) -> int:
    async def unrecorded(*_: object, **__: object) -> None:
        pass

    with patch("identity.writing.record", unrecorded):
        return await _rate(size, places)


async def _unqueued(size: Size, places: Sequence[Opened]) -> int:
    run = connection().execute_query
    if is_postgres():
        await run("ALTER TABLE audit_events DISABLE TRIGGER audit_events_queue")
        count = await _rate(size, places)
        await run("ALTER TABLE audit_events ENABLE TRIGGER audit_events_queue")
        return count
    _, found = await run("SELECT sql FROM sqlite_master WHERE name = 'audit_events_queue'")
    await run("DROP TRIGGER audit_events_queue")
    count = await _rate(size, places)
    await run(found[0]["sql"])
    return count


async def _beside_sealing(size: Size, places: Sequence[Opened], url: str, key: str) -> int:
    if is_postgres():
        async with _other_process(url, key):
            return await _rate(size, places)
    task = asyncio.create_task(_seal_all())
    try:
        return await _rate(size, places)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _seal_all() -> None:
    while True:
        await asyncio.sleep(SEAL_EVERY)
        for organization_id in await sealing.due():
            await sealing.seal(organization_id)


@asynccontextmanager
async def _other_process(url: str, key: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.audit", "--seal", url),
        env={**os.environ, "AUDIT_BENCHMARK_KEY": key},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def _seal_elsewhere(url: str) -> None:
    async with opened(url, [os.environ["AUDIT_BENCHMARK_KEY"]]):
        print("ready", flush=True)
        await _seal_all()


# Sealing.


async def _sealing(size: Size) -> None:
    """How fast what waits is sealed, and then verified."""
    new = await organizations.create(
        slug="waiting", name="Waiting", plan=Plan.ENTERPRISE, owner_email="olga@waiting.example"
    )
    organization_id = new.organization.id
    await _add_events(str(organization_id), size.waiting)
    began = time.perf_counter()
    total = 0
    while sealed := await sealing.seal(organization_id):
        total += sealed
    seconds = time.perf_counter() - began
    click.echo(f"sealing: {total / seconds:,.0f} events a second ({total:,} events)")
    began = time.perf_counter()
    report = await verifying.verify(organization_id, await signing.trusted_keys())
    seconds = time.perf_counter() - began
    assert report.finding is None, report.finding
    click.echo(f"verifying: {total / seconds:,.0f} events a second")


async def _add_events(organization_id: str, count: int) -> None:
    """Copies of the organization's first event, by SQL."""
    columns = "created_at, organization_id, actor_type, actor_name, via, action, outcome, diff"
    numbers = (
        f"SELECT generate_series(1, {count}) AS n"
        if is_postgres()
        else "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c"  # noqa: S608
        f" WHERE n < {count}) SELECT n FROM c"
    )
    await Statement(
        f"INSERT INTO audit_events (id, {columns})"  # noqa: S608
        f" SELECT {numbered_id('e.id', 'numbers.n')}, {columns}"
        f" FROM ({numbers}) AS numbers, (SELECT * FROM audit_events"
        " WHERE organization_id = $1 ORDER BY id LIMIT 1) AS e"
    ).execute(organization_id)


if __name__ == "__main__":
    main()
