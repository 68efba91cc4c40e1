"""`X-Gatepost-Explain`: the plan of an operation, for developers that the operator lets see it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from identity.access.permissions import Permission
from models import Assignment, BuiltinRole, Campaign, Member
from schema.ids import global_id
from tests.door import Person, http_client, sign_in
from tests.world import UNKNOWN_ID, World, at_workspace

PAGE = """
    query Page($id: ID!) {
      viewer { name }
      workspace(id: $id) { campaigns(first: 7) { totalCount nodes { name subject } } }
    }
"""
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Campaign { name } } }"
HEADER = {"x-gatepost-explain": "1"}


@pytest.fixture
async def explaining(database: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application where the operator has turned explanations on."""
    async with http_client(database, graphql_explain=True) as client:
        yield client


async def developer(http: httpx.AsyncClient, world: World, *more: Permission) -> Person:
    """Somebody who may have explanations, and reads campaigns in workspace A."""
    member: Member = await world.member("Dana")
    role = await world.custom_role("Developer", Permission.ORGANIZATION_READ, *more)
    await world.give(member, role, world.everywhere)
    await world.give(member, BuiltinRole.EDITOR, at_workspace(world.a))
    return await sign_in(http, world, member)


async def explained(person: Person, query: str, variables: dict[str, Any] | None = None) -> Any:
    response = await person.post({"query": query, "variables": variables or {}}, **HEADER)
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_query_comes_with_its_plan(explaining: httpx.AsyncClient, world: World) -> None:
    dana = await developer(explaining, world)
    campaigns = [await world.campaign(world.a, f"Campaign {number}") for number in range(3)]
    variables = {"id": global_id("Workspace", world.a.id)}
    plain = await dana.ask(PAGE, variables)

    body = await explained(dana, PAGE, variables)

    found = body["extensions"].pop("explain")
    assert body == plain
    assert (found["executedBy"], found["reason"], found["planReused"]) == ("engine", None, True)
    assert found["cost"] == {"requested": 1 + 1 + 1 + 1 + 10 + 7 * 3, "limit": 25_000}
    along, count = found["statements"]
    assert (along["number"], along["rows"], count["rows"]) == (1, len(campaigns), 1)
    assert "FROM campaigns WHERE workspace_id = $" in along["sql"]
    assert "count(*)" in count["sql"]
    assert found["milliseconds"] > along["milliseconds"] > 0
    viewer, workspace = found["fields"]
    assert viewer["field"] == "Query.viewer"
    assert viewer["statements"] == workspace["statements"] == [1]
    (page,) = workspace["fields"]
    assert (page["key"], page["statements"]) == ("campaigns", [1, 2])


async def test_it_says_what_decided(explaining: httpx.AsyncClient, world: World) -> None:
    """By a role everywhere, by one in a workspace, and not at all."""
    dana = await developer(explaining, world, Permission.MEMBERS_READ)
    campaign = await world.campaign(world.a)
    query = """
        query ($id: ID!) {
          organization { members(first: 1) { nodes { email } } auditEvents { nodes { id } } }
          campaign(id: $id) { subject sendingServer { host } }
        }
    """
    body = await explained(dana, query, {"id": global_id("Campaign", campaign.id)})

    said = {}

    def collect(fields: list[Any]) -> None:
        for each in fields:
            if each.get("permission"):
                said[each["field"]] = each["permission"]
            collect(each["fields"])

    collect(body["extensions"]["explain"]["fields"])
    assert {field: (each["outcome"], each["reason"]) for field, each in said.items()} == {
        "Organization.members": ("ALLOWED", "Allowed by role Developer at organization."),
        "Member.email": ("ALLOWED", "Allowed by role Developer at organization."),
        "Organization.auditEvents": (
            "DENIED",
            body["errors"][0]["message"],
        ),
        "Query.campaign": ("BY_ROW", "Decided for each object, by role Editor at workspace."),
        "Campaign.subject": ("BY_ROW", "Decided for each object, by role Editor at workspace."),
        "Campaign.sendingServer": (
            "BY_ROW",
            "Decided for each object, by role Editor at workspace.",
        ),
        "SendingServer.host": ("DENIED", body["errors"][1]["message"]),
    }
    everywhere, in_a = await Assignment.filter(role__name__in=["Developer", "Editor"]).order_by(
        "id"
    )
    assert said["Member.email"]["assignments"] == [global_id("Assignment", everywhere.id)]
    assert said["Campaign.subject"]["assignments"] == [global_id("Assignment", in_a.id)]
    assert said["SendingServer.host"]["anyOf"] == ["SERVERS_READ"]
    assert said["SendingServer.host"]["assignments"] == []


