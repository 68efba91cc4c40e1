"""Relay's `nodes`: many objects by their ids, each by the rule of `node`."""

from collections.abc import Sequence
from typing import Any

import pytest

from models import BuiltinRole, Role
from schema.ids import global_id
from tests.door import Person
from tests.statements import counted_statements
from tests.world import UNKNOWN_ID, World, new_world

SELECTION = (
    "{ id __typename ... on Campaign { name owner { name } } ... on SendingServer { host } }"
)
NODES = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {SELECTION} }}"
NODE = f"query ($id: ID!) {{ node(id: $id) {SELECTION} }}"
INTERPRETED = NODES.removesuffix("}") + "_service { __typename } }"
"""The same beside a field with a resolver of its own, so that graphql-core executes it."""


async def both(person: Person, ids: Sequence[str]) -> dict[str, Any]:
    """The answer of the engine, which is that of graphql-core."""
    body: dict[str, Any] = await person.ask(NODES, {"ids": ids})
    interpreted = await person.ask(INTERPRETED, {"ids": ids})
    if interpreted["data"] is not None:
        del interpreted["data"]["_service"]
    assert (body["data"], body.get("errors")) == (interpreted["data"], interpreted.get("errors"))
    return body


async def ids_of(world: World) -> list[str]:
    """An id of each kind."""
    campaign = await world.campaign(world.a)
    role = await Role.get(organization=world.organization, builtin=BuiltinRole.ADMIN)
    return [
        global_id("Campaign", campaign.id),
        global_id("Workspace", world.a.id),
        global_id("MailingList", campaign.mailing_list_id or UNKNOWN_ID),
        global_id("SendingServer", campaign.sending_server_id or UNKNOWN_ID),
        global_id("Member", world.owner.id),
        global_id("Role", role.id),
        global_id("Organization", world.organization.id),
    ]


async def test_objects_come_in_the_order_asked_for_and_as_often(olga: Person, world: World) -> None:
    ids = await ids_of(world)
    asked = [*reversed(ids), ids[0], ids[0]]

    body = await both(olga, asked)

    assert "errors" not in body
    assert [node["id"] for node in body["data"]["nodes"]] == asked
    assert body["data"]["nodes"][-1] == {
        "id": ids[0],
        "__typename": "Campaign",
        "name": "Spring",
        "owner": {"name": world.owner.name},
    }


async def test_each_is_what_node_says_of_it(otto: Person, world: World) -> None:
    """Of every kind: seen and not seen, another organization's, nobody's, and what is no id."""
    hidden = await world.campaign(world.b)
    elsewhere = await new_world("other")
    ids = [
        *await ids_of(world),
        global_id("Campaign", hidden.id),
        *await ids_of(elsewhere),
        *(global_id(name, UNKNOWN_ID) for name in ("Assignment", "Group", "Campaign")),
        global_id("AuditEvent", UNKNOWN_ID),
        "nonsense",
        "",
    ]

    body = await both(otto, ids)

    errors = {tuple(error["path"][1:]): error for error in body["errors"]}
    for index, each in enumerate(ids):
        alone = await otto.ask(NODE, {"id": each})
        assert body["data"]["nodes"][index] == alone["data"]["node"]
        for error in alone.get("errors", ()):
            found = errors.pop((index, *error["path"][1:]))
            expected = error["extensions"]
            if expected["code"] == "BAD_INPUT":
                expected = {**expected, "field": f"ids.{index}"}
            assert (found["message"], found["extensions"]) == (error["message"], expected)
    assert errors == {}


async def test_what_is_not_to_be_seen_leaves_the_others(otto: Person, world: World) -> None:
    seen, hidden = await world.campaign(world.a), await world.campaign(world.b)
    ids = [global_id("Campaign", each.id) for each in (hidden, seen, hidden)]

    body = await both(otto, ids)

    assert [node and node["name"] for node in body["data"]["nodes"]] == [None, "Spring", None]
    assert [error["path"] for error in body["errors"]] == [["nodes", 0], ["nodes", 2]]
    assert {error["extensions"]["code"] for error in body["errors"]} == {"NOT_FOUND"}


@pytest.mark.parametrize("asked", [0, 100])
async def test_as_many_as_may_be(olga: Person, world: World, asked: int) -> None:
    body = await both(olga, [global_id("Workspace", world.a.id)] * asked)
    assert (len(body["data"]["nodes"]), "errors" in body) == (asked, False)
    assert body["extensions"]["cost"]["requestedQueryCost"] == 1 + asked * 6


async def test_one_too_many_is_refused_whole(olga: Person, world: World) -> None:
    body = await both(olga, [global_id("Workspace", world.a.id)] * 101)
    assert body["data"] is None
    assert body["errors"] == [
        {
            "message": "This names 101 objects; 100 are the most.",
            "path": ["nodes"],
            "locations": [{"line": 1, "column": NODES.index("nodes") + 1}],
            "extensions": {"code": "BAD_INPUT", "field": "ids"},
        }
    ]


async def test_one_id_is_a_list_of_one(olga: Person, world: World) -> None:
    """As GraphQL coerces it (October 2021, section 3.11)."""
    workspace = global_id("Workspace", world.a.id)
    assert await olga.data(f'{{ nodes(ids: "{workspace}") {{ id }} }}') == {
        "nodes": [{"id": workspace}]
    }


@pytest.mark.parametrize("rows", [1, 12])
async def test_statements_do_not_grow_with_the_ids(olga: Person, world: World, rows: int) -> None:
    campaigns = [await world.campaign(world.a, f"Campaign {number}") for number in range(rows)]
    ids = [global_id("Campaign", each.id) for each in campaigns]
    ids += [global_id("SendingServer", each.sending_server_id or UNKNOWN_ID) for each in campaigns]
    counts = []
    for query in (NODES, INTERPRETED):
        await olga.data(query, {"ids": ids})  # compiles the access
        with counted_statements() as statements:
            await olga.data(query, {"ids": ids})
        counts.append(len(statements))
    assert counts == [3, 4], counts  # with the session's; then with the owners of the campaigns
