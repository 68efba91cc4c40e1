"""Members: renamed, suspended, brought back, taken out, and leaving by themselves."""

from datetime import timedelta
from uuid import UUID

import pytest

from identity import assignments, groups, manual_groups, members
from identity.access.permissions import Permission
from identity.assignments import Principal
from identity.credentials import scim_tokens, sessions
from identity.credentials.limits import SessionLimits
from identity.groups import DirectoryGroup
from identity.members import Person
from identity.refusals import (
    BadInput,
    Conflict,
    Escalation,
    Forbidden,
    LastOwner,
    NotFound,
    Unauthenticated,
    VersionConflict,
)
from identity.sso import links
from identity.subject import Origin, Subject
from models import (
    Assignment,
    BuiltinRole,
    Group,
    LoginAttempt,
    Member,
    MemberStatus,
    PrincipalType,
    Session,
    SuspendedBy,
    User,
)
from models.clock import now
from tests.identity.refusing import refused, story
from tests.world import UNKNOWN_ID, World, at_workspace, new_world

P = Permission


@pytest.fixture
async def owner(world: World) -> Subject:
    return await world.subject(world.owner)


@pytest.fixture
async def keeper(world: World) -> Subject:
    """May bring people in and take them out, and read campaigns; nothing else."""
    role = await world.custom_role("Keeper", P.MEMBERS_INVITE, P.MEMBERS_REMOVE, P.CAMPAIGNS_READ)
    return await world.someone("Kim", role, world.everywhere)


async def signed_in(token: str) -> UUID | None:
    subject = await sessions.authenticate(token, limits=SessionLimits(), origin=Origin())
    return subject.member_id


async def test_a_member_is_renamed(world: World, owner: Subject) -> None:
    bob = await world.member("Bob")
    row = await members.rename(owner, bob.id, name="  Bob B. ", expected_version=1)

    assert (row.name, row.version) == ("Bob B.", 2)
    assert (await Member.get(id=bob.id)).name == "Bob B."
    event = (await world.events())[-1]
    assert story(event) == (world.owner.name, "member.update", "member", "Bob B.")
    assert event.diff == [{"path": "name", "before": "Bob", "after": "Bob B."}]


async def test_what_a_name_cannot_be(world: World, owner: Subject) -> None:
    bob = await world.member("Bob")
    for name in ("", "  ", "B\r\nBcc: eve@example", "x" * 201):
        async with refused(BadInput, field="name"):
            await members.rename(owner, bob.id, name=name, expected_version=1)
    async with refused(VersionConflict, expectedVersion=2, actualVersion=1):
        await members.rename(owner, bob.id, name="Ben", expected_version=2)


async def test_a_directory_names_whom_it_provisioned(world: World, owner: Subject) -> None:
    bob = await world.member("Bob")
    await Member.filter(id=bob.id).update(provisioned=True)
    async with refused(Forbidden, denied="member.update", reason="DIRECTORY_MANAGED"):
        await members.rename(owner, bob.id, name="Ben", expected_version=1)


async def test_suspension_ends_sessions_and_links_at_once(world: World, owner: Subject) -> None:
    bob, ann = await world.member("Bob"), await world.member("Ann")
    tokens = [await world.session(bob), await world.session(bob)]
    anns = await world.session(ann)
    await links.create(world.operator, bob, lifetime=timedelta(hours=1))
    revision = (await world.subject(bob)).revision

    row = await members.suspend(owner, bob.id, reason="On leave.")

    assert row.status is MemberStatus.SUSPENDED
    assert row.suspended_by == {SuspendedBy.ADMIN}
    for token in tokens:
        with pytest.raises(Unauthenticated):
            await signed_in(token)
    assert await Session.filter(member=bob, end_reason="suspended").count() == 2
    assert (await LoginAttempt.get(member=bob)).finished_at is not None
    assert await signed_in(anns) == ann.id
    assert (await world.subject(ann)).revision == revision + 1
    event = (await world.events())[-1]
    assert story(event) == (world.owner.name, "member.suspend", "member", "Bob")
    assert event.reason == "On leave."
    assert event.diff == [
        {"path": "status", "before": "active", "after": "suspended"},
        {"path": "suspendedBy", "added": ["admin"], "removed": []},
    ]


