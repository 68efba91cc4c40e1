"""Changing the plan: less is refused with a smaller one, nobody gains, and nothing is deleted."""

from itertools import product

import pytest

from identity import organizations, workspaces
from identity.access.load import read_access
from identity.access.permissions import Permission
from identity.refusals import Forbidden, PlanRequired
from models import BuiltinRole, Organization, Plan, Workspace
from tests.identity.refusing import refused, story
from tests.world import World, new_world

ORDER = list(Plan)


async def test_it_is_recorded_and_takes_effect_at_once(world: World) -> None:
    owner = await world.subject(world.owner)
    before = await Organization.get(id=world.organization.id)
    changed = await organizations.change_plan(owner, Plan.STARTER)
    saved = await Organization.get(id=world.organization.id)
    assert saved.plan is changed.plan is Plan.STARTER
    assert saved.access_revision == before.access_revision + 1
    event = (await world.events())[-1]
    assert story(event) == (
        world.owner.name,
        "organization.plan",
        "organization",
        world.organization.name,
    )
    assert event.diff == [{"path": "plan", "before": "enterprise", "after": "starter"}]
    assert not (await world.subject(world.owner)).access.allows_anywhere(Permission.IDENTITY_MANAGE)


async def test_the_plan_that_is_there_changes_nothing(world: World) -> None:
    before = await Organization.get(id=world.organization.id)
    log = len(await world.events())
    await organizations.change_plan(world.operator, Plan.ENTERPRISE)
    saved = await Organization.get(id=world.organization.id)
    assert (saved.version, saved.access_revision) == (before.version, before.access_revision)
    assert len(await world.events()) == log


async def test_it_needs_the_permission(world: World) -> None:
    admin = await world.someone("Ada", BuiltinRole.ADMIN, world.everywhere)
    async with refused(Forbidden, denied="organization.plan", missing=["ORGANIZATION_PLAN"]):
        await organizations.change_plan(admin, Plan.STARTER)


@pytest.mark.parametrize(
    ("large", "small"),
    [(one, other) for one, other in product(ORDER, ORDER) if ORDER.index(one) > ORDER.index(other)],
)
async def test_a_smaller_plan_widens_no_access_and_deletes_nothing(
    database: str, large: Plan, small: Plan
) -> None:
    world = await new_world("acme", plan=Plan.ENTERPRISE)
    people = [
        (await world.someone(builtin.value, builtin, world.everywhere)).member_id
        for builtin in (BuiltinRole.OWNER, BuiltinRole.ADMIN, BuiltinRole.AUDITOR)
    ]
    await organizations.change_plan(world.operator, large)
    wide = [await read_access(world.organization.id, one, large) for one in people if one]
    kept = await Workspace.all().count()
    await organizations.change_plan(world.operator, small)
    narrow = [await read_access(world.organization.id, one, small) for one in people if one]
    for before, after in zip(wide, narrow, strict=True):
        assert after.anywhere_mask & ~before.anywhere_mask == 0
    assert await Workspace.all().count() == kept
    await organizations.change_plan(world.operator, large)
    assert [await read_access(world.organization.id, one, large) for one in people if one] == wide


async def test_what_is_over_the_limit_stays_and_grows_no_more(world: World) -> None:
    await organizations.change_plan(world.operator, Plan.STARTER)
    assert await Workspace.all().count() == 2
    owner = await world.subject(world.owner)
    async with refused(PlanRequired, denied="workspace.create", requiredPlan="PREMIUM"):
        await workspaces.create(owner, slug="third", name="Third")
