"""graphql-transport-ws: who gets in, what each message does, with which code a socket closes."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from gateway.streams.bounds import StreamBounds
from identity import trusted_documents
from identity.facts import board
from identity.subject import Origin
from models import AuditEvent, Role
from tests.streams.local import SECONDS, Local, long_answer, serving
from tests.world import World

PROTOCOL = "graphql-transport-ws"
ACCESS = "subscription { accessChanged { accessRevision } }"
MAKE = 'mutation { createRole(input: {name: "X"}) { role { id } } }'
BOUNDS = StreamBounds(per_session=3, per_process=4, operations=2, to_begin=5, to_take=1)


@pytest.fixture
async def local(world: World, database: str) -> AsyncIterator[Local]:
    async with serving(world, database, BOUNDS) as found:
        yield found
        await found.nothing_open()
    assert board._watches == {}


@asynccontextmanager
async def opened(
    local: Local, headers: Mapping[str, str | None] | None = None, *, protocol: str = PROTOCOL
) -> AsyncIterator[ClientConnection]:
    """The owner's socket; a header that is `None` is left out."""
    own: dict[str, str | None] = {
        **await local.headers(local.world.owner),
        **(headers or {}),
    }
    sent = {name: value for name, value in own.items() if value is not None and name != "origin"}
    async with connect(
        local.socket,
        subprotocols=[Subprotocol(protocol)],
        additional_headers=sent,
        origin=own["origin"],  # type: ignore[arg-type]
        compression=None,
        proxy=None,
    ) as socket:
        yield socket


async def say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def hear(socket: ClientConnection) -> Any:
    async with asyncio.timeout(SECONDS):
        return json.loads(await socket.recv())


async def begin(socket: ClientConnection) -> None:
    await say(socket, type="connection_init")
    assert await hear(socket) == {"type": "connection_ack"}


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """The code and reason; nothing else comes before."""
    async with asyncio.timeout(SECONDS):
        with pytest.raises(ConnectionClosed) as error:
            await socket.recv()
    assert error.value.rcvd is not None
    return error.value.rcvd.code, error.value.rcvd.reason


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": None, "sec-fetch-site": "cross-site"},
    ],
)
async def test_another_site_does_not_get_a_socket(
    local: Local, headers: dict[str, str | None]
) -> None:
    with pytest.raises(InvalidStatus) as error:
        async with opened(local, headers):
            pass
    assert error.value.response.status_code == 403
    body = json.loads(error.value.response.body)
    assert body["errors"][0]["extensions"]["reason"] == "CROSS_SITE"
    assert local.open_streams == 0


async def test_a_client_that_is_no_browser_sends_no_origin(local: Local) -> None:
    async with opened(local, {"origin": None}) as socket:
        await begin(socket)


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": None},
        {"cookie": "__Host-gatepost_session=nobody"},
        {"authorization": "Basic x"},
        {"cookie": None, "authorization": "Bearer x"},
    ],
)
async def test_without_a_session_it_closes_at_once(
    local: Local, headers: dict[str, str | None]
) -> None:
    async with opened(local, headers) as socket:
        assert (await closed(socket))[0] == 4401
    assert local.open_streams == 0


async def test_another_protocol_is_not_spoken(local: Local) -> None:
    async with opened(local, protocol="graphql-ws") as socket:
        assert await closed(socket) == (4406, "Subprotocol not acceptable")


async def test_who_says_nothing_is_not_waited_for(world: World, database: str) -> None:
    async with (
        serving(world, database, replace(BOUNDS, to_begin=0.3)) as local,
        opened(local) as socket,
    ):
        assert await closed(socket) == (4408, "Connection initialisation timeout")


@pytest.mark.parametrize(
    ("frames", "close"),
    [
        (["nonsense"], (4400, "Invalid message: not JSON")),
        ([b"{}"], (4400, "Invalid message: not JSON")),
        (["[]"], (4400, "Invalid message: not an object")),
        (["{}"], (4400, "Invalid message: unknown type")),
        (['{"type": "start"}'], (4400, "Invalid message: unknown type")),
        (['{"type": ["ping"]}'], (4400, "Invalid message: unknown type")),
        (
            ['{"type": "connection_init"}', '{"type": "connection_init"}'],
            (4429, "Too many initialisation requests"),
        ),
        (['{"type": "subscribe", "id": "1", "payload": {}}'], (4401, "Unauthorized")),
        (
            ['{"type": "connection_init"}', '{"type": "subscribe", "payload": {}}'],
            (4400, "Invalid message: `id` must be a short text"),
        ),
        (
            ['{"type": "connection_init"}', '{"type": "subscribe", "id": "1"}'],
            (4400, "Invalid message: body: The body must be a JSON object with `query`."),
        ),
        (
            [
                '{"type": "connection_init"}',
                '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
            ],
            (4400, "Invalid message: query: `query` must be a string."),
        ),
    ],
)
async def test_a_wrong_message_closes_with_its_code(
    local: Local, frames: list[str | bytes], close: tuple[int, str]
) -> None:
    async with opened(local) as socket:
        for frame in frames:
            await socket.send(frame)
        if frames[0] == '{"type": "connection_init"}':
            assert await hear(socket) == {"type": "connection_ack"}
        assert await closed(socket) == close


async def test_a_message_has_a_largest_size(local: Local) -> None:
    async with opened(local) as socket:
        await begin(socket)
        await socket.send("x" * 1_000_001)
        assert (await closed(socket))[0] == 1009


