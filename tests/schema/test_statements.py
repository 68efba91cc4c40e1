"""The number of SQL statements of an operation does not grow with rows, members or grants."""

import pytest

from models import BuiltinRole
from models.sql import is_postgres
from schema.ids import global_id
from tests.door import Person
from tests.statements import counted_statements
from tests.world import World, at_campaign, at_workspace

PAGE = """
    query ($id: ID!) {
      viewer { name }
      workspace(id: $id) {
        campaigns(first: 50) {
          nodes {
            name status results { delivered } owner { name } mailingList { name }
            sendingServer { name } viewerCan { permission allowed reason }
          }
        }
      }
    }
"""
MEMBERS = """
    { organization { members(first: 50) { nodes { email assignments { role { name } } } } } }
"""
EDIT = """
    mutation ($input: UpdateCampaignInput!) {
      updateCampaign(input: $input) { campaign { id name version updatedAt } }
    }
"""
SEND = """
    mutation ($input: SendCampaignInput!) {
      sendCampaign(input: $input) { campaign { id status } }
    }
"""


@pytest.mark.parametrize("rows", [1, 12])
async def test_a_page_of_campaigns(otto: Person, world: World, rows: int) -> None:
    for number in range(rows):
        await world.campaign(world.a, f"Campaign {number}")
    variables = {"id": global_id("Workspace", world.a.id)}
    await otto.data(PAGE, variables)  # compiles the access

    with counted_statements() as statements:
        data = await otto.data(PAGE, variables)

    assert len(data["workspace"]["campaigns"]["nodes"]) == rows
    assert len(statements) == 1, statements


@pytest.mark.parametrize("grants", [1, 12])
async def test_a_page_of_campaigns_granted_one_by_one(
    otto: Person, world: World, grants: int
) -> None:
    member = await world.member("Rita")
    for number in range(grants):
        campaign = await world.campaign(world.a, f"Campaign {number}")
        await world.give(member, BuiltinRole.OPERATOR, at_campaign(campaign))
    rita = Person(otto.http, await world.session(member))
    variables = {"id": global_id("Workspace", world.a.id)}
    await rita.ask(PAGE, variables)

    with counted_statements() as statements:
        body = await rita.ask(PAGE, variables)

    assert len(body["data"]["workspace"]["campaigns"]["nodes"]) == grants
    assert len(statements) == 1, statements


@pytest.mark.parametrize("people", [1, 12])
async def test_members_with_their_assignments(olga: Person, world: World, people: int) -> None:
    for number in range(people):
        member = await world.member(f"Member {number}")
        await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
    await olga.data(MEMBERS)

    with counted_statements() as statements:
        data = await olga.data(MEMBERS)

    assert len(data["organization"]["members"]["nodes"]) == people + 1
    assert len(statements) == 2, statements


async def test_an_edit(otto: Person, world: World) -> None:
    """Who asks along with what the permission is needed at, and the change itself: one statement
    on PostgreSQL; on SQLite the lock, the row, the change and its event.
    """
    campaign = await world.campaign(world.a)
    given = {"campaignId": global_id("Campaign", campaign.id), "name": "Summer"}
    await otto.data(EDIT, {"input": {**given, "expectedVersion": 1}})

    with counted_statements() as statements:
        data = await otto.data(EDIT, {"input": {**given, "expectedVersion": 2}})

    assert data["updateCampaign"]["campaign"]["version"] == 3
    assert len(statements) == (2 if is_postgres() else 5), statements


async def test_an_edit_that_comes_too_late(otto: Person, world: World) -> None:
    campaign = await world.campaign(world.a)
    given = {"campaignId": global_id("Campaign", campaign.id), "name": "Summer"}
    await otto.data(EDIT, {"input": {**given, "expectedVersion": 1}})

    with counted_statements() as statements:
        body = await otto.ask(EDIT, {"input": {**given, "expectedVersion": 1}})

    assert [error["extensions"]["code"] for error in body["errors"]] == ["CONFLICT"]
    assert len(statements) == 3, statements


async def test_a_change_that_rests_on_other_rows(otto: Person, world: World) -> None:
    """Who asks along with what the permission is needed at, the lock, the row, its list, its
    server, the change and its event.
    """
    first, second = await world.campaign(world.a, "First"), await world.campaign(world.a, "Second")
    given = {"campaignId": global_id("Campaign", first.id), "expectedVersion": 1}
    await otto.data(SEND, {"input": given})

    with counted_statements() as statements:
        data = await otto.data(
            SEND, {"input": {**given, "campaignId": global_id("Campaign", second.id)}}
        )

    assert data["sendCampaign"]["campaign"]["status"] == "SENDING"
    assert len(statements) == 7, statements


async def test_two_edits_of_one_row_in_one_mutation(otto: Person, world: World) -> None:
    """The second one does not take the row that was found before the first one changed it."""
    campaign = await world.campaign(world.a)
    at = global_id("Campaign", campaign.id)
    data = await otto.data(
        """
        mutation ($first: UpdateCampaignInput!, $second: UpdateCampaignInput!) {
          a: updateCampaign(input: $first) { campaign { name subject version } }
          b: updateCampaign(input: $second) { campaign { name subject version } }
        }
        """,
        {
            "first": {"campaignId": at, "name": "A", "expectedVersion": 1},
            "second": {"campaignId": at, "subject": "B", "expectedVersion": 2},
        },
    )
    assert data["b"]["campaign"] == {"name": "A", "subject": "B", "version": 3}
    assert [event.diff for event in (await world.events())[-2:]] == [
        [{"path": "name", "before": "Spring", "after": "A"}],
        [{"path": "subject", "before": "Hello", "after": "B"}],
    ]
