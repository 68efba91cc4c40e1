"""What somebody could do at a past moment: who may ask, what is refused, and what it costs."""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from identity import assignments, manual_groups, members, past_access, roles, workspaces
from identity.access.permissions import Permission
from identity.answers import GrantSource
from identity.assignments import Principal
from identity.refusals import BadInput, Forbidden, NotFound, Unauthenticated
from models import Assignment, BuiltinRole, Group, Member, Organization, PrincipalType
from models.clock import now
from models.database import snapshot
from models.sql import is_postgres
from tests.clock import MovableClock
from tests.identity.refusing import refused
from tests.statements import counted_statements
from tests.world import UNKNOWN_ID, World, at_workspace, new_world

P = Permission
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def of(member: Member) -> Principal:
    return Principal(PrincipalType.MEMBER, member.id)


@pytest.fixture
async def world(movable_clock: MovableClock, database: str) -> World:
    return await new_world("acme")


async def test_what_was_taken_or_changed_since_is_told_as_it_was(
    world: World, movable_clock: MovableClock
) -> None:
    ann, owner = await world.member("Ann"), await world.subject(world.owner)
    role = await world.custom_role("Shift", P.CAMPAIGNS_SEND)
    given = await world.give(ann, role, at_workspace(world.a))
    crew = await manual_groups.create(world.operator, name="Crew", member_ids=[ann.id])
    viewer = await world.role(BuiltinRole.VIEWER)
    through = await assignments.assign(
        world.operator,
        role_id=viewer.id,
        principal=Principal(PrincipalType.GROUP, crew.id),
        scope=at_workspace(world.b),
    )
    then = now()
    movable_clock.move(DAY)
    changed = await roles.update(
        world.operator,
        role.id,
        expected_version=1,
        name="Night shift",
        add=[P.LISTS_READ],
        remove=[P.CAMPAIGNS_SEND],
    )
    await roles.delete(world.operator, changed.id, replacement_id=viewer.id)
    await manual_groups.delete(world.operator, crew.id)
    await members.remove(world.operator, ann.id)

    held = await past_access.access_as_of(owner, of(ann), then)

    assert [(h.id, h.grant.role_name, h.grant.role_version, h.source) for h in held] == [
        (through.id, "Viewer", 1, GrantSource.GROUP),
        (given.id, "Shift", 1, GrantSource.DIRECT),
    ]
    assert held[0].grant.principal_name == "Crew"
    assert set(held[1].permissions) == {P.CAMPAIGNS_SEND, P.CAMPAIGNS_READ}
    async with refused(NotFound):
        await past_access.access_as_of(owner, of(ann), now())


async def test_what_ended_meanwhile_and_a_suspension_count_as_then(
    world: World, movable_clock: MovableClock
) -> None:
    ann, owner = await world.member("Ann"), await world.subject(world.owner)
    role = await world.role(BuiltinRole.OPERATOR)
    await assignments.assign(
        world.operator,
        role_id=role.id,
        principal=of(ann),
        scope=at_workspace(world.a),
        expires_at=now() + DAY,
    )
    given = now()
    movable_clock.move(DAY / 2)
    await members.suspend(world.operator, ann.id)
    suspended = now()
    movable_clock.move(DAY)
    await members.reactivate(world.operator, ann.id)

    (at_first,) = await past_access.access_as_of(owner, of(ann), given)
    (meanwhile,) = await past_access.access_as_of(owner, of(ann), suspended)

    assert P.CAMPAIGNS_SEND in at_first.permissions
    assert meanwhile.permissions == ()
    assert await past_access.access_as_of(owner, of(ann), now()) == ()


@pytest.mark.parametrize("lacking", [P.AUDIT_READ, P.MEMBERS_READ])
async def test_it_takes_reading_the_log_and_the_members(world: World, lacking: Permission) -> None:
    both = {P.AUDIT_READ, P.MEMBERS_READ}
    role = await world.custom_role("Half", *both - {lacking})
    asker = await world.someone("Ann", role, world.everywhere)
    for asked in (None, of(world.owner)):
        async with refused(Forbidden, missing=[lacking.name]):
            await past_access.access_as_of(asker, asked, now())

    everything = await world.custom_role("All", *both)
    bob = await world.someone("Bob", everything, world.everywhere)
    (own,) = await past_access.access_as_of(bob, None, now())
    (others,) = await past_access.access_as_of(bob, of(world.owner), now())
    assert (own.names_role, others.names_role) == (True, False)


async def test_a_moment_that_cannot_be_known_is_refused(
    world: World, movable_clock: MovableClock
) -> None:
    owner, opened = await world.subject(world.owner), now()
    movable_clock.move(DAY)
    for moment, sentence in {
        opened - timedelta(seconds=1): "The audit log begins at 2030-01-01 00:00:00 UTC: "
        "what was before is not known any more.",
        now() + timedelta(seconds=1): "The moment lies in the future.",
        now().replace(tzinfo=None): "Give the time with its zone, e.g. 2030-01-01T09:00:00Z.",
    }.items():
        with pytest.raises(BadInput) as refusal:
            await past_access.access_as_of(owner, None, moment)
        assert (refusal.value.message, refusal.value.details["field"]) == (sentence, "at")
    assert len(await past_access.access_as_of(owner, None, opened)) == 1


