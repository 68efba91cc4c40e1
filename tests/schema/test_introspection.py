"""Introspection shows what the roles of the asking person could ever use."""

from typing import Any

import httpx
import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    build_client_schema,
    build_schema,
    get_introspection_query,
    graphql_sync,
    print_type,
    validate_schema,
)
from hypothesis import given
from hypothesis import strategies as st

from gateway.authenticate import CLIENT_HEADER
from identity.access.builtin_roles import held
from identity.access.compiled import fixed_access
from identity.access.permissions import Permission, mask_of
from models import BuiltinRole
from models.ids import new_id
from schema.introspection import CACHED_CUTS, Introspection, introspection
from schema.sdl import sdl
from tests.door import Person
from tests.schema.guarded_library import holding, library
from tests.world import World, at_campaign, at_workspace

EVERYTHING = get_introspection_query()


async def seen_by(person: Person) -> GraphQLSchema:
    schema = build_client_schema(await person.data(EVERYTHING))
    assert validate_schema(schema) == []
    return schema


def fields(schema: GraphQLSchema, type_name: str) -> list[str]:
    type_ = schema.type_map[type_name]
    assert isinstance(type_, GraphQLObjectType | GraphQLInputObjectType)
    return list(type_.fields)


async def somebody(olga: Person, world: World, *permissions: Permission) -> Person:
    """Who holds these in workspace A, and nothing elsewhere."""
    member = await world.member("Rita")
    role = await world.custom_role("Own", *permissions)
    await world.give(member, role, at_workspace(world.a))
    return Person(olga.http, await world.session(member))


async def test_the_owner_sees_the_whole_schema(olga: Person) -> None:
    whole = graphql_sync(build_schema(sdl()), EVERYTHING)
    assert await olga.data(EVERYTHING) == whole.data


async def test_an_operator_of_a_workspace_sees_their_part(otto: Person) -> None:
    schema = await seen_by(otto)

    assert fields(schema, "Mutation") == [
        "leaveOrganization",
        "revokeOwnApiKey",
        "createCampaign",
        "updateCampaign",
        "sendCampaign",
        "deleteCampaign",
    ]
    assert "members" not in fields(schema, "Organization")
    assert fields(schema, "SendingServer") == ["id", "viewerCan", "name", "version"]
    assert fields(schema, "Role") == ["id", "viewerCan", "name", "builtin"]  # their own ones
    hidden = {"AuditEvent", "AuditEventConnection", "AccessHolder", "CreateRoleInput"}
    assert hidden.isdisjoint(schema.type_map)


async def test_what_is_checked_at_the_organization_is_not_shown_for_holding_it_elsewhere(
    olga: Person, world: World
) -> None:
    rita = await somebody(olga, world, Permission.MEMBERS_READ, Permission.ROLES_READ)
    schema = await seen_by(rita)
    assert fields(schema, "Organization") == [
        "id",
        "viewerCan",
        "name",
        "slug",
        "workspaces",
        "roles",
        "deletedRoles",
    ]


async def test_a_role_at_a_single_resource_counts(olga: Person, world: World) -> None:
    member = await world.member("Rita")
    await world.give(member, BuiltinRole.VIEWER, at_campaign(await world.campaign(world.a)))
    rita = Person(olga.http, await world.session(member))
    assert "results" in fields(await seen_by(rita), "Campaign")


async def test_a_guarded_input_is_shown_to_who_may_give_it(olga: Person, world: World) -> None:
    rita = await somebody(olga, world, Permission.CAMPAIGNS_DRAFT, Permission.SERVERS_USE)
    assert fields(await seen_by(rita), "CreateCampaignInput") == [
        "workspaceId",
        "name",
        "subject",
        "body",
        "sendingServerId",
    ]


async def test_a_hidden_type_is_as_unknown_as_one_that_is_not_there(otto: Person) -> None:
    data = await otto.data(
        '{ a: __type(name: "AuditEvent") { name } b: __type(name: "X") { name } }'
    )
    assert data == {"a": None, "b": None}


