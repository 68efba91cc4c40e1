"""One-time sign-in links of the operator."""

from datetime import timedelta

import httpx
import pytest

from identity.refusals import Conflict, Forbidden, NotFound
from identity.sso import links
from models import BuiltinRole, LoginAttempt, Member, MemberStatus, Organization, Outcome, Session
from models.organization import Plan
from models.secret import token_hash
from tests.clock import MovableClock
from tests.scim.directory import connect
from tests.sso.browser import PUBLIC_URL, SESSION, Browser, denials, finish_code, reason_of
from tests.world import World, new_world

HOUR = timedelta(hours=1)


async def opened(browser: Browser, world: World) -> str:
    """The address of a new link for the owner."""
    token = await links.create(world.operator, world.owner, lifetime=HOUR)
    return links.link_url(PUBLIC_URL, token).removeprefix(PUBLIC_URL)


async def test_a_link_signs_in_once(browser: Browser, world: World) -> None:
    address = await opened(browser, world)
    page = await browser.get(address)
    done = await browser.finish(page)
    again = await Browser().get(address)
    resent = await Browser().post("/auth/finish", {"code": finish_code(page)})

    assert (done.status_code, done.headers["location"]) == (303, "/")
    session = await Session.get()
    assert (session.member_id, session.connection_id) == (world.owner.id, None)
    assert (again.status_code, reason_of(again)) == (401, "link_over")
    assert "Ask for a new one." in again.text
    assert resent.status_code == 401
    assert await Session.all().count() == 1


async def test_opening_a_link_uses_nothing_up(browser: Browser, world: World) -> None:
    """Mail scanners open links; they do not press buttons."""
    address = await opened(browser, world)
    pages = [await Browser().get(address) for _ in range(3)]

    assert [page.status_code for page in pages] == [200, 200, 200]
    assert "finish.js" not in pages[0].text, "somebody has to agree"
    assert "<strong>olga@acme.example</strong>" in pages[0].text
    assert await Session.all().count() == 0
    assert (await browser.finish(await browser.get(address))).status_code == 303


async def test_a_link_is_audited_and_stored_as_a_hash(browser: Browser, world: World) -> None:
    address = await opened(browser, world)
    await browser.finish(await browser.get(address))
    made, used = (await world.events())[-2:]

    token = address.rpartition("=")[2]
    assert (await LoginAttempt.get()).finish_hash == token_hash(token)
    assert (made.action, made.actor_name, made.target_id) == (
        "sign_in_link.create",
        "operator",
        world.owner.id,
    )
    assert (used.action, used.actor_id) == ("session.sign_in", world.owner.id)
    assert used.diff == [{"path": "method", "before": None, "after": "link"}]
    assert token not in str([event.diff for event in (made, used)])


async def test_a_link_needs_no_plan(browser: Browser, world: World) -> None:
    await Organization.filter(id=world.organization.id).update(plan=Plan.STARTER)
    address = await opened(browser, world)

    assert (await browser.finish(await browser.get(address))).status_code == 303


async def test_a_link_ends_with_its_time(
    movable_clock: MovableClock, browser: Browser, world: World
) -> None:
    address = await opened(browser, world)
    page = await browser.get(address)
    movable_clock.move(HOUR)
    late, sent = await browser.get(address), await browser.finish(page)

    assert (late.status_code, reason_of(late)) == (401, "link_over")
    assert (sent.status_code, reason_of(sent)) == (401, "link_over")
    assert SESSION not in browser.jar
    assert await Session.all().count() == 0
    assert len(await denials()) == 1


@pytest.mark.parametrize("query", ["", "?token=", "?token=invented", f"?token={'x' * 5000}"])
async def test_an_invented_link_is_over(query: str, browser: Browser, world: World) -> None:
    page = await browser.get(f"/auth/link{query}")

    assert (page.status_code, reason_of(page)) == (401, "link_over")
    assert await denials() == []


async def test_a_member_suspended_meanwhile_stays_out(browser: Browser, world: World) -> None:
    address = await opened(browser, world)
    page = await browser.get(address)
    await Member.filter(id=world.owner.id).update(status=MemberStatus.SUSPENDED)
    answer = await browser.finish(page)

    assert (answer.status_code, reason_of(answer)) == (403, "member_suspended")
    assert await Session.all().count() == 0


async def test_a_link_does_not_outlive_a_suspension(
    http: httpx.AsyncClient, browser: Browser, world: World
) -> None:
    bob, eve = await world.member("Bob"), await world.member("Eve")
    bobs, eves = [
        await links.create(world.operator, member, lifetime=HOUR) for member in (bob, eve)
    ]
    directory = await connect(http, world)
    for active in (False, True):
        operation = {"op": "replace", "path": "active", "value": active}
        assert (await directory.patch(f"/Users/{bob.id}", operation)).status_code == 204

    opened = await browser.get("/auth/link", {"token": bobs})
    sent = await browser.post("/auth/finish", {"code": bobs})

    assert (await Member.get(id=bob.id)).status is MemberStatus.ACTIVE
    assert (opened.status_code, reason_of(opened)) == (401, "link_over")
    assert sent.status_code == 401
    assert await Session.all().count() == 0
    assert (await LoginAttempt.get(finish_hash=token_hash(eves))).finished_at is None


async def test_only_the_operator_makes_links(world: World) -> None:
    owner = await world.someone("Ona", BuiltinRole.OWNER, world.everywhere)
    with pytest.raises(Forbidden):
        await links.create(owner, world.owner, lifetime=HOUR)

    assert await LoginAttempt.all().count() == 0
    denial = (await world.events())[-1]
    assert (denial.action, denial.outcome) == ("sign_in_link.create", Outcome.DENIED)


async def test_a_link_is_for_an_active_member_of_the_organization(world: World) -> None:
    stranger = (await new_world("globex")).owner
    with pytest.raises(NotFound):
        await links.create(world.operator, stranger, lifetime=HOUR)
    await Member.filter(id=world.owner.id).update(status=MemberStatus.SUSPENDED)
    with pytest.raises(Conflict):
        await links.create(world.operator, world.owner, lifetime=HOUR)

    assert await LoginAttempt.all().count() == 0
