"""Who is calling is asked when the whole request is here, however long it takes to come."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest

from gateway import body
from gateway.authenticate import CLIENT_HEADER, SESSION_COOKIE
from identity import assignments
from identity.credentials import sessions
from models import Assignment, BuiltinRole, Member
from models.clock import now
from models.session import EndReason
from tests.clock import MovableClock
from tests.door import Person, sign_in, slowly
from tests.world import World, at_workspace

ASKED = "{ viewer { name } workspaces { campaigns { nodes { name body } } } }"

Meanwhile = Callable[[], Awaitable[None]]


async def sent_slowly(person: Person, meanwhile: Meanwhile) -> httpx.Response:
    """The answer to a request whose last byte comes after something else has happened."""
    headers = {
        CLIENT_HEADER: "tests",
        "cookie": f"{SESSION_COOKIE}={person.token}",
        "content-type": "application/json",
    }
    body = slowly({"query": ASKED}, meanwhile)
    return await person.http.post("/graphql", content=body, headers=headers)


@pytest.fixture
async def vera(
    movable_clock: MovableClock, http: httpx.AsyncClient, world: World
) -> tuple[Member, Person]:
    """A Viewer of everything, where there is something to see."""
    await world.campaign(world.a, "Secret")
    member = await world.member("Vera")
    await world.give(member, BuiltinRole.VIEWER, world.everywhere)
    return member, await sign_in(http, world, member)


@pytest.mark.parametrize("known", [False, True])
async def test_a_session_that_ends_meanwhile_is_not_answered(
    vera: tuple[Member, Person], known: bool
) -> None:
    member, person = vera
    if known:
        await person.data(ASKED)

    async def end() -> None:
        await sessions.end_of(member, EndReason.LOGGED_OUT)

    response = await sent_slowly(person, end)
    assert response.status_code == 401
    assert "Secret" not in response.text


@pytest.mark.parametrize("known", [False, True])
async def test_a_session_that_expires_meanwhile_is_not_answered(
    vera: tuple[Member, Person], movable_clock: MovableClock, known: bool
) -> None:
    _, person = vera
    if known:
        await person.data(ASKED)

    async def wait() -> None:
        movable_clock.move(timedelta(days=8))

    response = await sent_slowly(person, wait)
    assert response.status_code == 401
    assert "Secret" not in response.text


@pytest.mark.parametrize("known", [False, True])
async def test_a_role_that_is_taken_meanwhile_shows_nothing_more(
    world: World, vera: tuple[Member, Person], known: bool
) -> None:
    member, person = vera
    if known:
        await person.data(ASKED)

    async def take() -> None:
        held = await Assignment.get(principal_id=member.id)
        await assignments.unassign(world.operator, held.id)

    response = await sent_slowly(person, take)
    assert response.json()["data"] == {"viewer": {"name": "Vera"}, "workspaces": []}


async def test_a_role_that_ends_meanwhile_shows_nothing_more(
    http: httpx.AsyncClient, world: World, movable_clock: MovableClock
) -> None:
    await world.campaign(world.a, "Secret")
    member = await world.member("Tom")
    given = await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
    await Assignment.filter(id=given.id).update(expires_at=now() + timedelta(seconds=30))
    person = await sign_in(http, world, member)
    await person.data(ASKED)

    async def wait() -> None:
        movable_clock.move(timedelta(seconds=45))

    response = await sent_slowly(person, wait)
    assert response.json()["data"]["workspaces"] == []


async def test_a_body_that_never_ends_is_given_up(
    vera: tuple[Member, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "READ_WITHIN", 0.05)

    async def forever() -> None:
        await asyncio.Event().wait()

    response = await sent_slowly(vera[1], forever)
    assert response.status_code == 408
    assert response.json()["errors"][0]["message"] == "Send the whole body within 0.05 seconds."
