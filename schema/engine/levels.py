"""The lists of an operation, each read for all of its parents in one statement."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from identity.access.compiled import Access
from models.listing import Listing, Values, counting
from models.reading import Row
from models.record import Record
from models.sql import as_uuid, is_postgres
from models.window import Window
from schema.connection import page_of_rows, window_of
from schema.engine.builders import Build, Child, Writer, inner_of
from schema.engine.guards import Checks, Outcome
from schema.engine.mapped import MappedType
from schema.engine.shapes import NotCompiled, Selected, Shape
from schema.engine.statements import Frame, Select, several
from schema.mapping import All, Page, ToMany
from schema.opaque import encoded

AT_ONCE = 40
"""Lists that one statement reads: it has a branch for each, and SQLite takes 500."""


@dataclass(slots=True)
class Scope:
    """What the function of a level is given beside its rows."""

    checks: Checks
    run: Any
    lists: Sequence[Mapping[Any, Any]] = ()


@dataclass(slots=True)
class Rows:
    """Rows of one table and what is made of them; `children` are the lists below."""

    model: type[Record]
    select: Select
    children: list["List"] = field(default_factory=list)

    async def scope(
        self,
        rows: Sequence[Row],
        checks: Checks,
        run: Any,
        known: tuple["List", Mapping[Any, Any]] | None = None,
    ) -> Scope:
        """The scope of these rows, with the lists below them read; one may be `known` already."""
        lists = []
        for child in self.children:
            if known is not None and child is known[0]:
                lists.append(known[1])
            else:
                lists.append(await child.of(rows, checks, run))
        return Scope(checks, run, lists)


@dataclass(slots=True)
class List:
    """One list field below some rows."""

    child: Child
    rows: Rows
    pieces: Sequence[tuple[str, Callable[..., Any]]] = ()
    """Of a connection: its keys in order, each with what makes its value."""
    build: Build | None = None
    """Of a plain list: what makes its items."""
    id: int | None = None
    """Where the row's id stands, if the list is read along with other rows."""

    async def of(self, parents: Sequence[Row], checks: Checks, run: Any) -> Mapping[Any, Any]:
        """The value of the field for each parent, by the parent's id as the database gives it."""
        values: dict[Any, Any] = {}
        position, guard = self.child.parent, self.child.guard
        held = checks.masks()
        for parent in parents:
            key = parent[position]
            if key is None or key in values:
                continue
            values[key] = None
            if guard is not None:
                place = [parent[i] for i in self.child.place]
                if not held(*place) & guard.mask:
                    values[key] = checks.refused(guard.index, *place)
        keys = [key for key, value in values.items() if value is None]
        if keys:
            values.update(await self._read(keys, checks, run))
        return values

    async def _read(self, keys: Sequence[Any], checks: Checks, run: Any) -> Mapping[Any, Any]:
        source = self.child.selected.field.source if self.child.selected.field else None
        if isinstance(source, ToMany):
            return await self._many(source, keys, checks, run)
        assert isinstance(source, All | Page)  # noqa: S101 - what `compiled` makes lists of
        window = self.window(run) if isinstance(source, Page) else None
        listings = [self.listing(source, checks.access, as_uuid(key), run) for key in keys]
        found = await self._listed(listings, window, run)
        return await self.made(dict(zip(keys, found, strict=True)), listings, window, checks, run)

    def window(self, run: Any) -> Window:
        given = run.arguments(self.child.selected)
        return window_of(**{name: given[name] for name in given.keys() - {"filter"}})

    def listing(self, source: All | Page, access: Access, key: UUID, run: Any) -> Listing:
        """The list of one parent."""
        if isinstance(source, All):
            return source.listing(access, key)
        return source.of(access, key, run.converted(self.child.selected) if source.filtered else {})

    async def made(
        self,
        found: Mapping[Any, Sequence[Row]],
        listings: Sequence[Listing],
        window: Window | None,
        checks: Checks,
        run: Any,
    ) -> Mapping[Any, Any]:
        """The values of the field, of the rows that each parent's list has."""
        if window is None:
            scope = await self.rows.scope([r for rows in found.values() for r in rows], checks, run)
            build = self.build
            assert build is not None  # noqa: S101 - a plain list has one
            return {key: build(rows, scope) for key, rows in found.items()}
        pages = {key: page_of_rows(rows, window) for key, rows in found.items()}
        kept = [row for page, _ in pages.values() for row in page]
        scope = await self.rows.scope(kept, checks, run)
        counts = await self._counts(listings, run)
        return {
            key: {name: piece(rows, further, window, scope, count) for name, piece in self.pieces}
            for (key, (rows, further)), count in zip(pages.items(), counts, strict=True)
        }

    async def _listed(
        self, listings: Sequence[Listing], window: Window | None, run: Any
    ) -> list[Sequence[Row]]:
        """The rows of each listing, in the order of the answer."""
        if window is not None and not self._reads_rows():
            return [() for _ in listings]
        if window is not None:
            run.spend(len(listings) * window.limit)
        found: list[Sequence[Row]] = []
        for start in range(0, len(listings), AT_ONCE):
            found += await self._listed_at_once(listings[start : start + AT_ONCE], window, run)
        if window is None:
            run.spend(sum(map(len, found)))
        return found

    async def _listed_at_once(
        self, listings: Sequence[Listing], window: Window | None, run: Any
    ) -> list[Sequence[Row]]:
        """The rows of some listings, in one statement."""
        values = Values()
        texts = {n: listing.rows(values, window) for n, listing in enumerate(listings)}
        there = {n: text for n, text in texts.items() if text is not None}
        found: list[Sequence[Row]] = [() for _ in listings]
        if not there:
            return found
        order = listings[0].order if window is None else "t.id DESC"
        if len(there) == 1:
            ((number, text),) = there.items()
            found[number] = await run.fetch(
                self.rows.select.text(f"({text}) t", order), values, self
            )
            return found
        source = several(list(there.values()))
        text = self.rows.select.text(source, f"t.p, {order}", more=("t.p",))
        grouped: dict[int, list[Row]] = {}
        part = len(self.rows.select.columns)
        for row in await run.fetch(text, values, self):
            grouped.setdefault(row[part], []).append(row)
        for position, number in enumerate(there):
            found[number] = grouped.get(position, ())
        return found

    def _reads_rows(self) -> bool:
        return any(isinstance(piece, Items | PageInfo) for _, piece in self.pieces)

    async def _many(
        self, source: ToMany, keys: Sequence[Any], checks: Checks, run: Any
    ) -> Mapping[Any, Any]:
        values = Values()
        organization = values.add(checks.access.organization_id)
        column = f"t.{source.column}"
        condition = f"t.organization_id = {organization} AND {among(values, column, keys)}"
        table = source.model._meta.db_table
        select = self.rows.select
        text = select.text(table + " t", "t.id", where=condition, more=(column,))
        part = len(select.columns)
        grouped: dict[Any, list[Row]] = {key: [] for key in keys}
        rows = await run.fetch(text, values, self)
        run.spend(len(rows))
        for row in rows:
            grouped[row[part]].append(row)
        return await self.made(grouped, (), None, checks, run)

    async def _counts(self, listings: Sequence[Listing], run: Any) -> list[int | None]:
        """How many rows each listing has, in one statement; nothing if nobody asks."""
        if not any(isinstance(piece, Count) for _, piece in self.pieces):
            return [None for _ in listings]
        counts: list[int | None] = []
        for start in range(0, len(listings), AT_ONCE):
            values = Values()
            texts = [counting(each, values) for each in listings[start : start + AT_ONCE]]
            columns = ", ".join("0" if text is None else f"({text})" for text in texts)
            (row,) = await run.fetch(f"SELECT {columns}", values, self)
            counts += row
        return counts


