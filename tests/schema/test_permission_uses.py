"""Which permissions an operation is noted to have used, whoever executes it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from identity.access.permissions import Permission
from identity.permission_uses import uses
from models import BuiltinRole, Campaign, PermissionUse
from schema.ids import global_id
from tests.door import Person, sign_in
from tests.schema.engine.both import NothingCompiles, instead_of_the_engine
from tests.statements import counted_statements
from tests.uses import noting
from tests.world import UNKNOWN_ID, World, at_campaign, at_workspace

P = Permission

PAGE = """
    query ($id: ID!) {
      workspace(id: $id) { campaigns(first: 5) { nodes { subject sendingServer { host } } } }
    }
"""
EDIT = """
    mutation ($input: UpdateCampaignInput!) { updateCampaign(input: $input) { campaign { id } } }
"""
ASSIGN = """
    mutation ($input: AssignRoleInput!) { assignRole(input: $input) { assignment { id } } }
"""


@pytest.fixture(params=["engine", "graphql-core"])
def executor(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test runs once with either."""
    if request.param == "engine":
        yield
        return
    with instead_of_the_engine(NothingCompiles()):
        yield


@pytest.fixture
async def vera(http: httpx.AsyncClient, world: World) -> Person:
    member = await world.member("Vera")
    await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
    return await sign_in(http, world, member)


@pytest.mark.usefixtures("executor")
async def test_a_query_uses_what_allowed_its_fields(vera: Person, world: World) -> None:
    await world.campaign(world.a)
    with noting() as noted:
        body = await vera.ask(PAGE, {"id": global_id("Workspace", world.a.id)})

    assert [error["extensions"]["missing"] for error in body["errors"]] == [["SERVERS_READ"]]
    assert noted.permissions == {P.CAMPAIGNS_READ, P.CAMPAIGNS_RESULTS}


@pytest.mark.usefixtures("executor")
async def test_of_several_of_which_one_is_enough_those_held_are_used(
    http: httpx.AsyncClient, world: World
) -> None:
    campaign = await world.campaign(world.a)
    role = await world.custom_role("Results", P.CAMPAIGNS_RESULTS)
    member = await world.member("Rita")
    await world.give(member, role, at_campaign(campaign))
    rita = await sign_in(http, world, member)
    query = "query ($id: ID!) { campaign(id: $id) { name } }"
    with noting() as noted:
        await rita.data(query, {"id": global_id("Campaign", campaign.id)})

    assert noted.permissions == {P.CAMPAIGNS_RESULTS}


@pytest.mark.usefixtures("executor")
async def test_what_is_looked_up_by_id_uses_what_shows_it(olga: Person, world: World) -> None:
    query = "query ($id: ID!) { node(id: $id) { id } }"
    with noting() as noted:
        await olga.data(query, {"id": global_id("Member", world.owner.id)})
    assert noted.permissions == {P.MEMBERS_READ}

    with noting() as noted:
        await olga.ask(query, {"id": global_id("Member", UNKNOWN_ID)})
    assert noted.permissions == set()


@pytest.mark.usefixtures("executor")
async def test_asking_what_one_may_do_uses_nothing(olga: Person) -> None:
    with noting() as noted:
        await olga.data("{ organization { name viewerCan { allowed } } viewer { name } }")
    assert noted.permissions == set()


@pytest.mark.usefixtures("executor")
async def test_a_mutation_uses_what_its_use_case_demands(otto: Person, world: World) -> None:
    campaign = await world.campaign(world.a)
    given = {"campaignId": global_id("Campaign", campaign.id), "expectedVersion": 1, "name": "New"}
    with noting() as noted:
        await otto.data(EDIT, {"input": given})

    assert P.CAMPAIGNS_DRAFT in noted.permissions
    assert noted.permissions <= {P.CAMPAIGNS_DRAFT, P.CAMPAIGNS_READ, P.CAMPAIGNS_RESULTS}


@pytest.mark.usefixtures("executor")
async def test_an_attachment_uses_what_may_be_attached(otto: Person, world: World) -> None:
    campaign, other = await world.campaign(world.a), await world.campaign(world.a, "Other")
    server: Any = await Campaign.get(id=other.id).values_list("sending_server_id", flat=True)
    given = {
        "campaignId": global_id("Campaign", campaign.id),
        "expectedVersion": 1,
        "sendingServerId": global_id("SendingServer", server),
    }
    with noting() as noted:
        await otto.data(EDIT, {"input": given})

    assert P.SERVERS_USE in noted.permissions


