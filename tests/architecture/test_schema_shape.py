"""The shape of the GraphQL schema: what everything is called, described and typed as."""

import re
from collections.abc import Callable, Iterator

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
)

from schema.schema import schema
from tests.architecture.coordinates import places
from tests.architecture.sources import assert_none, assert_only

Typed = GraphQLField | GraphQLArgument | GraphQLInputField

CAMEL = re.compile(r"[a-z][a-zA-Z0-9]*")
PASCAL = re.compile(r"[A-Z][a-zA-Z0-9]*")
SCREAMING = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
UNTIL = re.compile(r"until \d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\b")
PAGE_ARGUMENTS = ["first", "after", "last", "before"]

# Coordinate: why it may hold any JSON.
ANY_JSON = {"AuditEvent.diff": "a value of whatever was changed, before and after"}

# Coordinate: why it is no ID although its name ends so.
TYPED_OTHERWISE = {
    "AuditEvent.requestId": "names a request in the logs, and nothing in the API",
    "Query.nodes": "null stands for an object that is not to be seen (Relay)",
}


def undescribed(schema: GraphQLSchema) -> Iterator[str]:
    for place in places(schema):
        if not place.element.description:
            yield place.coordinate
    for directive in schema.directives:
        if not directive.description:
            yield f"@{directive.name}"


def misnamed(schema: GraphQLSchema) -> Iterator[str]:
    for place in places(schema):
        pattern = CAMEL
        if isinstance(place.element, GraphQLNamedType):
            pattern = PASCAL
        elif isinstance(place.element, GraphQLEnumValue):
            pattern = SCREAMING
        if not pattern.fullmatch(place.name) and place.name != "JSON":
            yield place.coordinate


def typed_otherwise(schema: GraphQLSchema) -> Iterator[str]:
    """Ids are `ID`, times are `DateTime` and called `at` or `…At`, items are never null."""
    for place in places(schema):
        if not isinstance(place.element, Typed):
            continue
        named = get_named_type(place.element.type).name
        if re.search(r"(^i|I)ds?$", place.name) and named != "ID":
            yield f"{place.coordinate} is not an ID"
        called_a_time = re.search(r"(^a|A)t$", place.name) is not None
        if called_a_time != (named == "DateTime") and place.coordinate != "@auth(at:)":
            yield f"{place.coordinate} is a time by its name or by its type only"
        if re.search(r"\w\]", str(place.element.type)):
            yield f"{place.coordinate} has items that may be null"


def any_json(schema: GraphQLSchema) -> Iterator[str]:
    for place in places(schema):
        if isinstance(place.element, Typed) and get_named_type(place.element.type).name == "JSON":
            yield place.coordinate


def misshapen_mutations(schema: GraphQLSchema) -> Iterator[str]:
    """A mutation takes one `input: XInput!` and gives a nullable payload."""
    for name, field in schema.mutation_type.fields.items() if schema.mutation_type else ():
        wanted = f"{name[0].upper()}{name[1:]}Input!"
        if {n: str(argument.type) for n, argument in field.args.items()} != {"input": wanted}:
            yield f"{name} does not take one input: {wanted}"
        if not re.fullmatch(r"\w+Payload", str(field.type)):
            yield f"{name} does not give a nullable payload"


def misshapen_connections(schema: GraphQLSchema) -> Iterator[str]:
    """Relay's connections: https://relay.dev/graphql/connections.htm, with `nodes` and counts."""
    for type_ in schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType):
            continue
        for name, field in type_.fields.items():
            paged = get_named_type(field.type).name.endswith("Connection")
            if paged and list(field.args)[:4] != PAGE_ARGUMENTS:
                yield f"{type_.name}.{name} is a connection without {PAGE_ARGUMENTS}"
        if type_.name.endswith("Connection") or "pageInfo" in type_.fields:
            yield from misshapen_connection(type_)


