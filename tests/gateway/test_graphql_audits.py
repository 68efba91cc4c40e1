"""A served Gatepost passes every audit of the npm package `graphql-http`."""

import asyncio
from pathlib import Path

from gateway.authenticate import CLIENT_HEADER, SESSION_COOKIE
from tests.conftest import SECRET_KEYS
from tests.gateway.program import free_port, running
from tests.peers.graphql_http import audits
from tests.world import World


async def test_every_audit_of_graphql_over_http_passes(
    world: World, database: str, tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "GATEPOST_DATABASE_URL": database,
        "GATEPOST_PUBLIC_URL": url,
        "GATEPOST_SECRET_KEYS": ",".join(SECRET_KEYS),
    }
    token = await world.session(world.owner)
    headers = {CLIENT_HEADER: "audits", "cookie": f"{SESSION_COOKIE}={token}"}
    async with running("serve", "--port", str(port), folder=tmp_path, **settings) as program:
        await program.line_starting("INFO:     Application startup complete.")

        verdicts = await asyncio.to_thread(audits, f"{url}/graphql", headers)

        exit_code, printed = await program.interrupted()
    assert [verdict for verdict in verdicts if verdict.status != "ok"] == []
    assert len(verdicts) == len({verdict.id for verdict in verdicts}) == 61
    assert exit_code == 0
    assert "Traceback" not in printed
