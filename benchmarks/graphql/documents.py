"""Memory under very many documents, none of which comes twice."""

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path

from benchmarks.graphql.comparing import environment_of
from benchmarks.graphql.database import Database
from benchmarks.graphql.load import Enough, Next, WrongAnswer, driven, request_of
from benchmarks.graphql.operations import operations
from benchmarks.graphql.report import Row, aligned
from benchmarks.graphql.servers import Server, gatepost

CONNECTIONS = 4
STEPS = 10


async def measured(database: Database, count: int, folder: Path) -> AsyncIterator[str]:
    """Every request asks the page in a document of its own; memory at each tenth of the way."""
    page = operations(database.seeded)["page"]
    token = database.seeded.tokens[page.caller]
    requests = (
        request_of(token, page.document.replace("query Page", f"query Page{n}"), page.variables)
        for n in range(count)
    )
    rows: list[Row] = [("distinct documents", "resident MB", "peak MB", "documents/s")]
    with Server(gatepost(), environment_of(database, folder), folder) as server:
        await server.ready()
        rows.append(("0", f"{server.resident_mb():.0f}", f"{server.peak_mb():.0f}", ""))
        for step in range(1, STEPS + 1):
            asking = [_from(islice(requests, count // STEPS))] * CONNECTIONS
            sample = await driven(server.port, asking, warm=0, seconds=None)
            now = (server.resident_mb(), server.peak_mb(), sample.rate)
            rows.append((str(count * step // STEPS), *(f"{each:.0f}" for each in now)))
    yield ""
    for line in aligned(rows):
        yield line


def _from(requests: Iterator[bytes]) -> Next:
    def following(answer: bytes | None) -> bytes:
        if answer is not None and not answer.startswith(b'{"data":'):
            raise WrongAnswer(f"{answer[:600]!r}")
        request = next(requests, None)
        if request is None:
            raise Enough
        return request

    return following
