"""Somebody always owns the organization: active, without an end date, also through a group."""

import asyncio
from datetime import timedelta

from identity import assignments, groups
from identity.assignments import Principal
from identity.groups import DirectoryGroup, Membership
from identity.refusals import LastOwner
from models import (
    Assignment,
    BuiltinRole,
    Group,
    Member,
    MemberStatus,
    PrincipalType,
    ScopeType,
)
from models.clock import now
from tests.identity.refusing import outcome, refused
from tests.world import World, at_workspace


async def _ownership(world: World) -> Assignment:
    """The first owner's."""
    return await Assignment.get(principal_id=world.owner.id, scope_type=ScopeType.ORGANIZATION)


async def _owning_group(world: World, *members: Member) -> Group:
    group = await groups.create(
        world.operator, DirectoryGroup("Owners", None, {}), member_ids=[m.id for m in members]
    )
    role = await world.role(BuiltinRole.OWNER)
    await assignments.assign(
        world.operator,
        role_id=role.id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=world.everywhere,
    )
    return group


async def test_the_last_owner_keeps_the_role_even_against_the_operator(world: World) -> None:
    ownership = await _ownership(world)
    for subject in (world.operator, await world.subject(world.owner)):
        async with refused(LastOwner, denied="role.unassign"):
            await assignments.unassign(subject, ownership.id)


async def test_an_owner_steps_down_when_another_remains(world: World) -> None:
    await world.give(await world.member("Ann"), BuiltinRole.OWNER, world.everywhere)
    await assignments.unassign(await world.subject(world.owner), (await _ownership(world)).id)
    assert await Assignment.filter(principal_id=world.owner.id).count() == 0


async def test_an_owner_through_a_group_counts(world: World) -> None:
    ann = await world.member("Ann")
    group = await _owning_group(world, ann)
    await assignments.unassign(world.operator, (await _ownership(world)).id)

    async with refused(LastOwner, denied="group.update"):
        await groups.update(
            world.operator,
            group.id,
            DirectoryGroup("Owners", None, {}),
            Membership(leave=frozenset({ann.id})),
        )
    async with refused(LastOwner, denied="group.delete"):
        await groups.delete(world.operator, group.id)


async def test_an_empty_group_owns_nothing(world: World) -> None:
    await _owning_group(world)
    async with refused(LastOwner, denied="role.unassign"):
        await assignments.unassign(world.operator, (await _ownership(world)).id)


async def test_an_owner_until_a_date_does_not_count(world: World) -> None:
    role = await world.role(BuiltinRole.OWNER)
    await assignments.assign(
        world.operator,
        role_id=role.id,
        principal=Principal(PrincipalType.MEMBER, (await world.member("Ann")).id),
        scope=world.everywhere,
        expires_at=now() + timedelta(days=365),
    )
    async with refused(LastOwner, denied="role.unassign"):
        await assignments.unassign(world.operator, (await _ownership(world)).id)


async def test_a_suspended_owner_does_not_count(world: World) -> None:
    ann = await world.member("Ann")
    await world.give(ann, BuiltinRole.OWNER, world.everywhere)
    await Member.filter(id=ann.id).update(status=MemberStatus.SUSPENDED)
    async with refused(LastOwner, denied="role.unassign"):
        await assignments.unassign(world.operator, (await _ownership(world)).id)


async def test_neither_the_owner_of_a_workspace_nor_a_copy_of_the_role_counts(
    world: World,
) -> None:
    await world.give(await world.member("Ann"), BuiltinRole.OWNER, at_workspace(world.a))
    await world.give(await world.member("Ben"), BuiltinRole.ADMIN, world.everywhere)
    async with refused(LastOwner, denied="role.unassign"):
        await assignments.unassign(world.operator, (await _ownership(world)).id)


async def test_of_two_owners_who_remove_each_other_at_once_one_remains(world: World) -> None:
    first, second = world.owner, await world.member("Ann")
    given = await world.give(second, BuiltinRole.OWNER, world.everywhere)
    subjects = [await world.subject(first), await world.subject(second)]
    targets = [given.id, (await _ownership(world)).id]

    removals = map(assignments.unassign, subjects, targets)
    results = await asyncio.gather(*map(outcome, removals))

    assert results.count("DONE") == 1
    [left] = await Assignment.filter(scope_type=ScopeType.ORGANIZATION)
    assert left.id == targets[1 - results.index("DONE")]
    assert set(results) == {"DONE", "NOT_FOUND"}


async def test_owners_who_all_step_down_at_once_leave_one(world: World) -> None:
    members = [world.owner, *[await world.member(name) for name in ("Ann", "Ben", "Cem")]]
    for member in members[1:]:
        await world.give(member, BuiltinRole.OWNER, world.everywhere)
    ids = [(await Assignment.get(principal_id=member.id)).id for member in members]
    subjects = [await world.subject(member) for member in members]

    results = await asyncio.gather(*map(outcome, map(assignments.unassign, subjects, ids)))

    assert sorted(results) == ["DONE"] * 3 + ["LAST_OWNER"]
    assert await Assignment.all().count() == 1
