"""Changes of access at the same time, each on a connection of its own: whatever the interleaving,
they come out as if one had come after the other, and what must hold holds.

Each race is run many times. The second change sets off a few turns of the event loop after the
first, from none to a thousand, so that they meet at different statements; nobody sleeps. On SQLite,
which has one writer, the same has to come out.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from identity import (
    assignments,
    campaigns,
    groups,
    invitations,
    manual_groups,
    members,
    roles,
)
from identity.access.permissions import Permission
from identity.assignments import Principal
from identity.campaigns import Content
from identity.credentials.limits import SessionLimits
from identity.groups import DirectoryGroup, Membership
from identity.sso import invited
from identity.subject import Origin, Subject
from models import (
    Assignment,
    BuiltinRole,
    Campaign,
    Group,
    GroupMember,
    Invitation,
    Member,
    Outcome,
    PrincipalType,
    Role,
)
from tests.identity.refusing import outcome
from tests.identity.soundness import assert_sound
from tests.world import World, at_campaign, at_workspace

P = Permission
ROUNDS = 12
Change = Coroutine[Any, Any, object]


def rounds() -> Iterator[tuple[int, int]]:
    """The number of each round, and how many turns later the second change sets off; a negative
    number has the first one wait.
    """
    for number in range(ROUNDS):
        turns = 4 ** (number // 2) - 1
        yield number, turns if number % 2 else -turns


async def race(first: Change, second: Change, turns: int) -> tuple[str, str]:
    """How both came out."""

    async def later(change: Change, by: int) -> str:
        for _ in range(by):
            await asyncio.sleep(0)
        return await outcome(change)

    one, other = await asyncio.gather(later(first, max(-turns, 0)), later(second, max(turns, 0)))
    return one, other


async def successes(world: World, since: int) -> list[str]:
    """The actions of what was done since then, in the order of the log."""
    events = (await world.events())[since:]
    return [event.action for event in events if event.outcome is Outcome.SUCCESS]


def as_member(member: Member) -> Principal:
    return Principal(PrincipalType.MEMBER, member.id)


async def owning(world: World, name: str) -> Member:
    member = await world.member(name)
    await world.give(member, BuiltinRole.OWNER, world.everywhere)
    return member


async def demote(world: World, by: Subject, member: Member) -> object:
    given = await Assignment.get(principal_id=member.id, scope_id=world.organization.id)
    return await assignments.unassign(by, given.id)


async def switch_off(world: World, by: Subject, member: Member) -> object:
    """What a directory does, whoever owns."""
    group = await Group.get(name=f"Owners {member.name}")
    same = DirectoryGroup(group.name, None, {})
    membership = Membership(leave=frozenset({member.id}))
    return await groups.update(world.operator, group.id, same, membership)


Loss = Callable[[World, Subject, Member], Change]
LOSSES: dict[str, Loss] = {
    "demoted": demote,
    "suspended": lambda world, by, member: members.suspend(by, member.id),
    "removed": lambda world, by, member: members.remove(by, member.id),
    "out of the owning group": switch_off,
}
TOLD = {
    "demoted": ["role.unassign"],
    "suspended": ["member.suspend"],
    "removed": ["role.unassign", "member.remove"],
    "out of the owning group": ["group.update"],
}
"""What the log says of each."""


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("demoted", "demoted"),
        ("demoted", "out of the owning group"),
        ("suspended", "demoted"),
        ("removed", "suspended"),
        ("out of the owning group", "removed"),
    ],
)
async def test_the_last_two_owners_lose_it_at_once(world: World, first: str, second: str) -> None:
    """By the operator, who may do all of it: exactly one goes."""
    came_out: Counter[tuple[str, str]] = Counter()
    for number, turns in rounds():
        pair = [
            await _owner_for(world, f"{name}-{number}", way)
            for name, way in (("Ann", first), ("Ben", second))
        ]
        for row in await Assignment.filter(scope_id=world.organization.id):
            if row.principal_id not in {holder for _, holder in pair}:
                await assignments.unassign(world.operator, row.id)
        log = len(await world.events())
        result = await race(
            _lose(world, first, pair[0][0]), _lose(world, second, pair[1][0]), turns
        )
        came_out[result] += 1
        assert sorted(result) == ["DONE", "LAST_OWNER"]
        winner = first if result[0] == "DONE" else second
        assert await successes(world, log) == TOLD[winner]
        await assert_sound(world.organization.id)
    assert len(came_out) == 2, "each of them comes first at times"


async def _owner_for(world: World, name: str, way: str) -> tuple[Member, Any]:
    """An owner who can be taken out in this way, and the member or group that has the role."""
    if way != "out of the owning group":
        member = await owning(world, name)
        return member, member.id
    member = await world.member(name)
    group = await groups.create(
        world.operator, DirectoryGroup(f"Owners {member.name}", None, {}), member_ids=[member.id]
    )
    await assignments.assign(
        world.operator,
        role_id=(await world.role(BuiltinRole.OWNER)).id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=world.everywhere,
    )
    return member, group.id


async def _lose(world: World, way: str, member: Member) -> object:
    return await LOSSES[way](world, world.operator, member)


@pytest.mark.parametrize("way", ["demoted", "suspended", "removed"])
async def test_two_owners_turn_against_each_other(world: World, way: str) -> None:
    """Whoever comes second owns nothing any more, or is nobody."""
    for number, turns in rounds():
        ann, ben = await owning(world, f"ann-{number}"), await owning(world, f"ben-{number}")
        for row in await Assignment.filter(scope_id=world.organization.id):
            if row.principal_id not in (ann.id, ben.id):
                await assignments.unassign(world.operator, row.id)
        subjects = await world.subject(ann), await world.subject(ben)
        result = await race(
            LOSSES[way](world, subjects[0], ben),
            LOSSES[way](world, subjects[1], ann),
            turns,
        )
        assert result.count("DONE") == 1
        assert set(result) - {"DONE"} <= {"NOT_FOUND", "UNAUTHENTICATED", "FORBIDDEN"}
        await assert_sound(world.organization.id)


@pytest.fixture
async def lead(world: World) -> Subject:
    """Gives roles in workspace a, as far as drafting goes."""
    role = await world.custom_role("Lead", P.MEMBERS_ASSIGN, P.ROLES_READ, P.CAMPAIGNS_DRAFT)
    return await world.someone("Lea", role, at_workspace(world.a))


async def test_a_role_grows_while_it_is_given(world: World, lead: Subject) -> None:
    """Either it is given first and grows by its owner's will, or it has grown and the giver, who
    lacks what it grew by, is refused: whoever comes second sees what the first has done.
    """
    owner, seen = await world.subject(world.owner), set()
    for number, turns in rounds():
        ann = await world.member(f"Ann-{number}")
        role = await world.custom_role(f"Drafting {number}", P.CAMPAIGNS_DRAFT)
        log = len(await world.events())
        grown, given = await race(
            roles.update(owner, role.id, expected_version=1, add=[P.CAMPAIGNS_SEND]),
            assignments.assign(
                lead, role_id=role.id, principal=as_member(ann), scope=at_workspace(world.a)
            ),
            turns,
        )
        assert grown == "DONE"
        done = await successes(world, log)
        if given == "DONE":
            assert done == ["role.assign", "role.update"]
        else:
            assert (given, done) == ("ESCALATION", ["role.update"])
        assert await Assignment.filter(principal_id=ann.id).count() == (given == "DONE")
        seen.add(given)
        await assert_sound(world.organization.id)
    assert seen == {"DONE", "ESCALATION"}


async def test_a_role_is_deleted_while_it_is_given(world: World) -> None:
    seen = set()
    for number, turns in rounds():
        ann = await world.member(f"Ann-{number}")
        role = await world.custom_role(f"Shift {number}", P.CAMPAIGNS_READ)
        deleted, given = await race(
            roles.delete(world.operator, role.id),
            world.give(ann, role, at_workspace(world.a)),
            turns,
        )
        assert (deleted, given) in {("DONE", "NOT_FOUND"), ("IN_USE", "DONE")}
        assert await Role.exists(id=role.id) is (given == "DONE")
        seen.add(given)
        await assert_sound(world.organization.id)
    assert len(seen) == 2


async def test_a_member_is_given_a_role_while_being_removed(world: World) -> None:
    role, seen = await world.role(BuiltinRole.VIEWER), set()
    for number, turns in rounds():
        ann = await world.member(f"Ann-{number}")
        removed, given = await race(
            members.remove(world.operator, ann.id),
            world.give(ann, role, at_workspace(world.a)),
            turns,
        )
        assert removed == "DONE"
        assert given in ("DONE", "NOT_FOUND")
        assert not await Assignment.exists(principal_id=ann.id)
        seen.add(given)
        await assert_sound(world.organization.id)
    assert len(seen) == 2


async def test_the_giver_is_removed_while_giving(world: World) -> None:
    """Who is gone gives nothing any more."""
    role, seen = await world.role(BuiltinRole.VIEWER), set()
    for number, turns in rounds():
        giver, ann = await owning(world, f"gil-{number}"), await world.member(f"Ann-{number}")
        subject = await world.subject(giver)
        log = len(await world.events())
        removed, given = await race(
            members.remove(world.operator, giver.id),
            assignments.assign(
                subject, role_id=role.id, principal=as_member(ann), scope=at_workspace(world.a)
            ),
            turns,
        )
        assert removed == "DONE"
        first = ["role.assign"] if given == "DONE" else []
        assert await successes(world, log) == [*first, "role.unassign", "member.remove"]
        assert given in ("DONE", "UNAUTHENTICATED")
        seen.add(given)
    assert len(seen) == 2


async def test_a_resource_is_given_while_being_deleted(world: World) -> None:
    role, seen = await world.role(BuiltinRole.VIEWER), set()
    ann = await world.member("Ann")
    for number, turns in rounds():
        campaign = await world.campaign(world.a, f"Campaign {number}")
        deleted, given = await race(
            campaigns.delete(world.operator, campaign.id),
            world.give(ann, role, at_campaign(campaign)),
            turns,
        )
        assert deleted == "DONE"
        assert given in ("DONE", "NOT_FOUND")
        assert not await Assignment.exists(scope_id=campaign.id)
        seen.add(given)
        await assert_sound(world.organization.id)
    assert len(seen) == 2


async def test_a_maker_loses_the_role_while_making(world: World) -> None:
    """What was made by then brings Creator along; what comes after is refused."""
    role, seen = await world.custom_role("Maker", P.CAMPAIGNS_DRAFT), set()
    for number, turns in rounds():
        member = await world.member(f"Mara-{number}")
        held = await world.give(member, role, at_workspace(world.a))
        mara = await world.subject(member)
        taken, made = await race(
            assignments.unassign(world.operator, held.id),
            campaigns.draft(mara, world.a.id, Content(name=f"Made {number}")),
            turns,
        )
        assert taken == "DONE"
        assert made in ("DONE", "NOT_FOUND")
        done = [made == "DONE"] * 2
        assert done == [
            await Campaign.exists(owner_id=member.id),
            await Assignment.exists(principal_id=member.id),
        ]
        seen.add(made)
        await assert_sound(world.organization.id)
    assert len(seen) == 2


async def test_somebody_joins_a_group_while_it_is_given_a_role(world: World) -> None:
    """Gil, who cannot send, lets nobody into a group that sends."""
    giver = await world.custom_role("Giver", P.MEMBERS_ASSIGN, P.CAMPAIGNS_READ)
    gil = await world.someone("Gil", giver, world.everywhere)
    sending, seen = await world.custom_role("Sender", P.CAMPAIGNS_SEND), set()
    ann = await world.member("Ann")
    for number, turns in rounds():
        group = await manual_groups.create(world.operator, name=f"Crew {number}")
        log = len(await world.events())
        given, joined = await race(
            assignments.assign(
                world.operator,
                role_id=sending.id,
                principal=Principal(PrincipalType.GROUP, group.id),
                scope=at_workspace(world.a),
            ),
            manual_groups.update(gil, group.id, expected_version=1, add=[ann.id]),
            turns,
        )
        assert given == "DONE"
        done = await successes(world, log)
        if joined == "DONE":
            assert done == ["group.update", "role.assign"]
        else:
            assert (joined, done) == ("ESCALATION", ["role.assign"])
        assert await GroupMember.filter(group_id=group.id).count() == (joined == "DONE")
        seen.add(joined)
    assert len(seen) == 2


async def test_who_lets_into_a_group_loses_its_role_meanwhile(world: World) -> None:
    sending, seen = await world.custom_role("Sender", P.CAMPAIGNS_SEND), set()
    giver = await world.custom_role("Giver", P.MEMBERS_ASSIGN)
    group = await manual_groups.create(world.operator, name="Senders")
    await assignments.assign(
        world.operator,
        role_id=sending.id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=at_workspace(world.a),
    )
    member = await world.member("Gil")
    await world.give(member, giver, world.everywhere)
    for number, turns in rounds():
        own = await world.give(member, sending, world.everywhere)
        gil, ann = await world.subject(member), await world.member(f"Ann-{number}")
        version = (await Group.get(id=group.id)).version
        log = len(await world.events())
        taken, joined = await race(
            assignments.unassign(world.operator, own.id),
            manual_groups.update(gil, group.id, expected_version=version, add=[ann.id]),
            turns,
        )
        assert taken == "DONE"
        done = await successes(world, log)
        if joined == "DONE":
            assert done == ["group.update", "role.unassign"]
        else:
            assert (joined, done) == ("ESCALATION", ["role.unassign"])
        assert await GroupMember.exists(member_id=ann.id) is (joined == "DONE")
        seen.add(joined)
        await assert_sound(world.organization.id)
    assert len(seen) == 2


async def test_the_last_owner_leaves_the_owning_group_and_loses_the_role(world: World) -> None:
    """Who owns directly and through a group keeps one of both."""
    role, seen = await world.role(BuiltinRole.OWNER), set()
    group = await manual_groups.create(world.operator, name="Owners")
    await assignments.assign(
        world.operator,
        role_id=role.id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=world.everywhere,
    )
    for _, turns in rounds():
        inside = await GroupMember.exists(group_id=group.id)
        version = (await Group.get(id=group.id)).version
        if not inside:
            await manual_groups.update(
                world.operator, group.id, expected_version=version, add=[world.owner.id]
            )
            version += 1
        direct = await Assignment.get_or_none(principal_id=world.owner.id)
        if direct is None:
            direct = await world.give(world.owner, role, world.everywhere)
        result = await race(
            assignments.unassign(world.operator, direct.id),
            manual_groups.update(
                world.operator, group.id, expected_version=version, remove=[world.owner.id]
            ),
            turns,
        )
        assert sorted(result) == ["DONE", "LAST_OWNER"]
        seen.add(result)
        await assert_sound(world.organization.id)
    assert len(seen) == 2


def accept(token: str) -> Change:
    return invited.accept(token, session_token=None, limits=SessionLimits(), origin=Origin())


async def invite(world: World, by: Subject, name: str) -> tuple[Invitation, str]:
    return await invitations.invite(
        by,
        email=f"{name}@elsewhere.example",
        role_id=(await world.role(BuiltinRole.VIEWER)).id,
        scope=at_workspace(world.a),
    )


async def test_an_invitation_is_accepted_while_it_is_revoked(world: World) -> None:
    seen = set()
    for number, turns in rounds():
        invitation, token = await invite(world, world.operator, f"carla-{number}")
        revoked, accepted = await race(
            invitations.revoke(world.operator, invitation.id), accept(token), turns
        )
        assert (revoked, accepted) in {("DONE", "UNAUTHENTICATED"), ("CONFLICT", "DONE")}
        assert await Member.exists(email=invitation.email) is (accepted == "DONE")
        seen.add(accepted)
        await assert_sound(world.organization.id)
    assert len(seen) == 2


async def test_an_invitation_is_accepted_while_whoever_invited_goes(world: World) -> None:
    promised, gone = ["invitation.accept", "role.assign"], ["role.unassign", "member.remove"]
    seen = set()
    for number, turns in rounds():
        inviter = await owning(world, f"ines-{number}")
        invitation, token = await invite(world, await world.subject(inviter), f"carla-{number}")
        log = len(await world.events())
        removed, accepted = await race(
            members.remove(world.operator, inviter.id), accept(token), turns
        )
        assert removed == "DONE"
        done = await successes(world, log)
        if accepted == "DONE":
            assert done == [*promised, *gone]
        else:
            assert (accepted, done) == ("FORBIDDEN", gone)
        assert await Member.exists(email=invitation.email) is (accepted == "DONE")
        seen.add(accepted)
        await assert_sound(world.organization.id)
    assert len(seen) == 2


async def test_two_accept_one_invitation(world: World) -> None:
    for number, turns in rounds():
        invitation, token = await invite(world, world.operator, f"carla-{number}")
        result = await race(accept(token), accept(token), turns)
        assert result.count("DONE") == 1
        assert await Member.filter(email=invitation.email).count() == 1
