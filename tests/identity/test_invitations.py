"""Invitations: promised by those who hold what they promise, one an address, good until a day."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from identity import assignments, invitations, mail, roles
from identity.access.permissions import Permission
from identity.assignments import Principal, Scope
from identity.credentials import scim_tokens
from identity.refusals import (
    BadInput,
    Conflict,
    Escalation,
    Forbidden,
    NotFound,
    RateLimited,
)
from identity.subject import Origin, Subject
from models import (
    Assignment,
    BuiltinRole,
    Invitation,
    InvitationStatus,
    Member,
    PrincipalType,
    Role,
    ScopeType,
    Workspace,
)
from models.clock import now
from models.listing import page
from models.secret import token_hash
from tests.clock import MovableClock
from tests.identity.refusing import outcome, refused, story
from tests.world import UNKNOWN_ID, World, at_campaign, at_workspace, new_world

P = Permission
CARLA = "carla@elsewhere.example"


@pytest.fixture
async def owner(world: World) -> Subject:
    return await world.subject(world.owner)


async def invite(
    world: World,
    subject: Subject,
    role: Role | None = None,
    scope: Scope | None = None,
    *,
    email: str = CARLA,
    **more: Any,
) -> tuple[Invitation, str]:
    return await invitations.invite(
        subject,
        email=email,
        role_id=(role or await world.role(BuiltinRole.VIEWER)).id,
        scope=scope or at_workspace(world.a),
        **more,
    )


async def status(invitation: Invitation) -> InvitationStatus:
    return invitations.status_of(await Invitation.get(id=invitation.id))


async def test_somebody_is_invited_and_nothing_else_comes_of_it(
    world: World, owner: Subject
) -> None:
    members, assigned = await Member.all().count(), await Assignment.all().count()
    made, token = await invite(world, owner, email=f"  {CARLA.capitalize()} ")

    saved = await Invitation.get(id=made.id).select_related("role")
    assert (saved.email, saved.email_key) == ("Carla@elsewhere.example", CARLA)
    assert (saved.role and saved.role.builtin, saved.scope_id) == (BuiltinRole.VIEWER, world.a.id)
    assert (saved.workspace_id, saved.invited_by_id) == (world.a.id, world.owner.id)
    assert saved.token_hash == token_hash(token)
    assert len(token) == 43
    assert await status(made) is InvitationStatus.PENDING
    assert (await Member.all().count(), await Assignment.all().count()) == (members, assigned)
    event = (await world.events())[-1]
    assert story(event) == (world.owner.name, "invitation.create", "invitation", saved.email)
    assert event.workspace_id == world.a.id
    assert token not in str(event.diff)
    assert [change["path"] for change in event.diff] == [
        "email",
        "role",
        "scope",
        "expiresAt",
        "invitedBy",
    ]


@pytest.mark.parametrize(
    "email",
    [
        "",
        "carla",
        "@elsewhere.example",
        "carla@",
        "carla@localhost",
        "carla@elsewhere.example\r\nBcc: eve@elsewhere.example",
        "Carla <carla@elsewhere.example>",
        "carla@elsewhere.example,eve@elsewhere.example",
        "çarla@elsewhere.example",
        "carla@elsewhere..example",
        '"a b"@elsewhere.example',
        f"{'c' * 320}@elsewhere.example",
    ],
)
async def test_what_is_no_address(world: World, owner: Subject, email: str) -> None:
    async with refused(BadInput, field="email"):
        await invite(world, owner, email=email)


async def test_an_address_is_invited_once_and_no_member_is(world: World, owner: Subject) -> None:
    await invite(world, owner)
    bob = await world.member("Bob")
    await Member.filter(id=bob.id).update(
        user_name="bobby@x.example", user_name_key="bobby@x.example"
    )
    for email in (CARLA, CARLA.upper(), "BOB@acme.example", "bobby@x.example"):
        async with refused(Conflict):
            await invite(world, owner, email=email)
    globex = await new_world("globex")
    await invite(globex, globex.operator, scope=globex.everywhere)
    assert await Invitation.filter(email_key=CARLA).count() == 2, "one in each organization"


async def test_of_two_who_invite_at_once_one_does(world: World, owner: Subject) -> None:
    calls = [invite(world, owner), invite(world, owner)]
    assert sorted(await asyncio.gather(*map(outcome, calls))) == ["CONFLICT", "DONE"]
    assert await Invitation.all().count() == 1


async def test_nobody_invites_to_more_than_they_hold(world: World) -> None:
    inviter = await world.custom_role("Inviter", P.MEMBERS_INVITE, P.ROLES_READ, P.CAMPAIGNS_READ)
    subject = await world.someone("Ines", inviter, at_workspace(world.a))
    sender = await world.custom_role("Sender", P.CAMPAIGNS_SEND)
    async with refused(Escalation, denied="invitation.create", missing=["campaigns:send"]):
        await invite(world, subject, sender)
    reader = await world.custom_role("Reader", P.CAMPAIGNS_READ)
    for scope, kind in ((at_workspace(world.b), NotFound), (world.everywhere, Forbidden)):
        async with refused(kind, denied="invitation.create" if kind is Forbidden else None):
            await invite(world, subject, reader, scope)
    made, _ = await invite(world, subject, reader)
    assert made.workspace_id == world.a.id


async def test_what_somebody_has_for_a_time_they_promise_for_no_longer(world: World) -> None:
    temp, ends = await world.member("Temp"), now() + timedelta(days=30)
    await assignments.assign(
        world.operator,
        role_id=(await world.role(BuiltinRole.OWNER)).id,
        principal=Principal(PrincipalType.MEMBER, temp.id),
        scope=world.everywhere,
        expires_at=ends,
    )
    subject = await world.subject(temp)
    reader = await world.custom_role("Reader", P.CAMPAIGNS_READ)
    async with refused(Escalation, denied="invitation.create"):
        await invite(world, subject, reader)
    made, _ = await invite(world, subject, reader, access_expires_at=ends)
    assert made.access_expires_at == ends


async def test_it_needs_to_invite_there(world: World) -> None:
    reader = await world.someone(
        "Rae", await world.custom_role("R", P.MEMBERS_READ, P.ROLES_READ), world.everywhere
    )
    made, _ = await invite(world, world.operator)
    async with refused(Forbidden, denied="invitation.create", missing=["MEMBERS_INVITE"]):
        await invite(world, reader, email="dan@elsewhere.example")
    async with refused(Forbidden, denied="invitation.resend", missing=["MEMBERS_INVITE"]):
        await invitations.resend(reader, made.id)
    async with refused(Forbidden, denied="invitation.revoke", missing=["MEMBERS_INVITE"]):
        await invitations.revoke(reader, made.id)


async def test_where_and_until_when(world: World, owner: Subject) -> None:
    campaign = await world.campaign(world.a)
    async with refused(BadInput, field="scopeId"):
        await invite(world, owner, scope=at_campaign(campaign))
    for scope_id in (UNKNOWN_ID, (await new_world("globex")).a.id):
        async with refused(NotFound):
            await invite(world, owner, scope=Scope(ScopeType.WORKSPACE, scope_id))
    for moment in (now() - timedelta(seconds=1), datetime(2090, 1, 1)):  # noqa: DTZ001
        async with refused(BadInput, field="accessExpiresAt"):
            await invite(world, owner, access_expires_at=moment)


async def test_it_ends_with_its_time_and_no_later_than_what_it_promises(
    movable_clock: MovableClock, world: World
) -> None:
    owner = world.operator
    week, _ = await invite(world, owner)
    day, _ = await invite(
        world,
        owner,
        email="dan@elsewhere.example",
        access_expires_at=movable_clock() + timedelta(days=1),
    )
    assert week.expires_at - movable_clock() == timedelta(days=7)
    assert day.expires_at - movable_clock() == timedelta(days=1)

    movable_clock.move(timedelta(days=1))
    assert [await status(each) for each in (week, day)] == [
        InvitationStatus.PENDING,
        InvitationStatus.EXPIRED,
    ]
    async with refused(Conflict):
        await invitations.resend(owner, day.id)
    movable_clock.move(timedelta(days=6))
    assert await status(week) is InvitationStatus.EXPIRED
    again, _ = await invitations.resend(owner, week.id)
    assert invitations.status_of(again) is InvitationStatus.PENDING


async def test_who_sends_again_makes_a_new_link_on_their_own_rights(
    world: World, owner: Subject
) -> None:
    ann = await world.someone("Ann", BuiltinRole.OWNER, world.everywhere)
    made, first = await invite(world, ann)
    again, second = await invitations.resend(owner, made.id)

    assert again.token_hash == token_hash(second) != token_hash(first)
    assert (again.invited_by_id, again.version) == (world.owner.id, 2)
    event = (await world.events())[-1]
    assert (event.action, event.actor_id) == ("invitation.resend", world.owner.id)
    assert {"path": "invitedBy", "before": "Ann", "after": world.owner.name} in event.diff


async def test_nobody_sends_again_what_they_do_not_hold(world: World, owner: Subject) -> None:
    sender = await world.custom_role("Sender", P.CAMPAIGNS_SEND)
    made, _ = await invite(world, owner, sender)
    inviter = await world.custom_role("Inviter", P.MEMBERS_INVITE, P.CAMPAIGNS_READ)
    ines = await world.someone("Ines", inviter, at_workspace(world.a))
    async with refused(Escalation, denied="invitation.resend", missing=["campaigns:send"]):
        await invitations.resend(ines, made.id)


async def test_a_credential_that_is_nobodys_invites_nobody(world: World) -> None:
    """The acceptance would have no rights to rest on."""
    made, _ = await invite(world, world.operator, await world.custom_role("Empty"))
    _, token = await scim_tokens.create(world.operator, name="Directory")
    directory = await scim_tokens.authenticate(token, origin=Origin())
    async with refused(Forbidden, denied="invitation.resend", reason="OPERATOR_ONLY"):
        await invitations.resend(directory, made.id)


async def test_revoked_is_over_and_the_address_is_free_again(world: World, owner: Subject) -> None:
    made, _ = await invite(world, owner)
    await invitations.revoke(owner, made.id)

    assert await status(made) is InvitationStatus.REVOKED
    assert (await world.events())[-1].action == "invitation.revoke"
    for change in (invitations.revoke, invitations.resend):
        async with refused(Conflict):
            await change(owner, made.id)
    again, _ = await invite(world, owner)
    assert again.id != made.id


async def test_an_expired_one_is_not_sent_again_beside_a_new_one(
    movable_clock: MovableClock, world: World
) -> None:
    old, _ = await invite(world, world.operator)
    movable_clock.move(timedelta(days=8))
    await invite(world, world.operator)
    async with refused(Conflict):
        await invitations.resend(world.operator, old.id)


async def test_a_role_that_was_deleted_is_promised_no_more(world: World, owner: Subject) -> None:
    role = await world.custom_role("Reader", P.CAMPAIGNS_READ)
    made, _ = await invite(world, owner, role)
    await roles.delete(await world.subject(world.owner), role.id)

    assert (await Invitation.get(id=made.id)).role_id is None
    async with refused(Forbidden, denied="invitation.resend", reason="ROLE_GONE"):
        await invitations.resend(owner, made.id)


async def test_a_role_that_was_replaced_is_promised_as_its_replacement(
    world: World, owner: Subject
) -> None:
    reader = await world.custom_role("Reader", P.CAMPAIGNS_READ)
    viewer = await world.role(BuiltinRole.VIEWER)
    made, _ = await invite(world, owner, reader)
    over, _ = await invite(world, owner, reader, email="dora@elsewhere.example")
    await invitations.revoke(owner, over.id)
    await roles.delete(owner, reader.id, replacement_id=viewer.id)

    assert (await Invitation.get(id=made.id)).role_id == viewer.id
    assert (await Invitation.get(id=over.id)).role_id is None


async def test_nobody_replaces_what_is_promised_by_more_than_they_hold(
    world: World, owner: Subject
) -> None:
    """The owner who invited could give Owner; whoever replaces the role by it could not."""
    reader = await world.custom_role("Reader", P.CAMPAIGNS_READ)
    await invite(world, owner, reader, world.everywhere)
    designing = (P.ROLES_READ, P.ROLES_WRITE, P.ROLES_DELETE, P.CAMPAIGNS_READ, P.MEMBERS_ASSIGN)
    designer = await world.someone(
        "Dora", await world.custom_role("Designer", *designing), world.everywhere
    )
    drafting = await world.custom_role("Drafting", P.CAMPAIGNS_DRAFT)
    async with refused(Forbidden, denied="role.delete", missing=["MEMBERS_INVITE"]):
        await roles.delete(designer, reader.id, replacement_id=drafting.id)
    inviting = await world.custom_role("Inviting", *designing, P.MEMBERS_INVITE)
    ines = await world.someone("Ines", inviting, world.everywhere)
    async with refused(Escalation, denied="role.delete", missing=["campaigns:draft"]):
        await roles.delete(ines, reader.id, replacement_id=drafting.id)
    same = await world.custom_role("Same", P.CAMPAIGNS_READ)
    await roles.delete(ines, reader.id, replacement_id=same.id)


async def test_a_role_of_single_resources_replaces_none_that_is_promised(
    world: World, owner: Subject
) -> None:
    reader = await world.custom_role("Reader", P.CAMPAIGNS_READ)
    made, _ = await invite(world, owner, reader)
    creator = await world.role(BuiltinRole.CREATOR)
    await roles.delete(owner, reader.id, replacement_id=creator.id)

    assert (await Invitation.get(id=made.id)).role_id is None


async def test_of_another_organization_there_is_none(world: World, owner: Subject) -> None:
    globex = await new_world("globex")
    theirs, _ = await invite(globex, globex.operator, scope=globex.everywhere)
    for invitation_id in (theirs.id, UNKNOWN_ID):
        for change in (invitations.revoke, invitations.resend):
            async with refused(NotFound):
                await change(owner, invitation_id)
    mine, _ = await invite(world, owner)
    assert [row.id for row in await page(invitations.listing(owner.access))] == [mine.id]
    assert await invitations.pending_for(globex.organization.id, CARLA) is not None
    await Workspace.filter(id=world.a.id).delete()
    assert await Invitation.filter(organization_id=world.organization.id).count() == 0


async def test_nobody_floods_an_address(
    movable_clock: MovableClock, world: World, owner: Subject
) -> None:
    made, _ = await invite(world, owner)
    for _ in range(mail.MOST_TO_ONE_IN_AN_HOUR - 1):
        movable_clock.move(timedelta(minutes=10))
        await invitations.resend(owner, made.id)
    async with refused(RateLimited, limit=5, remaining=0, cost=1, retryAfter=1200):
        await invitations.resend(owner, made.id)
    await invitations.revoke(owner, made.id)
    async with refused(RateLimited, limit=5, remaining=0, cost=1, retryAfter=1200):
        await invite(world, owner, email=CARLA.upper())
    await invite(world, owner, email="dora@elsewhere.example")
    movable_clock.move(timedelta(seconds=1200))
    await invite(world, owner)


async def test_an_organization_mails_only_so_many_in_an_hour(
    world: World, owner: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "MOST_IN_AN_HOUR", 2)
    for name in ("carla", "dora"):
        await invite(world, owner, email=f"{name}@elsewhere.example")
    async with refused(RateLimited, limit=2, remaining=0, cost=1, retryAfter=3600):
        await invite(world, owner, email="emil@elsewhere.example")
