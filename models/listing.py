"""Which rows of a table somebody sees, and in which order: one rule, for every way of reading them.

A listing writes the SQL that gives whole rows. Who reads a page of it names the columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from models.record import Record
from models.sql import Statement, as_uuid
from models.window import COUNT_CAP, Window


class Values:
    """The values of a statement under construction; each is known in the text by its number."""

    def __init__(self, *first: object) -> None:
        self.given: list[object] = list(first)

    def add(self, value: object) -> str:
        """The placeholder of a further value."""
        self.given.append(value)
        return f"${len(self.given)}"

    def add_all(self, values: Sequence[object]) -> str:
        """The placeholders of several, separated by commas."""
        return ", ".join(self.add(value) for value in values)

    def range(self, column: str, window: Window) -> str:
        """The keyset condition of a window on a time-sortable column, its order and its limit."""
        conditions = ""
        if window.after is not None:
            conditions += f" AND {column} < {self.add(window.after)}"
        if window.before is not None:
            conditions += f" AND {column} > {self.add(window.before)}"
        order = "ASC" if window.backwards else "DESC"
        return f"{conditions} ORDER BY {column} {order} LIMIT {window.limit}"


class Listing(Protocol):
    """Rows of one table, whose alias is `t`. `order` is that of the whole list; a page is newest
    first.
    """

    @property
    def model(self) -> type[Record]: ...

    @property
    def order(self) -> str: ...

    def rows(self, values: Values, window: Window | None) -> str | None:
        """A SELECT of the whole rows, of a window if given, ordered; `None` if there can be none.

        The rows of a window that is taken backwards come in the opposite order.
        """


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows with these values in these columns; with `ids`, only those of them."""

    model: type[Record]
    where: Mapping[str, object]
    order: str = "t.id DESC"
    ids: frozenset[UUID] | None = field(default=None)

    def rows(self, values: Values, window: Window | None) -> str | None:
        if self.ids is not None and not self.ids:
            return None
        conditions = [f"t.{column} = {values.add(value)}" for column, value in self.where.items()]
        if self.ids is not None:
            conditions.append(f"t.id IN ({values.add_all(sorted(self.ids))})")
        text = f"SELECT t.* FROM {self.model._meta.db_table} t WHERE {' AND '.join(conditions)}"  # noqa: S608
        if window is not None:
            return text + values.range("t.id", window)
        return f"{text} ORDER BY {self.order}"


@dataclass(frozen=True, slots=True)
class Linked:
    """The rows of an organization that a table of pairs links to one row: `own` is the column of a
    pair for these rows, `other` the one for that row, with its id.
    """

    model: type[Record]
    pairs: type[Record]
    own: str
    other: tuple[str, UUID]
    organization_id: UUID
    order: str = "t.id DESC"

    def rows(self, values: Values, window: Window | None) -> str | None:
        column, row_id = self.other
        text = (
            f"SELECT t.* FROM {self.pairs._meta.db_table} p"  # noqa: S608
            f" JOIN {self.model._meta.db_table} t ON t.id = p.{self.own}"
            f" WHERE p.{column} = {values.add(row_id)}"
            f" AND t.organization_id = {values.add(self.organization_id)}"
        )
        if window is not None:
            return text + values.range(f"p.{self.own}", window)
        return f"{text} ORDER BY {self.order}"


async def page(listing: Listing, window: Window | None = None) -> list[Any]:
    """The rows of a listing as records, or of one window of it newest first."""
    values = Values()
    text = listing.rows(values, window)
    if text is None:
        return []
    ids = [as_uuid(row["id"]) for row in await Statement(text).rows(*values.given)]
    if window is not None and window.backwards:
        ids.reverse()
    records = await listing.model.in_bulk(ids, "id")
    return [records[row_id] for row_id in ids if row_id in records]


def counting(listing: Listing, values: Values) -> str | None:
    """A SELECT of how many rows there are as `n`, counted no further than `COUNT_CAP`."""
    text = listing.rows(values, Window(limit=COUNT_CAP))
    return None if text is None else f"SELECT count(*) AS n FROM ({text}) AS counted"  # noqa: S608


async def count_up_to_cap(listing: Listing) -> int:
    values = Values()
    text = counting(listing, values)
    row = None if text is None else await Statement(text).row(*values.given)
    return 0 if row is None else int(row["n"])
