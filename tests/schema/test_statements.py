"""The number of SQL statements of an operation does not grow with rows, members or grants."""

import pytest

from models import BuiltinRole
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