async def test_pings_are_answered(local: Local) -> None:
    async with opened(local) as socket:
        await say(socket, type="ping", payload={"a": 1})
        assert await hear(socket) == {"type": "pong"}
        await say(socket, type="pong")
        await begin(socket)


async def test_an_id_is_used_once_at_a_time(local: Local) -> None:
    async with opened(local) as socket:
        await begin(socket)
        for _ in range(2):  # after it is complete the id is free
            await say(socket, type="subscribe", id="a", payload={"query": "{ viewer { name } }"})
            assert (await hear(socket))["type"] == "next"
            assert await hear(socket) == {"type": "complete", "id": "a"}
        await say(socket, type="subscribe", id="a", payload={"query": "{ nothing }"})
        assert (await hear(socket))["type"] == "error"
        await say(socket, type="subscribe", id="a", payload={"query": ACCESS})
        assert (await hear(socket))["type"] == "next"
        await say(socket, type="complete", id="a")
        await say(socket, type="complete", id="never there")
        await say(socket, type="subscribe", id="a", payload={"query": ACCESS})
        assert (await hear(socket))["type"] == "next"
        await say(socket, type="subscribe", id="a", payload={"query": ACCESS})
        assert await closed(socket) == (4409, "Subscriber for a already exists")


async def test_what_is_complete_delivers_nothing_more(local: Local) -> None:
    world = local.world
    async with opened(local) as socket:
        await begin(socket)
        for name in ("a", "b"):
            await say(socket, type="subscribe", id=name, payload={"query": ACCESS})
            assert (await hear(socket))["id"] == name
        await say(socket, type="complete", id="a")
        await say(socket, type="ping")
        assert await hear(socket) == {"type": "pong"}
        member = await world.member("Mia")
        await world.give(member, await world.custom_role("None"), world.everywhere)
        assert (await hear(socket))["id"] == "b"
        await say(socket, type="ping")
        assert await hear(socket) == {"type": "pong"}


async def test_operations_have_a_limit(local: Local) -> None:
    async with opened(local) as socket:
        await begin(socket)
        for name in ("a", "b"):
            await say(socket, type="subscribe", id=name, payload={"query": ACCESS})
            assert (await hear(socket))["type"] == "next"
        await say(socket, type="subscribe", id="c", payload={"query": ACCESS})
        refused = await hear(socket)
        assert (refused["type"], refused["id"]) == ("error", "c")
        assert refused["payload"][0]["extensions"] == {"code": "RATE_LIMITED", "limit": 2}


async def test_what_the_operations_of_a_socket_hold_has_a_limit(
    world: World, database: str
) -> None:
    async with serving(world, database, replace(BOUNDS, held=1_500)) as local:
        async with opened(local) as socket:
            await begin(socket)
            payload = {"query": ACCESS, "variables": {"unused": "x" * 800}}
            await say(socket, type="subscribe", id="a", payload=payload)
            assert (await hear(socket))["type"] == "next"
            await say(socket, type="subscribe", id="b", payload=payload)
            refused = await hear(socket)
            assert (refused["type"], refused["id"]) == ("error", "b")
            assert refused["payload"][0]["extensions"] == {"code": "RATE_LIMITED", "limit": 1_500}
            await say(socket, type="complete", id="a")
            await say(socket, type="ping")
            assert await hear(socket) == {"type": "pong"}
            await say(socket, type="subscribe", id="b", payload=payload)
            assert (await hear(socket))["id"] == "b"
        await local.nothing_open()


async def test_where_trusted_documents_are_required_nothing_else_runs(
    world: World, database: str
) -> None:
    await trusted_documents.add({"access": ACCESS}, origin=Origin())
    before = (await Role.all().count(), await AuditEvent.all().count())
    async with serving(world, database, BOUNDS, graphql_trusted_documents="required") as local:
        async with opened(local) as socket:
            await begin(socket)
            for query in (ACCESS, MAKE):
                await say(socket, type="subscribe", id="a", payload={"query": query})
                refused = await hear(socket)
                assert (refused["type"], refused["id"]) == ("error", "a")
                assert refused["payload"][0]["extensions"]["reason"] == "DOCUMENT_NOT_TRUSTED"
            await say(socket, type="subscribe", id="a", payload={"documentId": "access"})
            assert (await hear(socket))["payload"]["data"].keys() == {"accessChanged"}
        await local.nothing_open()
    assert (await Role.all().count(), await AuditEvent.all().count()) == before


async def test_sockets_have_a_limit_for_each_session_and_in_all(local: Local) -> None:
    headers = await local.headers(local.world.owner)
    async with AsyncExitStack() as stack:
        own = [await stack.enter_async_context(opened(local, headers)) for _ in range(4)]
        assert await closed(own[3]) == (4429, "You have 3 streams open already; close one.")
        other = await stack.enter_async_context(opened(local))
        too_many = await stack.enter_async_context(opened(local))
        assert (await closed(too_many))[0] == 4429
        for socket in (*own[:3], other):
            await begin(socket)
    await local.nothing_open()
    async with opened(local, headers) as again:
        await begin(again)


async def test_who_does_not_read_is_let_go(local: Local) -> None:
    """What is sent fills the buffers between the two; memory does not grow behind them."""
    query = await long_answer(local.world)
    async with opened(local) as socket:
        await begin(socket)
        socket.transport.pause_reading()

        async def flood() -> None:
            for number in itertools.count():
                await say(socket, type="subscribe", id=str(number), payload={"query": query})

        flooding = asyncio.create_task(flood())
        await local.nothing_open()
        flooding.cancel()
        socket.transport.abort()
