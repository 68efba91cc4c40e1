"""`gatepost serve` stops at once, however many streams are open."""

import asyncio
import shutil
from pathlib import Path

from models.database import opened
from tests.conftest import SECRET_KEYS
from tests.gateway.program import free_port, running
from tests.peers.graphql_streams import StreamClients
from tests.streams.installation import Installation
from tests.world import new_world

ACCESS = "subscription { accessChanged { accessRevision } }"
SECONDS = 8
"""Less than the server waits for answers under way."""


async def test_open_streams_do_not_hold_it_up(
    tmp_path: Path, sqlite_template: Path, clients: StreamClients
) -> None:
    path = tmp_path / "gatepost.sqlite3"
    shutil.copy(sqlite_template, path)
    url, port = f"sqlite://{path}", free_port()
    installation = Installation(url, [f"http://127.0.0.1:{port}"])
    settings = {
        "GATEPOST_DATABASE_URL": url,
        "GATEPOST_SECRET_KEYS": ",".join(SECRET_KEYS),
    }
    async with opened(url, SECRET_KEYS):
        world = await new_world("acme")
        token = await world.session(world.owner)
    async with running("serve", "--port", str(port), folder=tmp_path, **settings) as program:
        await program.line_starting("INFO:     Application startup complete.")
        operations = []
        for kind in ("ws", "sse", "sse-single"):
            clients.connect(kind, kind, installation.stream(), installation.headers(token))
            operations.append(clients.subscribe(kind, ACCESS))
            await operations[-1].data()
        async with asyncio.timeout(SECONDS):
            exit_code, rest = await program.interrupted()
        for operation in operations:
            assert "error" in await operation.happens()  # lost, not complete: they connect again
        close = await clients.close_of()

    assert exit_code == 0
    assert (close["closed"], close["code"]) == ("ws", 1012)
    assert "Traceback" not in rest
    assert "ERROR" not in rest
