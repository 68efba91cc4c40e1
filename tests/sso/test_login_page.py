"""The page that asks for the organization, and where one may go after signing in."""

import asyncio
from datetime import timedelta

import pytest

from models import Connection, ConnectionStatus, LoginAttempt
from models.clock import now
from models.login_attempt import LoginMethod
from tests.clock import MovableClock
from tests.sso.browser import Browser, reason_of
from tests.sso.conftest import add_connection
from tests.world import World, new_world


async def test_it_offers_the_connections_of_the_organization(
    browser: Browser, world: World, connection: Connection
) -> None:
    await add_connection(await new_world("globex"), "https://id.globex.example", name="Globex ID")
    page = await browser.get("/auth/login?organization=ACME&return_to=/graphiql%3Fa%3D1%26b%3D2")

    assert page.status_code == 200
    address = f"/auth/start/{connection.id}?return_to=%2Fgraphiql%3Fa%3D1%26b%3D2"
    assert f'<a class="button" href="{address}">Acme ID</a>' in page.text
    assert "Globex" not in page.text


async def test_an_unknown_organization_looks_like_one_without_connections(
    browser: Browser, world: World
) -> None:
    known = await browser.get("/auth/login?organization=acme")
    unknown = await browser.get("/auth/login?organization=nope")

    assert known.text.replace("acme", "nope") == unknown.text.replace("acme-mail", "nope-mail")
    assert (known.status_code, unknown.status_code) == (200, 200)
    assert "No sign-in is offered under that name." in unknown.text


@pytest.mark.parametrize("slug", ["%00", "%ED%A0%80", "../etc", "a" * 500])
async def test_what_is_no_slug_is_unknown(slug: str, browser: Browser, world: World) -> None:
    page = await browser.get(f"/auth/login?organization={slug}")

    assert page.status_code == 200
    assert "/auth/start/" not in page.text


async def test_what_is_typed_is_escaped(browser: Browser, world: World) -> None:
    page = await browser.get('/auth/login?organization="><script>alert(1)</script>')

    assert "<script" not in page.text
    assert "&quot;&gt;&lt;script&gt;" in page.text


async def test_a_connection_that_is_switched_off_is_not_offered(
    browser: Browser, world: World, connection: Connection
) -> None:
    await Connection.filter(id=connection.id).update(status=ConnectionStatus.DISABLED)
    page = await browser.get("/auth/login?organization=acme")

    assert "/auth/start/" not in page.text


ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/a\nb",
    "javascript:alert(1)",
    "evil.example",
    "",
    " /",
    "/ä",
    "/" + "a" * 500,
]


@pytest.mark.parametrize("return_to", ELSEWHERE)
@pytest.mark.parametrize("door", ["/auth/login", "/auth/start/{connection}"])
async def test_nobody_is_sent_to_another_site(
    door: str, return_to: str, browser: Browser, connection: Connection
) -> None:
    answer = await browser.get(door.format(connection=connection.id), {"return_to": return_to})

    assert (answer.status_code, reason_of(answer)) == (400, "bad_input")
    assert await LoginAttempt.all().count() == 0
    assert browser.jar == {}


@pytest.mark.parametrize("return_to", ["/", "/graphiql?query=%7Bviewer%7D#top", "/a/b;c=d?e=//f"])
async def test_a_path_of_this_site_is_kept(
    return_to: str, browser: Browser, connection: Connection
) -> None:
    await browser.start(connection.id, return_to)

    assert (await LoginAttempt.get()).return_to == return_to


async def attempts_over_since(connection: Connection, age: timedelta, how_many: int) -> None:
    for _ in range(how_many):
        await LoginAttempt.create(
            organization_id=connection.organization_id,
            method=LoginMethod.OIDC,
            connection=connection,
            expires_at=now() - age,
        )


async def test_attempts_long_over_go_when_new_ones_begin(
    movable_clock: MovableClock, browser: Browser, connection: Connection
) -> None:
    await attempts_over_since(connection, timedelta(days=1, seconds=1), 25)
    await attempts_over_since(connection, timedelta(hours=23), 3)
    await browser.start(connection.id)
    assert await LoginAttempt.all().count() == 25 - 20 + 3 + 1
    await browser.start(connection.id)

    assert await LoginAttempt.all().count() == 3 + 2
    assert await LoginAttempt.filter(expires_at__lt=now() - timedelta(days=1)).count() == 0


async def test_starting_at_once_forgets_each_attempt_once(connection: Connection) -> None:
    await attempts_over_since(connection, timedelta(days=2), 50)
    answers = await asyncio.gather(
        *(Browser().get(f"/auth/start/{connection.id}") for _ in range(6))
    )

    assert [answer.status_code for answer in answers] == [302] * 6
    assert await LoginAttempt.all().count() == 6
