"""Documents that ask for too much are refused before they are validated, let alone run."""

from typing import Any

import pytest
from graphql import get_introspection_query, parse

from identity.refusals import TooExpensive
from models import AuditEvent, Campaign
from schema import execution
from schema.ids import global_id
from schema.limits import parsed, require_small, require_within_limits
from tests.door import Person
from tests.world import World

FRAGMENTS = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(30))
EXPANDED = "{ ...F0 } " + FRAGMENTS + " fragment F30 on Query { viewer { name } }"


def fields(count: int) -> str:
    return "{ viewer { " + "name " * (count - 1) + "} }"


def aliases(count: int) -> str:
    return "{ viewer { " + " ".join(f"a{n}: name" for n in range(count)) + " } }"


def directives(count: int) -> str:
    return "{ viewer " + "@include(if: true) " * count + "{ name } }"


def levels(count: int) -> str:
    return "{ a " * count + "}" * count


def literal(depth: int) -> str:
    return "{ a(b: " + "[{c: " * (depth // 2) + "1" + "}]" * (depth // 2) + ") }"


def variable_default(depth: int) -> str:
    return "query ($v: X = " + "[" * depth + "1" + "]" * depth + ") { a }"


def operations(count: int) -> str:
    return " ".join(f"query Q{n} {{ viewer {{ name }} }}" for n in range(count))


def mutations(count: int) -> str:
    return "mutation { " + "m " * count + "}"


LIMITS = [
    (fields, 500, "fields"),
    (aliases, 100, "aliases"),
    (directives, 5, "directives"),
    (levels, 20, "levels"),
    (literal, 10, "input levels"),
    (variable_default, 10, "input levels"),
    (operations, 20, "operations"),
    (mutations, 20, "root fields"),
    (lambda count: "{ " + "q " * count + "}", 50, "root fields"),
]


@pytest.mark.parametrize(("document", "limit", "measure"), LIMITS)
def test_the_limit_passes_and_one_more_is_refused(document: Any, limit: int, measure: str) -> None:
    step = 2 if document is literal else 1
    require_within_limits(parse(document(limit)))
    with pytest.raises(TooExpensive) as refused:
        require_within_limits(parse(document(limit + step)))
    assert refused.value.details == {
        "measure": measure,
        "measured": limit + step,
        "limit": limit,
    }


@pytest.mark.parametrize(
    ("document", "measure", "measured"),
    [
        (EXPANDED, "root fields", 2**30),
        ("{ a { ...F } b { ...F } } fragment F on X { " + "f " * 300 + "}", "fields", 602),
        ("{ a { ...F } b { ...F } } fragment F on X { " + "x: f " * 51 + "}", "aliases", 102),
        ("{ ...F } fragment F on X { a { ...G } } fragment G on X " + levels(20), "levels", 21),
    ],
)
def test_fragments_count_as_often_as_they_are_spread(
    document: str, measure: str, measured: int
) -> None:
    with pytest.raises(TooExpensive) as refused:
        require_within_limits(parse(document))
    assert refused.value.details["measure"] == measure
    assert refused.value.details["measured"] == measured


def test_a_text_is_limited_by_its_length_and_its_tokens() -> None:
    parsed("{ " + "a " * 1998 + "}")
    for text in ("{ " + "a " * 1999 + "}", "# a\n" * 2001 + "{ a }"):
        with pytest.raises(TooExpensive) as tokens:
            parsed(text)
        assert tokens.value.details == {"measure": "tokens", "measured": 2001, "limit": 2000}
    with pytest.raises(TooExpensive) as characters:
        parsed("{ a }" + " " * 100_000)
    assert characters.value.details == {
        "measure": "characters",
        "measured": 100_005,
        "limit": 100_000,
    }


def test_variables_are_limited_in_number_and_depth() -> None:
    deep: Any = 1
    for _ in range(10):
        deep = [deep]
    require_small({"v": deep, "w": {"x": {"y": 1}}})
    with pytest.raises(TooExpensive) as depth:
        require_small({"v": [deep]})
    assert depth.value.details == {"measure": "input levels", "measured": 11, "limit": 10}
    require_small({"v": [1] * 9_999})
    with pytest.raises(TooExpensive) as number:
        require_small({"v": [1] * 10_000})
    assert number.value.details == {
        "measure": "input values",
        "measured": 10_001,
        "limit": 10_000,
    }


@pytest.mark.parametrize("document", [EXPANDED, fields(501), "{ " + "a " * 2000 + "}"])
async def test_a_refused_document_is_not_validated(
    otto: Person, document: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def validated(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("it must not be validated")

    monkeypatch.setattr(execution, "mistakes", validated)
    response = await otto.post({"query": document}, accept="application/graphql-response+json")
    assert response.status_code == 400
    extensions = response.json()["errors"][0]["extensions"]
    assert extensions["code"] == "TOO_EXPENSIVE"
    assert extensions["limit"] < extensions["measured"] < 2**31


async def test_too_many_variables_run_nothing(olga: Person) -> None:
    events = await AuditEvent.all().count()
    body = await olga.ask(
        'mutation ($p: [Permission!]!) { createRole(input: {name: "X", permissions: $p})'
        " { role { id } } }",
        {"p": ["CAMPAIGNS_SEND"] * 10_000},
    )
    assert body == {
        "errors": [
            {
                "message": "This has 10,001 input values; 10,000 are the most.",
                "extensions": {
                    "code": "TOO_EXPENSIVE",
                    "measure": "input values",
                    "measured": 10_001,
                    "limit": 10_000,
                },
            }
        ]
    }
    assert await AuditEvent.all().count() == events


async def test_what_tools_and_pages_ask_for_is_served(otto: Person, world: World) -> None:
    schema = await otto.data(
        get_introspection_query(descriptions=True, input_value_deprecation=True)
    )
    assert schema["__schema"]["queryType"]["name"] == "Query"
    page = await otto.data(
        "query ($id: ID!) { workspace(id: $id) { campaigns(first: 100) { nodes {"
        " id name status version subject body owner { name } mailingList { name subscriberCount }"
        " sendingServer { name } results { recipients delivered opened clicked bounced }"
        " viewerCan { permission allowed reason } } pageInfo { endCursor } totalCount } } }",
        {"id": global_id("Workspace", world.a.id)},
    )
    assert page["workspace"]["campaigns"]["totalCount"] == 0


@pytest.mark.parametrize(
    "fragments",
    [
        "fragment A on Query { ...B } fragment B on Query { ...A }",
        "fragment A on Query { ...A }",
        "fragment A on Query { ...B } fragment B on Query { ...C } fragment C on Query { ...B }",
    ],
)
async def test_a_fragment_that_spreads_itself_is_a_mistake(otto: Person, fragments: str) -> None:
    body = await otto.ask("{ ...A } " + fragments)
    assert body["errors"][0]["extensions"]["code"] == "BAD_INPUT"


async def test_a_mutation_has_few_root_fields(otto: Person, world: World) -> None:
    campaign = await world.campaign(world.b)
    id_ = global_id("Campaign", campaign.id)
    fields = " ".join(
        f"d{n}: deleteCampaign(input: {{campaignId: $id}}) {{ deletedCampaignId }}"
        for n in range(21)
    )
    events = await AuditEvent.all().count()
    body = await otto.ask(f"mutation ($id: ID!) {{ {fields} }}", {"id": id_})
    assert body["errors"][0]["extensions"] == {
        "code": "TOO_EXPENSIVE",
        "measure": "root fields",
        "measured": 21,
        "limit": 20,
    }
    assert await AuditEvent.all().count() == events
    assert await Campaign.exists(id=campaign.id)


@pytest.mark.parametrize(
    "query",
    [
        (
            'mutation ($id: ID = "x") { deleteCampaign(input: {campaignId: $id})'
            " { deletedCampaignId } }"
        ),
        (
            'mutation ($b: Boolean = true) { deleteCampaign(input: {campaignId: "x"})'
            " @include(if: $b) { deletedCampaignId } }"
        ),
    ],
)
async def test_a_variable_that_is_null_where_it_must_not_be_is_bad_input(
    otto: Person, query: str
) -> None:
    body = await otto.ask(query, {"id": None, "b": None})
    assert body["data"] is None
    assert body["errors"][0]["extensions"]["code"] == "BAD_INPUT"


async def test_asking_about_a_permission_often_answers_once(otto: Person, world: World) -> None:
    data = await otto.data(
        "query ($id: ID!, $p: [Permission!]) { workspace(id: $id) { viewerCan(permissions: $p)"
        " { permission } } }",
        {"id": global_id("Workspace", world.a.id), "p": ["CAMPAIGNS_SEND"] * 5000},
    )
    assert data["workspace"]["viewerCan"] == [{"permission": "CAMPAIGNS_SEND"}]