def among(values: Values, column: str, keys: Sequence[Any]) -> str:
    """SQL that is true of rows with one of the ids in the column."""
    if is_postgres():
        return f"{column} = ANY({values.add([as_uuid(key) for key in keys])}::uuid[])"
    listed = values.add("[" + ", ".join(f'"{key}"' for key in keys) + "]")
    return f"{column} IN (SELECT value FROM json_each({listed}))"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Items:
    """`nodes` or `edges` of a connection."""

    build: Build

    def __call__(
        self, rows: Sequence[Row], further: bool, window: Window, scope: Scope, count: int | None
    ) -> Any:
        return self.build(rows, scope)


@dataclass(frozen=True, slots=True)
class PageInfo:
    """`pageInfo` of a connection: its keys in order, each with the field of that name."""

    keys: Sequence[tuple[str, str]]
    type_name: str
    row_id: int

    def __call__(
        self, rows: Sequence[Row], further: bool, window: Window, scope: Scope, count: int | None
    ) -> Any:
        known = {
            "__typename": self.type_name,
            "hasNextPage": window.before is not None if window.backwards else further,
            "hasPreviousPage": further if window.backwards else window.after is not None,
            "startCursor": self._cursor(rows[0]) if rows else None,
            "endCursor": self._cursor(rows[-1]) if rows else None,
        }
        return {key: known[name] for key, name in self.keys}

    def _cursor(self, row: Row) -> str:
        return encoded(as_uuid(row[self.row_id]).bytes)


