"""Accepting an invitation: by the link that was sent to the address, or by signing in with it."""

import asyncio
from datetime import timedelta

import pytest

from identity import assignments, invitations, members, organizations
from identity.assignments import Scope
from identity.invitations import invitation_path
from identity.sso import domains
from identity.subject import Subject
from models import (
    Assignment,
    AuditEvent,
    BuiltinRole,
    Connection,
    FederatedIdentity,
    Invitation,
    InvitationStatus,
    LoginAttempt,
    Member,
    MemberStatus,
    Outcome,
    Plan,
    Role,
    Session,
    User,
)
from models.clock import now
from tests.clock import MovableClock
from tests.identity.refusing import outcome
from tests.sso.browser import (
    SESSION,
    Browser,
    agreement,
    denials,
    finish_code,
    prove,
    reason_of,
)
from tests.sso.hostile_provider import HostileProvider
from tests.world import World, at_workspace, new_world

CARLA = "carla@elsewhere.example"


async def invited(
    world: World,
    subject: Subject | None = None,
    *,
    email: str = CARLA,
    role: Role | None = None,
    scope: Scope | None = None,
) -> tuple[Invitation, str]:
    return await invitations.invite(
        subject or world.operator,
        email=email,
        role_id=(role or await world.role(BuiltinRole.OPERATOR)).id,
        scope=scope or at_workspace(world.a),
    )


async def accept(browser: Browser, token: str) -> str:
    """The reason code of the refusal, or `accepted` when somebody is signed in by it."""
    answer = await browser.post("/auth/invitation", {"token": token})
    if answer.status_code != 200:
        return reason_of(answer)
    done = await browser.finish(answer)
    assert done.status_code == 303, done.text
    return "accepted"


async def everything() -> tuple[int, ...]:
    """How many rows an acceptance would add to."""
    models = (User, Member, Assignment, Session, LoginAttempt, FederatedIdentity)
    return tuple([await model.all().count() for model in models])


async def test_the_link_makes_a_member_with_the_role_and_signs_in(
    browser: Browser, world: World
) -> None:
    made, token = await invited(world)
    revision = (await world.subject(world.owner)).revision
    page = await browser.get(invitation_path(token))
    assert page.status_code == 200
    assert f"<strong>{CARLA}</strong>" in page.text
    assert await accept(browser, token) == "accepted"

    carla = await Member.get(email=CARLA)
    assert (carla.status, carla.provisioned) == (MemberStatus.ACTIVE, False)
    assert (await browser.get("/who-am-i")).json()["name"] == CARLA
    assignment = await Assignment.get(principal_id=carla.id).select_related("role")
    assert (assignment.role.builtin, assignment.scope_id) == (BuiltinRole.OPERATOR, world.a.id)
    saved = await Invitation.get(id=made.id)
    assert invitations.status_of(saved) is InvitationStatus.ACCEPTED
    assert saved.accepted_by_id == carla.id
    assert (await world.subject(world.owner)).revision == revision + 1
    accepted, assigned, signed_in = (await world.events())[-3:]
    assert (accepted.action, accepted.target_name) == ("invitation.accept", CARLA)
    assert (accepted.actor_id, accepted.ip) == (carla.id, "192.0.2.7")
    assert (assigned.action, assigned.target_id) == ("role.assign", carla.id)
    assert {"path": "role", "before": None, "after": "Operator"} in assigned.diff
    assert (signed_in.action, signed_in.actor_id) == ("session.sign_in", carla.id)
    assert token not in str([event.diff for event in await AuditEvent.all()])


async def test_opening_the_link_uses_nothing_up(browser: Browser, world: World) -> None:
    _, token = await invited(world)
    before = await everything()
    pages = [await Browser().get(invitation_path(token)) for _ in range(3)]
    assert [page.status_code for page in pages] == [200, 200, 200]
    assert await everything() == before


async def test_a_link_is_good_once(browser: Browser, world: World) -> None:
    _, token = await invited(world)
    assert await accept(browser, token) == "accepted"
    before = await everything()
    assert await accept(Browser(), token) == "invitation_over"
    assert reason_of(await Browser().get(invitation_path(token))) == "invitation_over"
    assert await everything() == before


async def test_of_two_who_accept_at_once_one_does(world: World) -> None:
    _, token = await invited(world)
    told = await asyncio.gather(accept(Browser(), token), accept(Browser(), token))
    assert sorted(told) == ["accepted", "invitation_over"]
    assert await Member.filter(email=CARLA).count() == 1


async def test_accepted_or_revoked_but_never_both(world: World) -> None:
    made, token = await invited(world)
    revoking = outcome(invitations.revoke(world.operator, made.id))
    told, revoked = await asyncio.gather(accept(Browser(), token), revoking)
    joined = await Member.filter(email=CARLA).count()
    assert (told, revoked, joined) in [
        ("accepted", "CONFLICT", 1),
        ("invitation_over", "DONE", 0),
    ]


