"""The seats of a plan: active members take them, by whichever door, and none is taken twice."""

import asyncio

import pytest

from identity import invitations, members, organizations
from identity.credentials.limits import SessionLimits
from identity.members import Person
from identity.refusals import PlanRequired
from identity.sso import invited
from identity.subject import Origin
from models import BuiltinRole, Member, MemberStatus, Plan
from tests.identity.refusing import outcome, refused
from tests.world import World, new_world

SEATS = {Plan.STARTER: 5, Plan.PREMIUM: 50}


def person(name: str, *, active: bool | None = None) -> Person:
    address = f"{name}@small.example"
    return Person(address, address, name, active, None, {}, {})


async def small(*, left: int, plan: Plan = Plan.STARTER) -> World:
    """An organization on a plan with so many seats left, opened on a larger one."""
    world = await new_world("small")
    for number in range(SEATS[plan] - 1 - left):
        await world.member(f"M{number}")
    await organizations.change_plan(world.operator, plan)
    await world.organization.refresh_from_db()
    return world


async def link(world: World, name: str) -> str:
    _, token = await invitations.invite(
        world.operator,
        email=f"{name}@elsewhere.example",
        role_id=(await world.role(BuiltinRole.VIEWER)).id,
        scope=world.everywhere,
    )
    return token


async def accept(token: str) -> invited.Accepted:
    return await invited.accept(token, session_token=None, limits=SessionLimits(), origin=Origin())


async def active(world: World) -> int:
    return await Member.filter(organization=world.organization, status=MemberStatus.ACTIVE).count()


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("plan", "larger"), [(Plan.STARTER, "PREMIUM"), (Plan.PREMIUM, "ENTERPRISE")]
)
async def test_the_last_seat_is_taken_and_the_next_refused(plan: Plan, larger: str) -> None:
    world = await small(left=1, plan=plan)
    first, second = await link(world, "ann"), await link(world, "ben")
    await accept(first)
    assert await active(world) == SEATS[plan]
    full = {"limit": SEATS[plan], "plan": plan.name, "requiredPlan": larger}
    async with refused(PlanRequired, denied="invitation.accept", **full):
        await accept(second)
    async with refused(PlanRequired, denied="member.provision", **full):
        await members.provision(world.operator, person("cem"))
    await organizations.change_plan(world.operator, Plan[larger])
    await accept(second)
    assert await active(world) == SEATS[plan] + 1


@pytest.mark.usefixtures("database")
async def test_who_is_brought_back_needs_a_seat() -> None:
    world = await small(left=1)
    suspended = await members.provision(world.operator, person("ann", active=False))
    member = await Member.filter(name="M0").get()
    await members.suspend(world.operator, member.id)
    await members.provision(world.operator, person("ben"))
    await members.provision(world.operator, person("cem"))
    assert await active(world) == 5
    async with refused(PlanRequired, denied="member.reactivate"):
        await members.reactivate(world.operator, member.id)
    async with refused(PlanRequired, denied="member.reactivate"):
        await members.update(world.operator, suspended.id, person("ann", active=True))
    away = await Member.filter(name="cem").get()
    await members.remove(world.operator, away.id)
    await members.update(world.operator, suspended.id, person("ann", active=True))
    assert await active(world) == 5


@pytest.mark.usefixtures("database")
async def test_a_smaller_plan_keeps_who_is_there() -> None:
    world = await new_world("large")
    for number in range(7):
        await world.member(f"M{number}")
    await organizations.change_plan(world.operator, Plan.STARTER)
    assert await active(world) == 8
    member = await Member.filter(name="M0").get()
    subject = await world.subject(member)
    assert subject.plan is Plan.STARTER
    async with refused(PlanRequired, denied="member.provision"):
        await members.provision(world.operator, person("ann"))
    await members.rename(
        world.operator, member.id, name="Still here", expected_version=member.version
    )


@pytest.mark.usefixtures("database")
async def test_the_operator_recovers_an_owner_even_without_a_seat() -> None:
    world = await small(left=0)
    member = await Member.filter(name="M0").get()
    await members.suspend(world.operator, member.id)
    await members.provision(world.operator, person("ann"))
    await organizations.recover_owner(world.operator, email=member.email)
    assert await active(world) == 6


@pytest.mark.usefixtures("database")
async def test_two_take_the_last_seat_at_once_and_one_gets_it() -> None:
    world = await small(left=1)
    for number in range(4):
        tokens = [await link(world, f"{name}{number}") for name in ("ann", "ben")]
        entering = [
            *map(accept, tokens),
            members.provision(world.operator, person(f"cem{number}")),
        ]
        results = await asyncio.gather(*map(outcome, entering))
        assert sorted(results) == ["DONE", "PLAN_REQUIRED", "PLAN_REQUIRED"]
        assert await active(world) == 5
        newest = await Member.filter(organization=world.organization).order_by("-id").first()
        assert newest is not None
        await members.remove(world.operator, newest.id)