@pytest.mark.usefixtures("executor")
async def test_whoever_gives_a_role_uses_all_that_it_holds(olga: Person, world: World) -> None:
    role = await world.custom_role("Forms", P.FORMS_DELETE)
    member = await world.member("Rita")
    given = {
        "roleId": global_id("Role", role.id),
        "principalId": global_id("Member", member.id),
        "scopeId": global_id("Workspace", world.a.id),
    }
    with noting() as noted:
        await olga.data(ASSIGN, {"input": given})

    needed = {P.MEMBERS_ASSIGN, P.FORMS_DELETE, P.FORMS_READ, P.ROLES_READ}
    assert needed <= noted.permissions <= needed | {P.MEMBERS_READ}


@pytest.mark.usefixtures("executor")
async def test_what_is_refused_uses_nothing(otto: Person, vera: Person, world: World) -> None:
    campaign = await world.campaign(world.a)
    before = await Campaign.all().values()
    given = {"campaignId": global_id("Campaign", campaign.id), "name": "New"}
    with noting() as noted:
        denied = await vera.ask(EDIT, {"input": {**given, "expectedVersion": 1}})
        late = await otto.ask(EDIT, {"input": {**given, "expectedVersion": 7}})

    codes = [body["errors"][0]["extensions"]["code"] for body in (denied, late)]
    assert codes == ["FORBIDDEN", "CONFLICT"]
    assert noted.permissions == set()
    assert await Campaign.all().values() == before


async def test_a_denied_mutation_beside_an_allowed_one_uses_nothing(
    otto: Person, world: World
) -> None:
    campaign = await world.campaign(world.a)
    document = """
        mutation ($a: UpdateCampaignInput!, $b: DeleteRoleInput!) {
          updateCampaign(input: $a) { campaign { id } } deleteRole(input: $b) { deletedRoleId }
        }
    """
    given = {"campaignId": global_id("Campaign", campaign.id), "expectedVersion": 1, "name": "New"}
    role = await world.custom_role("Mine", P.FORMS_READ)
    with noting() as noted:
        body = await otto.ask(document, {"a": given, "b": {"roleId": global_id("Role", role.id)}})

    assert body["data"] is None
    assert noted.permissions == set()
    assert (await Campaign.get(id=campaign.id)).name == "Spring"


async def test_of_several_mutations_only_those_that_were_done_use_anything(
    otto: Person, world: World
) -> None:
    campaign, other = await world.campaign(world.a), await world.campaign(world.a, "Other")
    document = """
        mutation ($a: UpdateCampaignInput!, $b: SendCampaignInput!) {
          updateCampaign(input: $a) { campaign { id } } sendCampaign(input: $b) { campaign { id } }
        }
    """
    edit = {"campaignId": global_id("Campaign", campaign.id), "expectedVersion": 1, "name": "New"}
    send = {"campaignId": global_id("Campaign", other.id), "expectedVersion": 7}
    with noting() as noted:
        body = await otto.ask(document, {"a": edit, "b": send})

    assert [error["path"] for error in body["errors"]] == [["sendCampaign"]]
    assert P.CAMPAIGNS_DRAFT in noted.permissions
    assert P.CAMPAIGNS_SEND not in noted.permissions


async def test_an_answer_about_access_uses_what_it_takes(olga: Person, world: World) -> None:
    member = await world.member("Rita")
    query = "query ($id: ID!) { accessOf(subjectId: $id) { nodes { assignmentId } } }"
    with noting() as noted:
        await olga.data(query, {"id": global_id("Member", member.id)})
    assert noted.permissions >= {P.MEMBERS_READ}


async def test_what_is_noted_is_no_part_of_the_request(vera: Person, world: World) -> None:
    """No statement is sent for it before it is written; the second request presumes the caller."""
    query, given = PAGE.replace("sendingServer { host }", ""), global_id("Workspace", world.a.id)
    with noting():
        await vera.data(query, {"id": given})  # compiles the access
    with counted_statements() as statements:
        await vera.data(query, {"id": given})
    assert len(statements) == 1
    assert await PermissionUse.all().count() == 0
    await uses.write()
    assert (await PermissionUse.get()).permissions == ["campaigns:read", "campaigns:results"]