async def test_reactivation_brings_back_the_roles_but_no_session(
    world: World, owner: Subject
) -> None:
    bob = await world.member("Bob")
    await world.give(bob, BuiltinRole.OPERATOR, at_workspace(world.a))
    token = await world.session(bob)
    await members.suspend(owner, bob.id)

    row = await members.reactivate(await world.subject(world.owner), bob.id)

    assert (row.status, row.suspended_by, row.version) == (MemberStatus.ACTIVE, frozenset(), 3)
    with pytest.raises(Unauthenticated):
        await signed_in(token)
    assert (await world.subject(bob)).access.allows_anywhere(P.CAMPAIGNS_SEND)
    assert story((await world.events())[-1]) == (
        world.owner.name,
        "member.reactivate",
        "member",
        "Bob",
    )


async def test_whom_a_directory_suspended_only_it_or_the_operator_brings_back(
    world: World, owner: Subject
) -> None:
    bob = await world.member("Bob")
    directory = await _directory(world)
    bob = await _told(directory, bob, active=False)
    async with refused(Forbidden, denied="member.reactivate", reason="DIRECTORY_MANAGED"):
        await members.reactivate(owner, bob.id)

    row = await members.reactivate(world.operator, bob.id)
    assert (row.status, row.suspended_by) == (MemberStatus.ACTIVE, frozenset())


async def _directory(world: World) -> Subject:
    _, token = await scim_tokens.create(await world.subject(world.owner), name="Okta")
    return await scim_tokens.authenticate(token, origin=Origin())


async def _told(directory: Subject, member: Member, *, active: bool) -> Member:
    """What comes of a directory that says this of a member."""
    person = Person(member.user_name, member.email, None, active, None, {}, {})
    return await members.update(directory, member.id, person)


@pytest.mark.parametrize("first", SuspendedBy)
async def test_each_side_lifts_what_it_did_and_not_what_the_other_did(
    world: World, first: SuspendedBy
) -> None:
    """Whoever suspends first and whoever lifts first: only with the second is the member back."""
    directory = await _directory(world)

    async def suspends(side: SuspendedBy) -> Member:
        if side is SuspendedBy.DIRECTORY:
            return await _told(directory, bob, active=False)
        return await members.suspend(await world.subject(world.owner), bob.id)

    async def lifts(side: SuspendedBy) -> Member:
        if side is SuspendedBy.DIRECTORY:
            return await _told(directory, bob, active=True)
        return await members.reactivate(await world.subject(world.owner), bob.id)

    [second] = set(SuspendedBy) - {first}
    for lifting in ((first, second), (second, first)):
        bob = await world.member(f"Bob {lifting[0]}")
        bob = await suspends(first)
        revision = (await world.subject(world.owner)).revision
        bob = await suspends(second)
        assert bob.suspended_by == {first, second}
        bob = await lifts(lifting[0])
        assert (bob.status, bob.suspended_by) == (MemberStatus.SUSPENDED, frozenset({lifting[1]}))
        assert (await world.subject(world.owner)).revision == revision
        assert (await world.events())[-1].diff == [
            {"path": "suspendedBy", "added": [], "removed": [lifting[0].value]}
        ]
        bob = await lifts(lifting[1])
        assert (bob.status, bob.suspended_by) == (MemberStatus.ACTIVE, frozenset())
        assert (await world.subject(world.owner)).revision == revision + 1


async def test_only_the_active_are_suspended_and_only_the_suspended_brought_back(
    world: World, owner: Subject
) -> None:
    bob = await world.member("Bob")
    async with refused(Conflict):
        await members.reactivate(owner, bob.id)
    await members.suspend(owner, bob.id)
    async with refused(Conflict):
        await members.suspend(await world.subject(world.owner), bob.id)


async def test_removal_takes_sessions_roles_and_places_in_groups(
    world: World, owner: Subject
) -> None:
    bob = await world.member("Bob")
    await world.give(bob, BuiltinRole.VIEWER, at_workspace(world.a))
    group = await groups.create(
        world.operator, DirectoryGroup("Crew", None, {}), member_ids=[bob.id]
    )
    token = await world.session(bob)

    await members.remove(owner, bob.id, reason="Contract ended.")

    with pytest.raises(Unauthenticated):
        await signed_in(token)
    assert not await Member.exists(id=bob.id)
    assert not await Assignment.exists(principal_id=bob.id)
    assert (await Group.get(id=group.id)).version == 2
    event = (await world.events())[-1]
    assert story(event) == (world.owner.name, "member.remove", "member", "Bob")
    assert event.reason == "Contract ended."
    assert {"path": "email", "before": "bob@acme.example", "after": None} in event.diff


