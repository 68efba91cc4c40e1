"""What answering an operation could cost: rows times weight, known before it runs.

* A field weighs 1, or what `WEIGHTS` says, and counts once for each row that it is answered in.
* A connection has as many rows as its page size, wherever that stands: in the document, in a
  variable, or nowhere (`DEFAULT_PAGE`). What is beside its rows, such as `totalCount`, counts once.
* A list of what its arguments name (`NAMING`) has as many rows. `viewerCan` has one for each of the
  permissions that it is asked about, or for each that is about the type. Any other list counts as
  `SHORT_LIST` rows.
* A mutation's root field weighs `MUTATION`, and `REHEARSAL` more as a dry run. `@skip` and
  `@include` change nothing.

An operation is compiled once into an expression in which only variables are open, and each request
evaluates that. Compiling and evaluating take each fragment once.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_list_type,
    value_from_ast_untyped,
)
from graphql.type import GraphQLType, get_nullable_type

from identity.access.permissions import GROUPS, Permission
from identity.refusals import TooExpensive
from schema.connection import DEFAULT_PAGE, LARGEST_PAGE
from schema.fragments import fragments_of, innermost_first

MOST_COST = 25_000
MOST_ROWS = 10_000
"""Of one operation, counted while it runs: pages by their size, other lists by their rows."""
SHORT_LIST = 7
"""What a list counts for whose length nothing tells."""
MUTATION = 10
"""It takes a lock, reads its target, writes, and records: about ten statements."""
REHEARSAL = 5_000
"""It reads what everybody whom the change touches holds, twice, while the organization's other
changes wait.
"""
WEIGHTS: Mapping[str, int] = {
    "totalCount": 10,
    "can": 10,
    "explainAccess": 250,
    "suggestions": 250,
    "accessOf": 250,
    "whoCan": 500,
    "auditExportEstimate": 1_000,
    "unusedPermissions": 1_000,
    "grantors": 1_000,
    "operationAccess": 5_000,
    "simulate": REHEARSAL,
}
"""Counting reads up to a thousand rows; answers about access read what somebody was given, or a
thousand members, or count ten thousand events; judging a document means to parse and validate it.
"""
NAMING = frozenset({"ids", "representations"})
"""The arguments that name the items of a list."""
ASKED_ABOUT = "permissions"
"""The argument that names what `viewerCan` answers for: each once, however often it is named."""
DRY_RUN = "dryRun"
"""The field of a mutation's input that asks for a rehearsal."""
ROWS = frozenset({"edges", "nodes"})
"""The fields of a connection that have its rows."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What an operation could cost with the variables of one request, and the most it may."""

    requested: int
    limit: int


@dataclass(frozen=True, slots=True)
class Rows:
    """A number of rows that is told by arguments: the largest of literals and variables."""

    given: tuple[Any, ...]
    default: int
    most: int
    of_list: bool = False
    """Whether the argument is a list: then anything else that is given is a list of one."""

    def number(self, variables: Mapping[str, Any]) -> int:
        values = [
            variables.get(one.name.value) if isinstance(one, VariableNode) else one
            for one in self.given
        ]
        return max(
            (self._one(value) for value in values if value is not None), default=self.default
        )

    def _one(self, value: Any) -> int:
        """What is no number and no list counts as the most: validation refuses it."""
        if isinstance(value, list):
            return min(len(value), self.most)
        if self.of_list:
            return 1
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return min(max(value, 0), self.most) if is_number else self.most


@dataclass(frozen=True, slots=True)
class Rehearsals:
    """How often a mutation is rehearsed, as its input says: once or not at all."""

    input: ValueNode

    def number(self, variables: Mapping[str, Any]) -> int:
        given = value_from_ast_untyped(self.input, dict(variables))
        return int(isinstance(given, dict) and bool(given.get(DRY_RUN)))


Times = int | Rows | Rehearsals


class Expression:
    """A sum whose terms are other sums, each so many `Times`. Sums are shared, so that a
    fragment which is spread often is one of them.
    """

    __slots__ = ("fixed", "terms")

    def __init__(self) -> None:
        self.fixed = 0
        self.terms: list[tuple[Times, Expression]] = []

    def add(self, times: Times, other: "Expression") -> None:
        if isinstance(times, int) and not other.terms:
            self.fixed += times * other.fixed
        elif other.fixed or other.terms:
            self.terms.append((times, other))

    def value(self, variables: Mapping[str, Any], known: dict["Expression", int]) -> int:
        if self not in known:
            total = self.fixed
            for times, other in self.terms:
                number = times if isinstance(times, int) else times.number(variables)
                total += number * other.value(variables, known)
            known[self] = total
        return known[self]


@dataclass(frozen=True, slots=True)
class Price:
    """What an operation costs, with its variables open."""

    expression: Expression
    defaults: Mapping[str, Any]

    def of(self, variables: Mapping[str, Any]) -> Cost:
        """The cost with these variables. Raises `TooExpensive` beyond the limit."""
        requested = self.expression.value({**self.defaults, **variables}, {})
        if requested > MOST_COST:
            raise TooExpensive(
                f"This could cost {requested:,}; {MOST_COST:,} are the most. "
                "Ask for fewer fields or smaller pages.",
                measure="cost",
                measured=requested,
                limit=MOST_COST,
            )
        return Cost(requested, MOST_COST)


