"""Arguments, input fields, enum values, filters and orders that need a permission are refused."""

from typing import Any

import pytest

from identity.access.permissions import Permission
from models import Campaign, Outcome, SendingServer
from schema.ids import global_id
from tests.door import Person
from tests.schema.guarded_library import ask, holding, library
from tests.world import World, at_workspace

NAME, LOGO, READ = Permission.BRAND_NAME, Permission.BRAND_LOGO, Permission.DOCUMENTS_READ

TEXT = "binding.covers.0.text"


@pytest.mark.parametrize(
    ("query", "variables", "missing", "field"),
    [
        ('{ bind(seal: "x") }', {}, "BRAND_LOGO", "seal"),
        ("query ($v: String) { bind(seal: $v) }", {"v": "x"}, "BRAND_LOGO", "seal"),
        ('query ($v: String = "x") { bind(seal: $v) }', {}, "BRAND_LOGO", "seal"),
        ("{ bind(style: GOLDEN) }", {}, "BRAND_LOGO", "style"),
        ("query ($v: Style!) { bind(style: $v) }", {"v": "GOLDEN"}, "BRAND_LOGO", "style"),
        ("query ($v: Style! = GOLDEN) { bind(style: $v) }", {}, "BRAND_LOGO", "style"),
        ("{ gild }", {}, "BRAND_LOGO", "style"),
        ("query ($v: Style) { gild(style: $v) }", {}, "BRAND_LOGO", "style"),
        ('{ bind(binding: {covers: [{text: "x"}]}) }', {}, "BRAND_NAME", TEXT),
        ('{ bind(binding: {covers: {text: "x"}}) }', {}, "BRAND_NAME", "binding.covers.text"),
        (
            "query ($v: String) { bind(binding: {covers: [{text: $v}]}) }",
            {"v": "x"},
            "BRAND_NAME",
            TEXT,
        ),
        (
            "query ($v: [Cover!]!) { bind(binding: {covers: $v}) }",
            {"v": [{"text": "x"}]},
            "BRAND_NAME",
            TEXT,
        ),
        (
            "query ($v: Binding) { bind(binding: $v) }",
            {"v": {"inner": {"covers": [{}, {"style": "GOLDEN"}]}}},
            "BRAND_LOGO",
            "binding.inner.covers.1.style",
        ),
        (
            "query ($v: Binding = {covers: [{style: GOLDEN}]}) { bind(binding: $v) }",
            {},
            "BRAND_LOGO",
            "binding.covers.0.style",
        ),
    ],
)
def test_what_is_given_is_refused_before_anything_runs(
    query: str, variables: dict[str, Any], missing: str, field: str
) -> None:
    key = "gild" if "gild" in query else "bind"

    answered = ask(holding(), query, variables)

    assert answered.refusals == [([key], "FORBIDDEN", [missing], field)]
    assert (answered.data, answered.calls) == (None, [])
    allowed = ask(holding([NAME, LOGO]), query, variables)
    assert (allowed.errors, allowed.calls) == ([], [key])


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ bind(seal: null) }", {}),
        ("query ($v: String) { bind(seal: $v) }", {}),
        ("query ($v: String) { bind(seal: $v) }", {"v": None}),
        ("{ bind(style: PLAIN, binding: {covers: [{text: null}, {}]}) }", {}),
        ("query ($v: Style = PLAIN) { gild(style: $v) }", {}),
        ("{ gild(style: PLAIN) }", {}),
        ('query ($v: Boolean!) { bind(seal: "x") @include(if: $v) ok: bind }', {"v": False}),
        ('{ bind ... @skip(if: true) { ...F } } fragment F on Query { b: bind(seal: "x") }', {}),
    ],
)
def test_what_is_left_out_or_skipped_needs_nothing(query: str, variables: dict[str, Any]) -> None:
    answered = ask(holding(), query, variables)
    assert answered.errors == []
    assert len(answered.calls) == 1


def test_one_guarded_input_stops_the_whole_operation() -> None:
    query = '{ bind ...F } fragment F on Query { again: shelf { books } second: bind(seal: "x") }'
    answered = ask(holding(), query.replace("books }", "books { title } }"))
    assert answered.refusals == [(["second"], "FORBIDDEN", ["BRAND_LOGO"], "seal")]
    assert answered.calls == []


def test_the_place_of_the_declaration_counts() -> None:
    """A seal may be given by who holds the permission anywhere, a golden style only by who holds it
    at the organization.
    """
    at_the_shelf = holding(shelf=[LOGO])
    assert ask(at_the_shelf, '{ bind(seal: "x") }').errors == []
    assert len(ask(at_the_shelf, "{ bind(style: GOLDEN) }").refusals) == 1


def test_what_the_plan_cuts_is_refused_as_such() -> None:
    answered = ask(holding([LOGO], plan_cut=[LOGO]), "{ bind(style: GOLDEN) }")
    assert answered.refusals == [(["bind"], "PLAN_REQUIRED", ["BRAND_LOGO"], "style")]


def test_many_refusals_are_cut_short() -> None:
    covers = ", ".join(["{style: GOLDEN}"] * 30)
    assert len(ask(holding(), f"{{ bind(binding: {{covers: [{covers}]}}) }}").refusals) == 20


