"""Introspection that shows a subject what its roles could ever use, and nothing else.

It is answered from the SDL, cut to what the subject holds. Left out is what needs a permission that
it holds nowhere (or, for what is checked at the organization, not there), and then whatever only
leads to that or needs it: a type of which nothing is left, an argument of such a type, a field that
must be given such an argument. An object type is shown where a shown field returns it; one that no
field returns at all, with its interface or union.

What is hidden is not unknown: who asks for a hidden field is told what is missing, as ever.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from graphql import (
    REMOVE,
    DocumentNode,
    FieldNode,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLError,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    ListTypeNode,
    NamedTypeNode,
    Node,
    NonNullTypeNode,
    OperationDefinitionNode,
    SelectionSetNode,
    TypeNode,
    VariableDefinitionNode,
    Visitor,
    VisitorAction,
    build_ast_schema,
    execute_sync,
    get_directive_values,
    get_named_type,
    is_required_argument,
    is_required_input_field,
    parse,
    specified_scalar_types,
    visit,
)
from graphql.execution.collect_fields import FragmentDetails, collect_fields
from graphql.execution.values import VariableValues

from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION
from identity.access.permissions import Permission, bits_of
from schema.directives import At
from schema.fragments import fragments_of
from schema.sdl import sdl

META_FIELDS = frozenset({"__schema", "__type"})
CACHED_CUTS = 32

Element = GraphQLField | GraphQLArgument | GraphQLInputField | GraphQLEnumValue
Output = GraphQLObjectType | GraphQLInterfaceType


@dataclass(frozen=True, slots=True)
class Held:
    """What a subject holds at the organization, and what anywhere."""

    organization: int
    anywhere: int


@dataclass(frozen=True, slots=True)
class Introspected:
    """The answer to the `__schema` and `__type` of an operation. `rest` is the same document with
    that operation without them, or `None` when it asks for nothing else; `keys` is the order in
    which the whole operation is answered.
    """

    data: Mapping[str, Any]
    errors: list[GraphQLError]
    rest: DocumentNode | None
    keys: tuple[str, ...]

    def merged(self, data: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Together with the data of the rest; `None` if that is none."""
        if data is None:
            return None
        both = {**self.data, **data}
        return {key: both[key] for key in self.keys if key in both}


class Introspection:
    """The introspection of the schema that an SDL describes, cut by what a subject holds."""

    def __init__(self, text: str) -> None:
        self._document = parse(text, no_location=True)
        self._schema = build_ast_schema(self._document)
        self._guards = dict(_guards(self._schema))
        self._told_apart = Held(
            bits_of(p for g in self._guards.values() if g.organization for p in g.requires),
            bits_of(p for g in self._guards.values() if not g.organization for p in g.requires),
        )
        self._cuts: OrderedDict[Held, GraphQLSchema] = OrderedDict()

    def shown_to(self, access: Access) -> GraphQLSchema:
        """The schema as the subject sees it: made once for all who hold the same of what counts,
        and kept for the `CACHED_CUTS` that were asked for last.
        """
        held = Held(
            access.mask_at(ORGANIZATION) & self._told_apart.organization,
            access.anywhere_mask & self._told_apart.anywhere,
        )
        if held not in self._cuts:
            self._cuts[held] = self._cut(held)
        self._cuts.move_to_end(held)
        if len(self._cuts) > CACHED_CUTS:
            self._cuts.popitem(last=False)
        return self._cuts[held]

    def _cut(self, held: Held) -> GraphQLSchema:
        cut = _Cut(self._schema, lambda element: self._opens(element, held))
        left = visit(self._document, _Dropping(cut.dropped()))
        return build_ast_schema(left, assume_valid=True, assume_valid_sdl=True)

    def _opens(self, element: Element, held: Held) -> bool:
        guard = self._guards.get(id(element.ast_node))
        if guard is None:
            return True
        mask = held.organization if guard.organization else held.anywhere
        return bool(mask & bits_of(guard.requires))

    def answer(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        values: VariableValues,
        variables: Mapping[str, Any],
        access: Access,
    ) -> Introspected | None:
        """What a valid operation asks of the schema, as the subject sees it. `None` when it asks
        for nothing of it. `values` are the `variables`, coerced.
        """
        query = self._schema.query_type
        if query is None:
            return None
        details = {name: FragmentDetails(f) for name, f in fragments_of(document).items()}
        try:
            collected = collect_fields(self._schema, details, values, query, operation)
        except GraphQLError:  # a condition that has no usable value
            return None
        fields = {
            key: [each.node for each in of_key]
            for key, of_key in collected.grouped_field_set.items()
        }
        of_schema = {k: nodes for k, nodes in fields.items() if nodes[0].name.value in META_FIELDS}
        others = {k: nodes for k, nodes in fields.items() if k not in of_schema}
        if not of_schema:
            return None
        meta = _only(of_schema, document, operation, variables=_of_builtin_types(operation))
        result = execute_sync(self.shown_to(access), meta, variable_values=dict(variables))
        return Introspected(
            data=result.data or {},
            errors=list(result.errors or ()),
            rest=_only(others, document, operation, variables=operation.variable_definitions)
            if others
            else None,
            keys=tuple(fields),
        )