def prices(schema: GraphQLSchema, document: DocumentNode) -> dict[str | None, Price]:
    """The price of each operation of a valid document, by its name."""
    walk = _Walk(schema)
    fragments = fragments_of(document)
    for name in innermost_first(fragments):
        node = fragments[name]
        on = schema.get_type(node.type_condition.name.value)
        walk.fragments[name] = walk.selections(node.selection_set, on)
    return {
        node.name.value if node.name is not None else None: walk.operation(node)
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode)
    }


@dataclass(frozen=True, slots=True)
class _Selection:
    """What a selection costs on its object, and for each row of it when that is a connection."""

    once: Expression
    per_row: Expression


class _Walk:
    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self.fragments: dict[str, _Selection] = {}
        self.rehearsal = Expression()
        self.rehearsal.fixed = REHEARSAL

    def operation(self, node: OperationDefinitionNode) -> Price:
        root = self.schema.get_root_type(node.operation)
        expression = Expression()
        expression.add(1, self.selections(node.selection_set, root).once)
        defaults = {
            variable.variable.name.value: value_from_ast_untyped(variable.default_value)
            for variable in node.variable_definitions or ()
            if variable.default_value is not None
        }
        return Price(expression, defaults)

    def selections(self, node: SelectionSetNode, parent: GraphQLType | None) -> _Selection:
        found = _Selection(Expression(), Expression())
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                paged = selection.name.value in ROWS and _is_connection(parent)
                to = found.per_row if paged else found.once
                to.add(1, self._field(selection, parent, in_rows=paged))
                continue
            inner = None
            if isinstance(selection, InlineFragmentNode):
                named = selection.type_condition
                on = self.schema.get_type(named.name.value) if named is not None else parent
                inner = self.selections(selection.selection_set, on)
            elif isinstance(selection, FragmentSpreadNode):
                inner = self.fragments.get(selection.name.value)
            if inner is not None:
                found.once.add(1, inner.once)
                found.per_row.add(1, inner.per_row)
        return found

    def _field(self, node: FieldNode, parent: GraphQLType | None, *, in_rows: bool) -> Expression:
        definition = _definition(self.schema, parent, node.name.value)
        total = Expression()
        total.fixed = WEIGHTS.get(node.name.value, 1)
        if parent is self.schema.mutation_type:
            total.fixed = MUTATION
            for argument in node.arguments or ():
                total.add(Rehearsals(argument.value), self.rehearsal)
        if definition is None or node.selection_set is None:
            return total
        inner = self.selections(node.selection_set, get_named_type(definition.type))
        rows = 1 if in_rows else _rows(node, definition, self.own_permissions(parent))
        total.add(rows, inner.once)
        total.add(_page(node), inner.per_row)
        return total

    def own_permissions(self, type_: GraphQLType | None) -> int:
        """How many permissions are about objects of a type; of several, where that is most."""
        if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
            possible = self.schema.get_possible_types(type_)
            return max(map(self.own_permissions, possible), default=0)
        if not isinstance(type_, GraphQLObjectType):
            return 0
        origin = getattr(type_.extensions.get("strawberry-definition"), "origin", None)
        own: Collection[str] = getattr(origin, "own_groups", ())
        return sum(len(group.permissions) for group in GROUPS if group.name in own)


def _definition(
    schema: GraphQLSchema, parent: GraphQLType | None, name: str
) -> GraphQLField | None:
    if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType):
        return None
    return schema.get_field(parent, name)


def _is_connection(type_: GraphQLType | None) -> bool:
    return isinstance(type_, GraphQLObjectType) and "pageInfo" in type_.fields


def _page(node: FieldNode) -> Rows:
    return Rows(_given(node, "first", "last"), default=DEFAULT_PAGE, most=LARGEST_PAGE)


def _rows(node: FieldNode, definition: GraphQLField, own: int) -> int | Rows:
    if not is_list_type(get_nullable_type(definition.type)):
        return 1
    if NAMING & definition.args.keys():
        return Rows(_given(node, *NAMING), default=SHORT_LIST, most=MOST_COST, of_list=True)
    if ASKED_ABOUT in definition.args:
        given = _given(node, ASKED_ABOUT)
        return Rows(given, default=own, most=len(Permission), of_list=True)
    return SHORT_LIST


def _given(node: FieldNode, *names: str) -> tuple[Any, ...]:
    """What the document gives to these arguments: variables as they are, literals as values."""
    return tuple(_literal(a.value) for a in node.arguments or () if a.name.value in names)


def _literal(value: ValueNode) -> Any:
    return value if isinstance(value, VariableNode) else value_from_ast_untyped(value)


def too_many_rows(rows: int) -> TooExpensive:
    return TooExpensive(
        f"This reads {rows} rows or more; {MOST_ROWS} are the most. Ask for smaller pages or for "
        "fewer lists at once.",
        measure="rows",
        measured=rows,
        limit=MOST_ROWS,
    )
