"""The application served by uvicorn in this process, with bounds that a test chooses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette

from gateway.app import application
from gateway.authenticate import CLIENT_HEADER, SESSION_COOKIE
from gateway.cli.serve import listening, server_configuration
from gateway.settings import Settings
from gateway.streams.bounds import StreamBounds
from identity.facts import hearing
from models import Member
from schema.ids import global_id
from tests.gateway.program import free_port
from tests.world import World

SECONDS = 10


@dataclass(frozen=True, slots=True)
class Local:
    """A server of its own, on the database that the test has open."""

    app: Starlette
    url: str
    world: World

    @property
    def stream(self) -> str:
        return f"{self.url}/graphql/stream"

    @property
    def socket(self) -> str:
        return self.stream.replace("http", "ws")

    async def headers(self, member: Member) -> dict[str, str]:
        """A new session's, as our own pages send them."""
        token = await self.world.session(member)
        return {
            "cookie": f"{SESSION_COOKIE}={token}",
            "origin": self.url,
            CLIENT_HEADER: "tests",
        }

    @property
    def open_streams(self) -> int:
        return len(self.app.state.stream_places)

    async def nothing_open(self) -> None:
        """Waits until every stream has given its place back."""
        async with asyncio.timeout(SECONDS):
            while self.open_streams:  # noqa: ASYNC110 - the product has nothing to wait for
                await asyncio.sleep(0.01)


async def long_answer(world: World) -> str:
    """A query whose answer has a million characters."""
    await Member.filter(id=world.owner.id).update(name="x" * 200)
    ids = ", ".join([f'"{global_id("Member", world.owner.id)}"'] * 100)
    names = " ".join(f"n{number}: name" for number in range(50))
    return f"{{ nodes(ids: [{ids}]) {{ ... on Member {{ {names} }} }} }}"


@asynccontextmanager
async def serving(
    world: World, url: str, bounds: StreamBounds, **differences: Any
) -> AsyncIterator[Local]:
    port = free_port()
    public_url = f"http://127.0.0.1:{port}"
    settings = Settings(
        database_url=url, public_url=public_url, secret_keys=("unused",), **differences
    )
    app = application(settings, stream_bounds=bounds)
    server = uvicorn.Server(
        server_configuration(app, lifespan="off", log_level="warning", access_log=False)
    )
    bound = listening("127.0.0.1", port)
    async with hearing(), httpx.AsyncClient() as http:
        running = asyncio.create_task(server.serve(sockets=[bound]))
        async with asyncio.timeout(SECONDS):
            while not server.started:  # noqa: ASYNC110 - neither has uvicorn
                await asyncio.sleep(0.01)
        await http.get(f"{public_url}/healthz")
        yield Local(app, public_url, world)
        app.state.stopping.set()
        server.should_exit = True
        await running
