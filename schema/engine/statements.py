"""One SELECT under construction: its columns, its joins, and where they stand in its rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tortoise import fields

from models.record import Record
from models.sql import as_json, as_optional_time, as_optional_uuid, is_postgres
from schema.engine.mapped import columns_of, foreign_key


@dataclass(slots=True)
class Select:
    """The columns and the to-one joins that one level of the answer needs."""

    columns: list[str] = field(default_factory=list)
    joins: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The alias and the table of each joined row, by the column that holds its id."""

    def column(self, text: str) -> int:
        """The position of a column in the rows."""
        if text not in self.columns:
            self.columns.append(text)
        return self.columns.index(text)

    def join(self, model: type[Record], on: str) -> str:
        """The alias of the row whose id is in the column `on`; null where that is."""
        if on not in self.joins:
            self.joins[on] = f"j{len(self.joins)}", model._meta.db_table
        return self.joins[on][0]

    def text(
        self, source: str, order: str = "", *, where: str = "", more: Sequence[str] = ()
    ) -> str:
        """The statement over a FROM item; `more` are columns after the others."""
        columns = ", ".join((*self.columns, *more)) or "1"
        joins = "".join(
            f" LEFT JOIN {table} {alias} ON {alias}.id = {on}"
            for on, (alias, table) in self.joins.items()
        )
        limited = f" WHERE {where}" if where else ""
        ordered = f" ORDER BY {order}" if order else ""
        return f"SELECT {columns} FROM {source}{joins}{limited}{ordered}"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Frame:
    """A row of a SELECT, and how an expression in Python reads its columns from the row `r`.

    `key` is the column with its id, which is null where there is no row. A frame without an alias
    is joined as soon as more than the id is read.
    """

    select: Select
    model: type[Record]
    key: str
    alias: str | None = None

    @classmethod
    def of(cls, select: Select, model: type[Record], alias: str = "t") -> "Frame":
        return cls(select, model, f"{alias}.id", alias)

    def position(self, column: str) -> int:
        """Where a column of the row stands."""
        return self.select.column(self._named(column))

    def read(self, column: str) -> str:
        """The expression of a column as the database gives it."""
        return f"r[{self.position(column)}]"

    def there(self) -> str:
        """The expression that is null where there is no row."""
        return f"r[{self.select.column(self.key)}]"

    def related(self, relation: str) -> "Frame":
        """The row that a foreign key of this one points at."""
        key = foreign_key(self.model, relation)
        assert key is not None  # noqa: S101 - `mapped` held the declaration to it at start-up
        related: Any = key.related_model
        return Frame(self.select, related, self._named(f"{relation}_id"))

    def raw_id(self, names: dict[str, Any]) -> str:
        """The expression of the 16 bytes of the row's id."""
        if is_postgres():
            return f"{self.read('id')}.bytes"
        names["raw"] = raw
        return f"raw({self.read('id')})"

    def python(self, column: str, names: dict[str, Any]) -> str:
        """The expression of a column as the Python type of its field, but for enums."""
        convert = _converter(columns_of(self.model)[column])
        if convert is None:
            return self.read(column)
        names[convert.__name__] = convert
        return f"{convert.__name__}({self.read(column)})"

    def _named(self, column: str) -> str:
        if column == "id":
            return self.key
        return f"{self.alias or self.select.join(self.model, self.key)}.{column}"


def raw(row_id: str) -> bytes:
    """The 16 bytes of an id that is text."""
    return bytes.fromhex(row_id.replace("-", ""))


def truth(value: object) -> bool | None:
    return None if value is None else bool(value)


def _converter(column: fields.Field[Any]) -> Callable[[Any], Any] | None:
    """What makes the Python value of a column that the database gives in another form."""
    if isinstance(column, fields.JSONField):
        return as_json
    if is_postgres():
        return None
    converters: dict[type[fields.Field[Any]], Callable[[Any], Any]] = {
        fields.DatetimeField: as_optional_time,
        fields.UUIDField: as_optional_uuid,
        fields.BooleanField: truth,
    }
    return next((c for kind, c in converters.items() if isinstance(column, kind)), None)


def several(listings: Sequence[str]) -> str:
    """The FROM item of several listings at once, whose rows say in `p` which one they are of."""
    parts = (f"SELECT {n} AS p, l{n}.* FROM ({text}) l{n}" for n, text in enumerate(listings))  # noqa: S608
    return f"({' UNION ALL '.join(parts)}) t"