async def test_who_is_no_member_has_to_say_whom_they_mean(world: World) -> None:
    async with refused(Unauthenticated):
        await past_access.access_as_of(world.operator, None, now())


async def test_a_log_that_is_too_long_is_not_read(
    world: World, movable_clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_access, "MOST_EVENTS", 2)
    owner, ann = await world.subject(world.owner), await world.member("Ann")
    then = now()
    for role in (BuiltinRole.ADMIN, BuiltinRole.VIEWER, BuiltinRole.EDITOR):
        movable_clock.move(DAY)
        await world.give(ann, role, world.everywhere)
    recent = now() - DAY
    with pytest.raises(BadInput) as refusal:
        await past_access.access_as_of(owner, of(ann), then)
    assert refusal.value.message == (
        "Access changed more than 2 times since then. Ask for a later moment."
    )
    assert len(await past_access.access_as_of(owner, of(ann), recent)) == 2


async def test_nobody_of_another_organization_is_told_of(world: World) -> None:
    other = await new_world("other")
    owner = await world.subject(world.owner)
    strangers = [of(other.owner), Principal(PrincipalType.GROUP, UNKNOWN_ID)]
    for stranger in strangers:
        async with refused(NotFound):
            await past_access.access_as_of(owner, stranger, now())


@pytest.mark.parametrize("count", [1, 6])
async def test_the_statements_do_not_grow(
    world: World, movable_clock: MovableClock, count: int
) -> None:
    owner, ann = await world.subject(world.owner), await world.member("Ann")
    then = now()
    movable_clock.move(DAY)
    for number in range(count):
        space = await workspaces.create(world.operator, slug=f"w{number}", name="W")
        await world.give(ann, BuiltinRole.VIEWER, at_workspace(space))
        group = await manual_groups.create(world.operator, name=f"G{number}", member_ids=[ann.id])
        await assignments.assign(
            world.operator,
            role_id=(await world.role(BuiltinRole.OPERATOR)).id,
            principal=Principal(PrincipalType.GROUP, group.id),
            scope=at_workspace(space),
        )
    middle = now()
    movable_clock.move(DAY)
    for group in await Group.filter(organization=world.organization):
        await manual_groups.delete(world.operator, group.id)

    with counted_statements() as statements:
        held = await past_access.access_as_of(owner, of(ann), middle)
    assert len(held) == 2 * count
    assert len(statements) == 8, statements
    assert await past_access.access_as_of(owner, of(ann), then) == ()


async def test_every_read_is_of_one_moment(world: World, database: str) -> None:
    async with snapshot():
        before = await Organization.get(id=world.organization.id)
        await _elsewhere(database, "UPDATE organizations SET name = 'Changed'")
        again = await Organization.get(id=world.organization.id)
    assert (before.name, again.name) == ("Acme", "Acme")
    assert (await Organization.get(id=world.organization.id)).name == "Changed"


async def _elsewhere(url: str, sql: str) -> None:
    """What another process does meanwhile."""
    if is_postgres():
        connection = await asyncpg.connect(url)
        await connection.execute(sql)
        await connection.close()
    else:
        with closing(sqlite3.connect(url.removeprefix("sqlite://"))) as file:
            file.execute(sql)
            file.commit()


async def test_a_role_that_ended_and_was_given_again_is_told_at_each_moment(
    world: World, movable_clock: MovableClock
) -> None:
    """The row that had ended makes way for the new one, also when another role replaces it."""
    ann, owner = await world.member("Ann"), await world.subject(world.owner)
    role = await world.custom_role("Shift", P.CAMPAIGNS_SEND)

    async def give(until: timedelta | None) -> Assignment:
        return await assignments.assign(
            world.operator,
            role_id=role.id,
            principal=of(ann),
            scope=at_workspace(world.a),
            expires_at=None if until is None else now() + until,
        )

    async def told(moment: datetime) -> list[tuple[UUID, str, datetime | None]]:
        held = await past_access.access_as_of(owner, of(ann), moment)
        return [(h.id, h.grant.role_name, h.grant.expires_at) for h in held]

    expected: dict[datetime, list[tuple[UUID, str, datetime | None]]] = {now(): []}
    movable_clock.move(HOUR)
    first = await give(2 * HOUR)
    movable_clock.move(HOUR)
    expected[now()] = [(first.id, "Shift", first.expires_at)]
    movable_clock.move(2 * HOUR)
    expected[now()] = []  # ended, and still there
    movable_clock.move(HOUR)
    second = await give(2 * HOUR)
    movable_clock.move(HOUR)
    expected[now()] = [(second.id, "Shift", second.expires_at)]
    movable_clock.move(2 * HOUR)
    expected[now()] = []
    movable_clock.move(HOUR)
    third = await give(None)
    assert [row.id for row in await Assignment.filter(principal_id=ann.id)] == [third.id]
    movable_clock.move(HOUR)
    expected[now()] = [(third.id, "Shift", None)]
    movable_clock.move(HOUR)
    viewer = await world.role(BuiltinRole.VIEWER)
    await roles.delete(world.operator, role.id, replacement_id=viewer.id)
    movable_clock.move(HOUR)
    expected[now()] = [(third.id, "Viewer", None)]

    assert {moment: await told(moment) for moment in expected} == expected
