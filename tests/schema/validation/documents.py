"""Documents over a schema, made by Hypothesis: mostly sensible, often wrong in one place."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
)
from hypothesis import strategies as st

FRAGMENTS = ("A", "B", "C")
KEYS = ("id", "name", "x")
"""Few, so that fields with one answer key meet."""
VARIABLES = ("$v", "$w")
DIRECTIVES = ("", "", "", " @skip(if: $v)", " @include(if: true)", " @unknown")
TYPES = ("Int", "Int!", "ID!", "[ID!]", "Boolean!", "String = null", "Boolean = true", "In!")
LITERALS = ("1", '"a"', '"""a"""', "null", "A", "[1, 2]", '{a: 1, b: "x"}', '{b: "x", a: 1}')

Draw = Any


@st.composite
def documents(draw: Draw, schema: GraphQLSchema) -> str:
    """A document of one or two operations and up to three fragments."""
    composite = [
        name
        for name, type_ in schema.type_map.items()
        if is_composite_type(type_) and not name.startswith("__")
    ]
    parts = [_operation(draw, schema, number) for number in range(draw(st.sampled_from([1, 1, 2])))]
    for name in FRAGMENTS[: draw(st.integers(0, 3))]:
        on = draw(st.sampled_from(composite))
        parts.append(f"fragment {name} on {on} {_selections(draw, schema, on, 3)}")
    return "\n".join(parts)


def _operation(draw: Draw, schema: GraphQLSchema, number: int) -> str:
    declared = [
        f"{name}: {draw(st.sampled_from(TYPES))}"
        for name in VARIABLES
        if draw(st.sampled_from([True, True, False]))
    ]
    head = f"query Q{number}({', '.join(declared)})" if declared else f"query Q{number}"
    return f"{head} {_selections(draw, schema, 'Query', 4)}"


def _selections(draw: Draw, schema: GraphQLSchema, on: str, depth: int) -> str:
    count = draw(st.integers(1, 4))
    return "{ " + " ".join(_selection(draw, schema, on, depth) for _ in range(count)) + " }"


def _selection(draw: Draw, schema: GraphQLSchema, on: str, depth: int) -> str:
    kind = draw(st.sampled_from(["field", "field", "field", "spread", "inline"]))
    directive = draw(st.sampled_from(DIRECTIVES))
    if kind == "spread":
        return f"...{draw(st.sampled_from(FRAGMENTS))}{directive}"
    if kind == "inline" and depth > 0:
        condition = draw(st.sampled_from([on, *_related(schema, on)]))
        return f"... on {condition}{directive} {_selections(draw, schema, condition, depth - 1)}"
    return _field(draw, schema, on, depth, directive)


def _field(draw: Draw, schema: GraphQLSchema, on: str, depth: int, directive: str) -> str:
    fields = _fields(schema, on)
    names = [
        name
        for name, field in fields.items()
        if depth > 0 or not is_composite_type(get_named_type(field.type))
    ]
    name = draw(st.sampled_from([*names, "__typename", "unknown"]))
    alias = draw(st.sampled_from(["", "", *(f"{key}: " for key in KEYS)]))
    field = fields.get(name)
    if field is None:
        return f"{alias}{name}{directive}"
    arguments = [
        f"{argument}: {draw(st.sampled_from(VARIABLES + LITERALS))}"
        for argument in field.args
        if draw(st.booleans())
    ]
    given = f"({', '.join(draw(st.permutations(arguments)))})" if arguments else ""
    inner = get_named_type(field.type)
    below = _selections(draw, schema, inner.name, depth - 1) if is_composite_type(inner) else ""
    return f"{alias}{name}{given}{directive} {below}"


def _fields(schema: GraphQLSchema, on: str) -> Mapping[str, GraphQLField]:
    type_ = schema.type_map[on]
    return type_.fields if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) else {}


def _related(schema: GraphQLSchema, on: str) -> list[str]:
    """Types that objects of this one could have."""
    type_ = schema.type_map[on]
    if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
        return [possible.name for possible in schema.get_possible_types(type_)]
    if isinstance(type_, GraphQLObjectType):
        return [interface.name for interface in type_.interfaces]
    return []