@pytest.mark.parametrize("end", ["revoked", "sent again", "too late", "never was"])
async def test_a_link_that_is_over_says_the_same_of_each(
    end: str, movable_clock: MovableClock, browser: Browser, world: World
) -> None:
    made, token = await invited(world)
    if end == "revoked":
        await invitations.revoke(world.operator, made.id)
    elif end == "sent again":
        await invitations.resend(world.operator, made.id)
    elif end == "too late":
        movable_clock.move(timedelta(days=7))
    else:
        token = "invented"
    before, log = await everything(), await AuditEvent.all().count()
    opened = await browser.get(invitation_path(token))
    sent = await browser.post("/auth/invitation", {"token": token})

    assert [(p.status_code, reason_of(p)) for p in (opened, sent)] == [(401, "invitation_over")] * 2
    assert CARLA not in opened.text + sent.text
    assert await everything() == before
    assert await AuditEvent.all().count() == log, "strangers fill no log"


async def test_the_new_link_of_one_sent_again_is_good(browser: Browser, world: World) -> None:
    made, _ = await invited(world)
    _, token = await invitations.resend(world.operator, made.id)
    assert await accept(browser, token) == "accepted"


async def test_signed_in_with_another_address_nothing_happens(
    browser: Browser, world: World
) -> None:
    _, token = await invited(world)
    browser.jar[SESSION] = await world.session(await world.member("Bob"))
    before = await everything()

    assert await accept(browser, token) == "other_address"
    assert await everything() == before
    assert (await browser.get("/who-am-i")).json()["name"] == "Bob"
    assert await accept(Browser(), token) == "accepted"


async def test_with_the_same_address_elsewhere_the_browser_asks_before_it_signs_out(
    browser: Browser, world: World
) -> None:
    globex = await new_world("globex")
    theirs = await globex.member("Carla")
    await Member.filter(id=theirs.id).update(email=CARLA, email_key=CARLA)
    browser.jar[SESSION] = await globex.session(theirs)
    _, token = await invited(world)

    answer = await browser.post("/auth/invitation", {"token": token})
    question = await browser.post("/auth/finish", {"code": finish_code(answer)})
    done = await browser.post("/auth/finish", agreement(question))

    assert done.status_code == 303
    assert (await browser.get("/who-am-i")).json()["name"] == CARLA
    assert await Member.filter(id=theirs.id).exists()


