"""The second step: a finish code, from a page of ours, in the browser that began, once."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from identity.sso.attempts import ended_by_refusal, somebody
from identity.sso.refused import Reason, SignInRefused
from identity.subject import Origin
from models import (
    Connection,
    ConnectionStatus,
    EndReason,
    LoginAttempt,
    Member,
    MemberStatus,
    Organization,
    Session,
)
from models.organization import Plan
from tests.clock import MovableClock
from tests.sso.browser import (
    SESSION,
    Browser,
    agreement,
    assert_nobody_signed_in,
    denials,
    finish_code,
    prove,
    reason_of,
)
from tests.sso.hostile_provider import HostileProvider
from tests.world import World


@pytest.fixture
async def page(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> httpx.Response:
    """The page at the end of the first step."""
    return await prove(browser, hostile, connection)


async def no_session() -> None:
    assert await Session.all().count() == 0


async def test_the_page_sends_itself_and_has_a_button(page: httpx.Response) -> None:
    assert '<form id="finish" method="post" action="/auth/finish">' in page.text
    assert "<button>Continue</button>" in page.text
    assert '<script src="/static/sign_in/finish.js" defer></script>' in page.text
    assert "<strong>Bob</strong>" in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]


async def test_a_finish_code_counts_once(browser: Browser, page: httpx.Response) -> None:
    cookies = dict(browser.jar)
    first = await browser.finish(page)
    thief = Browser(jar=cookies)
    second = await thief.finish(page)

    assert first.status_code == 303
    assert (second.status_code, reason_of(second)) == (401, "finish_unknown")
    assert SESSION not in thief.jar
    assert await Session.all().count() == 1
    assert (await browser.get("/who-am-i")).status_code == 200
    assert await denials() == []


async def test_of_two_at_the_same_moment_one_gets_in(
    browser: Browser, page: httpx.Response
) -> None:
    tabs = [Browser(jar=dict(browser.jar)) for _ in range(4)]
    answers = await asyncio.gather(*(tab.finish(page) for tab in tabs))

    assert sorted(answer.status_code for answer in answers) == [303, 401, 401, 401]
    assert await Session.all().count() == 1
    assert await denials() == []


async def test_without_the_flow_cookie_nobody_finishes(
    browser: Browser, page: httpx.Response
) -> None:
    thief = Browser()
    answer = await thief.finish(page)

    assert (answer.status_code, reason_of(answer)) == (401, "other_browser")
    assert SESSION not in thief.jar
    assert len(await denials()) == 1
    await no_session()
    assert reason_of(await browser.finish(page)) == "finish_unknown", "the code is burnt"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-site", "origin": "https://sub.gatepost.example"},
        {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site", "origin": "null"},
    ],
)
async def test_another_site_cannot_finish(
    headers: dict[str, str], browser: Browser, page: httpx.Response
) -> None:
    code = {"code": finish_code(page)}
    answer = await browser.post("/auth/finish", code, headers=headers)

    assert (answer.status_code, reason_of(answer)) == (403, "forbidden")
    assert SESSION not in browser.jar
    await no_session()
    assert (await browser.finish(page)).status_code == 303, "nothing was used up"


async def test_a_finish_code_lasts_two_minutes(
    movable_clock: MovableClock,
    browser: Browser,
    bob: Member,
    connection: Connection,
    hostile: HostileProvider,
) -> None:
    page = await prove(browser, hostile, connection)
    movable_clock.move(timedelta(minutes=2))
    answer = await browser.finish(page)

    assert (answer.status_code, reason_of(answer)) == (401, "finish_expired")
    assert len(await denials()) == 1
    await no_session()


@pytest.mark.parametrize("fields", [{}, {"code": ""}, {"code": "invented"}, {"code": "x" * 4000}])
async def test_an_invented_code_leaves_no_trace(
    fields: dict[str, str], browser: Browser, world: World
) -> None:
    answer = await browser.post("/auth/finish", fields)

    assert (answer.status_code, reason_of(answer)) in [
        (400, "bad_input"),
        (401, "finish_unknown"),
    ]
    assert await denials() == []
    await assert_nobody_signed_in()


async def test_a_body_of_another_kind_or_size_is_refused(browser: Browser, world: World) -> None:
    as_json = await browser.post(
        "/auth/finish", {"code": "x"}, headers={"content-type": "application/json"}
    )
    huge = await browser.post("/auth/finish", {"code": "x" * 5000})

    assert (as_json.status_code, huge.status_code) == (415, 413)
    await assert_nobody_signed_in()


async def test_who_is_suspended_in_between_stays_out(
    browser: Browser, bob: Member, page: httpx.Response
) -> None:
    await Member.filter(id=bob.id).update(status=MemberStatus.SUSPENDED)
    answer = await browser.finish(page)

    assert (answer.status_code, reason_of(answer)) == (403, "member_suspended")
    assert len(await denials()) == 1
    await no_session()


async def test_who_is_removed_in_between_stays_out(
    browser: Browser, bob: Member, page: httpx.Response
) -> None:
    await bob.delete()
    answer = await browser.finish(page)

    assert (answer.status_code, reason_of(answer)) == (401, "finish_unknown")
    await no_session()


async def test_a_plan_that_lost_sso_in_between_is_refused(
    browser: Browser, connection: Connection, page: httpx.Response
) -> None:
    await Organization.filter(id=connection.organization_id).update(plan=Plan.STARTER)
    answer = await browser.finish(page)

    assert (answer.status_code, reason_of(answer)) == (403, "plan_required")
    await no_session()


async def test_a_connection_switched_off_in_between_is_refused(
    browser: Browser, connection: Connection, page: httpx.Response
) -> None:
    await Connection.filter(id=connection.id).update(status=ConnectionStatus.DISABLED)
    answer = await browser.finish(page)

    assert (answer.status_code, reason_of(answer)) == (403, "connection_over")
    await no_session()


async def test_a_session_from_before_is_replaced(
    browser: Browser, world: World, page: httpx.Response
) -> None:
    """Fixation: whatever token the browser came with is worth nothing afterwards."""
    planted = await world.session(world.owner)
    browser.jar[SESSION] = planted
    asked = await browser.finish(page)
    assert browser.jar[SESSION] == planted
    await browser.post("/auth/finish", agreement(asked))

    assert browser.jar[SESSION] != planted
    old = await Session.get(member_id=world.owner.id)
    assert old.end_reason is EndReason.REPLACED
    fixed = Browser(jar={SESSION: planted})
    assert (await fixed.get("/who-am-i")).status_code == 401


async def test_an_attempt_that_is_over_records_no_second_denial(
    browser: Browser, page: httpx.Response
) -> None:
    await browser.finish(page)
    attempt = await LoginAttempt.get().select_related("organization", "connection")
    with pytest.raises(SignInRefused):
        async with ended_by_refusal(attempt, somebody(attempt, Origin())):
            raise SignInRefused(Reason.FINISH_UNKNOWN)

    assert await denials() == []
    assert (await LoginAttempt.get()).failure is None