async def test_the_account_stays_for_other_organizations(world: World, owner: Subject) -> None:
    globex = await new_world("globex")
    alone, shared = await world.member("Ann"), await world.member("Bob")
    elsewhere = await Member.create(
        organization=globex.organization,
        user_id=shared.user_id,
        user_name="bob",
        user_name_key="bob",
        email="bob@globex.example",
        email_key="bob@globex.example",
        name="Bob",
    )
    theirs = await globex.session(elsewhere)

    await members.remove(owner, shared.id)
    await members.remove(await world.subject(world.owner), alone.id)

    assert await User.exists(id=shared.user_id)
    assert not await User.exists(id=alone.user_id)
    assert await signed_in(theirs) == elsewhere.id


async def test_who_lacks_what_a_member_holds_neither_takes_nor_gives_it(
    world: World, keeper: Subject
) -> None:
    sender = await world.member("Sam")
    role = await world.custom_role("Sender", P.CAMPAIGNS_SEND)
    await world.give(sender, role, at_workspace(world.b))
    missing = ["campaigns:send"]
    for take, action in ((members.suspend, "suspend"), (members.remove, "remove")):
        async with refused(Escalation, denied=f"member.{action}", missing=missing):
            await take(keeper, sender.id)
    await members.suspend(world.operator, sender.id)
    keeper = await world.subject(await Member.get(id=keeper.member_id))
    async with refused(Escalation, denied="member.reactivate", missing=missing):
        await members.reactivate(keeper, sender.id)


async def test_a_role_through_a_group_counts(world: World, keeper: Subject) -> None:
    sender = await world.member("Sam")
    group = await groups.create(
        world.operator, DirectoryGroup("Senders", None, {}), member_ids=[sender.id]
    )
    await assignments.assign(
        world.operator,
        role_id=(await world.custom_role("Sender", P.CAMPAIGNS_SEND)).id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=world.everywhere,
    )
    async with refused(Escalation, denied="member.remove", missing=["campaigns:send"]):
        await members.remove(keeper, sender.id)


async def test_who_holds_as_much_takes_and_gives_it(world: World, keeper: Subject) -> None:
    reader = await world.member("Rae")
    role = await world.custom_role("Reader", P.CAMPAIGNS_READ)
    await world.give(reader, role, at_workspace(world.a))
    keeper = await world.subject(await Member.get(id=keeper.member_id))

    await members.suspend(keeper, reader.id)
    await members.reactivate(keeper, reader.id)
    await members.remove(keeper, reader.id)

    assert not await Member.exists(id=reader.id)


async def test_what_somebody_has_for_a_time_brings_nobody_back_for_longer(world: World) -> None:
    role = await world.custom_role("Keeper", P.MEMBERS_INVITE, P.MEMBERS_REMOVE, P.CAMPAIGNS_READ)
    temp, reader = await world.member("Temp"), await world.member("Rae")
    await world.give(reader, await world.custom_role("R", P.CAMPAIGNS_READ), world.everywhere)
    await assignments.assign(
        world.operator,
        role_id=role.id,
        principal=Principal(PrincipalType.MEMBER, temp.id),
        scope=world.everywhere,
        expires_at=now() + timedelta(hours=1),
    )
    await members.suspend(await world.subject(temp), reader.id)
    async with refused(Escalation, denied="member.reactivate", missing=["campaigns:read"]):
        await members.reactivate(await world.subject(temp), reader.id)


async def test_it_needs_its_permission_at_the_organization(world: World) -> None:
    bob = await world.member("Bob")
    manager = await world.custom_role("Workspace keeper", P.MEMBERS_INVITE, P.MEMBERS_REMOVE)
    elsewhere = await world.someone("Wes", manager, at_workspace(world.a))
    reader = await world.someone(
        "Rae", await world.custom_role("Reader", P.MEMBERS_READ), world.everywhere
    )
    for take, action in ((members.suspend, "suspend"), (members.remove, "remove")):
        async with refused(NotFound):
            await take(elsewhere, bob.id)
        async with refused(Forbidden, denied=f"member.{action}", missing=["MEMBERS_REMOVE"]):
            await take(reader, bob.id)
    await members.suspend(world.operator, bob.id)
    reader = await world.subject(await Member.get(id=reader.member_id))
    async with refused(Forbidden, denied="member.reactivate", missing=["MEMBERS_INVITE"]):
        await members.reactivate(reader, bob.id)
    async with refused(Forbidden, denied="member.update", missing=["MEMBERS_INVITE"]):
        await members.rename(reader, bob.id, name="Ben", expected_version=1)


