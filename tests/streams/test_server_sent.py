"""graphql-sse: who gets a stream, what a reservation is good for, and how a stream ends."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest

from gateway.streams.bounds import StreamBounds
from identity.facts import board
from models import BuiltinRole, Workspace
from tests.streams.local import SECONDS, Local, serving
from tests.world import World

TOKEN = "x-graphql-event-stream-token"
ACCESS = {"query": "subscription { accessChanged { accessRevision } }"}
VIEWER = {"query": "{ viewer { name } }"}
BOUNDS = StreamBounds(per_session=2, per_process=3, operations=2, to_begin=5, between_signs=0.2)


@pytest.fixture
async def local(world: World, database: str) -> AsyncIterator[Local]:
    async with serving(world, database, BOUNDS) as found:
        yield found
        await found.nothing_open()
    assert board._watches == {}


@pytest.fixture
async def headers(local: Local) -> dict[str, str]:
    """The owner's."""
    return await local.headers(local.world.owner)


@pytest.fixture
async def http(local: Local) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=local.url, timeout=SECONDS) as client:
        yield client


class Events:
    """An event stream, read event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def signs_of_life(self, count: int) -> None:
        async with asyncio.timeout(SECONDS):
            while count:
                count -= await anext(self._lines) == ":"

    async def next(self) -> tuple[str, Any]:
        name = ""
        async with asyncio.timeout(SECONDS):
            async for line in self._lines:
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data:"):
                    data = line.removeprefix("data:").strip()
                    return name, orjson.loads(data) if data else None
        raise AssertionError("the stream is over")

    async def over(self) -> None:
        """Waits for the end; there is no event before."""
        async with asyncio.timeout(SECONDS):
            async for line in self._lines:
                assert line in (":", ""), line


@asynccontextmanager
async def stream(
    http: httpx.AsyncClient, headers: Mapping[str, str], body: Any = None, **more: Any
) -> AsyncIterator[Events]:
    sent = {**headers, "accept": "text/event-stream"}
    method = "GET" if body is None else "POST"
    async with http.stream(method, "/graphql/stream", json=body, headers=sent, **more) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["cache-control"] == "no-store"
        yield Events(response)


async def reserve(http: httpx.AsyncClient, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with the token of a new reservation."""
    response = await http.put("/graphql/stream", headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (
        201,
        "text/plain; charset=utf-8",
    )
    assert len(response.text) >= 43
    return {**headers, TOKEN: response.text}


def operation(operation_id: str, body: Mapping[str, Any] = ACCESS) -> dict[str, Any]:
    return {**body, "extensions": {"operationId": operation_id}}


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["extensions"]["code"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"origin": "https://evil.example"}, (403, "FORBIDDEN")),
        ({"sec-fetch-site": "cross-site"}, (403, "FORBIDDEN")),
        ({"x-gatepost-client": None}, (403, "FORBIDDEN")),
        ({"cookie": None}, (401, "UNAUTHENTICATED")),
        ({"authorization": "Bearer x"}, (401, "UNAUTHENTICATED")),
        ({"idempotency-key": "one-and-only"}, (400, "BAD_INPUT")),
    ],
)
async def test_each_request_is_checked_like_any_other(
    local: Local,
    http: httpx.AsyncClient,
    headers: dict[str, str],
    method: str,
    changes: dict[str, str | None],
    answer: tuple[int, str],
) -> None:
    sent = {name: value for name, value in {**headers, **changes}.items() if value is not None}
    sent["accept"] = "text/event-stream, application/json"
    body = ACCESS if method == "POST" else None
    response = await http.request(method, "/graphql/stream", json=body, headers=sent)
    assert code(response) == answer
    assert local.open_streams == 0


@pytest.mark.parametrize("method", ["PATCH", "HEAD"])
async def test_other_methods_are_refused(
    http: httpx.AsyncClient, headers: dict[str, str], method: str
) -> None:
    response = await http.request(method, "/graphql/stream", headers=headers)
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) >= {"GET", "POST", "PUT", "DELETE"}