async def test_no_value_is_shown(explaining: httpx.AsyncClient, world: World) -> None:
    dana = await developer(explaining, world)
    campaign = await world.campaign(world.a, "A name of ours")
    variables = {"id": global_id("Workspace", world.a.id)}
    shown = str((await explained(dana, PAGE, variables))["extensions"])
    ids = global_id("Campaign", campaign.id), global_id("SendingServer", UNKNOWN_ID)
    shown += str((await explained(dana, NODES, {"ids": ids}))["extensions"])

    for value in (world.a.id, world.organization.id, campaign.id, UNKNOWN_ID):
        assert str(value) not in shown
        assert value.hex not in shown
    for text in ("A name of ours", "Dana", world.organization.slug, *ids):
        assert text not in shown
    assert "$1" in shown


async def test_what_is_not_to_be_seen_is_not_counted(
    explaining: httpx.AsyncClient, world: World
) -> None:
    """What nobody has and what is hidden look alike."""
    dana = await developer(explaining, world)
    seen, hidden = await world.campaign(world.a), await world.campaign(world.b)
    counts = []
    for other in (hidden.id, UNKNOWN_ID):
        ids = [global_id("Campaign", each) for each in (seen.id, other)]
        body = await explained(dana, NODES, {"ids": ids})
        counts += [each["rows"] for each in body["extensions"]["explain"]["statements"]]
    assert counts == [1, 1]


async def test_what_graphql_core_executes_says_why(
    explaining: httpx.AsyncClient, world: World
) -> None:
    dana = await developer(explaining, world)
    for query, reason in (
        ("{ _service { __typename } }", "a root field with a resolver"),
        ("{ __schema { queryType { name } } }", "introspection"),
    ):
        found = (await explained(dana, query))["extensions"]["explain"]
        assert (found["executedBy"], found["reason"]) == ("graphql-core", reason)
        assert found["fields"] == found["statements"] == []


async def test_a_plan_made_for_the_request_is_told_from_one_that_was_there(
    explaining: httpx.AsyncClient, world: World
) -> None:
    dana = await developer(explaining, world)
    query = f"{{ viewer {{ x{UNKNOWN_ID.hex}{id(world)}: name }} }}"
    reused = [(await explained(dana, query))["extensions"]["explain"]["planReused"] for _ in "12"]
    assert reused == [False, True]


async def test_it_needs_a_permission(explaining: httpx.AsyncClient, world: World) -> None:
    """And without it nothing runs, a mutation either."""
    member = await world.member("Otto")
    await world.give(member, BuiltinRole.ADMIN, at_workspace(world.a))
    otto = await sign_in(explaining, world, member)
    campaign = await world.campaign(world.a)
    send = "mutation ($id: ID!) { sendCampaign(input: {campaignId: $id, expectedVersion: 1})"
    send += " { campaign { status } } }"
    for query in ("{ viewer { name } }", send):
        variables = {"id": global_id("Campaign", campaign.id)} if query is send else {}
        response = await otto.post({"query": query, "variables": variables}, **HEADER)
        assert response.status_code == 403
        assert response.json()["errors"][0]["extensions"] == {
            "code": "FORBIDDEN",
            "reason": "MISSING_PERMISSION",
            "missing": ["ORGANIZATION_READ"],
        }
    assert (await Campaign.get(id=campaign.id)).status == "draft"


async def test_it_needs_a_session(explaining: httpx.AsyncClient) -> None:
    headers = {"x-gatepost-client": "tests", **HEADER}
    response = await explaining.post("/graphql", json={"query": "{ a }"}, headers=headers)
    assert response.status_code == 401


@pytest.mark.parametrize("value", ["1", "true"])
async def test_without_the_setting_the_header_means_nothing(
    olga: Person, world: World, value: str
) -> None:
    response = await olga.post({"query": PAGE, "variables": {}}, **HEADER)
    assert "explain" not in response.text
    query = {"query": "{ viewer { name } }"}
    response = await olga.post(query, **{"x-gatepost-explain": value})
    assert list(response.json()["extensions"]) == ["cost"]


async def test_a_mutation_is_carried_out_once_and_explained(
    explaining: httpx.AsyncClient, world: World
) -> None:
    olga = await sign_in(explaining, world, world.owner)
    query = 'mutation { createRole(input: {name: "New"}) { role { name } } }'
    body = await explained(olga, query)
    assert body["data"] == {"createRole": {"role": {"name": "New"}}}
    found = body["extensions"]["explain"]
    assert found["executedBy"] == "engine"
    assert found["fields"][0]["permission"]["anyOf"] == ["ROLES_WRITE"]