PRICES = [
    ("{ shelf { books(filter: {price: 12}) { title } } }", "filter.price"),
    ("{ shelf { books(orderBy: PRICE) { title } } }", "orderBy"),
]


@pytest.mark.parametrize(("query", "field"), PRICES)
def test_a_list_is_narrowed_and_ordered_only_by_what_one_may_read(query: str, field: str) -> None:
    answered = ask(holding(), query)
    assert answered.refusals == [(["shelf", "books"], "FORBIDDEN", ["DOCUMENTS_READ"], field)]
    assert answered.calls == []


@pytest.mark.parametrize(("query", "field"), PRICES)
def test_reading_it_elsewhere_is_not_enough(query: str, field: str) -> None:
    elsewhere = holding(resource=[READ])
    answered = ask(elsewhere, query)
    assert answered.refusals == [(["shelf", "books"], "FORBIDDEN", ["DOCUMENTS_READ"], field)]
    assert (answered.data, answered.calls) == ({"shelf": {"books": None}}, [])


@pytest.mark.parametrize(("query", "field"), PRICES)
def test_who_reads_it_where_the_list_is_may_use_it(query: str, field: str) -> None:
    answered = ask(holding(shelf=[READ]), query)
    assert (answered.errors, answered.calls) == ([], ["books"])


def test_what_is_public_may_be_used_by_all() -> None:
    query = '{ shelf { books(filter: {title: "Emma"}, orderBy: TITLE) { title } } }'
    assert ask(holding(), query).data == {"shelf": {"books": [{"title": "Emma"}]}}


def test_every_guard_is_printed_and_described() -> None:
    sdl = library.as_str()
    assert 'GOLDEN @auth(requires: [BRAND_LOGO], at: "organization")' in sdl
    assert 'seal: String = null @auth(requires: [BRAND_LOGO], at: "anywhere")' in sdl
    assert 'text: String = null @auth(requires: [BRAND_NAME], at: "anywhere")' in sdl
    assert "What stands on it. Needs `brand:name` anywhere in the organization." in sdl
    assert 'PRICE @auth(requires: [DOCUMENTS_READ], at: "self")' in sdl
    assert "At this price. Needs `documents:read` on this object." in sdl


ATTACH = """
    mutation Attach($id: ID!, $server: ID) {
      updateCampaign(input: {
        campaignId: $id, expectedVersion: 1, name: "New", sendingServerId: $server
      }) { campaign { name } }
    }
"""


async def dora(olga: Person, world: World) -> Person:
    """Somebody who may draft in workspace A, and neither read nor use a server anywhere."""
    member = await world.member("Dora")
    drafter = await world.custom_role("Drafter", Permission.CAMPAIGNS_DRAFT)
    await world.give(member, drafter, at_workspace(world.a))
    return Person(olga.http, await world.session(member))


async def test_who_uses_no_server_gives_none(olga: Person, world: World) -> None:
    campaign = await world.campaign(world.a)
    person = await dora(olga, world)
    server = global_id("SendingServer", (await SendingServer.get(workspace=world.a)).id)
    await Campaign.filter(id=campaign.id).update(sending_server_id=None)

    body = await person.ask(ATTACH, {"id": global_id("Campaign", campaign.id), "server": server})

    assert body["data"] is None
    assert [(e["path"], e["extensions"]) for e in body["errors"]] == [
        (
            ["updateCampaign"],
            {
                "code": "FORBIDDEN",
                "reason": "MISSING_PERMISSION",
                "missing": ["SERVERS_READ", "SERVERS_USE"],
                "field": "input.sendingServerId",
            },
        )
    ]
    unchanged = await Campaign.get(id=campaign.id)
    assert (unchanged.name, unchanged.version, unchanged.sending_server_id) == ("Spring", 1, None)
    denial = (await world.events())[-1]
    assert (denial.action, denial.outcome, denial.target_name) == (
        "campaign.update",
        Outcome.DENIED,
        "Spring",
    )


async def test_who_uses_no_server_changes_the_rest(olga: Person, world: World) -> None:
    campaign = await world.campaign(world.a)
    person = await dora(olga, world)
    data = await person.data(ATTACH, {"id": global_id("Campaign", campaign.id), "server": None})
    assert data == {"updateCampaign": {"campaign": {"name": "New"}}}


async def test_a_replacement_role_is_named_only_by_who_gives_roles(
    olga: Person, world: World
) -> None:
    member = await world.member("Rudi")
    keeper = await world.custom_role("Keeper", Permission.ROLES_DELETE)
    await world.give(member, keeper, world.everywhere)
    rudi = Person(olga.http, await world.session(member))
    delete = """
        mutation ($id: ID!, $by: ID) {
          deleteRole(input: {roleId: $id, replacementId: $by}) { deletedRoleId }
        }
    """
    given = {"id": global_id("Role", keeper.id), "by": global_id("Role", keeper.id)}

    body = await rudi.ask(delete, given)

    assert body["errors"][0]["extensions"]["missing"] == ["MEMBERS_ASSIGN"]
    assert body["errors"][0]["extensions"]["field"] == "input.replacementId"
    await keeper.refresh_from_db()
