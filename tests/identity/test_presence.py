"""A caller who stays learns at once that access changed, and that the session is over."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from identity import assignments, members
from identity.access.decision import ORGANIZATION
from identity.access.permissions import Permission
from identity.assignments import Principal
from identity.credentials import sessions
from identity.credentials.limits import SessionLimits
from identity.facts import hearing
from identity.members import Person
from identity.presence import Presence, Standing
from identity.refusals import Unauthenticated
from identity.subject import Origin, Subject
from models import BuiltinRole, Member, PrincipalType, Session
from models.clock import now
from tests.world import World, new_world

SECONDS = 10
LIMITS = SessionLimits()


async def arrived(world: World, member: Member) -> Presence:
    subject = await sessions.authenticate(
        await world.session(member), limits=LIMITS, origin=Origin()
    )
    return Presence(await renewed(subject, used=False), renewed)


async def renewed(subject: Subject, *, used: bool) -> Standing:
    return await sessions.standing(subject, limits=LIMITS, used=used)


@pytest.fixture
async def member(world: World) -> Member:
    found = await world.member("Mia")
    await world.give(found, BuiltinRole.AUDITOR, world.everywhere)
    return found


@pytest.fixture
async def presence(world: World, member: Member) -> AsyncIterator[Presence]:
    """Mia's."""
    async with hearing():
        yield await arrived(world, member)


async def suspend(world: World, member: Member) -> None:
    person = Person(
        user_name=member.user_name,
        email=member.email,
        name=member.name,
        external_id=None,
        scim={},
        scim_keys={},
        active=False,
    )
    await members.update(world.operator, member.id, person)


async def sign_out(world: World, member: Member) -> None:
    session = await Session.get(member=member, ended_at=None)
    await sessions.sign_out(replace(await world.subject(member), via_id=session.id))


async def remove(world: World, member: Member) -> None:
    await members.remove(world.operator, member.id)


async def suspend_by_hand(world: World, member: Member) -> None:
    await members.suspend(world.operator, member.id)


async def leave(world: World, member: Member) -> None:
    await members.leave(await world.subject(member), world.organization.id)


@pytest.mark.parametrize("end", [suspend, suspend_by_hand, sign_out, remove, leave])
async def test_it_is_over_within_a_second_of_the_end(
    world: World,
    member: Member,
    presence: Presence,
    end: Callable[[World, Member], Awaitable[None]],
) -> None:
    staying = asyncio.create_task(presence.stay())
    await presence.present()
    await end(world, member)

    async with asyncio.timeout(1):
        with pytest.raises(Unauthenticated):
            await staying
    with pytest.raises(Unauthenticated):
        await presence.present()


async def test_it_has_the_access_of_now(world: World, member: Member, presence: Presence) -> None:
    staying = asyncio.create_task(presence.stay())
    known = presence.subject
    assert known.access.allows(Permission.AUDIT_READ, ORGANIZATION)
    assignment = known.access.grants[0].assignment_id
    await assignments.unassign(world.operator, assignment)

    async with asyncio.timeout(1):
        changed = await presence.changed_from(known)
    assert not changed.access.allows(Permission.AUDIT_READ, ORGANIZATION)
    assert changed.revision == known.revision + 1
    staying.cancel()


async def test_others_do_not_end_it(world: World, member: Member, presence: Presence) -> None:
    other = await world.member("Noa")
    foreign = await new_world("globex")
    stranger = await foreign.member("Mia")
    staying = asyncio.create_task(presence.stay())
    known = presence.subject
    await suspend(world, other)
    await suspend(foreign, stranger)
    async with asyncio.timeout(SECONDS):
        changed = await presence.changed_from(known)

    assert changed.access == known.access
    assert changed.revision == (await world.subject(member)).revision
    assert not staying.done()
    staying.cancel()


async def test_a_role_for_a_time_ends_by_itself(world: World, member: Member) -> None:
    role = await world.role(BuiltinRole.ADMIN)
    presence = await arrived(world, member)
    await assignments.assign(
        world.operator,
        role_id=role.id,
        principal=Principal(PrincipalType.MEMBER, member.id),
        scope=world.everywhere,
        expires_at=now() + timedelta(seconds=1),
    )
    known = await presence.present()
    assert known.access.allows(Permission.CAMPAIGNS_SEND, ORGANIZATION)
    staying = asyncio.create_task(presence.stay())  # nothing tells it: this process does not listen

    async with asyncio.timeout(3):
        changed = await presence.changed_from(known)
    assert not changed.access.allows(Permission.CAMPAIGNS_SEND, ORGANIZATION)
    staying.cancel()


@pytest.mark.parametrize("limits", [{"idle": 1, "absolute": 60}, {"idle": 60, "absolute": 1}])
async def test_a_session_ends_by_itself(
    world: World, member: Member, limits: dict[str, int]
) -> None:
    short = SessionLimits(**{name: timedelta(seconds=value) for name, value in limits.items()})
    _, token = await sessions.start(member, connection_id=None, limits=short, origin=Origin())
    subject = await sessions.authenticate(token, limits=short, origin=Origin())

    async def renew(subject: Subject, *, used: bool) -> Standing:
        return await sessions.standing(subject, limits=short, used=used)

    presence = Presence(await renew(subject, used=False), renew)
    async with asyncio.timeout(3):
        with pytest.raises(Unauthenticated):
            await presence.stay()


async def test_listening_is_no_use_of_the_session(world: World, member: Member) -> None:
    presence = await arrived(world, member)
    earlier = now() - timedelta(hours=1)
    await Session.filter(member=member).update(last_seen_at=earlier)

    await presence.present()
    assert (await Session.get(member=member)).last_seen_at == earlier
    await presence.present(used=True)
    assert (await Session.get(member=member)).last_seen_at > earlier
