"""graphql-sse: who gets a stream, what a reservation is good for, and how a stream ends."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest

from gateway.authenticate import SESSION_COOKIE
from gateway.streams.bounds import StreamBounds
from gateway.streams.reservations import Reservations
from identity import trusted_documents
from identity.credentials import sessions
from identity.facts import board
from identity.subject import Origin
from models import AuditEvent, BuiltinRole, EndReason, Role, Session, Workspace
from tests.door import slowly
from tests.streams.local import SECONDS, Local, long_answer, serving
from tests.world import World, new_world

TOKEN = "x-graphql-event-stream-token"
ACCESS = {"query": "subscription { accessChanged { accessRevision } }"}
VIEWER = {"query": "{ viewer { name } }"}
MAKE = {"query": 'mutation { createRole(input: {name: "X"}) { role { id } } }'}
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


def reason(body: Any) -> str:
    return str(body["errors"][0]["extensions"]["reason"])


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"origin": "https://evil.example"}, (403, "FORBIDDEN")),
        ({"sec-fetch-site": "cross-site"}, (403, "FORBIDDEN")),
        ({"x-gatepost-client": None}, (403, "FORBIDDEN")),
        ({"cookie": None}, (401, "UNAUTHENTICATED")),
        ({"idempotency-key": "k"}, (400, "BAD_INPUT")),
        ({"authorization": "Bearer x"}, (400, "BAD_INPUT")),
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


async def test_what_the_operations_of_a_stream_hold_has_a_limit(
    world: World, database: str
) -> None:
    """Before the stream is open, while they run, and no longer: a request stays with what runs."""
    async with (
        serving(world, database, replace(BOUNDS, operations=5, held=2_000)) as local,
        httpx.AsyncClient(base_url=local.url, timeout=SECONDS) as http,
    ):
        reserved = await reserve(http, await local.headers(world.owner))

        async def start(name: str) -> httpx.Response:
            body = {**operation(name), "variables": {"unused": "x" * 800}}
            return await http.post("/graphql/stream", json=body, headers=reserved)

        async def stop(name: str) -> None:
            await http.delete("/graphql/stream", params={"operationId": name}, headers=reserved)

        assert [(await start(name)).status_code for name in "ab"] == [202, 202]
        refused = await start("c")
        assert code(refused) == (429, "RATE_LIMITED")
        assert refused.json()["errors"][0]["extensions"]["limit"] == 2_000
        await stop("a")
        assert (await start("c")).status_code == 202
        async with stream(http, reserved) as events:
            assert {(await events.next())[1]["id"] for _ in range(2)} == {"b", "c"}
            assert code(await start("d")) == (429, "RATE_LIMITED")
            await stop("b")
            assert (await start("d")).status_code == 202
            assert (await events.next())[1]["id"] == "d"
        await local.nothing_open()


async def test_an_organization_cannot_take_the_places_of_the_others(
    world: World, database: str
) -> None:
    other = await new_world("globex")
    async with (
        serving(world, database, replace(BOUNDS, per_organization=2, per_process=4)) as local,
        httpx.AsyncClient(base_url=local.url, timeout=SECONDS) as http,
    ):
        mine = [await local.headers(await world.member(name)) for name in ("Mia", "Max", "Moe")]
        await reserve(http, mine[0])
        await reserve(http, mine[1])
        refused = await http.put("/graphql/stream", headers=mine[2])
        assert code(refused) == (429, "RATE_LIMITED")
        assert refused.json()["errors"][0]["extensions"]["limit"] == 2
        theirs = {**mine[0], "cookie": f"{SESSION_COOKIE}={await other.session(other.owner)}"}
        await reserve(http, theirs)
        assert local.open_streams == 3


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


async def test_where_trusted_documents_are_required_nothing_else_runs(
    world: World, database: str
) -> None:
    await trusted_documents.add({"who": VIEWER["query"]}, origin=Origin())
    before = (await Role.all().count(), await AuditEvent.all().count())
    async with (
        serving(world, database, BOUNDS, graphql_trusted_documents="required") as local,
        httpx.AsyncClient(base_url=local.url, timeout=SECONDS) as http,
    ):
        headers = await local.headers(world.owner)
        reserved = await reserve(http, headers)
        for own in (MAKE, ACCESS):
            async with stream(http, headers, own) as events:
                name, result = await events.next()
                assert (name, reason(result)) == ("next", "DOCUMENT_NOT_TRUSTED")
                assert await events.next() == ("complete", None)
            by_address = await http.get("/graphql/stream", params=own, headers=headers)
            sent = await http.post("/graphql/stream", json=operation("a", own), headers=reserved)
            for refused in (by_address, sent):
                assert refused.status_code == 403
                assert reason(refused.json()) == "DOCUMENT_NOT_TRUSTED"
        async with stream(http, headers, {"documentId": "who"}) as events:
            assert (await events.next())[1]["data"] == {"viewer": {"name": world.owner.name}}
    assert (await Role.all().count(), await AuditEvent.all().count()) == before


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


@pytest.mark.parametrize("reserved", [False, True])
async def test_a_session_that_ends_while_the_body_comes_gets_no_stream(
    world: World, database: str, reserved: bool
) -> None:
    async def end() -> None:
        await sessions.end_of(world.owner, EndReason.LOGGED_OUT)

    async with (
        serving(world, database, replace(BOUNDS, to_begin=1)) as local,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(local.app),
            base_url=local.url,  # reads nothing ahead
        ) as http,
        asyncio.timeout(SECONDS),
    ):
        headers = await local.headers(world.owner)
        if reserved:
            headers = await reserve(http, headers)
        session = await Session.get()
        sent = {**headers, "accept": "text/event-stream", "content-type": "application/json"}
        response = await http.post(
            "/graphql/stream", content=slowly(operation("a"), end), headers=sent
        )
        assert code(response) == (401, "UNAUTHENTICATED")
        assert local.open_streams == reserved
        if reserved:
            reservations: Reservations = local.app.state.stream_reservations
            assert reservations.find(headers[TOKEN], session.id).operations.ids == []
            await local.nothing_open()


async def test_who_does_not_read_is_let_go(world: World, database: str) -> None:
    """What is sent fills the buffers between the two; memory does not grow behind them."""
    long = {"query": await long_answer(world)}
    async with (
        serving(world, database, replace(BOUNDS, operations=20, to_begin=60, to_take=1)) as local,
        httpx.AsyncClient(base_url=local.url, timeout=SECONDS) as http,
    ):
        reserved = await reserve(http, await local.headers(world.owner))
        url = httpx.URL(local.stream)
        _, writer = await asyncio.open_connection(url.host, url.port, limit=1)
        head = "".join(f"{name}: {value}\r\n" for name, value in reserved.items())
        writer.write(f"GET {url.path} HTTP/1.1\r\nhost: {url.host}\r\n{head}\r\n".encode())

        async def flood() -> None:
            for number in itertools.count():
                body = operation(str(number), long)
                await http.post("/graphql/stream", json=body, headers=reserved)

        flooding = asyncio.create_task(flood())
        await local.nothing_open()
        flooding.cancel()
        writer.transport.abort()


async def test_streams_end_when_the_process_is_told_to_stop(
    local: Local, http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    async with stream(http, headers, ACCESS) as events:
        await events.next()
        local.app.state.stopping.set()
        await events.over()  # without `complete`, so that the client connects elsewhere
