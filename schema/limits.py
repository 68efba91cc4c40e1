"""What a document may ask for at most, decided before it is validated and before anything runs.

Validation itself, and execution even more, can cost far more than the document's length suggests:
fragments multiply, lists multiply, and aliases multiply both. Both measures here are computed once
for each fragment, so that the time is linear in the document.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    get_named_type,
    is_list_type,
)
from graphql.type import GraphQLType, get_nullable_type

from identity.refusals import TooExpensive
from schema.connection import DEFAULT_PAGE, LARGEST_PAGE

MOST_FIELDS = 500
"""Fields of a document, counted as often as fragments bring them in. Validating a document compares
fields with each other, which grows with the square of this.
"""
MOST_COST = 25_000
"""Values that the answer could have: fields times the lengths of the lists they are in."""
SHORT_LIST = 7
"""What a list counts for that has no page size."""
OF_A_PAGE = frozenset({"edges", "nodes"})
"""Lists whose length the page size of their connection has counted already."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How many fields a selection has, and what answering it could cost."""

    fields: int = 0
    cost: int = 0

    def __add__(self, other: "Measure") -> "Measure":
        return Measure(self.fields + other.fields, self.cost + other.cost)


@dataclass(slots=True)
class _Walk:
    """One document's walk, with each fragment measured once."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    measured: dict[str, Measure] = field(default_factory=dict)

    def selections(self, node: SelectionSetNode | None, parent: GraphQLType | None) -> Measure:
        measure = Measure()
        for selection in node.selections if node is not None else ():
            measure += self._selection(selection, parent)
        return measure

    def _selection(self, node: SelectionNode, parent: GraphQLType | None) -> Measure:
        if isinstance(node, FieldNode):
            return self._field(node, parent)
        if isinstance(node, InlineFragmentNode):
            named = node.type_condition
            inner = self.schema.get_type(named.name.value) if named is not None else parent
            return self.selections(node.selection_set, inner)
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value)
        return Measure()

    def _fragment(self, name: str) -> Measure:
        """A fragment that is unknown or spreads itself counts nothing: validation refuses it."""
        if name not in self.measured:
            self.measured[name] = Measure()
            if fragment := self.fragments.get(name):
                on = self.schema.get_type(fragment.type_condition.name.value)
                self.measured[name] = self.selections(fragment.selection_set, on)
        return self.measured[name]

    def _field(self, node: FieldNode, parent: GraphQLType | None) -> Measure:
        definition = _definition(self.schema, parent, node.name.value)
        of = get_named_type(definition.type) if definition is not None else None
        inner = self.selections(node.selection_set, of)
        times = _length(node, definition) if definition is not None else 1
        return Measure(1 + inner.fields, 1 + times * inner.cost)


def require_within_limits(schema: GraphQLSchema, document: DocumentNode) -> None:
    """Raise `TooExpensive`, with the measure and its limit, when it asks for too much."""
    fragments = {
        d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
    }
    walk = _Walk(schema, fragments)
    total = Measure()
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            root = schema.get_root_type(definition.operation)
            total += walk.selections(definition.selection_set, root)
    _require(total.fields, MOST_FIELDS, "fields")
    _require(total.cost, MOST_COST, "values")


def _require(measured: int, limit: int, what: str) -> None:
    if measured > limit:
        raise TooExpensive(
            f"This asks for {measured} {what}; {limit} are the most. "
            "Ask for fewer fields or smaller pages.",
            measured=min(measured, 2**31 - 1),
            limit=limit,
        )


def _definition(
    schema: GraphQLSchema, parent: GraphQLType | None, name: str
) -> GraphQLField | None:
    if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType):
        return None
    return schema.get_field(parent, name)


def _length(node: FieldNode, definition: GraphQLField) -> int:
    """How often the fields inside could be answered: a page's size, or a guess for other lists.

    A page size in a variable is not known here and counts as the largest.
    """
    if "first" in definition.args:
        sizes = [a.value for a in node.arguments or () if a.name.value in ("first", "last")]
        return max((_page_size(size) for size in sizes), default=DEFAULT_PAGE)
    if node.name.value in OF_A_PAGE or not is_list_type(get_nullable_type(definition.type)):
        return 1
    return SHORT_LIST


def _page_size(value: ValueNode) -> int:
    return min(int(value.value), LARGEST_PAGE) if isinstance(value, IntValueNode) else LARGEST_PAGE
