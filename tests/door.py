"""The doors as a browser and a service use them: HTTP requests to the whole application."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from gateway.app import application
from gateway.authenticate import CLIENT_HEADER, SESSION_COOKIE
from gateway.settings import Settings
from models.member import Member
from tests.world import World

PUBLIC_URL = "http://127.0.0.1:8000"


def http_client(database_url: str, **differences: Any) -> httpx.AsyncClient:
    """A client of the application, in this process, with the settings that a test gives; the
    database must be open.
    """
    settings = Settings(
        database_url=database_url,
        public_url=PUBLIC_URL,
        secret_keys=("unused: the database is open",),
        allow_loopback_providers=True,
        **differences,
    )
    transport = httpx.ASGITransport(application(settings), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL)


@dataclass(frozen=True, slots=True)
class Person:
    """A signed-in member with a browser."""

    http: httpx.AsyncClient
    token: str

    async def post(self, body: Any, **headers: str) -> httpx.Response:
        sent = {CLIENT_HEADER: "tests", "cookie": f"{SESSION_COOKIE}={self.token}", **headers}
        return await self.http.post("/graphql", json=body, headers=sent)

    async def get(
        self, parameters: Mapping[str, str], *, door: str = "/graphql", **headers: str
    ) -> httpx.Response:
        sent = {CLIENT_HEADER: "tests", "cookie": f"{SESSION_COOKIE}={self.token}", **headers}
        return await self.http.get(door, params=parameters, headers=sent)

    async def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> Any:
        """The whole response body of an operation."""
        response = await self.post({"query": query, "variables": dict(variables or {})})
        assert response.status_code == 200, response.text
        return response.json()

    async def data(self, query: str, variables: Mapping[str, Any] | None = None) -> Any:
        """The data of an operation that must not have errors."""
        body = await self.ask(query, variables)
        assert "errors" not in body, body["errors"]
        return body["data"]


async def sign_in(http: httpx.AsyncClient, world: World, member: Member) -> Person:
    return Person(http, await world.session(member))


async def slowly(body: Any, meanwhile: Callable[[], Awaitable[None]]) -> AsyncIterator[bytes]:
    """The parts of a JSON body; the last byte comes after something else has happened."""
    raw = orjson.dumps(body)
    yield raw[:-1]
    await meanwhile()
    yield raw[-1:]
