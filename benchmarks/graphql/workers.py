"""Gatepost with one, two and four workers, on all the cores that the client shares with them."""

import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from benchmarks.graphql.answers import Answers
from benchmarks.graphql.comparing import Pace, environment_of
from benchmarks.graphql.comparing import measured as measured_once
from benchmarks.graphql.database import Database
from benchmarks.graphql.operations import Operation
from benchmarks.graphql.report import aligned
from benchmarks.graphql.servers import Server, gatepost

WORKERS = (1, 2, 4)
PACE = Pace(rounds=1, seconds=1.5)


async def measured(
    database: Database, answers: Answers, asked: Sequence[Operation], folder: Path
) -> AsyncIterator[str]:
    """Requests per second and memory; PostgreSQL and the client take part of the same cores."""
    columns = []
    environment = environment_of(database, folder)
    for count in WORKERS:
        with Server(gatepost(workers=count), environment, folder, cores=None) as server:
            await server.ready()
            rates = []
            for operation in asked:
                await answers.check("gatepost", server.port, operation)
                sample = await measured_once(database, server, answers, operation, 0.8, PACE)
                rates.append(f"{sample.rate:.0f}")
            columns.append([str(count), *rates, f"{server.peak_mb():.0f}"])
    cores = len(os.sched_getaffinity(0))
    titles = [f"req/s by workers, {cores} cores", *(o.name for o in asked), "peak MB in all"]
    yield ""
    for line in aligned([tuple(row) for row in zip(titles, *columns, strict=True)]):
        yield line
