"""The first request of a document: what parsing, checking and compiling it costs."""

import statistics
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from benchmarks.graphql.answers import Answers
from benchmarks.graphql.comparing import environment_of
from benchmarks.graphql.database import Database
from benchmarks.graphql.load import asked_in_turn
from benchmarks.graphql.operations import operations
from benchmarks.graphql.report import Row, aligned
from benchmarks.graphql.servers import Contender, Server

DOCUMENTS = 30
FIRST = 5
"""Left out: the first requests of a process pay for more than their document."""


async def measured(
    database: Database, answers: Answers, contenders: Sequence[Contender], folder: Path
) -> AsyncIterator[str]:
    """One connection: the page in a document never seen and in a known one, in turn."""
    page = operations(database.seeded)["page"]
    rows: list[Row] = [("the page, one request at a time", "first ms", "known ms", "its cost ms")]
    for contender in contenders:
        request = answers.request(contender.name, page, page.variables)
        asked = []
        for number in range(FIRST + DOCUMENTS):
            asked += [request.replace(b"query Page(", b"query P%03d(" % number), request]
        with Server(contender, environment_of(database, folder), folder) as server:
            await server.ready()
            _, latencies = await asked_in_turn(server.port, asked)
        unseen, known = latencies[2 * FIRST :: 2], latencies[2 * FIRST + 1 :: 2]
        costs = [first - again for first, again in zip(unseen, known, strict=True)]
        medians = [statistics.median(each) * 1000 for each in (unseen, known, costs)]
        rows.append((contender.name, *(f"{median:.2f}" for median in medians)))
    yield ""
    for line in aligned(rows):
        yield line
