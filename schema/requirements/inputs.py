"""What a document gives that needs a permission: arguments, input fields and enum values.

The same rule as in `schema.guarded_inputs`, before any variable has a value: what a literal gives
is given always, what a variable could give is given on a condition.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    EnumValueNode,
    FieldNode,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    ListValueNode,
    NonNullTypeNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
    get_named_type,
)
from graphql.type import GraphQLType
from graphql.utilities import get_default_value_ast

from schema.guard import Guarded, declared_auth
from schema.requirements.guards import Guard, guard_of

Input = GraphQLArgument | GraphQLInputField


@dataclass(frozen=True, slots=True)
class Given:
    """That a field is given something guarded, always or when `condition` is so: that a variable
    gives it, as `$input.mailingListId`.
    """

    guard: Guard
    condition: str | None


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of one operation, which may be variables. `required` ones are never left out."""

    required: frozenset[str]

    def of(
        self, parent: GraphQLNamedType, name: str, field: GraphQLField, node: FieldNode
    ) -> tuple[Given, ...]:
        """Everything guarded that a field is given or could be given."""
        values = {argument.name.value: argument.value for argument in node.arguments or ()}
        arguments = {
            f"{parent.name}.{name}({argument}:)": (argument, element)
            for argument, element in field.args.items()
        }
        return tuple(_Reading(self.required, parent).fields(arguments, values))


def inputs_of(operation: OperationDefinitionNode) -> Inputs:
    return Inputs(
        frozenset(
            definition.variable.name.value
            for definition in operation.variable_definitions or ()
            if isinstance(definition.type, NonNullTypeNode)
        )
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    required: frozenset[str]
    parent: GraphQLNamedType

    def fields(
        self,
        declared: Mapping[str, tuple[str, Input]],
        values: Mapping[str, ValueNode],
    ) -> Iterator[Given]:
        """Of arguments, or of the fields of an input, by coordinate."""
        for coordinate, (name, element) in declared.items():
            value = values.get(name)
            if isinstance(value, VariableNode):
                yield from self._variable(coordinate, element, value.name.value)
                continue
            is_null = isinstance(value, NullValueNode) and element.default_value is None
            if value is not None and not is_null:
                yield from self._given(coordinate, element, None)
            default = get_default_value_ast(element) if value is None else value
            if default is not None:
                yield from self._literal(element.type, default)

    def _variable(self, coordinate: str, element: Input, variable: str) -> Iterator[Given]:
        always = variable in self.required
        yield from self._given(coordinate, element, None if always else f"${variable}")
        yield from self._could_give(element.type, f"${variable}", frozenset())

    def _literal(self, type_: GraphQLType, value: ValueNode) -> Iterator[Given]:
        named = get_named_type(type_)
        if isinstance(value, VariableNode):
            yield from self._could_give(type_, f"${value.name.value}", frozenset())
        elif isinstance(value, ListValueNode):
            item = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
            inner = item.of_type if isinstance(item, GraphQLList) else named
            for each in value.values:
                yield from self._literal(inner, each)
        elif isinstance(value, ObjectValueNode) and isinstance(named, GraphQLInputObjectType):
            given = {each.name.value: each.value for each in value.fields}
            yield from self.fields(_fields(named), given)
        elif isinstance(value, EnumValueNode) and isinstance(named, GraphQLEnumType):
            element = named.values[value.value]
            yield from self._given(f"{named.name}.{value.value}", element, None)

    def _could_give(self, type_: GraphQLType, path: str, inside: frozenset[str]) -> Iterator[Given]:
        """What a value of a type could hold; a type that holds itself is looked into once."""
        named = get_named_type(type_)
        if isinstance(named, GraphQLEnumType):
            for name, value in named.values.items():
                yield from self._given(f"{named.name}.{name}", value, f"{path} = {name}")
        elif isinstance(named, GraphQLInputObjectType) and named.name not in inside:
            for coordinate, (name, element) in _fields(named).items():
                yield from self._given(coordinate, element, f"{path}.{name}")
                yield from self._could_give(element.type, f"{path}.{name}", inside | {named.name})

    def _given(self, coordinate: str, element: Guarded, condition: str | None) -> Iterator[Given]:
        auth = declared_auth(element)
        if auth is not None:
            yield Given(guard_of(self.parent, coordinate, auth), condition)


def _fields(type_: GraphQLInputObjectType) -> Mapping[str, tuple[str, Input]]:
    return {f"{type_.name}.{name}": (name, each) for name, each in type_.fields.items()}
