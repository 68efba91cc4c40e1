"""An operation's selections, collected once: what is asked of each object, whoever asks.

Fields are collected as the specification has it, by graphql-core's own function, for the concrete
type and for the values of the variables that `@skip` and `@include` use.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLAbstractType,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    is_abstract_type,
    visit,
)
from graphql.execution.collect_fields import (
    FieldDetails,
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues, get_argument_values

from schema.engine.guards import Guard
from schema.engine.mapped import MappedField, MappedType
from schema.mapping import AnyNode


class NotCompiled(Exception):
    """The operation has something that only graphql-core executes; the text says what."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one field: coerced once, or with every request if variables are in them."""

    definition: GraphQLField
    node: FieldNode
    constant: Mapping[str, Any] | None

    def values(self, variables: VariableValues) -> Mapping[str, Any]:
        """The coerced values by name. Raises `GraphQLError`."""
        if self.constant is not None:
            return self.constant
        return get_argument_values(self.definition, self.node, variables)


@dataclass(frozen=True, slots=True)
class Selected:
    """One key of an object of the answer. `field` is `None` for `__typename`."""

    key: str
    field: MappedField | None
    nodes: Sequence[FieldNode]
    guard: Guard | None = None
    arguments: Arguments | None = None
    inner: "Shape | None" = None
    """What is asked of the object, or of each object of the list; `None` for a leaf."""
    each: Mapping[str, "Shape"] = dataclasses.field(default_factory=dict)
    """The same by concrete type, where the field's type is an interface or a union."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What is asked of the objects of one concrete type at one place, in the answer's order."""

    type: MappedType
    fields: Sequence[Selected]


@dataclass(slots=True)
class Collector:
    """Collects one operation."""

    schema: GraphQLSchema
    types: Mapping[str, MappedType]
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    variables: VariableValues
    guards: list[Guard] = dataclasses.field(default_factory=list)
    fields: int = 0

    def root(self) -> Shape:
        """The shape of the operation. Raises `NotCompiled`."""
        type_ = self.schema.get_root_type(self.operation.operation)
        if type_ is None:
            raise NotCompiled("the schema has no such root")
        collected = collect_fields(
            self.schema, self.fragments, self.variables, type_, self.operation
        )
        return self._shape(type_, collected.grouped_field_set)

    def _shape(self, type_: GraphQLObjectType, grouped: Mapping[str, list[FieldDetails]]) -> Shape:
        mapped = self.types[type_.name]
        return Shape(mapped, [self._selected(mapped, key, grouped[key]) for key in grouped])

    def _selected(self, parent: MappedType, key: str, details: list[FieldDetails]) -> Selected:
        self.fields += 1
        nodes = [each.node for each in details]
        name = nodes[0].name.value
        if name == "__typename":
            return Selected(key, None, nodes)
        if name not in parent.fields:
            raise NotCompiled("introspection")
        selected = parent.fields[name]
        guard = None
        if selected.auth is not None:
            guard = Guard.of(len(self.guards), parent, selected.auth, nodes)
            self.guards.append(guard)
        named = selected.named_type
        inner, each = None, {}
        if isinstance(named, GraphQLObjectType):
            inner = self._below(named, details)
        elif is_abstract_type(named):
            each = {t.name: self._below(t, details) for t in self._possible(selected, named)}
        arguments = self._arguments(selected.definition, nodes[0])
        return Selected(key, selected, nodes, guard, arguments, inner, each)

    def _possible(
        self, selected: MappedField, named: GraphQLAbstractType
    ) -> Iterator[GraphQLObjectType]:
        if not isinstance(selected.source, AnyNode):
            raise NotCompiled("an interface or a union")
        for type_ in self.schema.get_possible_types(named):
            if type_.name in selected.source.lookups:
                yield type_

    def _below(self, type_: GraphQLObjectType, details: list[FieldDetails]) -> Shape:
        collected = collect_subfields(
            self.schema, self.fragments, self.variables, self.operation, type_, details
        )
        return self._shape(type_, collected.grouped_field_set)

    def _arguments(self, definition: GraphQLField, node: FieldNode) -> Arguments | None:
        if not definition.args:
            return None
        given = node.arguments or ()
        if any(_has_variable(argument.value) for argument in given):
            return Arguments(definition, node, None)
        try:
            constant = get_argument_values(definition, node, self.variables)
        except GraphQLError as error:
            raise NotCompiled("an argument without a usable value") from error
        return Arguments(definition, node, constant)


def fragments_of(document: DocumentNode) -> dict[str, FragmentDetails]:
    return {
        d.name.value: FragmentDetails(d)
        for d in document.definitions
        if isinstance(d, FragmentDefinitionNode)
    }


def _has_variable(node: Any) -> bool:
    return bool(_variables_in(node))


def _variables_in(node: Any) -> set[str]:
    found: set[str] = set()

    class Names(Visitor):
        def enter_variable(self, node: VariableNode, *_: Any) -> None:
            found.add(node.name.value)

    visit(node, Names())
    return found


def conditions_of(document: DocumentNode) -> tuple[str, ...]:
    """The variables that `@skip` and `@include` of the document use, by name."""
    found: set[str] = set()

    class Conditions(Visitor):
        def enter_directive(self, node: Any, *_: Any) -> None:
            if node.name.value in ("skip", "include"):
                found.update(_variables_in(node))

    visit(document, Conditions())
    return tuple(sorted(found))
