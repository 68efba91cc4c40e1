"""Documents that ask for too much are refused before they are validated, let alone run."""

from typing import Any

import pytest
from graphql import get_introspection_query

from models import AuditEvent, Campaign
from schema import execution
from schema.ids import global_id
from tests.door import Person
from tests.world import World

WIDE = " ".join(
    f"o{n}: organization {{ workspaces {{ id campaigns {{ nodes {{ id }} }} }} }}"
    for n in range(80)
)

TWICE = get_introspection_query().replace(
    "query IntrospectionQuery {", "query { again: __schema { types { ...FullType } }"
)
FRAGMENTS = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(30))


@pytest.mark.parametrize(
    ("document", "limit"),
    [
        ("{ " + "viewer { name } " * 251 + "}", 500),
        ("{ ...F0 } " + FRAGMENTS + " fragment F30 on Query { viewer { name } }", 500),
        ("{ " + WIDE + " }", 25_000),
        (
            (
                "query ($n: Int) { organization { workspaces { campaigns(first: $n) { nodes {"
                " mailingList { viewerCan { allowed } } sendingServer { viewerCan { allowed } }"
                " owner { assignments { role { viewerCan { allowed } } } } } } } } }"
            ),
            25_000,
        ),
        (TWICE, 25_000),
    ],
)
async def test_too_much_is_refused_with_both_numbers(
    otto: Person, document: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def validated(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("it must not be validated")

    monkeypatch.setattr(execution, "validate", validated)
    response = await otto.post({"query": document}, accept="application/graphql-response+json")
    assert response.status_code == 400
    extensions = response.json()["errors"][0]["extensions"]
    assert extensions["code"] == "TOO_EXPENSIVE"
    assert extensions["limit"] == limit
    assert extensions["measured"] > limit


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


async def test_a_fragment_that_spreads_itself_is_a_mistake(otto: Person) -> None:
    body = await otto.ask("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }")
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