async def test_a_distinct_stream_ends_with_its_operation(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    async with stream(http, headers, VIEWER) as events:
        name, result = await events.next()
        assert (name, result["data"]) == ("next", {"viewer": {"name": "olga@acme.example"}})
        assert await events.next() == ("complete", None)
        await events.over()
    async with stream(http, headers, {"query": "{ nothing }"}) as events:
        name, result = await events.next()
        assert (name, result["errors"][0]["extensions"]["code"]) == ("next", "BAD_INPUT")
        assert await events.next() == ("complete", None)


async def test_a_get_reads_and_changes_nothing(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    async with stream(http, headers, params=VIEWER) as events:
        assert (await events.next())[0] == "next"
    sent = {**headers, "accept": "text/event-stream"}
    query = 'mutation { createWorkspace(input: {name: "N", slug: "new"}) { workspace { id } } }'
    refused = await http.get("/graphql/stream", params={"query": query}, headers=sent)
    assert refused.status_code == 405
    assert not await Workspace.exists(slug="new")


async def test_who_accepts_no_event_stream_gets_none(
    local: Local, http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    sent = {**headers, "accept": "application/json"}
    response = await http.post("/graphql/stream", json=ACCESS, headers=sent)
    assert code(response) == (406, "BAD_INPUT")
    assert local.open_streams == 0


async def test_a_quiet_stream_gives_signs_of_life(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    async with stream(http, headers, ACCESS) as events:
        assert (await events.next())[0] == "next"
        await events.signs_of_life(3)


async def test_a_reserved_stream_carries_several_operations(
    local: Local, http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    reserved = await reserve(http, headers)
    early = await http.post("/graphql/stream", json=operation("a"), headers=reserved)
    assert (early.status_code, early.content) == (202, b"")
    async with stream(http, reserved) as events:
        name, result = await events.next()
        assert (name, result["id"]) == ("next", "a")
        assert result["payload"]["data"]["accessChanged"]["accessRevision"] >= 0
        late = await http.post("/graphql/stream", json=operation("b", VIEWER), headers=reserved)
        assert late.status_code == 202
        assert (await events.next())[1]["id"] == "b"
        assert await events.next() == ("complete", {"id": "b"})
        again = await http.post("/graphql/stream", json=operation("a"), headers=reserved)
        assert code(again) == (409, "CONFLICT")

        stopped = await http.delete(
            "/graphql/stream", params={"operationId": "a"}, headers=reserved
        )
        assert stopped.status_code == 200
        member = await local.world.member("Mia")
        await local.world.give(member, BuiltinRole.VIEWER, local.world.everywhere)
        await http.post("/graphql/stream", json=operation("a", VIEWER), headers=reserved)
        name, result = await events.next()
        assert result["payload"]["data"] == {"viewer": {"name": "olga@acme.example"}}


async def test_a_wrong_request_is_refused_and_not_streamed(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    reserved = await reserve(http, headers)
    for body in ({"query": "{ nothing }", **operation("a", {})}, VIEWER, operation("", VIEWER)):
        response = await http.post("/graphql/stream", json=body, headers=reserved)
        assert code(response) == (400, "BAD_INPUT")
    missing = await http.delete("/graphql/stream", headers=reserved)
    assert code(missing) == (400, "BAD_INPUT")
    async with stream(http, reserved) as events:
        await http.post("/graphql/stream", json=operation("b", VIEWER), headers=reserved)
        assert (await events.next())[1]["id"] == "b"


async def test_the_token_is_good_for_one_stream_of_its_session(
    local: Local, http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    reserved = await reserve(http, headers)
    colleague = await local.world.member("Eve")
    await local.world.give(colleague, BuiltinRole.OWNER, local.world.everywhere)
    for member in (colleague, local.world.owner):  # the same person's other session, too
        stolen = {**await local.headers(member), TOKEN: reserved[TOKEN]}
        with_stream = {**stolen, "accept": "text/event-stream"}
        answers = [
            await http.get("/graphql/stream", headers=with_stream),
            await http.post("/graphql/stream", json=operation("x"), headers=stolen),
            await http.delete("/graphql/stream", params={"operationId": "a"}, headers=stolen),
        ]
        assert [code(each) for each in answers] == [(404, "NOT_FOUND")] * 3
    async with stream(http, reserved) as events:
        second = await http.get(
            "/graphql/stream", headers={**reserved, "accept": "text/event-stream"}
        )
        assert code(second) == (409, "CONFLICT")
        await http.post("/graphql/stream", json=operation("b", VIEWER), headers=reserved)
        assert (await events.next())[1]["id"] == "b"
    await local.nothing_open()
    gone = await http.post("/graphql/stream", json=operation("c"), headers=reserved)
    assert code(gone) == (404, "NOT_FOUND")


async def test_a_reservation_is_kept_for_a_while(world: World, database: str) -> None:
    async with (
        serving(world, database, replace(BOUNDS, to_begin=0.2)) as local,
        httpx.AsyncClient(base_url=local.url) as http,
    ):
        reserved = await reserve(http, await local.headers(world.owner))
        assert local.open_streams == 1
        await local.nothing_open()
        response = await http.post("/graphql/stream", json=operation("a"), headers=reserved)
        assert code(response) == (404, "NOT_FOUND")


async def test_streams_and_operations_have_limits(
    local: Local, http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    reserved = await reserve(http, headers)
    async with stream(http, headers, ACCESS) as one:
        await one.next()
        for refused in (
            await http.put("/graphql/stream", headers=headers),
            await http.post(
                "/graphql/stream", json=ACCESS, headers={**headers, "accept": "text/event-stream"}
            ),
        ):
            assert code(refused) == (429, "RATE_LIMITED")
        other = await local.headers(local.world.owner)
        await reserve(http, other)
        assert code(await http.put("/graphql/stream", headers=other)) == (429, "RATE_LIMITED")
    async with stream(http, reserved) as events:
        for name in ("a", "b"):
            await http.post("/graphql/stream", json=operation(name), headers=reserved)
            assert (await events.next())[1]["id"] == name
        third = await http.post("/graphql/stream", json=operation("c"), headers=reserved)
        assert code(third) == (429, "RATE_LIMITED")


async def test_what_is_streamed_is_counted_like_any_operation(world: World, database: str) -> None:
    async with (
        serving(world, database, BOUNDS, rate_limit_member=10) as local,
        httpx.AsyncClient(base_url=local.url) as http,
    ):
        headers = await local.headers(world.owner)
        async with stream(http, headers, ACCESS) as events:
            name, result = await events.next()
            assert name == "next"
            cost = result["extensions"]["cost"]["requestedQueryCost"]
            member = await world.member("Mia")
            for _ in range(1, 10 // cost):
                assignment = await world.give(member, BuiltinRole.VIEWER, world.everywhere)
                assert "data" in (await events.next())[1]
                await assignment.delete()
            await world.give(member, BuiltinRole.EDITOR, world.everywhere)
            name, result = await events.next()
            assert (name, result.get("data")) == ("next", None)
            assert result["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
            assert await events.next() == ("complete", None)
            await events.over()
        async with stream(http, headers, ACCESS) as events:
            assert (await events.next())[1]["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_credentials_are_not_guessed_at_here_either(world: World, database: str) -> None:
    async with (
        serving(world, database, BOUNDS, rate_limit_failures=2) as local,
        httpx.AsyncClient(base_url=local.url) as http,
    ):
        headers = await local.headers(world.owner)
        wrong = {**headers, "cookie": "__Host-gatepost_session=guess"}
        found = [code(await http.put("/graphql/stream", headers=wrong)) for _ in range(3)]
        assert found == [(401, "UNAUTHENTICATED")] * 2 + [(429, "RATE_LIMITED")]
        assert (await http.put("/graphql/stream", headers=headers)).status_code == 201


async def test_streams_end_when_the_process_is_told_to_stop(
    local: Local, http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    async with stream(http, headers, ACCESS) as events:
        await events.next()
        local.app.state.stopping.set()
        await events.over()  # without `complete`, so that the client connects elsewhere
