"""The share of each layer in one request: where Gatepost's process is found to be, by sampling."""

import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from benchmarks.graphql.answers import Answers
from benchmarks.graphql.comparing import Pace, environment_of
from benchmarks.graphql.comparing import measured as measured_once
from benchmarks.graphql.database import Database
from benchmarks.graphql.operations import Operation
from benchmarks.graphql.report import aligned
from benchmarks.graphql.sampled import LAYERS
from benchmarks.graphql.servers import Contender, Server

PACE = Pace(rounds=1, seconds=3.0)


async def measured(
    database: Database, answers: Answers, asked: Sequence[Operation], folder: Path
) -> AsyncIterator[str]:
    """For each operation the microseconds of CPU a request in each layer."""
    columns: list[list[str]] = []
    for operation in asked:
        path = folder / "samples.json"
        command = (sys.executable, "-m", "benchmarks.graphql.sampled", "{port}", str(path))
        contender = Contender("gatepost", "Gatepost, sampled", command)
        with Server(contender, environment_of(database, folder), folder) as server:
            await server.ready()
            await answers.check("gatepost", server.port, operation)
            await measured_once(database, server, answers, operation, 0.5, Pace(1, 0.5))
            server.notify(signal.SIGUSR1)
            sample = await measured_once(database, server, answers, operation, 0, PACE)
            server.interrupt()
        counts: dict[str, int] = json.loads(path.read_text())
        micros = 1e6 * sample.cpu_seconds / len(sample.latencies) / max(1, sum(counts.values()))
        columns.append(
            [operation.name, *(f"{counts.get(layer, 0) * micros:.0f}" for layer in LAYERS)]
        )
    yield ""
    names = ["CPU µs a request", *LAYERS]
    for line in aligned([tuple(row) for row in zip(names, *columns, strict=True)]):
        yield line