async def test_a_member_of_another_organization_is_not_found(world: World, owner: Subject) -> None:
    stranger = (await new_world("globex")).owner
    for member_id in (stranger.id, UNKNOWN_ID):
        for change in (members.suspend, members.reactivate, members.remove):
            async with refused(NotFound):
                await change(owner, member_id)
        async with refused(NotFound):
            await members.rename(owner, member_id, name="Ben", expected_version=1)


async def test_nobody_suspends_or_removes_themselves(world: World, owner: Subject) -> None:
    await world.give(await world.member("Ann"), BuiltinRole.OWNER, world.everywhere)
    owner = await world.subject(world.owner)
    for take, action in ((members.suspend, "suspend"), (members.remove, "remove")):
        async with refused(Forbidden, denied=f"member.{action}", reason="YOURSELF"):
            await take(owner, world.owner.id)


async def test_the_last_lasting_owner_stays_even_against_another_owner_and_the_operator(
    world: World,
) -> None:
    temporary = await world.member("Temp")
    await assignments.assign(
        world.operator,
        role_id=(await world.role(BuiltinRole.OWNER)).id,
        principal=Principal(PrincipalType.MEMBER, temporary.id),
        scope=world.everywhere,
        expires_at=now() + timedelta(hours=1),
    )
    for subject in (await world.subject(temporary), world.operator):
        for take, action in ((members.suspend, "suspend"), (members.remove, "remove")):
            async with refused(LastOwner, denied=f"member.{action}"):
                await take(subject, world.owner.id)


async def test_of_two_owners_one_may_take_the_other_out(world: World) -> None:
    ann = await world.member("Ann")
    await world.give(ann, BuiltinRole.OWNER, world.everywhere)
    await members.remove(await world.subject(ann), world.owner.id)
    assert not await Member.exists(id=world.owner.id)


async def test_who_owns_nothing_leaves(world: World) -> None:
    bob = await world.member("Bob")
    await world.give(bob, BuiltinRole.ADMIN, world.everywhere)
    crew = await manual_groups.create(world.operator, name="Crew", member_ids=[bob.id])
    token = await world.session(bob)
    subject = await world.subject(bob)

    await members.leave(subject, world.organization.id)

    assert not await Member.exists(id=bob.id)
    assert not await Assignment.exists(principal_id=bob.id)
    with pytest.raises(Unauthenticated):
        await signed_in(token)
    lost, left = (await world.events())[-2:]
    assert story(lost) == ("Bob", "role.unassign", "member", "Bob")
    assert lost.reason == "The member left."
    assert story(left) == ("Bob", "member.leave", "member", "Bob")
    assert left.diff[-2:] == [
        {"path": "groups", "added": [], "removed": ["Crew"]},
        {"path": "groupIds", "added": [], "removed": [str(crew.id)]},
    ]


async def test_an_owner_steps_down_first(world: World, owner: Subject) -> None:
    async with refused(Forbidden, denied="member.leave", reason="OWNER"):
        await members.leave(owner, world.organization.id)
    ann = await world.member("Ann")
    await world.give(ann, BuiltinRole.OWNER, world.everywhere)
    async with refused(Forbidden, denied="member.leave", reason="OWNER"):
        await members.leave(await world.subject(world.owner), world.organization.id)

    ownership = await Assignment.get(principal_id=world.owner.id)
    await assignments.unassign(await world.subject(world.owner), ownership.id)
    await members.leave(await world.subject(world.owner), world.organization.id)
    assert not await Member.exists(id=world.owner.id)


async def test_an_owner_through_a_group_does_not_leave_either(world: World) -> None:
    ann = await world.member("Ann")
    group = await groups.create(
        world.operator, DirectoryGroup("Owners", None, {}), member_ids=[ann.id]
    )
    await assignments.assign(
        world.operator,
        role_id=(await world.role(BuiltinRole.OWNER)).id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=world.everywhere,
    )
    async with refused(Forbidden, denied="member.leave", reason="OWNER"):
        await members.leave(await world.subject(ann), world.organization.id)


async def test_the_owner_of_a_workspace_leaves(world: World) -> None:
    subject = await world.someone("Wes", BuiltinRole.OWNER, at_workspace(world.a))
    await members.leave(subject, world.organization.id)
    assert not await Member.exists(id=subject.member_id)


async def test_nobody_leaves_another_organization_than_their_own(world: World) -> None:
    globex = await new_world("globex")
    bob = await world.subject(await world.member("Bob"))
    for organization_id in (globex.organization.id, UNKNOWN_ID):
        async with refused(NotFound):
            await members.leave(bob, organization_id)
    async with refused(NotFound):
        await members.leave(world.operator, world.organization.id)