@cache
def introspection() -> Introspection:
    """That of the product's schema."""
    return Introspection(sdl())


def _only(
    fields: Mapping[str, Sequence[FieldNode]],
    document: DocumentNode,
    operation: OperationDefinitionNode,
    *,
    variables: Sequence[VariableDefinitionNode] | None,
) -> DocumentNode:
    """A document with the fragments and the operation, which asks for these root fields only."""
    nodes = tuple(node for of_key in fields.values() for node in of_key)
    narrowed = OperationDefinitionNode(
        operation=operation.operation,
        name=operation.name,
        variable_definitions=tuple(variables or ()),
        directives=operation.directives,
        selection_set=SelectionSetNode(selections=nodes),
    )
    return DocumentNode(definitions=(narrowed, *fragments_of(document).values()))


def _of_builtin_types(operation: OperationDefinitionNode) -> list[VariableDefinitionNode]:
    """The variables that introspection can use. The types of others may be cut."""
    return [
        definition
        for definition in operation.variable_definitions or ()
        if _named(definition.type) in specified_scalar_types
    ]


def _named(type_: TypeNode) -> str:
    while isinstance(type_, ListTypeNode | NonNullTypeNode):
        type_ = type_.type
    return type_.name.value if isinstance(type_, NamedTypeNode) else ""


@dataclass(frozen=True, slots=True)
class _Guard:
    """An `@auth` of the SDL. `organization` tells whether it is checked there, and only there."""

    requires: tuple[Permission, ...]
    organization: bool


def _guards(schema: GraphQLSchema) -> Iterator[tuple[int, _Guard]]:
    """By the identity of the node that declares them."""
    directive = schema.get_directive("auth")
    for element in _elements(schema):
        if directive is not None and element.ast_node is not None:
            auth = get_directive_values(directive, element.ast_node)
            if auth is not None:
                requires = tuple(Permission[name] for name in auth["requires"])
                yield id(element.ast_node), _Guard(requires, auth["at"] == At.ORGANIZATION)


def _elements(schema: GraphQLSchema) -> Iterator[Element]:
    for type_ in schema.type_map.values():
        if isinstance(type_, Output):
            for field in type_.fields.values():
                yield field
                yield from field.args.values()
        elif isinstance(type_, GraphQLInputObjectType):
            yield from type_.fields.values()
        elif isinstance(type_, GraphQLEnumType):
            yield from type_.values.values()


