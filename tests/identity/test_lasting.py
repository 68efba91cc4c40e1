"""What somebody has for a time, or at an archived workspace, they cannot make lasting or keep."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from identity import assignments, roles
from identity.access.permissions import Permission
from identity.assignments import Principal
from identity.refusals import BadInput, Escalation, Forbidden
from models import Assignment, BuiltinRole, Organization, PrincipalType, Workspace, WorkspaceState
from tests.clock import MovableClock
from tests.world import World, at_workspace

HOUR = timedelta(hours=1)


def member(row_id: UUID) -> Principal:
    return Principal(PrincipalType.MEMBER, row_id)


async def test_a_temporary_owner_gives_nothing_for_longer(
    movable_clock: MovableClock, world: World
) -> None:
    temporary = await world.member("Temp")
    owner = await world.role(BuiltinRole.OWNER)
    viewer = await world.role(BuiltinRole.VIEWER)
    ends = movable_clock() + HOUR
    await assignments.assign(
        world.operator,
        role_id=owner.id,
        principal=member(temporary.id),
        scope=world.everywhere,
        expires_at=ends,
    )
    subject = await world.subject(temporary)
    held = await Assignment.all().count()

    for until in (None, ends + HOUR):
        with pytest.raises(Escalation):
            await assignments.assign(
                subject,
                role_id=viewer.id,
                principal=member(temporary.id),
                scope=at_workspace(world.a),
                expires_at=until,
            )
    with pytest.raises(Escalation):
        await roles.create(subject, name="Copy", copy_of=owner.id)
    assert await Assignment.all().count() == held

    await assignments.assign(
        subject,
        role_id=viewer.id,
        principal=member(temporary.id),
        scope=at_workspace(world.a),
        expires_at=ends,
    )
    assert await Assignment.all().count() == held + 1


async def test_a_replacement_role_needs_the_right_to_assign(world: World) -> None:
    low = await world.custom_role("Low", Permission.CAMPAIGNS_READ)
    high = await world.custom_role("High", Permission.CAMPAIGNS_SEND)
    writer = await world.custom_role(
        "Writer", Permission.ROLES_WRITE, Permission.ROLES_DELETE, Permission.CAMPAIGNS_SEND
    )
    victim = await world.member("Vic")
    given = await world.give(victim, low, at_workspace(world.a))
    subject = await world.someone("Will", writer, world.everywhere)

    with pytest.raises(Forbidden) as refused:
        await roles.delete(subject, low.id, replacement_id=high.id)

    assert refused.value.details["missing"] == ["MEMBERS_ASSIGN"]
    assert (await Assignment.get(id=given.id)).role_id == low.id


async def test_an_ended_assignment_stands_in_nobodys_way(
    movable_clock: MovableClock, world: World
) -> None:
    vic = await world.member("Vic")
    low = await world.custom_role("Low", Permission.CAMPAIGNS_READ)
    high = await world.custom_role("High", Permission.CAMPAIGNS_SEND)
    await assignments.assign(
        world.operator,
        role_id=high.id,
        principal=member(vic.id),
        scope=at_workspace(world.a),
        expires_at=movable_clock() + HOUR,
    )
    await world.give(vic, low, at_workspace(world.a))
    movable_clock.move(2 * HOUR)

    await roles.delete(world.operator, low.id, replacement_id=high.id)
    left = await Assignment.get(principal_id=vic.id)
    assert (left.role_id, left.expires_at) == (high.id, None)

    await Assignment.filter(id=left.id).update(expires_at=movable_clock() - HOUR)
    again = await world.give(vic, high, at_workspace(world.a))
    assert await Assignment.filter(principal_id=vic.id).values_list("id", flat=True) == [again.id]


async def test_an_owner_takes_a_role_away_in_an_archived_workspace(world: World) -> None:
    vic = await world.member("Vic")
    given = await world.give(vic, BuiltinRole.OPERATOR, at_workspace(world.a))
    await Workspace.filter(id=world.a.id).update(state=WorkspaceState.ARCHIVED)
    await Organization.filter(id=world.organization.id).update(access_revision=100)

    await assignments.unassign(await world.subject(world.owner), given.id)

    assert not await Assignment.exists(id=given.id)


async def test_a_moment_beyond_the_calendar_is_bad_input(world: World) -> None:
    vic = await world.member("Vic")
    role = await world.role(BuiltinRole.VIEWER)
    with pytest.raises(BadInput) as refused:
        await assignments.assign(
            world.operator,
            role_id=role.id,
            principal=member(vic.id),
            scope=at_workspace(world.a),
            expires_at=datetime.fromisoformat("9999-12-31T23:59:59-23:00"),
        )
    assert refused.value.field == "expiresAt"
    assert await Assignment.filter(principal_id=vic.id).count() == 0
