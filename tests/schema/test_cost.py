"""What an operation could cost: known before it runs, published, and refused beyond the limit."""

from collections.abc import Mapping
from typing import Any

import pytest
from graphql import build_schema, get_introspection_query, parse, validate

from identity.access.permissions import GROUPS, Permission
from identity.refusals import TooExpensive
from models import AuditEvent, Workspace
from schema.cost import MOST_COST, prices
from schema.ids import global_id
from schema.node import own_permissions
from schema.schema import graphql_schema
from schema.workspaces.types import Workspace as WorkspaceType
from tests.door import Person
from tests.world import World

MEMBERS = next(group.permissions for group in GROUPS if group.name == "members")
CAMPAIGNS = "query Q($n: Int, $m: Int = 40) {{ workspaces {{ campaigns({}) {{ {} }} }} }}"


def cost(
    document: str, variables: Mapping[str, Any] | None = None, operation: str | None = None
) -> int:
    node = parse(document)
    assert validate(graphql_schema, node) == []
    return prices(graphql_schema, node)[operation].of(variables or {}).requested


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{ viewer { name } }", 2),
        ("{ viewer { name name } }", 3),
        ("{ workspaces { id name } }", 1 + 7 * 2),
        ("{ workspaces { campaigns { nodes { id } } } }", 1 + 7 * (1 + 25 * (1 + 1))),
        ("{ workspaces { campaigns(first: 3) { nodes { id } } } }", 1 + 7 * (1 + 3 * 2)),
        ("{ workspaces { campaigns(last: 3) { edges { node { id } } } } }", 1 + 7 * (1 + 3 * 3)),
        ("{ workspaces { campaigns(first: 0) { nodes { id } } } }", 1 + 7),
        ("{ workspaces { campaigns(first: 9000) { nodes { id } } } }", 1 + 7 * (1 + 100 * 2)),
        (
            "{ workspaces { campaigns(first: 100) { totalCount pageInfo { endCursor } } } }",
            1 + 7 * (1 + 10 + 2),
        ),
        ('mutation { a: createRole(input: {name: "A"}) { role { id } } }', 10 + 2),
        (
            """mutation { ...F b: createRole(input: {name: "B"}) { role { id } } }
            fragment F on Mutation { a: createRole(input: {name: "A"}) { role { id } } }""",
            2 * (10 + 2),
        ),
    ],
)
def test_a_cost_is_rows_times_weight(document: str, expected: int) -> None:
    assert cost(document) == expected


@pytest.mark.parametrize(
    ("arguments", "variables", "rows"),
    [
        ("first: $n, last: $m", {"n": 3, "m": None}, 3),
        ("first: $n, last: $m", {"m": None}, 25),
        ("first: $n, last: $m", {"n": None, "m": None}, 25),
        ("first: $n, last: $m", {}, 40),
        ("first: $m, last: $n", {"m": 7}, 7),
        ("first: $n, last: $m", {"n": 2, "m": 5}, 5),
        ("first: $n, last: $m", {"n": 10_000}, 100),
        ("first: $n, last: $m", {"n": "many", "m": None}, 100),
        ("first: $n, last: $m", {"n": True, "m": None}, 100),
        ("first: $n, last: $m", {"n": -5, "m": None}, 0),
    ],
)
def test_a_page_size_in_a_variable_counts(
    arguments: str, variables: dict[str, Any], rows: int
) -> None:
    document = CAMPAIGNS.format(arguments, "nodes { id name }")
    assert cost(document, variables, "Q") == 1 + 7 * (1 + rows * 3)


def test_a_fragment_takes_the_page_of_the_connection_that_it_is_spread_in() -> None:
    document = """
        query A($n: Int = 4) { workspaces { campaigns(first: $n) { ...Page } } }
        query B { workspaces { campaigns(first: 2) { ... on CampaignConnection { ...Page } } } }
        fragment Page on CampaignConnection { totalCount nodes { ...Row } }
        fragment Row on Campaign { id name }
    """
    assert cost(document, {}, "A") == 1 + 7 * (1 + 10 + 4 * 3)
    assert cost(document, {"n": 1}, "A") == 1 + 7 * (1 + 10 + 1 * 3)
    assert cost(document, {}, "B") == 1 + 7 * (1 + 10 + 2 * 3)


def test_a_list_of_what_ids_name_has_as_many_rows() -> None:
    schema = build_schema("type Query { nodes(ids: [ID!]!): [N]! } type N { id: ID! }")
    document = parse(
        'query A($i: [ID!]!) { nodes(ids: $i) { id } } query B { nodes(ids: ["a", "b"]) { id } }'
        ' query C { nodes(ids: "a") { id } }'
    )
    found = prices(schema, document)
    assert found["A"].of({"i": ["a"] * 12}).requested == 1 + 12
    assert found["A"].of({"i": "a"}).requested == 1 + 1
    assert found["B"].of({}).requested == 1 + 2
    assert found["C"].of({}).requested == 1 + 1


OWN = "query ($p: [Permission!]) { viewer { member { viewerCan%s { allowed reason } } } }"