@dataclass(frozen=True, slots=True)
class Count:
    """`totalCount` of a connection."""

    def __call__(
        self, rows: Sequence[Row], further: bool, window: Window, scope: Scope, count: int | None
    ) -> Any:
        return count


@dataclass(frozen=True, slots=True)
class TypeName:
    name: str

    def __call__(self, *_: object) -> Any:
        return self.name


@dataclass(frozen=True, slots=True)
class Compiler:
    """Makes the lists of a plan, for what the guards say of a subject."""

    types: Mapping[str, MappedType]
    outcomes: Sequence[Outcome]

    def list_of(self, child: Child, select: Select | None = None) -> List:
        """A list field ready to be read; `select` reads it along with others, if given."""
        shape = inner_of(child.selected)
        rows = Rows(self._model(shape), select if select is not None else Select())
        frame = Frame.of(rows.select, rows.model)
        below: list[Child] = []
        built = List(child, rows)
        if shape.type.is_connection:
            built.pieces = [
                (each.key, self._piece(each, shape, frame, below)) for each in shape.fields
            ]
        else:
            writer = Writer(self.outcomes, below)
            built.build = writer.function(writer.display(shape, frame))
        rows.children = self.lists_of(below)
        return built

    def lists_of(self, children: Sequence[Child]) -> list[List]:
        return [self.list_of(child) for child in children]

    def _model(self, shape: Shape) -> type[Record]:
        type_ = shape.type
        if type_.is_connection:
            type_ = self.types[type_.fields["nodes"].named_type.name]
        if type_.model is None:
            raise NotCompiled("a list of objects in memory")
        return type_.model

    def _piece(
        self, selected: Selected, shape: Shape, frame: Frame, below: list[Child]
    ) -> Callable[..., Any]:
        writer = Writer(self.outcomes, below)
        match selected.field.name if selected.field is not None else None:
            case None:
                return TypeName(shape.type.name)
            case "nodes":
                return Items(writer.function(writer.display(inner_of(selected), frame)))
            case "edges":
                return Items(writer.function(writer.edge(inner_of(selected), frame)))
            case "pageInfo":
                inner = inner_of(selected)
                keys = [(e.key, e.field.name if e.field else "__typename") for e in inner.fields]
                return PageInfo(keys, inner.type.name, frame.position("id"))
            case "totalCount":
                return Count()
            case _:
                raise NotCompiled("an unknown field of a connection")
