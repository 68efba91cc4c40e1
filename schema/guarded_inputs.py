"""Arguments, input fields and enum values that need a permission of their own.

The `@auth` that stands on fields stands on them too. It says `organization` or `anywhere`, which is
decided before anything of an operation runs. On an argument of a field, and on what is inside, it
may also say `self`, the object that the field is on: then to hold it anywhere is needed before the
operation runs, and to hold it there when the field is reached.

Whatever an operation gives is looked at: literals, variables, their defaults, nested inputs, and
the schema's own defaults. Who leaves a guarded input out, or gives the null that is its default,
does not use it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLSkipDirective,
    GraphQLUnionType,
    InlineFragmentNode,
    NamedTypeNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    Undefined,
    get_directive_values,
    get_named_type,
    value_from_ast_untyped,
)
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.type import GraphQLType
from graphql.utilities import get_default_value_ast

from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION, Target
from identity.access.permissions import Permission
from identity.refusals import Refusal
from schema.context import Context
from schema.directives import At, Auth, needs
from schema.fragments import Fragments, fragments_of
from schema.guard import declared_auth, require_anywhere, require_one

MOST_REFUSALS = 20

Input = GraphQLArgument | GraphQLInputField
Parent = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType


@dataclass(frozen=True, slots=True)
class Use:
    """That a field is given something guarded: what it needs, and the path, as `input.roleId`."""

    auth: Auth
    path: str


def guarded_input(
    description: str, *, requires: Iterable[Permission], at: str, default: Any = None
) -> Any:
    """A field of an input that needs one of `requires` at the place `at` when it is given."""
    requires = list(requires)
    return strawberry.field(
        default=default,
        description=f"{description} {needs(requires, at)}",
        directives=[Auth(requires=requires, at=at)],
    )


def uses(field: GraphQLField, node: FieldNode, values: VariableValues) -> Iterator[Use]:
    """Everything guarded that a field of an operation is given."""
    variables = {name: _variable(source) for name, source in values.sources.items()}
    given = {a.name.value: value_from_ast_untyped(a.value, variables) for a in node.arguments or ()}
    yield from _used(field.args, given, "")


def _variable(source: VariableValueSource) -> Any:
    default = source.signature.default
    if source.value is Undefined and default is not None and default.literal is not None:
        return value_from_ast_untyped(default.literal)
    return source.value


def _used(declared: Mapping[str, Input], given: Mapping[str, Any], prefix: str) -> Iterator[Use]:
    for name, element in declared.items():
        path = f"{prefix}{name}"
        value = given.get(name, Undefined)
        auth = declared_auth(element)
        if auth is not None and not _left_out(value, element):
            yield Use(auth, path)
        if value is Undefined and (default := get_default_value_ast(element)) is not None:
            value = value_from_ast_untyped(default)
        yield from _inside(value, element.type, path)


def _left_out(value: Any, element: Input) -> bool:
    return value is Undefined or (value is None and element.default_value is None)


def _inside(value: Any, type_: GraphQLType, path: str) -> Iterator[Use]:
    """What is used inside a value, which is as JSON has it: enum values are their names."""
    if value is None or value is Undefined:
        return
    if isinstance(type_, GraphQLNonNull):
        yield from _inside(value, type_.of_type, path)
    elif isinstance(type_, GraphQLList):
        if not isinstance(value, list | tuple):
            yield from _inside(value, type_.of_type, path)
        else:
            for index, item in enumerate(value):
                yield from _inside(item, type_.of_type, f"{path}.{index}")
    elif isinstance(type_, GraphQLInputObjectType):
        yield from _used(type_.fields, value, f"{path}.")
    elif isinstance(type_, GraphQLEnumType):
        auth = declared_auth(type_.values[value])
        if auth is not None:
            yield Use(auth, path)


def require(use: Use, access: Access) -> None:
    """Raise `Forbidden` or `PlanRequired`, with what is missing and the path to the input, unless
    the subject may use it. Of what is guarded at `self`, this is the part that needs no object.
    """
    try:
        if use.auth.at == At.ORGANIZATION:
            require_one(access, use.auth.requires, ORGANIZATION)
        else:
            require_anywhere(access, use.auth.requires)
    except Refusal as refusal:
        raise _at_input(refusal, use) from None


def require_at(use: Use, access: Access, target: Target) -> None:
    """The same for what is guarded at `self`, on the object that the field is on."""
    try:
        require_one(access, use.auth.requires, target)
    except Refusal as refusal:
        raise _at_input(refusal, use) from None


def _at_input(refusal: Refusal, use: Use) -> Refusal:
    return type(refusal)(refusal.message, **refusal.details, field=use.path)


def refused(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    values: VariableValues,
    access: Access,
) -> list[GraphQLError]:
    """What speaks against running an operation: an error for each guarded input that the subject
    may not use, at most `MOST_REFUSALS`.
    """
    root = schema.get_root_type(operation.operation)
    if root is None:
        return []
    walk = _Walk(schema, fragments_of(document), values, access)
    try:
        walk.selections(operation.selection_set, root, ())
    except GraphQLError as unusable:  # a condition that has no usable value
        return [unusable]
    return walk.errors[:MOST_REFUSALS]


@dataclass(slots=True)
class _Walk:
    """Through the fields that an operation asks for, each fragment once, in a valid document."""

    schema: GraphQLSchema
    fragments: Fragments
    values: VariableValues
    access: Access
    errors: list[GraphQLError] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def selections(self, node: SelectionSetNode, parent: Parent, path: tuple[str, ...]) -> None:
        for selection in node.selections:
            if self._included(selection):
                self._selection(selection, parent, path)

    def _included(self, node: SelectionNode) -> bool:
        skip = get_directive_values(GraphQLSkipDirective, node, self.values)
        include = get_directive_values(GraphQLIncludeDirective, node, self.values)
        return not (skip and skip["if"]) and not (include and not include["if"])

    def _selection(self, node: SelectionNode, parent: Parent, path: tuple[str, ...]) -> None:
        if isinstance(node, FieldNode):
            self._field(node, parent, path)
        elif isinstance(node, InlineFragmentNode):
            self.selections(node.selection_set, self._type(node.type_condition, parent), path)
        elif isinstance(node, FragmentSpreadNode) and node.name.value not in self.seen:
            self.seen.add(node.name.value)
            fragment = self.fragments[node.name.value]
            self.selections(
                fragment.selection_set, self._type(fragment.type_condition, parent), path
            )

    def _type(self, named: NamedTypeNode | None, parent: Parent) -> Parent:
        found = self.schema.get_type(named.name.value) if named is not None else parent
        return found if isinstance(found, Parent) else parent

    def _field(self, node: FieldNode, parent: Parent, path: tuple[str, ...]) -> None:
        definition = self.schema.get_field(parent, node.name.value)
        if definition is None:
            return
        path = (*path, (node.alias or node.name).value)
        for use in uses(definition, node, self.values):
            try:
                require(use, self.access)
            except Refusal as refusal:
                error = GraphQLError(refusal.message, node, path=path, original_error=refusal)
                self.errors.append(error)
        inner = get_named_type(definition.type)
        if node.selection_set is not None and isinstance(inner, Parent):
            self.selections(node.selection_set, inner, path)


@lru_cache(maxsize=8)
def guarded_fields(schema: GraphQLSchema) -> frozenset[str]:
    """The names of the fields that can be given anything guarded, on whatever type they are."""
    types = _guarded_types(schema)
    return frozenset(
        name
        for type_ in schema.type_map.values()
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        for name, definition in type_.fields.items()
        if any(_is_guarded(argument, types) for argument in definition.args.values())
    )


def _guarded_types(schema: GraphQLSchema) -> frozenset[str]:
    """The names of the input types in which, at any depth, something is guarded."""
    found: frozenset[str] = frozenset()
    while True:
        more = frozenset(
            type_.name
            for type_ in schema.type_map.values()
            if (
                isinstance(type_, GraphQLEnumType)
                and any(declared_auth(value) for value in type_.values.values())
            )
            or (
                isinstance(type_, GraphQLInputObjectType)
                and any(_is_guarded(inner, found) for inner in type_.fields.values())
            )
        )
        if more == found:
            return found
        found = more


def _is_guarded(element: Input, types: frozenset[str]) -> bool:
    return declared_auth(element) is not None or get_named_type(element.type).name in types


def enforce(schema: GraphQLSchema) -> None:
    """Wrap, in place, the resolver of every field that can be given anything guarded at `self`."""
    names = guarded_fields(schema)
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and type_ is not schema.mutation_type:
            for name, definition in type_.fields.items():
                if name in names and definition.resolve is not None:
                    definition.resolve = _checking(definition, definition.resolve)


def _checking(definition: GraphQLField, resolve: Callable[..., Any]) -> Callable[..., Any]:
    def checked(source: Any, info: GraphQLResolveInfo[Context], **arguments: Any) -> Any:
        for use in uses(definition, info.field_nodes[0], info.variable_values):
            if use.auth.at == At.SELF:
                require_at(use, info.context.access, source.access_target())
        return resolve(source, info, **arguments)

    return checked
