"""A session's life: the next request, time, and log-out."""

from datetime import timedelta

import pytest

from gateway.authenticate import CLIENT_HEADER
from identity.credentials import sessions
from identity.credentials.limits import SessionLimits
from identity.refusals import Unauthenticated
from identity.subject import Origin
from models import AuditEvent, EndReason, Member, MemberStatus, Session
from models.secret import token_hash
from tests.clock import MovableClock
from tests.sso.browser import PUBLIC_URL, SESSION, Browser
from tests.world import World

LIMITS = SessionLimits(idle=timedelta(hours=8), absolute=timedelta(days=7))
BY_SCRIPT = {"content-type": "application/json", CLIENT_HEADER: "test"}


async def is_live(token: str) -> bool:
    try:
        subject = await sessions.authenticate(token, limits=LIMITS, origin=Origin())
    except Unauthenticated:
        return False
    return subject.actor_name == "olga@acme.example"


async def test_the_token_is_stored_as_a_hash(world: World) -> None:
    token = await world.session(world.owner)
    session = await Session.get()

    assert session.token_hash == token_hash(token)
    assert token not in {str(value) for value in vars(session).values()}
    assert len(token) == 43


async def test_idle_for_too_long(movable_clock: MovableClock, world: World) -> None:
    token = await world.session(world.owner)
    movable_clock.move(LIMITS.idle - timedelta(seconds=1))
    assert await is_live(token), "this use is what keeps it alive"
    movable_clock.move(LIMITS.idle - timedelta(seconds=1))
    assert await is_live(token)
    movable_clock.move(LIMITS.idle)
    assert not await is_live(token)


async def test_too_old_however_busy(movable_clock: MovableClock, world: World) -> None:
    token = await world.session(world.owner)
    hours = int(LIMITS.absolute.total_seconds() // 3600)
    for _ in range(hours - 1):
        movable_clock.move(timedelta(hours=1))
        assert await is_live(token)
    movable_clock.move(timedelta(hours=1))
    assert not await is_live(token)


async def test_last_seen_is_written_once_a_minute(
    movable_clock: MovableClock, world: World
) -> None:
    token = await world.session(world.owner)
    began = movable_clock()
    movable_clock.move(timedelta(seconds=59))
    assert await is_live(token)
    assert (await Session.get()).last_seen_at == began
    movable_clock.move(timedelta(seconds=1))
    assert await is_live(token)
    assert (await Session.get()).last_seen_at == began + timedelta(minutes=1)


async def test_a_suspended_member_is_out_at_once(world: World) -> None:
    token = await world.session(world.owner)
    await Member.filter(id=world.owner.id).update(status=MemberStatus.SUSPENDED)

    assert not await is_live(token)


@pytest.mark.parametrize("token", ["", "invented", "x" * 10_000])
async def test_an_invented_token_is_nobody(token: str, world: World) -> None:
    assert not await is_live(token)


@pytest.fixture
async def signed_in(browser: Browser, world: World) -> Browser:
    browser.jar[SESSION] = await world.session(world.owner)
    return browser


async def test_a_script_logs_out(signed_in: Browser, world: World) -> None:
    token = signed_in.jar[SESSION]
    answer = await signed_in.post("/auth/logout", headers=BY_SCRIPT)

    assert (answer.status_code, answer.content) == (204, b"")
    assert signed_in.jar == {}
    assert signed_in.set_cookies[SESSION]["samesite"] == "strict"
    assert (await Session.get()).end_reason is EndReason.LOGGED_OUT
    assert not await is_live(token), "the next request"
    event = (await world.events())[-1]
    assert (event.action, event.actor_id) == ("session.sign_out", world.owner.id)


async def test_a_form_logs_out(signed_in: Browser) -> None:
    answer = await signed_in.post("/auth/logout")

    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/login")
    assert signed_in.jar == {}
    assert (await Session.get()).end_reason is EndReason.LOGGED_OUT


@pytest.mark.parametrize("authorization", ["Bearer x", "Basic YTpi", ""])
async def test_another_credential_keeps_no_session_alive(
    authorization: str, signed_in: Browser, world: World
) -> None:
    token = signed_in.jar[SESSION]
    answer = await signed_in.post(
        "/auth/logout", headers={**BY_SCRIPT, "authorization": authorization}
    )

    assert answer.status_code == 204
    assert signed_in.jar == {}
    assert (await Session.get()).end_reason is EndReason.LOGGED_OUT
    assert not await is_live(token)
    assert [event.action for event in await world.events()][-1] == "session.sign_out"


async def test_logging_out_without_a_cookie_ends_nothing(browser: Browser, world: World) -> None:
    token = await world.session(world.owner)
    answer = await browser.post("/auth/logout", headers=BY_SCRIPT)

    assert answer.status_code == 204
    assert await is_live(token)


async def test_logging_out_twice_is_no_failure(signed_in: Browser, world: World) -> None:
    token = signed_in.jar[SESSION]
    await signed_in.post("/auth/logout")
    signed_in.jar[SESSION] = token
    answer = await signed_in.post("/auth/logout", headers=BY_SCRIPT)

    assert answer.status_code == 204
    assert signed_in.jar == {}
    assert await AuditEvent.filter(action="session.sign_out").count() == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"content-type": "application/json", "origin": PUBLIC_URL},
        {"content-type": "text/plain", "origin": PUBLIC_URL},
    ],
)
async def test_another_site_cannot_log_anybody_out(
    headers: dict[str, str], signed_in: Browser
) -> None:
    answer = await signed_in.post("/auth/logout", headers=headers)

    assert answer.status_code == 403
    assert (await Session.get()).ended_at is None
    assert SESSION in signed_in.jar
    assert (await signed_in.get("/who-am-i")).status_code == 200
