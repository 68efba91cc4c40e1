"""What a request may ask for at most, decided before its document is validated.

Validation, and execution even more, can cost far more than a document's length suggests: fragments
multiply, and aliases multiply what they bring. Each fragment is measured once, so that the time is
linear in the document. What a valid operation may cost to answer is in `schema.cost`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    InlineFragmentNode,
    ListValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    parse,
)

from identity.refusals import TooExpensive
from schema.fragments import fragments_of, innermost_first

LONGEST_DOCUMENT = 100_000
"""Characters."""
MOST_TOKENS = 2_000
"""Parsing a token takes up to 10 µs, validating it as much. Introspection has fewer than 400."""
TOO_MANY_TOKENS = "Syntax Error: Document contains more than"
"""How graphql-core begins to say so; it has no type of its own for it."""
MOST_OPERATIONS = 20
"""Of a document: the rules about variables look at each operation with all the fragments in it."""
MOST_FIELDS = 500
"""Of a document, counted as often as fragments bring them in."""
MOST_ALIASES = 100
"""Of a document, counted like fields. Who needs more wants `nodes`, or a list."""
DEEPEST_FIELD = 20
"""Fields in fields. Introspection, with types wrapped nine times, is 15 deep."""
MOST_ROOT_FIELDS = 50
MOST_MUTATIONS = 20
"""Root fields of a mutation: each is a write of its own, and each refused one a denial recorded."""
MOST_DIRECTIVES = 5
"""At one place."""
DEEPEST_INPUT = 10
"""Lists and objects in each other, in a literal or in the variables."""
MOST_VALUES = 10_000
"""In the variables, with the keys of objects: each is coerced before anything runs."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a selection reaches, with its fragments: `top` are the fields of its first level."""

    fields: int = 0
    aliases: int = 0
    top: int = 0
    depth: int = 0


NOTHING = Extent()


def parsed(source: str) -> DocumentNode:
    """The document of a text. Raises `GraphQLSyntaxError`, or `TooExpensive` for its size.

    Whoever has too many tokens learns that it is at least one too many: nobody counts the rest.
    """
    _require(len(source), LONGEST_DOCUMENT, "characters")
    try:
        document = parse(source, max_tokens=MOST_TOKENS)
    except GraphQLSyntaxError as error:
        if error.message.startswith(TOO_MANY_TOKENS):
            _require(MOST_TOKENS + 1, MOST_TOKENS, "tokens")
        raise
    _unchain(document)
    return document


def _unchain(document: DocumentNode) -> None:
    """Part the tokens of a document, which nobody reads any more. As a chain, each with the next
    and the previous one, they would stay when the document goes, until garbage is collected.
    """
    token = document.loc.start_token if document.loc is not None else None
    while token is not None:
        following = token.next
        token.prev = token.next = None
        token = following


def require_within_limits(document: DocumentNode) -> None:
    """Raise `TooExpensive`, with the measure and its limit, when it asks for too much."""
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    _require(len(operations), MOST_OPERATIONS, "operations")
    walk = _Walk()
    fragments = fragments_of(document)
    for name in innermost_first(fragments):
        walk.fragment(fragments[name])
    extents = [walk.operation(operation) for operation in operations]
    _require(walk.directives, MOST_DIRECTIVES, "directives")
    _require(walk.input_depth, DEEPEST_INPUT, "input levels")
    for operation, extent in zip(operations, extents, strict=True):
        is_mutation = operation.operation is OperationType.MUTATION
        _require(extent.top, MOST_MUTATIONS if is_mutation else MOST_ROOT_FIELDS, "root fields")
    _require(max((extent.depth for extent in extents), default=0), DEEPEST_FIELD, "levels")
    _require(sum(extent.aliases for extent in extents), MOST_ALIASES, "aliases")
    _require(sum(extent.fields for extent in extents), MOST_FIELDS, "fields")


def require_small(variables: Mapping[str, Any]) -> None:
    """Raise `TooExpensive` for variables that hold too much, or hold it too deep."""
    count, depth = 0, 0
    level: list[Any] = list(variables.values())
    while level:
        count += len(level)
        _require(count, MOST_VALUES, "input values")
        _require(depth, DEEPEST_INPUT, "input levels")
        deeper: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                deeper.extend(value.values())
            elif isinstance(value, list):
                deeper.extend(value)
        level, depth = deeper, depth + 1


def _require(measured: int, limit: int, measure: str) -> None:
    if measured > limit:
        raise TooExpensive(
            f"This has {measured:,} {measure}; {limit:,} are the most.",
            measure=measure,
            measured=measured,
            limit=limit,
        )


class _Walk:
    """One document's walk. A fragment that is unknown or spreads itself counts as nothing:
    validation refuses it.
    """

    def __init__(self) -> None:
        self.measured: dict[str, Extent] = {}
        self.directives = 0
        self.input_depth = 0

    def fragment(self, node: FragmentDefinitionNode) -> None:
        self._directives(node.directives)
        self.measured[node.name.value] = self._selections(node.selection_set)

    def operation(self, node: OperationDefinitionNode) -> Extent:
        self._directives(node.directives)
        for variable in node.variable_definitions or ():
            self._directives(variable.directives)
            if variable.default_value is not None:
                self._input(variable.default_value)
        return self._selections(node.selection_set)

    def _selections(self, node: SelectionSetNode) -> Extent:
        fields = aliases = top = depth = 0
        for selection in node.selections:
            extent = self._selection(selection)
            fields += extent.fields
            aliases += extent.aliases
            top += extent.top
            depth = max(depth, extent.depth)
        return Extent(fields, aliases, top, depth)

    def _selection(self, node: SelectionNode) -> Extent:
        self._directives(node.directives)
        if isinstance(node, FieldNode):
            for argument in node.arguments or ():
                self._input(argument.value)
            inner = self._selections(node.selection_set) if node.selection_set else NOTHING
            aliases = inner.aliases + (node.alias is not None)
            return Extent(inner.fields + 1, aliases, 1, inner.depth + 1)
        if isinstance(node, InlineFragmentNode):
            return self._selections(node.selection_set)
        if isinstance(node, FragmentSpreadNode):
            return self.measured.get(node.name.value, NOTHING)
        return NOTHING

    def _directives(self, nodes: Sequence[DirectiveNode] | None) -> None:
        if nodes:
            self.directives = max(self.directives, len(nodes))
            for node in nodes:
                for argument in node.arguments or ():
                    self._input(argument.value)

    def _input(self, value: ValueNode) -> None:
        depth = -1
        level: list[ValueNode] = [value]
        while level:
            depth += 1
            level = [inner for value in level for inner in _inside(value)]
        self.input_depth = max(self.input_depth, depth)


def _inside(value: ValueNode) -> Sequence[ValueNode]:
    if isinstance(value, ListValueNode):
        return value.values
    if isinstance(value, ObjectValueNode):
        fields: Sequence[ObjectFieldNode] = value.fields
        return [field.value for field in fields]
    return ()
