"""scim2-tester's whole run against the real application, over a socket, on both databases."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import httpx
import uvicorn
from scim2_client import BaseSyncSCIMClient
from scim2_client.client import RawResponse
from scim2_tester import Status, check_server

from gateway.app import application
from gateway.settings import Settings
from identity.credentials import scim_tokens
from models.database import opened
from tests.conftest import SECRET_KEYS
from tests.world import new_world


class HttpxClient(BaseSyncSCIMClient):
    """scim2-client over httpx; the engines it comes with need other libraries."""

    def __init__(self, http: httpx.Client) -> None:
        super().__init__()
        self.http = http

    def _stays_under_base_url(self, endpoint: str) -> bool:
        return str(self.http.build_request("GET", endpoint).url).startswith(str(self.http.base_url))

    def _parse_json(self, response: RawResponse) -> Any:
        return cast("httpx.Response", response).json()

    def request(self, method: str, url: str, **kwargs: Any) -> httpx.Response:
        return self.http.request(method, url, **kwargs)


async def _token(database_url: str) -> str:
    async with opened(database_url, SECRET_KEYS):
        world = await new_world("acme")
        _, token = await scim_tokens.create(world.operator, name="Directory")
    return token


@contextmanager
def served(database_url: str) -> Iterator[str]:
    """The application in a thread; where it listens."""
    settings = Settings(database_url=database_url, secret_keys=tuple(SECRET_KEYS))
    config = uvicorn.Config(application(settings), host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/scim/v2"
    finally:
        server.should_exit = True
        thread.join()


def test_every_check_passes(database_url: str) -> None:
    headers = {"Authorization": f"Bearer {asyncio.run(_token(database_url))}"}
    with (
        served(database_url) as base_url,
        httpx.Client(base_url=base_url, headers=headers) as http,
    ):
        results = check_server(HttpxClient(http))

    failed = [f"{each.title}: {each.reason}" for each in results if each.status != Status.SUCCESS]
    assert failed == [], failed
    assert len(results) == 135