async def test_another_site_cannot_have_a_browser_accept(browser: Browser, world: World) -> None:
    _, token = await invited(world)
    before = await everything()
    answer = await browser.post(
        "/auth/invitation",
        {"token": token},
        headers={"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
    )
    assert answer.status_code == 403
    assert await everything() == before


LOSSES = ["demoted", "suspended", "removed", "for a time"]


@pytest.mark.parametrize("loss", LOSSES)
async def test_an_inviter_who_lost_the_right_gives_nothing(
    loss: str, browser: Browser, world: World
) -> None:
    ann = await world.member("Ann")
    given = await world.give(ann, BuiltinRole.OWNER, world.everywhere)
    _, token = await invited(world, await world.subject(ann))
    if loss == "demoted":
        await assignments.unassign(world.operator, given.id)
    elif loss == "suspended":
        await members.suspend(world.operator, ann.id)
    elif loss == "removed":
        await members.remove(world.operator, ann.id)
    else:
        await Assignment.filter(id=given.id).update(expires_at=now() + timedelta(days=30))
    before = await everything()

    page = await browser.post("/auth/invitation", {"token": token})

    assert page.status_code == 403
    assert "may no longer give what the invitation promised" in page.text
    assert await everything() == before
    denial = (await world.events())[-1]
    assert (denial.action, denial.outcome) == ("invitation.accept", Outcome.DENIED)
    assert denial.target_name == CARLA


async def test_a_deleted_role_and_a_member_of_that_address_stop_it(
    browser: Browser, world: World
) -> None:
    role = await world.custom_role("Passing")
    _, token = await invited(world, role=role)
    _, second = await invited(world, email="dan@acme.example")
    await Role.filter(id=role.id).delete()
    await world.member("Dan")
    before = await everything()

    pages = [await browser.post("/auth/invitation", {"token": each}) for each in (token, second)]

    assert [page.status_code for page in pages] == [403, 409]
    assert await everything() == before


async def test_who_was_removed_comes_back_by_a_new_invitation(
    browser: Browser, world: World
) -> None:
    _, token = await invited(world)
    await accept(browser, token)
    first = await Member.get(email=CARLA)
    await members.remove(world.operator, first.id)

    _, token = await invited(world)
    assert await accept(Browser(), token) == "accepted"
    assert (await Member.get(email=CARLA)).id != first.id


async def test_signing_in_with_the_address_accepts(
    browser: Browser, world: World, connection: Connection, hostile: HostileProvider
) -> None:
    await domains.verify_by_operator(world.operator, "acme.example")
    owner = await world.subject(world.owner)
    made, _ = await invited(world, owner, email="Bob@acme.example")
    done = await browser.finish(await prove(browser, hostile, connection))

    assert done.status_code == 303
    bob = await Member.get(email_key="bob@acme.example")
    assert (await Session.get()).member_id == bob.id
    assert (await FederatedIdentity.get()).member_id == bob.id
    assert await Assignment.filter(principal_id=bob.id).count() == 1
    assert (await Invitation.get(id=made.id)).accepted_by_id == bob.id
    assert [event.action for event in (await world.events())[-4:]] == [
        "invitation.accept",
        "role.assign",
        "identity.link",
        "session.sign_in",
    ]
    events = (await world.events())[-4:]
    assert [event.on_behalf_of_id for event in events] == [None, world.owner.id, None, None]
    assert {(e.via_name, e.connection_id) for e in events} == {(connection.name, connection.id)}
    callback = f"GET /auth/callback/{connection.id}"
    assert [e.operation for e in events] == [callback, callback, callback, "POST /auth/finish"]
    assert None not in {event.request_id for event in events}


async def test_a_provider_is_not_believed_about_an_address_of_others(
    browser: Browser, world: World, connection: Connection, hostile: HostileProvider
) -> None:
    """Whoever runs the provider could otherwise take up anybody's invitation."""
    _, token = await invited(world)
    before = await everything()
    page = await prove(browser, hostile, connection, email=CARLA)

    assert (page.status_code, reason_of(page)) == (403, "member_invited")
    assert "the link you were sent" in page.text
    assert (await everything())[:4] == before[:4]
    assert await FederatedIdentity.all().count() == 0
    assert await accept(Browser(), token) == "accepted"


@pytest.mark.parametrize("claims", [{"email_verified": False}, {"email": "eve@acme.example"}])
async def test_an_unverified_or_another_address_accepts_nothing(
    claims: dict[str, object],
    browser: Browser,
    world: World,
    connection: Connection,
    hostile: HostileProvider,
) -> None:
    await domains.verify_by_operator(world.operator, "acme.example")
    await invited(world, email="bob@acme.example")
    before = await everything()
    page = await prove(browser, hostile, connection, **claims)

    assert (page.status_code, reason_of(page)) == (403, "no_member")
    assert (await everything())[:4] == before[:4]
    assert await FederatedIdentity.all().count() == 0


async def test_an_invitation_of_another_organization_is_not_found(
    browser: Browser, world: World, connection: Connection, hostile: HostileProvider
) -> None:
    await domains.verify_by_operator(world.operator, "acme.example")
    globex = await new_world("globex")
    await invited(globex, email="bob@acme.example", scope=globex.everywhere)
    page = await prove(browser, hostile, connection)

    assert (page.status_code, reason_of(page)) == (403, "no_member")
    assert await denials() == ["no_member: 0 members have the address bob@acme.example"]


async def test_signing_in_accepts_nothing_from_an_inviter_who_lost_the_right(
    browser: Browser, world: World, connection: Connection, hostile: HostileProvider
) -> None:
    await domains.verify_by_operator(world.operator, "acme.example")
    ann = await world.member("Ann")
    given = await world.give(ann, BuiltinRole.OWNER, world.everywhere)
    await invited(world, await world.subject(ann), email="bob@acme.example")
    await assignments.unassign(world.operator, given.id)
    before = await everything()

    page = await prove(browser, hostile, connection)

    assert page.status_code == 403
    assert (await everything())[:4] == before[:4]
    assert await FederatedIdentity.all().count() == 0
    denied = await AuditEvent.filter(outcome=Outcome.DENIED).order_by("id")
    assert [event.action for event in denied] == ["invitation.accept", "session.sign_in"]


async def test_nobody_accepts_where_no_seat_is_left(browser: Browser, world: World) -> None:
    _, token = await invited(world)
    for number in range(4):
        await world.member(f"M{number}")
    await organizations.change_plan(world.operator, Plan.STARTER)
    before = await everything()
    assert await accept(browser, token) == "plan_required"
    assert await everything() == before
    denied = (await world.events())[-1]
    assert (denied.action, denied.outcome.value) == ("invitation.accept", "denied")
    await organizations.change_plan(world.operator, Plan.PREMIUM)
    assert await accept(browser, token) == "accepted"
