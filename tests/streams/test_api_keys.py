"""Streams of API keys: opened by header, ended with whatever the key rests on."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from identity import members
from identity.access.permissions import Permission
from identity.api_keys import issuing
from identity.api_keys.wanted import KeyChange, Limits
from models import BuiltinRole
from tests.keys import personal_key
from tests.streams.local import SECONDS, Local, serving
from tests.streams.test_server_sent import ACCESS, BOUNDS, Events
from tests.world import World

PROTOCOL = Subprotocol("graphql-transport-ws")
READ = Permission.CAMPAIGNS_READ


@pytest.fixture
async def local(world: World, database: str) -> AsyncIterator[Local]:
    async with serving(world, database, BOUNDS) as found:
        yield found
        await found.nothing_open()


@pytest.mark.parametrize("end", ["revoke", "rotate", "suspend", "network"])
async def test_an_open_event_stream_ends_with_its_key(local: Local, end: str) -> None:
    world = local.world
    ada = await world.member("Ada")
    await world.give(ada, BuiltinRole.VIEWER, world.everywhere)
    key, clear = await personal_key(world, ada, READ)
    headers = {"authorization": f"Bearer {clear}", "accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(timeout=SECONDS) as http,
        http.stream("POST", local.stream, json=ACCESS, headers=headers) as response,
    ):
        assert response.status_code == 200
        events = Events(response)
        name, first = await events.next()
        assert (name, "errors" in first) == ("next", False)
        match end:
            case "revoke":
                await issuing.revoke(world.operator, key.id)
            case "rotate":
                await issuing.rotate(world.operator, key.id, overlap=timedelta(0))
            case "suspend":
                await members.suspend(world.operator, ada.id)
            case "network":
                change = KeyChange(networks=["203.0.113.0/24"])
                await issuing.update(world.operator, key.id, change, expected_version=1)
        told = [await events.next()]
        while told[-1][0] != "complete":
            told.append(await events.next())
    codes = [
        error["extensions"]["code"]
        for name, payload in told
        if name == "next"
        for error in payload.get("errors", ())
    ]
    assert codes == ["UNAUTHENTICATED"]


async def test_a_stream_goes_on_while_both_secrets_are_good(local: Local) -> None:
    world = local.world
    key, clear = await personal_key(world, world.owner, READ)
    headers = {"authorization": f"Bearer {clear}", "accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(timeout=SECONDS) as http,
        http.stream("POST", local.stream, json=ACCESS, headers=headers) as response,
    ):
        events = Events(response)
        await events.next()
        await issuing.rotate(world.operator, key.id, overlap=timedelta(hours=1))
        await world.give(await world.member("Ada"), BuiltinRole.VIEWER, world.everywhere)
        name, payload = await events.next()
        assert (name, "errors" in payload) == ("next", False)


async def test_a_socket_takes_a_key_with_its_handshake_and_closes_with_it(local: Local) -> None:
    key, clear = await personal_key(local.world, local.world.owner, READ)
    sent = {"Authorization": f"Bearer {clear}"}
    async with connect(local.socket, subprotocols=[PROTOCOL], additional_headers=sent) as socket:
        await socket.send('{"type": "connection_init"}')
        async with asyncio.timeout(SECONDS):
            assert await socket.recv() == '{"type":"connection_ack"}'
            await issuing.revoke(local.world.operator, key.id)
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


@pytest.mark.parametrize(
    ("cookie", "network", "code"), [(True, None, 4400), (False, "203.0.113.0/24", 4403)]
)
async def test_a_socket_is_refused_as_a_request_is(
    local: Local, cookie: bool, network: str | None, code: int
) -> None:
    limits = Limits(networks=[network] if network else None)
    _, clear = await personal_key(local.world, local.world.owner, READ, limits=limits)
    sent = {"Authorization": f"Bearer {clear}"}
    if cookie:
        sent["Cookie"] = (await local.headers(local.world.owner))["cookie"]
    async with connect(local.socket, subprotocols=[PROTOCOL], additional_headers=sent) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            async with asyncio.timeout(SECONDS):
                await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code
