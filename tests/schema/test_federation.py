"""What a router asks of a subgraph: `_service`, and `_entities` as strictly as `node`."""

from typing import Any

import httpx
import pytest

from gateway.authenticate import CLIENT_HEADER
from identity.access.permissions import Permission
from models import BuiltinRole
from schema.connection import LARGEST_PAGE
from schema.federation import subgraph
from schema.ids import global_id
from schema.sdl import sdl
from tests.door import Person
from tests.statements import counted_statements
from tests.world import UNKNOWN_ID, World, at_workspace

ENTITIES = """
    query ($representations: [_Any!]!) {
      _entities(representations: $representations) {
        __typename
        ... on Campaign { name subject }
        ... on Workspace { title: name }
      }
    }
"""
NODES = "query ($id: ID!) { node(id: $id) { __typename ... on Campaign { name subject } } }"


def named(type_name: str, node_id: str, **more: Any) -> dict[str, Any]:
    return {"__typename": type_name, "id": node_id, **more}


async def test_entities_come_in_the_order_asked_for(otto: Person, world: World) -> None:
    campaign = await world.campaign(world.a)
    spring = named("Campaign", global_id("Campaign", campaign.id), total=3)
    workspace = named("Workspace", global_id("Workspace", world.a.id))

    data = await otto.data(ENTITIES, {"representations": [workspace, spring, workspace]})

    assert data == {
        "_entities": [
            {"__typename": "Workspace", "title": "Acme"},
            {"__typename": "Campaign", "name": "Spring", "subject": "Hello"},
            {"__typename": "Workspace", "title": "Acme"},
        ]
    }


async def test_what_is_not_visible_is_not_there_in_the_words_of_node(
    otto: Person, world: World
) -> None:
    """What is in another workspace or needs a permission, and what nobody has."""
    hidden = await world.campaign(world.b)
    ids = [
        ("Campaign", hidden.id),
        ("MailingList", hidden.mailing_list_id),
        ("SendingServer", hidden.sending_server_id),
        ("Workspace", world.b.id),
        ("Member", world.owner.id),
        ("Role", (await world.role(BuiltinRole.OWNER)).id),
        ("Organization", UNKNOWN_ID),
        ("Assignment", UNKNOWN_ID),
        ("Group", UNKNOWN_ID),
        ("Campaign", UNKNOWN_ID),
    ]
    given = [named(type_name, global_id(type_name, row_id)) for type_name, row_id in ids if row_id]

    body = await otto.ask(ENTITIES, {"representations": given})

    assert body["data"] == {"_entities": [None] * len(ids)}
    for index, (each, error) in enumerate(zip(given, body["errors"], strict=True)):
        alone = (await otto.ask(NODES, {"id": each["id"]}))["errors"][0]
        assert error["path"] == ["_entities", index]
        assert (error["message"], error["extensions"]) == (alone["message"], alone["extensions"])
        assert error["extensions"] == {"code": "NOT_FOUND"}


async def test_a_denied_field_of_an_entity_is_denied(olga: Person, world: World) -> None:
    member = await world.member("Rita")
    reporter = await world.custom_role("Reporter", Permission.CAMPAIGNS_RESULTS)
    await world.give(member, reporter, at_workspace(world.a))
    rita = Person(olga.http, await world.session(member))
    campaign = await world.campaign(world.a)
    given = [named("Campaign", global_id("Campaign", campaign.id))]

    body = await rita.ask(ENTITIES, {"representations": given})

    assert body["data"]["_entities"] == [
        {"__typename": "Campaign", "name": "Spring", "subject": None}
    ]
    assert body["errors"][0]["path"] == ["_entities", 0, "subject"]
    assert body["errors"][0]["extensions"]["missing"] == ["CAMPAIGNS_READ"]


@pytest.mark.parametrize(
    ("representation", "field"),
    [
        ({}, "representations.0.__typename"),
        ("Campaign", "representations.0.__typename"),
        ({"__typename": "Viewer", "id": "x"}, "representations.0.__typename"),
        ({"__typename": ["Campaign"], "id": "x"}, "representations.0.__typename"),
        ({"__typename": "Campaign"}, "representations.0.id"),
        ({"__typename": "Campaign", "id": 1}, "representations.0.id"),
        ({"__typename": "Campaign", "id": "x"}, "representations.0.id"),
        (named("Campaign", global_id("Member", UNKNOWN_ID)), "representations.0.id"),
    ],
)
async def test_a_wrong_representation_is_refused_alone(
    otto: Person, world: World, representation: Any, field: str
) -> None:
    right = named("Workspace", global_id("Workspace", world.a.id))

    body = await otto.ask(ENTITIES, {"representations": [representation, right]})

    assert body["data"]["_entities"] == [None, {"__typename": "Workspace", "title": "Acme"}]
    assert [(e["path"], e["extensions"]) for e in body["errors"]] == [
        (["_entities", 0], {"code": "BAD_INPUT", "field": field})
    ]


@pytest.mark.parametrize("rows", [1, 12])
async def test_statements_do_not_grow_with_the_entities(
    otto: Person, world: World, rows: int
) -> None:
    campaigns = [await world.campaign(world.a, f"Campaign {number}") for number in range(rows)]
    given = [named("Campaign", global_id("Campaign", each.id)) for each in campaigns]
    given += [named("MailingList", global_id("MailingList", UNKNOWN_ID))] * rows
    await otto.ask(ENTITIES, {"representations": given})  # compiles the access
    with counted_statements() as statements:
        body = await otto.ask(ENTITIES, {"representations": given})
    assert [each and each["name"] for each in body["data"]["_entities"]] == [
        *(each.name for each in campaigns),
        *[None] * rows,
    ]
    assert len(statements) == 3, statements  # the session's, and one a type


async def test_too_many_are_refused(otto: Person, world: World) -> None:
    many = [named("Workspace", global_id("Workspace", world.a.id))] * (LARGEST_PAGE + 1)
    body = await otto.ask(ENTITIES, {"representations": many})
    assert body["data"] is None
    assert body["errors"][0]["extensions"] == {
        "code": "TOO_EXPENSIVE",
        "measure": "representations",
        "measured": LARGEST_PAGE + 1,
        "limit": LARGEST_PAGE,
    }


async def test_the_service_says_its_subgraph(otto: Person) -> None:
    assert await otto.data("{ _service { sdl } }") == {"_service": {"sdl": subgraph(sdl())}}


async def test_a_router_needs_a_credential(http: httpx.AsyncClient, world: World) -> None:
    response = await http.post(
        "/graphql", json={"query": "{ _service { sdl } }"}, headers={CLIENT_HEADER: "router"}
    )
    assert response.status_code == 401


async def test_the_schema_that_people_read_says_nothing_of_it(olga: Person) -> None:
    query = '{ __schema { queryType { fields { name } } } __type(name: "_Any") { name } }'
    data = await olga.data(query)
    assert not [f for f in data["__schema"]["queryType"]["fields"] if f["name"].startswith("_")]
    assert data["__type"] is None
    assert "_entities" not in sdl()
