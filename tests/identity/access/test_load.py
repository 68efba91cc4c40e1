"""Reading a member's access: many grants keep nobody else waiting."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from identity.access import load
from identity.access.decision import Target
from identity.access.load import read_access, read_accesses
from identity.access.permissions import Permission
from models import Assignment, BuiltinRole, Plan, PrincipalType, ScopeType
from models.clock import now
from models.ids import new_id
from tests.statements import counted_statements
from tests.world import World, at_workspace

P = Permission


async def _give_many(world: World, member_id: UUID, count: int) -> list[Assignment]:
    """The role Operator at so many campaigns of workspace a."""
    role = await world.role(BuiltinRole.OPERATOR)
    given = [
        Assignment(
            organization_id=world.organization.id,
            role=role,
            principal_type=PrincipalType.MEMBER,
            principal_id=member_id,
            scope_type=ScopeType.CAMPAIGN,
            scope_id=new_id(),
            workspace_id=world.a.id,
        )
        for _ in range(count)
    ]
    await Assignment.bulk_create(given)
    return given


async def _no_archived(organization_id: UUID) -> frozenset[UUID]:
    return frozenset()


async def test_others_have_their_turn_while_many_grants_are_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await world.member("Ann")
    given = await _give_many(world, ann.id, 3 * load.AT_A_TIME + 1)
    rows = await load._of_members(1).rows(world.organization.id, ann.id)
    monkeypatch.setattr(load, "archived_in", _no_archived)  # which would let others have a turn
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(other())
    found = await load._compiled(world.organization.id, [ann.id], rows, Plan.ENTERPRISE, now())
    waiting.cancel()
    access = found[ann.id]
    assert turns == 3
    assert {grant.scope_id for grant in access.grants} == {row.scope_id for row in given}
    for row in (given[0], given[-1]):
        assert access.allows(P.CAMPAIGNS_SEND, Target(world.a.id, row.scope_id))
    assert not access.allows(P.CAMPAIGNS_SEND, Target(world.a.id, new_id()))
    assert not access.allows(P.CAMPAIGNS_SEND, Target(world.a.id))


async def test_grants_of_several_members_stay_apart_across_batches(world: World) -> None:
    ann, ben = await world.member("Ann"), await world.member("Ben")
    await world.give(ben, BuiltinRole.VIEWER, at_workspace(world.b))
    await _give_many(world, ann.id, load.AT_A_TIME)
    await world.give(ann, BuiltinRole.VIEWER, at_workspace(world.b))
    with counted_statements() as texts:
        found = await read_accesses(world.organization.id, [ann.id, ben.id], Plan.ENTERPRISE)
    assert len(texts) == 2
    assert {each: len(access.grants) for each, access in found.items()} == {
        ann.id: load.AT_A_TIME + 1,
        ben.id: 1,
    }
    assert found[ann.id].entered_below == {world.a.id, world.b.id}
    assert found[ben.id].entered_below == {world.b.id}


async def test_what_has_ended_by_the_moment_is_left_out(world: World) -> None:
    ann, hour = await world.member("Ann"), timedelta(hours=1)
    given = await world.give(ann, BuiltinRole.VIEWER, at_workspace(world.a))
    await Assignment.filter(id=given.id).update(expires_at=now() + hour)
    own = world.organization.id, [ann.id], Plan.ENTERPRISE
    counts = [
        len((await read_accesses(*own, moment=now() + each * hour))[ann.id].grants)
        for each in (0, 2)
    ]
    assert counts == [1, 0]
    access = await read_access(world.organization.id, ann.id, Plan.ENTERPRISE)
    assert access.valid_until == (await Assignment.get(id=given.id)).expires_at
