"""The first request of a document: what parsing, checking and compiling it costs."""

import statistics
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from benchmarks.graphql.comparing import environment_of
from benchmarks.graphql.database import Database
from benchmarks.graphql.load import asked_in_turn, request_of
from benchmarks.graphql.operations import operations
from benchmarks.graphql.report import Row, aligned
from benchmarks.graphql.servers import Contender, Server

DOCUMENTS = 30
FIRST = 5
"""Left out: the first requests of a process pay for more than their document."""


async def measured(
    database: Database, contenders: Sequence[Contender], folder: Path
) -> AsyncIterator[str]:
    """One connection, one request at a time: the page in documents never seen, and in one known."""
    page = operations(database.seeded)["page"]
    token = database.seeded.tokens[page.caller]
    unseen = [
        request_of(token, page.document.replace("query Page", f"query Page{n}"), page.variables)
        for n in range(FIRST + DOCUMENTS)
    ]
    rows: list[Row] = [("the page, one request at a time", "first ms", "known ms", "its cost ms")]
    for contender in contenders:
        with Server(contender, environment_of(database, folder), folder) as server:
            await server.ready()
            _, first = await asked_in_turn(server.port, unseen)
            _, known = await asked_in_turn(server.port, [unseen[-1]] * len(unseen))
        times = [statistics.median(each[FIRST:]) * 1000 for each in (first, known)]
        cost = times[0] - times[1]
        rows.append((contender.name, f"{times[0]:.2f}", f"{times[1]:.2f}", f"{cost:.2f}"))
    yield ""
    for line in aligned(rows):
        yield line