@pytest.mark.parametrize(
    ("argument", "variables", "rows"),
    [
        ("", {}, len(MEMBERS)),
        ("(permissions: $p)", {}, len(MEMBERS)),
        ("(permissions: $p)", {"p": None}, len(MEMBERS)),
        ("(permissions: $p)", {"p": []}, 0),
        ("(permissions: $p)", {"p": "CAMPAIGNS_READ"}, 1),
        ("(permissions: $p)", {"p": ["CAMPAIGNS_READ", "CAMPAIGNS_SEND"]}, 2),
        ("(permissions: $p)", {"p": ["CAMPAIGNS_READ"] * 5_000}, len(Permission)),
        ("(permissions: [CAMPAIGNS_READ, CAMPAIGNS_SEND, LISTS_READ])", {}, 3),
    ],
)
def test_a_decision_counts_for_each_permission_that_is_asked_about(
    argument: str, variables: dict[str, Any], rows: int
) -> None:
    document = parse(OWN % argument)
    price = prices(graphql_schema, document)[None]
    assert price.of(variables).requested == 1 + 1 + 1 + rows * 2


def test_of_an_unknown_object_the_type_with_most_permissions_counts() -> None:
    document = '{ node(id: "x") { viewerCan { allowed } } }'
    assert cost(document) == 1 + 1 + len(own_permissions(WorkspaceType))
    assert len(own_permissions(WorkspaceType)) > 50


async def test_as_many_decisions_are_answered_as_were_counted(olga: Person, world: World) -> None:
    document = (
        "query ($w: ID!, $p: [Permission!]) { workspace(id: $w) { viewerCan(permissions: $p)"
        " { permission } } }"
    )
    every = [permission.name for permission in Permission]
    own = [permission.name for permission in own_permissions(WorkspaceType)]
    for asked, answered in ((every, every), (None, own), ([], []), (every[:3] * 2, every[:3])):
        variables = {"w": global_id("Workspace", world.a.id), "p": asked}
        body = await olga.ask(document, variables)
        assert [one["permission"] for one in body["data"]["workspace"]["viewerCan"]] == answered
        counted = body["extensions"]["cost"]["requestedQueryCost"]
        assert counted == 1 + 1 + len(asked if asked is not None else own)


async def test_every_permission_on_a_page_under_many_names_is_refused(
    olga: Person, world: World
) -> None:
    decisions = " ".join(f"v{n}: viewerCan(permissions: $p) {{ allowed }}" for n in range(10))
    body = await olga.ask(
        "query ($w: ID!, $p: [Permission!]) { workspace(id: $w) { campaigns(first: 100) {"
        f" nodes {{ {decisions} }} }} }} }}",
        {"w": global_id("Workspace", world.a.id), "p": [one.name for one in Permission]},
    )
    extensions = body["errors"][0]["extensions"]
    assert extensions["code"] == "TOO_EXPENSIVE"
    assert extensions["measured"] == 1 + 1 + 100 * (1 + 10 * (1 + len(Permission)))


def test_fragments_that_double_are_added_up_once_each() -> None:
    fragments = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
    document = parse(
        "query ($n: Int) { ...F0 } "
        + fragments
        + " fragment F40 on Query { workspaces { campaigns(first: $n) { nodes { id } } } }"
    )
    with pytest.raises(TooExpensive) as refused:
        prices(graphql_schema, document)[None].of({"n": 1})
    assert refused.value.details["measured"] == 2**31 - 1


async def test_the_cost_is_published_with_its_limit(otto: Person) -> None:
    document = CAMPAIGNS.format("first: $n", "nodes { id }").replace(", $m: Int = 40", "")
    for size in (1, 9):
        body = await otto.ask(document, {"n": size})
        assert body["extensions"] == {
            "cost": {"requestedQueryCost": 1 + 7 * (1 + size * 2), "maximumQueryCost": 25_000}
        }


NESTED = (
    "query ($n: Int) { organization { workspaces { campaigns(first: $n) { nodes {"
    " mailingList { viewerCan { allowed } } sendingServer { viewerCan { allowed } }"
    " owner { assignments { role { viewerCan { allowed } } } } } } } } }"
)


async def test_beyond_the_limit_both_numbers_are_told(otto: Person) -> None:
    assert "errors" not in await otto.ask("{ viewer { name } }")
    body = await otto.ask(NESTED, {"n": 100})
    measured = cost(NESTED, {"n": 10}) - cost(NESTED, {"n": 0})
    measured = cost(NESTED, {"n": 0}) + 10 * measured
    assert measured > MOST_COST
    assert body == {
        "errors": [
            {
                "message": f"This could cost {measured:,}; 25,000 are the most. "
                "Ask for fewer fields or smaller pages.",
                "extensions": {
                    "code": "TOO_EXPENSIVE",
                    "measure": "cost",
                    "measured": measured,
                    "limit": 25_000,
                },
            }
        ]
    }


async def test_an_expensive_mutation_changes_nothing(olga: Person, world: World) -> None:
    page = "campaigns(first: 100) { nodes { owner { assignments { role { viewerCan {"
    page += " permission allowed reason } } } } } }"
    nested = "workspace { " + " ".join(f"{alias}: {page}" for alias in "abcde") + " }"
    before = (await Workspace.all().count(), await AuditEvent.all().count())
    body = await olga.ask(
        f'mutation {{ createWorkspace(input: {{slug: "new", name: "New"}}) {{ {nested} }} }}'
    )
    assert body["errors"][0]["extensions"]["code"] == "TOO_EXPENSIVE"
    assert (await Workspace.all().count(), await AuditEvent.all().count()) == before


def test_introspection_is_served_once_and_not_twice() -> None:
    query = get_introspection_query(descriptions=True, input_value_deprecation=True)
    assert cost(query, {}, "IntrospectionQuery") <= MOST_COST
    twice = query.replace(
        "query IntrospectionQuery {", "query { again: __schema { types { ...FullType } }"
    )
    with pytest.raises(TooExpensive):
        prices(graphql_schema, parse(twice))[None].of({})
