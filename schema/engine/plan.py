"""Operation plans: an operation compiled once, and run for whoever may ask it."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from graphql import GraphQLSchema, OperationDefinitionNode, OperationType
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues

from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION, Target
from identity.access.lookup import Lookup, Place
from identity.refusals import Refusal
from models.reading import Row
from models.sql import is_postgres
from schema.directives import At
from schema.engine.builders import Build, Child, InMemory, Writer, inner_of
from schema.engine.guards import Guard, Outcome, outcomes
from schema.engine.levels import Compiler, List, Rows
from schema.engine.mapped import MappedType
from schema.engine.shapes import Collector, NotCompiled, Selected, Shape
from schema.engine.statements import Frame, Select
from schema.fields import nobody
from schema.mapping import All, AnyNode, Found, Own, Page

MOST_VARIANTS = 16
"""Of one plan, for different outcomes of its guards; the one used longest ago goes."""


@dataclass(slots=True)
class Single:
    """A root field that is one row, at its own alias in the one statement of such fields."""

    selected: Selected
    source: Own | Found
    alias: str
    rows: Rows
    build: Build
    id: int
    place: tuple[int, ...]

    def place_of(self, row: Row, access: Access) -> Target | None:
        """Where permissions on the row are checked; `None` unless it is there, and the subject may
        know it.
        """
        if row[self.id] is None:
            return None
        if isinstance(self.source, Own):
            return ORGANIZATION
        place = self.source.lookup.place.target(*(row[i] for i in self.place))
        return place if self.source.lookup.seen(access, place) else None

    def not_there(self, access: Access) -> Refusal:
        """What the field is refused with where `place_of` gives none."""
        if isinstance(self.source, Own):
            return nobody(access)
        return self.source.lookup.absent(access)


@dataclass(frozen=True, slots=True)
class OfType:
    """What reads and makes the nodes of one type."""

    lookup: Lookup[Any]
    rows: Rows
    build: Build
    id: int
    place: tuple[int, ...]

    def seen(self, access: Access, row: Row) -> bool:
        """Whether the subject may know that the row is there."""
        return self.lookup.seen(access, self.lookup.place.target(*(row[i] for i in self.place)))


@dataclass(frozen=True, slots=True)
class Nodes:
    """A root field that is rows of any type. What reads a type is made when one is asked for."""

    selected: Selected
    lookups: Mapping[str, Lookup[Any]]
    make: Callable[[Shape, Lookup[Any]], OfType]
    made: dict[str, OfType] = field(default_factory=dict)

    def of_type(self, name: str) -> OfType:
        if name not in self.made:
            self.made[name] = self.make(self.selected.each[name], self.lookups[name])
        return self.made[name]


@dataclass(frozen=True, slots=True)
class Payload:
    """The object that a mutation answers with. `rows` read again what is not in the changed row."""

    selected: Selected
    rows: Rows | None
    build: Build


Root = Single | Nodes | List | Payload


@dataclass(slots=True)
class Variant:
    """A plan for one outcome of its guards, on one kind of database."""

    select: Select
    fields: Sequence[tuple[Selected, Root | None]]
    """The root fields in order, each with what reads it; a type name needs nothing."""
    singles: list["Single"] = field(default_factory=list)
    along: tuple[Single, List] | None = None
    """The connection that the statement of the single rows reads along, below one of them."""
    asked: int = 0
    """The permissions that the guards which allow something ask for, and those that show a row."""
    made_at: float = field(default_factory=perf_counter)


@dataclass(slots=True)
class Plan:
    """One operation, for one value of the variables of its conditions."""

    types: Mapping[str, MappedType]
    operation: OperationDefinitionNode
    shape: Shape
    guards: Sequence[Guard]
    fields: int
    """How many the operation has, on every type that it may come to."""
    variants: OrderedDict[Any, Variant | str] = field(default_factory=OrderedDict)
    """By what the guards say and the kind of database: those used last, or why there is none."""

    @property
    def weight(self) -> int:
        """What it takes to keep it, in fields."""
        return self.fields * (1 + len(self.variants))

    def lists_beyond(self, access: Access) -> bool:
        """Whether a list is asked for of which the scopes of an API key show nothing."""
        return any(
            guard.at == At.EACH and access.beyond_scopes(guard.mask) for guard in self.guards
        )

    def variant(self, access: Access) -> Variant | str:
        """The plan as this subject runs it, or why it is not to be run."""
        decided = outcomes(self.guards, access)
        key = (decided, is_postgres())
        found = self.variants.get(key)
        if found is None:
            found = self.variants[key] = self._compiled(decided)
            if len(self.variants) > MOST_VARIANTS:
                self.variants.popitem(last=False)
        else:
            self.variants.move_to_end(key)
        return found

    def _compiled(self, decided: Sequence[Outcome]) -> Variant | str:
        try:
            variant = _Roots(self, Compiler(self.types, decided)).variant()
        except NotCompiled as reason:
            return str(reason)
        for guard, outcome in zip(self.guards, decided, strict=True):
            if outcome is not Outcome.DENIED:
                variant.asked |= guard.mask
        return variant


def compiled(
    schema: GraphQLSchema,
    types: Mapping[str, MappedType],
    operation: OperationDefinitionNode,
    fragments: dict[str, FragmentDetails],
    variables: VariableValues,
) -> Plan:
    """The plan of an operation, for these values of its conditions. Raises `NotCompiled`."""
    collector = Collector(schema, types, operation, fragments, variables)
    shape = collector.root()
    if operation.operation is OperationType.SUBSCRIPTION:
        raise NotCompiled("a subscription")
    if operation.operation is OperationType.MUTATION and len(shape.fields) != 1:
        raise NotCompiled("several mutations, one after the other")
    return Plan(types, operation, shape, tuple(collector.guards), collector.fields)


@dataclass(frozen=True, slots=True)
class _Roots:
    """Compiles the root fields of a query."""

    plan: Plan
    compiler: Compiler

    def variant(self) -> Variant:
        select = Select()
        variant = Variant(select, ())
        variant.fields = [(each, self._root(each, variant)) for each in self.plan.shape.fields]
        return variant

    def _root(self, selected: Selected, variant: Variant) -> Root | None:
        if selected.field is None:
            return None
        if self.plan.operation.operation is OperationType.MUTATION:
            return self._payload(selected)
        if selected.guard is not None and selected.guard.at not in (At.EACH, At.VALUE):
            raise NotCompiled("a guarded root field")
        source = selected.field.source
        match source:
            case Own() | Found():
                return self._single(selected, source, variant)
            case AnyNode():
                return Nodes(selected, source.lookups, self._node)
            case All():
                return self.compiler.list_of(Child(selected, 0, (), None))
            case _:
                raise NotCompiled("a root field with a resolver")

    def _single(self, selected: Selected, source: Own | Found, variant: Variant) -> Single:
        place = Place.ORGANIZATION
        if isinstance(source, Found):
            place = source.lookup.place
            variant.asked |= source.lookup.seen.mask
        shape = inner_of(selected)
        if shape.type.model is None:
            raise NotCompiled("a root field in memory")
        alias = f"s{len(variant.singles)}"
        frame = Frame.of(variant.select, shape.type.model, alias)
        below: list[Child] = []
        writer = Writer(self.compiler.outcomes, below)
        build = writer.function(writer.display(shape, frame))
        rows = Rows(shape.type.model, variant.select)
        single = Single(
            selected,
            source,
            alias,
            rows,
            build,
            frame.position("id"),
            tuple(frame.position(column) for column in place.columns),
        )
        variant.singles.append(single)
        for child in below:
            rows.children.append(self._below(single, child, variant))
        return single

    def _below(self, single: Single, child: Child, variant: Variant) -> List:
        """A list below a single row: the first connection is read along with it."""
        field_ = child.selected.field
        is_page = field_ is not None and isinstance(field_.source, Page)
        of_it = child.parent == single.id and child.guard is None
        if variant.along is None and is_page and of_it:
            found = self.compiler.list_of(child, variant.select)
            found.id = variant.select.column("t.id")
            variant.along = (single, found)
            return found
        return self.compiler.list_of(child)

    def _node(self, shape: Shape, lookup: Lookup[Any]) -> OfType:
        select = Select()
        frame = Frame.of(select, lookup.model)
        below: list[Child] = []
        writer = Writer(self.compiler.outcomes, below)
        build = writer.function(writer.display(shape, frame))
        rows = Rows(lookup.model, select, self.compiler.lists_of(below))
        place = tuple(frame.position(column) for column in lookup.place.columns)
        return OfType(lookup, rows, build, frame.position("id"), place)

    def _payload(self, selected: Selected) -> Payload:
        shape = inner_of(selected)
        if shape.type.model is None:
            raise NotCompiled("a payload that stands on no row")
        writer = Writer(self.compiler.outcomes)
        try:
            return Payload(selected, None, writer.function(writer.display(shape, InMemory())))
        except NotCompiled:  # more is asked than the changed row has: it is read again
            select = Select()
        below: list[Child] = []
        writer = Writer(self.compiler.outcomes, below)
        build = writer.function(writer.display(shape, Frame.of(select, shape.type.model)))
        rows = Rows(shape.type.model, select, self.compiler.lists_of(below))
        return Payload(selected, rows, build)
