"""Archiving through GraphQL, and seats at the doors that take them."""

from models import BuiltinRole, Member, MemberStatus, Organization, Plan, Workspace, WorkspaceState
from schema.ids import global_id
from tests.door import Person, sign_in
from tests.schema.test_dry_runs import rehearsed
from tests.statements import counted_statements
from tests.world import World, at_workspace

ARCHIVE = """
    mutation ($id: ID!) { archiveWorkspace(input: {workspaceId: $id}) { workspace { state } } }
"""
RESTORE = """
    mutation ($id: ID!) { restoreWorkspace(input: {workspaceId: $id}) { workspace { state } } }
"""
DRAFT = """
    mutation ($id: ID!) {
      createCampaign(input: {workspaceId: $id, name: "New"}) { campaign { name } }
    }
"""


async def test_it_is_archived_and_comes_back(olga: Person, otto: Person, world: World) -> None:
    given = {"id": global_id("Workspace", world.a.id)}
    data = await olga.data(ARCHIVE, given)
    assert data["archiveWorkspace"]["workspace"] == {"state": "ARCHIVED"}
    for person in (olga, otto):
        (error,) = (await person.ask(DRAFT, given))["errors"]
        assert (error["extensions"]["code"], error["extensions"]["reason"]) == (
            "FORBIDDEN",
            "WORKSPACE_ARCHIVED",
        )
    page = "query ($id: ID!) { workspace(id: $id) { state campaigns { nodes { name } } } }"
    assert (await otto.data(page, given))["workspace"] == {
        "state": "ARCHIVED",
        "campaigns": {"nodes": []},
    }
    (error,) = (await otto.ask(RESTORE, given))["errors"]
    assert error["extensions"]["missing"] == ["WORKSPACE_DELETE"]
    assert (await Workspace.get(id=world.a.id)).state is WorkspaceState.ARCHIVED
    data = await olga.data(RESTORE, given)
    assert data["restoreWorkspace"]["workspace"] == {"state": "ACTIVE"}
    assert (await olga.data(DRAFT, given))["createCampaign"]["campaign"] == {"name": "New"}


async def test_a_dry_run_archives_nothing(olga: Person, world: World) -> None:
    given = {"workspaceId": global_id("Workspace", world.a.id)}
    preview = await rehearsed(olga, "archiveWorkspace", given)
    assert (preview["refusal"], preview["membersLosing"]) == (None, 1)
    preview = await rehearsed(olga, "restoreWorkspace", given)
    assert preview["refusal"]["code"] == "CONFLICT"


async def test_it_costs_the_same_however_much_is_there(olga: Person, world: World) -> None:
    given, counts = {"id": global_id("Workspace", world.a.id)}, []
    for more in (1, 6, 0):
        await olga.data("{ viewer { name } }")
        with counted_statements() as texts:
            await olga.data(ARCHIVE, given)
        counts.append(len(texts))
        await olga.data(RESTORE, given)
        for number in range(more):
            await world.campaign(world.a, f"C{more}-{number}")
            member = await world.member(f"M{more}-{number}")
            await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
    assert counts[0] == counts[1] == counts[2]


async def test_nobody_is_brought_back_without_a_seat(olga: Person, world: World) -> None:
    away = await world.member("Away")
    named = {"id": global_id("Member", away.id)}
    await olga.data(
        "mutation ($id: ID!) { suspendMember(input: {memberId: $id}) { member { id } } }", named
    )
    for number in range(4):
        await world.member(f"M{number}")
    await Organization.filter(id=world.organization.id).update(plan=Plan.STARTER)
    person = await sign_in(olga.http, world, world.owner)
    body = await person.ask(
        "mutation ($id: ID!) { reactivateMember(input: {memberId: $id}) { member { id } } }", named
    )
    (error,) = body["errors"]
    assert {name: error["extensions"][name] for name in ("code", "limit", "requiredPlan")} == {
        "code": "PLAN_REQUIRED",
        "limit": 5,
        "requiredPlan": "PREMIUM",
    }
    assert (await Member.get(id=away.id)).status is MemberStatus.SUSPENDED
