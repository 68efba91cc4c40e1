"""The plan through GraphQL: who changes it, what it takes and leaves, and what is recorded."""

import pytest

from models import AuditEvent, BuiltinRole, Organization, Outcome, Plan, Workspace
from schema.ids import global_id
from tests.door import Person, sign_in
from tests.schema.test_dry_runs import rehearsed
from tests.statements import counted_statements
from tests.world import World, at_workspace

CHANGE = """
    mutation ($plan: Plan!) { changePlan(input: {plan: $plan}) { organization { plan slug } } }
"""
IDENTITY = """
    query ($id: ID!) {
      node(id: $id) { viewerCan(permissions: [IDENTITY_MANAGE]) { allowed } }
    }
"""


async def plan_of(world: World) -> Plan:
    return (await Organization.get(id=world.organization.id)).plan


async def test_an_owner_changes_the_plan_and_it_counts_at_once(olga: Person, world: World) -> None:
    own = {"id": global_id("Organization", world.organization.id)}
    before = await Workspace.all().order_by("id").values()
    for plan, allowed in (("STARTER", False), ("PREMIUM", True), ("ENTERPRISE", True)):
        data = await olga.data(CHANGE, {"plan": plan})
        assert data["changePlan"]["organization"] == {"plan": plan, "slug": "acme"}
        (answer,) = (await olga.data(IDENTITY, own))["node"]["viewerCan"]
        assert answer["allowed"] is allowed
    assert await Workspace.all().order_by("id").values() == before
    events = await AuditEvent.filter(action="organization.plan").order_by("id")
    assert [(event.actor_name, event.outcome, event.diff) for event in events] == [
        (
            world.owner.name,
            Outcome.SUCCESS,
            [{"path": "plan", "before": before_, "after": after}],
        )
        for before_, after in (
            ("enterprise", "starter"),
            ("starter", "premium"),
            ("premium", "enterprise"),
        )
    ]


async def test_the_same_plan_changes_nothing(olga: Person, world: World) -> None:
    revision = (await Organization.get(id=world.organization.id)).access_revision
    data = await olga.data(CHANGE, {"plan": "ENTERPRISE"})
    assert data["changePlan"]["organization"]["plan"] == "ENTERPRISE"
    assert (await Organization.get(id=world.organization.id)).access_revision == revision
    assert not await AuditEvent.exists(action="organization.plan")


@pytest.mark.parametrize(
    ("role", "everywhere"), [(BuiltinRole.ADMIN, True), (BuiltinRole.OWNER, False)]
)
async def test_who_does_not_own_the_organization_is_refused_and_recorded(
    olga: Person, world: World, role: BuiltinRole, everywhere: bool
) -> None:
    ann = await world.member("Ann")
    await world.give(ann, role, world.everywhere if everywhere else at_workspace(world.a))
    person = await sign_in(olga.http, world, ann)
    body = await person.ask(CHANGE, {"plan": "STARTER"})
    (error,) = body["errors"]
    assert (error["extensions"]["code"], error["extensions"]["missing"]) == (
        "FORBIDDEN",
        ["ORGANIZATION_PLAN"],
    )
    assert await plan_of(world) is Plan.ENTERPRISE
    (event,) = await AuditEvent.filter(action="organization.plan")
    assert (event.actor_name, event.outcome) == ("Ann", Outcome.DENIED)


async def test_a_dry_run_tells_who_would_lose_what(olga: Person, world: World) -> None:
    preview = await rehearsed(olga, "changePlan", {"plan": "STARTER"})
    assert preview["permissions"] == [{"permission": "IDENTITY_MANAGE", "gaining": 0, "losing": 1}]
    assert await plan_of(world) is Plan.ENTERPRISE


async def test_it_costs_the_same_however_many_there_are(olga: Person, world: World) -> None:
    counts, plans = [], ("STARTER", "PREMIUM", "ENTERPRISE")
    for plan, more in zip(plans, (1, 9, 0), strict=True):
        await olga.data("{ viewer { name } }")
        with counted_statements() as texts:
            await olga.data(CHANGE, {"plan": plan})
        counts.append(len(texts))
        for number in range(more):
            member = await world.member(f"M{more}-{number}")
            await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
    assert counts[0] == counts[1] == counts[2] <= 8
