"""Opening workspaces and starting lists through GraphQL."""

from models import MailingList, Organization, Plan, Workspace
from schema.ids import global_id
from tests.door import Person
from tests.world import World

OPEN = """
    mutation ($input: CreateWorkspaceInput!) {
      createWorkspace(input: $input) { workspace { name slug state } }
    }
"""
START = """
    mutation ($input: CreateMailingListInput!) {
      createMailingList(input: $input) { mailingList { name subscriberCount } }
    }
"""


async def test_an_owner_opens_a_workspace(olga: Person, world: World) -> None:
    data = await olga.data(OPEN, {"input": {"slug": "third", "name": "Third"}})
    assert data["createWorkspace"]["workspace"] == {
        "name": "Third",
        "slug": "third",
        "state": "ACTIVE",
    }
    assert (await world.events())[-1].action == "workspace.create"


async def test_a_slug_is_taken_or_wrong(olga: Person, world: World) -> None:
    taken = await olga.ask(OPEN, {"input": {"slug": "second", "name": "Again"}})
    assert taken["errors"][0]["extensions"] == {"code": "CONFLICT"}
    wrong = await olga.ask(OPEN, {"input": {"slug": "No Slug", "name": "Again"}})
    assert wrong["errors"][0]["extensions"] == {"code": "BAD_INPUT", "field": "input.slug"}
    assert await Workspace.all().count() == 2


async def test_a_plan_without_a_further_workspace_says_so(olga: Person, world: World) -> None:
    await Organization.filter(id=world.organization.id).update(plan=Plan.STARTER)
    body = await olga.ask(OPEN, {"input": {"slug": "third", "name": "Third"}})
    assert body["errors"][0]["extensions"] == {
        "code": "PLAN_REQUIRED",
        "limit": 1,
        "plan": "STARTER",
        "requiredPlan": "PREMIUM",
    }
    assert await Workspace.all().count() == 2


async def test_an_operator_opens_none(otto: Person, world: World) -> None:
    body = await otto.ask(OPEN, {"input": {"slug": "third", "name": "Third"}})
    assert body["errors"][0]["extensions"]["missing"] == ["WORKSPACE_CREATE"]
    assert await Workspace.all().count() == 2


async def test_a_list_is_started_by_who_may_write_lists(
    olga: Person, otto: Person, world: World
) -> None:
    input_ = {"input": {"workspaceId": global_id("Workspace", world.a.id), "name": "News"}}
    refused = await otto.ask(START, input_)
    assert refused["errors"][0]["extensions"]["missing"] == ["LISTS_WRITE"]
    assert await MailingList.all().count() == 0
    data = await olga.data(START, input_)
    assert data["createMailingList"]["mailingList"] == {"name": "News", "subscriberCount": 0}
