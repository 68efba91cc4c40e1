"""Nobody is switched into another organization unasked."""

import httpx
import pytest

from identity.sso import domains
from models import AuditEvent, Connection, EndReason, LoginAttempt, Member, Session, ViaType
from tests.sso.browser import SESSION, Browser, agreement, finish_code, prove, reason_of
from tests.sso.conftest import add_connection
from tests.sso.hostile_provider import HostileProvider
from tests.world import World, new_world

AT_ONCE = '<script src="/static/sign_in/finish.js" defer></script>'


async def proven_from(
    site: str | None, browser: Browser, hostile: HostileProvider, connection: Connection
) -> httpx.Response:
    headers = {"sec-fetch-site": site} if site else {}
    answer = await browser.get(f"/auth/start/{connection.id}", headers=headers)
    assert answer.status_code == 302, answer.text
    return await browser.get(hostile.sign_in(answer.headers["location"]))


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_what_another_site_began_asks_before_it_signs_in(
    site: str, browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    page = await proven_from(site, browser, hostile, connection)

    assert page.status_code == 200
    assert "<script" not in page.text
    assert "<strong>Bob</strong>" in page.text
    assert "<strong>Acme</strong>" in page.text
    assert "<button>Continue</button>" in page.text
    assert await Session.all().count() == 0
    assert (await browser.finish(page)).status_code == 303
    assert (await Session.get()).member_id == bob.id


@pytest.mark.parametrize("site", ["same-origin", "none", None])
async def test_what_the_person_began_goes_on_by_itself(
    site: str | None,
    browser: Browser,
    bob: Member,
    connection: Connection,
    hostile: HostileProvider,
) -> None:
    page = await proven_from(site, browser, hostile, connection)

    assert AT_ONCE in page.text


@pytest.fixture
async def trap(world: World, hostile: HostileProvider) -> Connection:
    """The connection of a hostile organization, in which everybody is Mallory."""
    evil = await new_world("evil")
    await domains.verify_by_operator(evil.operator, "evil.example")
    mallory = await evil.member("Mallory")
    await Member.filter(id=mallory.id).update(name="<Mallory>")
    hostile.claims = {"sub": "mallory", "email": "mallory@evil.example"}
    return await add_connection(evil, hostile.issuer)


@pytest.fixture
async def asked(
    world: World, browser: Browser, trap: Connection, hostile: HostileProvider
) -> httpx.Response:
    """The answer to the hostile sign-in's second step, in the browser of Acme's owner."""
    page = await prove(browser, hostile, trap)
    browser.jar[SESSION] = await world.session(world.owner)
    return await browser.post("/auth/finish", {"code": finish_code(page)})


async def assert_still_signed_in(browser: Browser, world: World) -> None:
    session = await Session.get()
    assert (session.member_id, session.ended_at) == (world.owner.id, None)
    who = (await browser.get("/who-am-i")).json()
    assert who == {"name": world.owner.name, "session": str(session.id)}
    assert await AuditEvent.filter(action__startswith="session.").count() == 0


async def test_another_members_session_does_not_end_unasked(
    asked: httpx.Response, browser: Browser, world: World
) -> None:
    assert (asked.status_code, asked.headers.get_list("set-cookie")) == (200, [])
    assert "<script" not in asked.text
    assert f"<strong>{world.owner.name}</strong>" in asked.text
    assert "<strong>Acme</strong>" in asked.text
    assert "<strong>&lt;Mallory&gt;</strong>" in asked.text
    assert "<strong>Evil</strong>" in asked.text
    assert asked.headers["cache-control"] == "no-store"
    assert (await LoginAttempt.get()).finished_at is None
    await assert_still_signed_in(browser, world)


async def test_who_agrees_is_signed_out_in_their_own_organizations_log(
    asked: httpx.Response, browser: Browser, world: World, trap: Connection
) -> None:
    old = await Session.get()
    done = await browser.post("/auth/finish", agreement(asked))

    assert done.status_code == 303
    ended, new = await Session.all().order_by("id")
    assert (ended.id, ended.end_reason) == (old.id, EndReason.REPLACED)
    assert (new.organization_id, new.ended_at) == (trap.organization_id, None)
    event = await AuditEvent.get(action="session.sign_out")
    assert event.organization_id == world.organization.id
    assert (event.actor_id, event.actor_name) == (world.owner.id, world.owner.name)
    assert (event.via, event.via_id, event.reason) == (ViaType.SESSION, old.id, "replaced")
    assert (event.target_type, event.target_id) == ("session", old.id)
    assert event.ip == "192.0.2.7"
    assert (await AuditEvent.get(action="session.sign_in")).organization_id == trap.organization_id


@pytest.mark.parametrize("agreed", ["", "yes", "01900000-0000-7000-8000-000000000001"])
async def test_agreeing_is_to_one_session(
    agreed: str, asked: httpx.Response, browser: Browser, world: World
) -> None:
    fields = {"code": finish_code(asked), "sign_out": agreed}
    again = await browser.post("/auth/finish", fields)

    assert (again.status_code, agreement(again)) == (200, agreement(asked))
    await assert_still_signed_in(browser, world)


async def test_another_site_cannot_agree(
    asked: httpx.Response, browser: Browser, world: World
) -> None:
    elsewhere = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    answer = await browser.post("/auth/finish", agreement(asked), headers=elsewhere)

    assert (answer.status_code, reason_of(answer)) == (403, "forbidden")
    await assert_still_signed_in(browser, world)


async def test_without_the_flow_cookie_nobody_learns_who_is_signed_in(
    asked: httpx.Response, browser: Browser, world: World
) -> None:
    other = Browser(jar={SESSION: browser.jar[SESSION]})
    answer = await other.post("/auth/finish", {"code": finish_code(asked)})

    assert (answer.status_code, reason_of(answer)) == (401, "other_browser")
    assert world.owner.name not in answer.text


async def test_a_session_that_is_over_asks_nothing(
    world: World, browser: Browser, trap: Connection, hostile: HostileProvider
) -> None:
    page = await prove(browser, hostile, trap)
    browser.jar[SESSION] = await world.session(world.owner)
    await Session.all().update(ended_at=(await Session.get()).created_at)

    assert (await browser.finish(page)).status_code == 303
    assert await AuditEvent.filter(action="session.sign_out").count() == 0
