"""The provider's answer at the callback: whose it is, for which browser, and how often."""

from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

import pytest

from models import AuditEvent, Connection, ConnectionStatus, LoginAttempt, Member, Organization
from models.organization import Plan
from tests.clock import MovableClock
from tests.sso.browser import (
    Browser,
    assert_nobody_signed_in,
    denials,
    prove,
    reason_of,
)
from tests.sso.conftest import add_connection
from tests.sso.hostile_provider import HostileProvider
from tests.world import UNKNOWN_ID, World, new_world


async def test_an_unknown_state_leaves_no_trace(
    browser: Browser, bob: Member, connection: Connection
) -> None:
    page = await browser.get(f"/auth/callback/{connection.id}?state=invented&code=x")

    assert (page.status_code, reason_of(page)) == (401, "state_unknown")
    assert await denials() == []
    await assert_nobody_signed_in()


async def test_no_state_leaves_no_trace(
    browser: Browser, bob: Member, connection: Connection
) -> None:
    page = await browser.get(f"/auth/callback/{connection.id}?code=x")

    assert (page.status_code, reason_of(page)) == (401, "state_unknown")
    assert await denials() == []


async def test_a_state_counts_once(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    address = hostile.sign_in(await browser.start(connection.id))
    first = await browser.get(address)
    second = await browser.get(address)

    assert first.status_code == 200
    assert (second.status_code, reason_of(second)) == (401, "state_unknown")
    assert hostile.requests.count("token") == 1
    assert await denials() == []
    assert (await browser.finish(first)).status_code == 303, "the first one is not disturbed"


async def test_a_state_lasts_ten_minutes(
    movable_clock: MovableClock,
    browser: Browser,
    bob: Member,
    connection: Connection,
    hostile: HostileProvider,
) -> None:
    address = hostile.sign_in(await browser.start(connection.id))
    movable_clock.move(timedelta(minutes=10))
    page = await browser.get(address)

    assert (page.status_code, reason_of(page)) == (401, "state_expired")
    assert hostile.requests.count("token") == 0
    assert len(await denials()) == 1
    await assert_nobody_signed_in()


async def test_another_browser_cannot_answer(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    """Login CSRF: the victim's browser is sent to the answer of the attacker's sign-in."""
    address = hostile.sign_in(await browser.start(connection.id))
    victim = Browser()
    await victim.start(connection.id)
    page = await victim.get(address)

    assert (page.status_code, reason_of(page)) == (401, "other_browser")
    assert hostile.requests.count("token") == 0
    assert [denial.partition(":")[0] for denial in await denials()] == ["other_browser"]
    await assert_nobody_signed_in()


async def test_without_its_flow_cookie_nobody_answers(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    address = hostile.sign_in(await browser.start(connection.id))
    browser.jar.clear()
    page = await browser.get(address)

    assert (page.status_code, reason_of(page)) == (401, "other_browser")
    await assert_nobody_signed_in()


async def test_a_refused_attempt_is_over_and_recorded_once(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    address = hostile.sign_in(await browser.start(connection.id))
    cookies, browser.jar = browser.jar, {}
    await browser.get(address)
    browser.jar = cookies
    again = await browser.get(address)

    assert reason_of(again) == "state_unknown"
    attempt = await LoginAttempt.get()
    assert (attempt.failure, attempt.finished_at is None) == ("other_browser", False)
    assert len(await denials()) == 1


@pytest.mark.parametrize("issuer", ["https://other.example", "", None])
async def test_the_issuer_of_the_answer_is_compared(
    issuer: str | None,
    browser: Browser,
    bob: Member,
    connection: Connection,
    hostile: HostileProvider,
) -> None:
    """RFC 9207: a wrong `iss`, and none where the provider says that it sends one."""
    hostile.answer = {"iss": issuer}
    page = await prove(browser, hostile, connection)

    assert (page.status_code, reason_of(page)) == (401, "answer_issuer")
    assert hostile.requests.count("token") == 0
    assert len(await denials()) == 1
    await assert_nobody_signed_in()


async def test_a_provider_that_does_not_send_its_issuer_may_leave_it_out(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.discovery = {"authorization_response_iss_parameter_supported": None}
    hostile.answer = {"iss": None}

    page = await prove(browser, hostile, connection)

    assert (await browser.finish(page)).status_code == 303


async def test_but_if_it_sends_one_it_is_compared(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.discovery = {"authorization_response_iss_parameter_supported": None}
    hostile.answer = {"iss": "https://other.example"}
    page = await prove(browser, hostile, connection)

    assert reason_of(page) == "answer_issuer"
    await assert_nobody_signed_in()


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        ("access_denied", 403, "provider_denied"),
        ("server_error", 502, "provider_error"),
        ("<script>", 502, "provider_error"),
    ],
)
async def test_an_error_is_no_sign_in(
    error: str,
    status: int,
    reason: str,
    browser: Browser,
    bob: Member,
    connection: Connection,
    hostile: HostileProvider,
) -> None:
    hostile.answer = {"error": error, "error_description": "<b>trust me</b>"}
    page = await prove(browser, hostile, connection)

    assert (page.status_code, reason_of(page)) == (status, reason)
    assert "<script>" not in page.text
    assert "trust me" not in page.text
    assert hostile.requests.count("token") == 0
    await assert_nobody_signed_in()


async def test_an_answer_without_a_code_is_no_sign_in(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.answer = {"code": None}
    page = await prove(browser, hostile, connection)

    assert (page.status_code, reason_of(page)) == (401, "answer_malformed")
    await assert_nobody_signed_in()


async def test_a_parameter_twice_is_refused(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    address = hostile.sign_in(await browser.start(connection.id))
    page = await browser.get(f"{address}&code=another")

    assert (page.status_code, reason_of(page)) == (401, "answer_malformed")
    assert hostile.requests.count("token") == 0
    assert (await LoginAttempt.get()).answered_at is None


async def test_a_code_of_another_sign_in_is_refused(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    """Code injection: PKCE binds the code to the sign-in it was asked for in."""
    stolen = dict(parse_qsl(urlsplit(hostile.sign_in(await browser.start(connection.id))).query))
    attacker = Browser()
    own = urlsplit(hostile.sign_in(await attacker.start(connection.id)))
    parameters = dict(parse_qsl(own.query)) | {"code": stolen["code"]}
    page = await attacker.get(f"{own.path}?{urlencode(parameters)}")

    assert (page.status_code, reason_of(page)) == (401, "code_refused")
    await assert_nobody_signed_in()


async def test_an_answer_belongs_to_its_own_connection(
    browser: Browser,
    world: World,
    bob: Member,
    connection: Connection,
    hostile: HostileProvider,
) -> None:
    """Mix-up: the state of one connection at the address of another organization's."""
    globex = await new_world("globex")
    theirs = await add_connection(globex, hostile.issuer)
    address = hostile.sign_in(await browser.start(theirs.id))
    page = await browser.get(address.replace(str(theirs.id), str(connection.id)))

    assert (page.status_code, reason_of(page)) == (401, "state_unknown")
    assert hostile.requests.count("token") == 0
    await assert_nobody_signed_in()


async def test_a_plan_without_sso_is_refused_at_the_start(
    browser: Browser, bob: Member, connection: Connection
) -> None:
    await Organization.filter(id=connection.organization_id).update(plan=Plan.STARTER)
    events = await AuditEvent.all().count()
    page = await browser.get(f"/auth/start/{connection.id}")

    assert (page.status_code, reason_of(page)) == (403, "plan_required")
    assert "The plan STARTER does not include SSO. It is part of PREMIUM." in page.text
    assert await LoginAttempt.all().count() == 0
    assert await AuditEvent.all().count() == events, "strangers cannot fill the log"


async def test_a_plan_that_lost_sso_meanwhile_is_refused_at_the_answer(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    address = hostile.sign_in(await browser.start(connection.id))
    await Organization.filter(id=connection.organization_id).update(plan=Plan.STARTER)
    page = await browser.get(address)

    assert (page.status_code, reason_of(page)) == (403, "plan_required")
    assert hostile.requests.count("token") == 0
    assert await denials() == [
        "plan_required: The plan STARTER does not include SSO. It is part of PREMIUM."
    ]
    await assert_nobody_signed_in()


@pytest.mark.parametrize("connection_id", [str(UNKNOWN_ID), "not-an-id"])
async def test_an_unknown_connection_is_not_found(
    connection_id: str, browser: Browser, world: World
) -> None:
    page = await browser.get(f"/auth/start/{connection_id}")

    assert (page.status_code, reason_of(page)) == (404, "not_found")
    assert await LoginAttempt.all().count() == 0


async def test_a_connection_that_is_switched_off_is_not_found(
    browser: Browser, bob: Member, connection: Connection
) -> None:
    await switch_off(connection.id)
    page = await browser.get(f"/auth/start/{connection.id}")

    assert (page.status_code, reason_of(page)) == (404, "not_found")
    assert await LoginAttempt.all().count() == 0


async def test_a_connection_switched_off_meanwhile_signs_nobody_in(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    address = hostile.sign_in(await browser.start(connection.id))
    await switch_off(connection.id)
    page = await browser.get(address)

    assert (page.status_code, reason_of(page)) == (403, "connection_over")
    await assert_nobody_signed_in()


async def switch_off(connection_id: UUID) -> None:
    await Connection.filter(id=connection_id).update(status=ConnectionStatus.DISABLED)


async def test_a_page_of_refusal_tells_the_request_and_keeps_to_itself(
    browser: Browser, bob: Member, connection: Connection
) -> None:
    page = await browser.get(f"/auth/callback/{connection.id}?state=invented&code=x")

    assert f"<code>{page.headers['x-request-id']}</code>" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy


async def test_many_sign_ins_under_way_do_not_fill_the_cookies(
    browser: Browser, bob: Member, connection: Connection
) -> None:
    for _ in range(9):
        await browser.start(connection.id)

    assert len(browser.flows()) == 1