def misshapen_connection(type_: GraphQLObjectType) -> Iterator[str]:
    item = type_.name.removesuffix("Connection")
    found = {name: str(field.type) for name, field in type_.fields.items()}
    wanted = {
        "edges": f"[{item}Edge!]!",
        "nodes": f"[{item}!]!",
        "pageInfo": "PageInfo!",
        "totalCount": "Int!",
    }
    if not type_.name.endswith("Connection") or found != wanted:
        yield f"{type_.name} is no connection of {item}"
        return
    edge = get_named_type(type_.fields["edges"].type)
    fields = {name: str(f.type) for name, f in edge.fields.items()}
    if fields != {"node": f"{item}!", "cursor": "String!"}:
        yield f"{edge.name} is no edge of {item}"


def undated_deprecations(schema: GraphQLSchema) -> Iterator[str]:
    for place in places(schema):
        reason = getattr(place.element, "deprecation_reason", None)
        if reason is not None and not UNTIL.search(reason):
            yield place.coordinate


Rule = Callable[[GraphQLSchema], Iterator[str]]


@pytest.mark.parametrize(
    "rule",
    [undescribed, misnamed, misshapen_mutations, misshapen_connections, undated_deprecations],
)
def test_the_schema_keeps_the_rule(rule: Rule) -> None:
    assert_none(rule(schema._schema))


def test_ids_times_and_lists_are_typed_as_such() -> None:
    offences = {offence: offence.partition(" ")[0] for offence in typed_otherwise(schema._schema)}
    assert_only(TYPED_OTHERWISE, offences)


def test_only_known_places_hold_any_json() -> None:
    assert_only(ANY_JSON, {place: place for place in any_json(schema._schema)})


@pytest.mark.parametrize(
    ("rule", "sdl", "offences"),
    [
        (
            undescribed,
            """
            directive @a(b: Int) on FIELD
            type Query { "Said." f(a: In): E } enum E { A } input In { b: Int }
            """,
            ["Query", "Query.f(a:)", "In", "In.b", "E", "E.A", "@a(b:)", "@a"],
        ),
        (
            misnamed,
            "type query { Name(An_Argument: in): E } enum E { a A_B A__B } input in { b_c: Int }",
            ["query", "query.Name", "query.Name(An_Argument:)", "in", "in.b_c", "E.a", "E.A__B"],
        ),
        (
            typed_otherwise,
            """
            scalar DateTime
            type Query {
              roleId: String ids: [Int!] valid: Int endsAt: String day: DateTime a: [Int]
            }
            """,
            [
                "Query.roleId is not an ID",
                "Query.ids is not an ID",
                "Query.endsAt is a time by its name or by its type only",
                "Query.day is a time by its name or by its type only",
                "Query.a has items that may be null",
            ],
        ),
        (
            any_json,
            "scalar JSON type Query { a: [JSON!] b(c: JSON): Int }",
            ["Query.a", "Query.b(c:)"],
        ),
        (
            misshapen_mutations,
            """
            type Query { a: Int } input AInput { a: Int } type APayload { a: Int }
            type Mutation {
              a(input: AInput!): APayload
              b(input: AInput!): APayload
              c(id: ID!): APayload!
            }
            """,
            [
                "b does not take one input: BInput!",
                "c does not take one input: CInput!",
                "c does not give a nullable payload",
            ],
        ),
        (
            misshapen_connections,
            """
            type Query { as: AConnection } type A { pageInfo: Int }
            type AConnection { edges: [AEdge!]! nodes: [A!]! pageInfo: PageInfo! totalCount: Int! }
            type AEdge { node: A } type PageInfo { a: Int } type BConnection { nodes: [A!]! }
            """,
            [
                "Query.as is a connection without ['first', 'after', 'last', 'before']",
                "AEdge is no edge of A",
                "A is no connection of A",
                "BConnection is no connection of B",
            ],
        ),
        (
            undated_deprecations,
            """
            enum E { A @deprecated(reason: "Gone until 2027-13-01.") }
            type Query {
              a: E @deprecated
              b(c: Int @deprecated(reason: "Use d.")): Int
              e: Int @deprecated(reason: "Use a, until 2027-01-31.")
            }
            """,
            ["Query.a", "Query.b(c:)", "E.A"],
        ),
    ],
)
def test_an_offence_is_found(rule: Rule, sdl: str, offences: list[str]) -> None:
    assert sorted(rule(build_schema(sdl, assume_valid=True))) == sorted(offences)
