"""clairvoyance, which recovers schemas from what error messages give away, against the application.

The schema itself is no secret; but whoever has no credential learns nothing at all here, and nobody
is helped to a name by a guess that comes near it.
"""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from gateway.app import application
from gateway.authenticate import CLIENT_HEADER, SESSION_COOKIE
from gateway.settings import Settings
from tests.gateway.program import ROOT
from tests.peers import missing
from tests.world import World

PROGRAM = Path(
    os.environ.get("GATEPOST_TEST_CLAIRVOYANCE", ROOT / "build/clairvoyance/bin/clairvoyance")
)
EXACT = ["viewer", "organization", "workspaces", "workspace", "campaign", "node", "name", "id"]
PLACEHOLDER = "dummy"
"""The field that clairvoyance gives a type of which it knows none."""
NEAR = ["viewr", "organisation", "workspacs", "campaing", "nodee", "names", "idd", "createrole"]


@asynccontextmanager
async def served(database_url: str) -> AsyncIterator[str]:
    """The address of the application, served over HTTP in this process."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    settings = Settings(
        database_url=database_url,
        public_url=f"http://127.0.0.1:{port}",
        secret_keys=("unused: the database is open",),
        rate_limit_failures=0,
    )
    config = uvicorn.Config(application(settings), lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port}/graphql"
    server.should_exit = True
    await serving


async def recovered(url: str, folder: Path, words: list[str], *headers: str) -> set[str]:
    """The names of fields that clairvoyance finds with a list of words."""
    if not PROGRAM.exists():  # noqa: ASYNC240
        missing(f"There is no {PROGRAM}; make it with: make clairvoyance")
    (folder / "words").write_text("\n".join(words), encoding="utf-8")
    found = folder / "schema.json"
    process = await asyncio.create_subprocess_exec(
        *(PROGRAM, "-w", "words", "-o", found, "-c", "4", "-m", "5"),
        *(part for header in headers for part in ("-H", header)),
        url,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(120):
        output, _ = await process.communicate()
    if not found.exists():
        assert process.returncode != 0, output.decode()
        return set()
    types = json.loads(found.read_text(encoding="utf-8"))["data"]["__schema"]["types"]
    return {
        field["name"]
        for type_ in types
        if not type_["name"].startswith("__")
        for field in type_.get("fields") or ()
    } - {PLACEHOLDER}


@pytest.fixture
async def url(database: str) -> AsyncIterator[str]:
    async with served(database) as address:
        yield address


async def test_without_a_credential_it_recovers_nothing(
    url: str, world: World, tmp_path: Path
) -> None:
    assert await recovered(url, tmp_path, EXACT, f"{CLIENT_HEADER}: clairvoyance") == set()


async def test_with_a_credential_it_finds_what_it_names_and_no_more(
    url: str, world: World, tmp_path: Path
) -> None:
    token = await world.session(world.owner)
    headers = (f"{CLIENT_HEADER}: clairvoyance", f"Cookie: {SESSION_COOKIE}={token}")
    near, exact = tmp_path / "near", tmp_path / "exact"
    near.mkdir()
    exact.mkdir()
    assert await recovered(url, near, NEAR, *headers) == set()
    found = await recovered(url, exact, EXACT, *headers)
    assert {"viewer", "organization", "workspaces"} <= found
    assert found <= set(EXACT)


async def test_a_stranger_is_told_the_same_whatever_is_asked(
    http: httpx.AsyncClient, world: World
) -> None:
    asked = [
        "{ viewer { name } }",
        "{ viewr { name } }",
        "{ __schema { types { name } } }",
        "{",
        "",
    ]
    answers = [
        await http.post("/graphql", json={"query": query}, headers={CLIENT_HEADER: "tests"})
        for query in asked
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