class _Cut:
    """What is left of a schema when `opens` says which declarations are met."""

    def __init__(self, schema: GraphQLSchema, opens: Callable[[Element], bool]) -> None:
        self._schema = schema
        self._opens = opens
        self._unusable: frozenset[str] = frozenset()
        while (unusable := frozenset(self._not_usable())) != self._unusable:
            self._unusable = unusable
        self._shown = self._reached()

    def dropped(self) -> Iterator[Node]:
        """The nodes of the SDL that are not left: definitions, or mentions in a union."""
        for type_ in self._schema.type_map.values():
            if type_.name not in self._shown:
                yield from _node(type_)
            elif isinstance(type_, Output):
                for field in type_.fields.values():
                    if not self._has(field):
                        yield from _node(field)
                    for argument in field.args.values():
                        if not self._takes(argument):
                            yield from _node(argument)
            elif isinstance(type_, GraphQLInputObjectType):
                for input_field in type_.fields.values():
                    if not self._takes(input_field):
                        yield from _node(input_field)
            elif isinstance(type_, GraphQLEnumType):
                for value in type_.values.values():
                    if not self._opens(value):
                        yield from _node(value)
            elif isinstance(type_, GraphQLUnionType) and type_.ast_node is not None:
                for named in type_.ast_node.types or ():
                    if named.name.value in self._unusable:
                        yield named

    def _has(self, field: GraphQLField) -> bool:
        return (
            self._opens(field)
            and get_named_type(field.type).name not in self._unusable
            and all(self._takes(a) for a in field.args.values() if is_required_argument(a))
        )

    def _takes(self, element: GraphQLArgument | GraphQLInputField) -> bool:
        return self._opens(element) and get_named_type(element.type).name not in self._unusable

    def _not_usable(self) -> Iterator[str]:
        return (t.name for t in self._schema.type_map.values() if not self._is_usable(t))

    def _is_usable(self, type_: GraphQLNamedType) -> bool:
        if isinstance(type_, Output):
            return any(map(self._has, type_.fields.values()))
        if isinstance(type_, GraphQLInputObjectType):
            required = filter(is_required_input_field, type_.fields.values())
            return all(map(self._takes, required)) and any(map(self._takes, type_.fields.values()))
        if isinstance(type_, GraphQLEnumType):
            return any(map(self._opens, type_.values.values()))
        if isinstance(type_, GraphQLUnionType):
            return any(member.name not in self._unusable for member in type_.types)
        return True

    def _reached(self) -> set[str]:
        """The types that are left of those that the roots and our directives lead to."""
        everything = _led_to(self._schema, lambda field: True, lambda element: True)
        never_returned = self._schema.type_map.keys() - everything - self._unusable
        led_to = _led_to(self._schema, self._has, self._takes, never_returned)
        return led_to - self._unusable


def _led_to(
    schema: GraphQLSchema,
    has: Callable[[GraphQLField], bool],
    takes: Callable[[GraphQLArgument | GraphQLInputField], bool],
    implementations: Collection[str] = (),
) -> set[str]:
    """The names of the types that the roots and the directives lead to, through these fields and
    arguments. An interface leads to those of its `implementations` only.
    """
    found: set[str] = set()
    arguments = [a for directive in schema.directives for a in directive.args.values()]
    waiting: list[GraphQLNamedType | None] = [get_named_type(a.type) for a in arguments]
    waiting += [schema.query_type, schema.mutation_type, schema.subscription_type]
    while waiting:
        type_ = waiting.pop()
        if type_ is None or type_.name in found:
            continue
        found.add(type_.name)
        if isinstance(type_, Output):
            waiting += type_.interfaces
            for field in filter(has, type_.fields.values()):
                waiting.append(get_named_type(field.type))
                waiting += [get_named_type(a.type) for a in filter(takes, field.args.values())]
        if isinstance(type_, GraphQLInputObjectType):
            waiting += [get_named_type(f.type) for f in filter(takes, type_.fields.values())]
        if isinstance(type_, GraphQLUnionType):
            waiting += type_.types
        if isinstance(type_, GraphQLInterfaceType):
            possible = schema.get_possible_types(type_)
            waiting += [each for each in possible if each.name in implementations]
    return found


def _node(element: Element | GraphQLNamedType) -> Iterator[Node]:
    if element.ast_node is not None:
        yield element.ast_node


class _Dropping(Visitor):
    """Takes nodes out of a document, told by their identity."""

    def __init__(self, nodes: Iterator[Node]) -> None:
        super().__init__()
        self._nodes = {id(node): node for node in nodes}

    def enter(self, node: Node, *_: Any) -> VisitorAction:
        return REMOVE if id(node) in self._nodes else None