async def test_a_hidden_field_is_forbidden_and_not_unknown(otto: Person) -> None:
    body = await otto.ask("{ organization { plan } }")
    assert body["data"] == {"organization": {"plan": None}}
    assert body["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_possible_types_and_fields_of_a_shown_type_are_cut_too(otto: Person) -> None:
    data = await otto.data(
        '{ __type(name: "Node") { possibleTypes { name fields { name type { name } } } } }'
    )
    possible = {each["name"]: each["fields"] for each in data["__type"]["possibleTypes"]}
    assert set(possible) == {
        "ApiKey",  # one's own
        "Campaign",
        "Group",
        "MailingList",
        "Member",
        "Organization",
        "Role",
        "SendingServer",
        "Workspace",
    }
    assert [field["name"] for field in possible["Member"]] == ["id", "viewerCan", "name"]


async def test_it_stands_beside_other_fields_in_the_order_asked_for(otto: Person) -> None:
    body = await otto.ask(
        """
        query Q($name: String!, $id: ID!, $no: Boolean = false) {
          first: viewer { name }
          ...F
          gone: __schema @include(if: $no) { queryType { name } }
          missing: campaign(id: $id) { name }
        }
        fragment F on Query { type: __type(name: $name) { ...T } org: organization { name } }
        fragment T on __Type { name kind }
        """,
        {"name": "AuditEvent", "id": "bm9uc2Vuc2U"},
    )
    assert list(body["data"]) == ["first", "type", "org", "missing"]
    assert body["data"] == {
        "first": {"name": "Otto"},
        "type": None,
        "org": {"name": "Acme"},
        "missing": None,
    }
    assert [error["path"] for error in body["errors"]] == [["missing"]]


async def test_a_wrong_variable_is_said_as_ever(otto: Person) -> None:
    response = await otto.post(
        {"query": "query ($n: String!) { __type(name: $n) { name } }", "variables": {"n": 1}},
        accept="application/graphql-response+json",
    )
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_INPUT"


async def test_a_stranger_sees_nothing(http: httpx.AsyncClient, world: World) -> None:
    response = await http.post(
        "/graphql", json={"query": EVERYTHING}, headers={CLIENT_HEADER: "tests"}
    )
    assert response.status_code == 401
    assert "Query" not in response.text


LIBRARY = library.as_str()


def shown(text: str, subject: Any) -> dict[str, str]:
    schema = Introspection(text).shown_to(subject.access)
    return {name: print_type(type_) for name, type_ in schema.type_map.items()}


def test_arguments_input_fields_and_enum_values_are_cut() -> None:
    seen = shown(LIBRARY, holding())
    assert "seal" not in seen["Query"]
    assert "GOLDEN" not in seen["Style"]
    assert "text" not in seen["Cover"]
    assert "price" not in seen["BookFilter"]
    assert "PRICE" not in seen["BookOrder"]
    everything = [Permission.BRAND_LOGO, Permission.BRAND_NAME, Permission.DOCUMENTS_READ]
    seen = shown(LIBRARY, holding(everything))
    assert "seal" in seen["Query"]
    assert "GOLDEN" in seen["Style"]
    assert "text" in seen["Cover"]
    assert "price" in seen["BookFilter"]
    assert "PRICE" in seen["BookOrder"]


def test_what_only_the_plan_takes_away_is_cut() -> None:
    logo = [Permission.BRAND_LOGO]
    assert "GOLDEN" in shown(LIBRARY, holding(logo))["Style"]
    assert "GOLDEN" not in shown(LIBRARY, holding(logo, plan_cut=logo))["Style"]


WHOLE = """
directive @auth(requires: [Permission!]!, at: String!) on FIELD_DEFINITION | INPUT_FIELD_DEFINITION
  | ARGUMENT_DEFINITION | ENUM_VALUE
enum Permission { AUDIT_READ }
interface Named { name: String }
type Query {
  named: Named
  either: Either
  a(input: Needy!): Int
  b(input: Needy): Int
  c(only: Only!): Int
  empty: Empty
  nested: Nested
  plain: Int
}
union Either = Empty | Seen
input Needy { secret: Int! @auth(requires: [AUDIT_READ], at: "anywhere") other: Int }
enum Only { ONE @auth(requires: [AUDIT_READ], at: "anywhere") }
type Empty { secret: Int @auth(requires: [AUDIT_READ], at: "self") }
type Nested { empty: Empty }
type Seen { plain: Int }
type Hidden implements Named { name: String secret: Int }
type Secrets { hidden: Hidden }
type Loose implements Named { name: String }
type Mutation { change: Secrets @auth(requires: [AUDIT_READ], at: "organization") }
"""


def test_what_only_leads_to_hidden_things_or_needs_them_is_cut() -> None:
    seen = shown(WHOLE, holding())
    assert seen["Query"] == (
        "type Query {\n  named: Named\n  either: Either\n  b: Int\n  plain: Int\n}"
    )
    assert seen["Either"] == "union Either = Seen"
    own = {name for name in seen if not name.startswith("__")}
    assert own == {
        "Query",
        "Named",
        "Loose",
        "Either",
        "Seen",
        "Permission",
        "Int",
        "String",
        "Boolean",
    }
    everything = set(build_schema(WHOLE).type_map)
    assert set(shown(WHOLE, holding([Permission.AUDIT_READ]))) == everything


permissions = st.sets(st.sampled_from(Permission))


@given(permissions, permissions)
def test_every_cut_is_a_valid_schema_with_just_what_is_opened(
    everywhere: set[Permission], shelf: set[Permission]
) -> None:
    access = holding(list(everywhere), list(shelf)).access
    schema = introspection().shown_to(access)
    assert validate_schema(schema) == []
    mutations = set(schema.mutation_type.fields) if schema.mutation_type else set()
    assert ("createRole" in mutations) == (Permission.ROLES_WRITE in everywhere)
    assert ("sendCampaign" in mutations) == (Permission.CAMPAIGNS_SEND in everywhere | shelf)
    assert ("AuditEvent" in schema.type_map) == bool(
        mask_of(everywhere | shelf) & Permission.AUDIT_READ.bit
    )


@pytest.mark.parametrize("role", BuiltinRole)
def test_who_holds_the_same_shares_one_cut(role: BuiltinRole) -> None:
    one, other = (fixed_access(new_id(), mask_of(held(role, []))) for _ in range(2))
    assert introspection().shown_to(one) is introspection().shown_to(other)


def test_the_cuts_that_are_kept_are_few() -> None:
    shown = Introspection(sdl())
    first = shown.shown_to(fixed_access(new_id(), 0))
    for number in range(CACHED_CUTS):
        bits = [p for n, p in enumerate(list(Permission)[:6]) if (number + 1) >> n & 1]
        shown.shown_to(fixed_access(new_id(), sum(p.bit for p in bits)))
    assert len(shown._cuts) <= CACHED_CUTS
    assert shown.shown_to(fixed_access(new_id(), 0)) is not first
