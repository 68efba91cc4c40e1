"""Everything that a GraphQL schema defines, by its schema coordinate."""

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    is_specified_directive,
    is_specified_scalar_type,
)

Element = GraphQLNamedType | GraphQLField | GraphQLArgument | GraphQLInputField | GraphQLEnumValue


@dataclass(frozen=True)
class Place:
    """An element of a schema and its coordinate, such as `Role.name` or `Query.node(id:)`."""

    coordinate: str
    name: str
    element: Element


def places(schema: GraphQLSchema) -> Iterator[Place]:
    """Everything that the schema defines."""
    for type_ in schema.type_map.values():
        if type_.name.startswith("__") or is_specified_scalar_type(type_):
            continue
        yield Place(type_.name, type_.name, type_)
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in type_.fields.items():
                yield Place(f"{type_.name}.{name}", name, field)
                yield from arguments(f"{type_.name}.{name}", field.args)
        elif isinstance(type_, GraphQLInputObjectType):
            for name, input_field in type_.fields.items():
                yield Place(f"{type_.name}.{name}", name, input_field)
        elif isinstance(type_, GraphQLEnumType):
            for name, value in type_.values.items():
                yield Place(f"{type_.name}.{name}", name, value)
    for directive in schema.directives:
        if not is_specified_directive(directive):
            yield from arguments(f"@{directive.name}", directive.args)


def arguments(of: str, named: dict[str, GraphQLArgument]) -> Iterator[Place]:
    for name, argument in named.items():
        yield Place(f"{of}({name}:)", name, argument)
