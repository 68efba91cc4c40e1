"""The page that asks for the organization, and where one may go after signing in."""

import pytest

from models import Connection, ConnectionStatus, LoginAttempt
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
