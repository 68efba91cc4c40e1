"""Running an operation plan for a subject."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, cast
from uuid import UUID

from graphql import GraphQLError, is_list_type, is_non_null_type
from graphql.execution.values import VariableValues
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.types.scalar import DEFAULT_SCALAR_REGISTRY
from strawberry.types.arguments import convert_arguments

from identity.credentials.gate import Gate, GateClosed
from identity.refusals import BadInput, Refusal
from identity.subject import Subject
from models.listing import Listing, Values
from models.reading import Row, fetch
from models.sql import as_uuid
from models.window import Window
from schema.context import Watch
from schema.cost import MOST_ROWS, too_many_rows
from schema.engine.builders import Unusual
from schema.engine.guards import Checks, Refused, locations_of
from schema.engine.levels import List, Scope, among
from schema.engine.plan import Nodes, OfType, Payload, Plan, Root, Single, Variant
from schema.engine.shapes import Selected
from schema.ids import parse_id, require_few, row_id
from schema.mapping import Found, Own, Page

Data = dict[str, Any]


@dataclass(slots=True)
class Run:
    """One request's run of a plan. Whatever is unusual raises `Unusual`, before anything is
    answered.
    """

    plan: Plan
    subject: Subject
    variables: VariableValues
    config: StrawberryConfig
    watch: Watch | None = None
    checks: Checks = field(init=False)
    rows: int = 0
    asked: int = 0
    """The permissions that showed rows of any type, beside what the variant asks for."""

    def __post_init__(self) -> None:
        self.checks = Checks(self.subject.access, self.plan.guards)

    async def query(self, variant: Variant, gate: Gate | None = None) -> Data:
        """The data of a query, with a `Refused` where a field was refused.

        With a `gate`, the subject is one that is only presumed: raises `GateClosed` unless the
        first statement finds it as it is presumed to be.
        """
        ids = {single.alias: self._id_of(single) for single in variant.singles}
        rows, known = await self._singles(variant, ids, gate)
        data: Data = {}
        for selected, root in variant.fields:
            data[selected.key] = await self._value(selected, root, ids, rows, known)
        return data

    async def payload(self, payload: Payload, row: Any) -> Any:
        """The object that a mutation answers with, of the row that it changed."""
        if payload.rows is None:
            return payload.build([row], Scope(self.checks, self))[0]
        values = Values()
        table = payload.rows.model._meta.db_table
        condition = f"t.id = {values.add(row.id)}"
        text = payload.rows.select.text(f"{table} t", where=condition)
        rows = await self.fetch(text, values, payload)
        if not rows:
            raise Unusual
        scope = await payload.rows.scope(rows, self.checks, self)
        return payload.build(rows, scope)[0]

    def arguments(self, selected: Selected) -> Mapping[str, Any]:
        """The coerced arguments of a field."""
        if selected.arguments is None:
            return {}
        try:
            return selected.arguments.values(self.variables)
        except GraphQLError as error:
            raise Unusual from error

    def converted(self, selected: Selected) -> Mapping[str, Any]:
        """The arguments as Strawberry hands them to a resolver."""
        assert selected.field is not None  # noqa: S101 - `__typename` takes no arguments
        definition = selected.field.definition.extensions["strawberry-definition"]
        given = dict(self.arguments(selected))
        return convert_arguments(given, definition.arguments, DEFAULT_SCALAR_REGISTRY, self.config)

    def spend(self, rows: int) -> None:
        """Count rows that are about to be read, or were. Raises `TooExpensive`.

        The price of an operation guesses how long a list is that has no page size; here it shows.
        """
        self.rows += rows
        if self.rows > MOST_ROWS:
            raise too_many_rows(self.rows)

    async def fetch(self, text: str, values: Values, level: object) -> Sequence[Row]:
        """The rows of a statement that is sent for a part of the plan."""
        if self.watch is None:
            return await fetch(text, values.given)
        began = perf_counter()
        rows = await fetch(text, values.given)
        self.watch.read(level, text, rows, perf_counter() - began)
        return rows

    async def _value(
        self,
        selected: Selected,
        root: Root | None,
        ids: Mapping[str, UUID | Refused],
        rows: Sequence[Row],
        known: tuple[List, Mapping[Any, Any]] | None,
    ) -> Any:
        match root:
            case None:
                return self.plan.shape.type.name
            case Single():
                return await self._single(root, ids[root.alias], rows, known)
            case Nodes():
                return await self._nodes(root)
            case List():
                organization = self.checks.access.organization_id
                return (await root.of([(organization,)], self.checks, self))[organization]
            case Payload():
                raise Unusual

    def _id_of(self, single: Single) -> UUID | Refused:
        """The row that a root field means, or why it means none."""
        source = single.source
        if isinstance(source, Own):
            own = source.row_id(self.subject)
            return own or self._refused(single.selected, single.not_there(self.checks.access))
        try:
            return row_id(self.arguments(single.selected)["id"], source.type_name, field="id")
        except BadInput as refusal:
            return self._refused(single.selected, refusal)

    async def _singles(
        self, variant: Variant, ids: Mapping[str, UUID | Refused], gate: Gate | None
    ) -> tuple[Sequence[Row], tuple[List, Mapping[Any, Any]] | None]:
        """The one statement for all root fields that are one row, and the connection below them
        that comes along.
        """
        if not variant.singles:
            if gate is not None:
                raise GateClosed
            return (), None
        values = Values()
        source = "(SELECT 1) g" if gate is None else f"({gate.condition(values)}) g"
        for single in variant.singles:
            source += self._joined(single, ids[single.alias], values)
        along = self._along(variant, ids)
        order = ""
        if along is not None:
            listed, _, listing, window = along
            text = listing.rows(values, window)
            model = listing.model._meta.db_table
            nothing = f"SELECT * FROM {model} WHERE false"  # noqa: S608
            there = f"{self._parent(variant).alias}.id IS NOT NULL"
            source += f" LEFT JOIN ({text or nothing}) t ON {there}"
            order = "t.id DESC"
        elif variant.along is not None:
            model = variant.along[1].rows.model._meta.db_table
            source += f" LEFT JOIN {model} t ON false"
        rows = await self.fetch(variant.select.text(source, order), values, variant)
        if not rows:
            raise GateClosed
        if along is None:
            return rows, None
        listed, key, listing, window = along
        single, parent = self._parent(variant), rows[0]
        if single.place_of(parent, self.checks.access) is None:
            return rows, None
        found = [row for row in rows if row[cast("int", listed.id)] is not None]
        made = await listed.made({key: found}, [listing], window, self.checks, self)
        return rows, (listed, {parent[single.id]: made[key]})

    @staticmethod
    def _parent(variant: Variant) -> Single:
        assert variant.along is not None  # noqa: S101 - asked only where there is one
        return variant.along[0]

    def _joined(self, single: Single, row: UUID | Refused, values: Values) -> str:
        table, alias = single.rows.model._meta.db_table, single.alias
        if isinstance(row, Refused):
            return f" LEFT JOIN {table} {alias} ON false"
        on = f"{alias}.id = {values.add(row)}"
        if isinstance(single.source, Found):
            organization = self.checks.access.organization_id
            on += f" AND {single.source.lookup.in_organization(values, organization, alias)}"
        return f" LEFT JOIN {table} {alias} ON {on}"

    def _along(
        self, variant: Variant, ids: Mapping[str, UUID | Refused]
    ) -> tuple[List, UUID, Listing, Window] | None:
        if variant.along is None:
            return None
        single, listed = variant.along
        key = ids[single.alias]
        source = listed.child.selected.field.source if listed.child.selected.field else None
        if isinstance(key, Refused) or not isinstance(source, Page):
            return None
        return (
            listed,
            key,
            listed.listing(source, self.checks.access, key, self),
            listed.window(self),
        )

    async def _single(
        self,
        single: Single,
        wanted: UUID | Refused,
        rows: Sequence[Row],
        known: tuple[List, Mapping[Any, Any]] | None,
    ) -> Any:
        if isinstance(wanted, Refused):
            return wanted
        place = single.place_of(rows[0], self.checks.access)
        if place is None:
            return self._refused(single.selected, single.not_there(self.checks.access))
        guard = single.selected.guard
        if guard is not None and not self.checks.access.allows_any(guard.mask, place):
            raise Unusual
        scope = await single.rows.scope(rows[:1], self.checks, self, known)
        return single.build(rows[:1], scope)[0]

    async def _nodes(self, nodes: Nodes) -> Any:
        """The objects of any type that ids name, in one statement a type."""
        arguments = self.arguments(nodes.selected)
        several = "ids" in arguments
        given = arguments["ids"] if several else [arguments["id"]]
        require_few(given)
        named = [
            self._named(nodes, each, f"ids.{index}" if several else "id")
            for index, each in enumerate(given)
        ]
        found: dict[tuple[str, UUID], Any] = {}
        for type_name in dict.fromkeys(each[0] for each in named if isinstance(each, tuple)):
            asked = [each for each in named if isinstance(each, tuple)]
            ids = dict.fromkeys(row for name, row in asked if name == type_name)
            rows = await self._of_type(nodes, nodes.of_type(type_name), list(ids))
            found |= {(type_name, row): value for row, value in rows.items()}
        values = [found[each] if isinstance(each, tuple) else each for each in named]
        return values if several else values[0]

    def _named(self, nodes: Nodes, node_id: str, field_name: str) -> tuple[str, UUID] | Refused:
        """The type and the row of an id, or why it is none."""
        try:
            return parse_id(node_id, field=field_name, types=nodes.lookups)
        except BadInput as refusal:
            return self._refused(nodes.selected, refusal)

    async def _of_type(
        self, nodes: Nodes, of_type: OfType, ids: Sequence[UUID]
    ) -> Mapping[UUID, Any]:
        """The objects of one type, and a refusal in the place of each that is not to be seen."""
        values, lookup = Values(), of_type.lookup
        condition = among(values, "t.id", ids)
        condition += f" AND {lookup.in_organization(values, self.checks.access.organization_id)}"
        text = of_type.rows.select.text(f"{lookup.model._meta.db_table} t", where=condition)
        rows = [
            row
            for row in await self.fetch(text, values, of_type)
            if of_type.seen(self.checks.access, row)
        ]
        if rows:
            self.asked |= lookup.seen.mask
        scope = await of_type.rows.scope(rows, self.checks, self)
        built = of_type.build(rows, scope)
        seen = {as_uuid(row[of_type.id]): value for row, value in zip(rows, built, strict=True)}
        return {
            each: seen[each]
            if each in seen
            else self._refused(nodes.selected, lookup.absent(self.checks.access))
            for each in ids
        }

    def _refused(self, selected: Selected, refusal: Refusal) -> Refused:
        """What stands for a field that is refused. A field that cannot be null is unusual."""
        assert selected.field is not None  # noqa: S101 - `__typename` is never refused
        type_ = selected.field.definition.type
        if is_non_null_type(type_) and not is_list_type(type_.of_type):
            raise Unusual from refusal
        return self.checks.stand_in(refusal, locations_of(selected.nodes))


def settled(data: Data) -> list[dict[str, Any]]:
    """The errors of the data, in the order of the response; null takes the place of each refusal.

    Objects may stand at several places of the data, so that nothing is replaced before every place
    was seen.
    """
    found = list(_refusals(data, ()))
    errors = [refused.error(list(path)) for _, _, refused, path in found]
    for container, key, _, _ in found:
        container[key] = None
    return errors


def _refusals(
    value: Any, path: tuple[str | int, ...]
) -> Iterator[tuple[Any, Any, Refused, tuple[str | int, ...]]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in pairs:
        if isinstance(item, Refused):
            yield value, key, item, (*path, key)
        elif isinstance(item, dict | list):
            yield from _refusals(item, (*path, key))
