"""Whole rows of a model in plain SQL: Tortoise takes longer to build these than they run."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, TypeVar

from tortoise.models import Model

from models.listing import Values
from models.reading import fetch
from models.record import Record
from models.sql import Statement

RowT = TypeVar("RowT", bound=Model)
ItemT = TypeVar("ItemT")

REMEMBERED_TEXTS = 200
MOST_VALUES = 20_000
"""In one statement: neither database binds more than some 32,000."""


def batches(items: Sequence[ItemT], size: int = MOST_VALUES) -> Iterator[Sequence[ItemT]]:
    """The items in their order, at most `size` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


@cache
def columns(model: type[Model]) -> tuple[str, ...]:
    """The columns of a model, called as in the database and as in Python."""
    assert all(name == column for name, column in model._meta.fields_db_projection.items())  # noqa: S101
    return tuple(model._meta.fields_db_projection)


@cache
def selection(model: type[Model], alias: str = "t") -> str:
    """Every column, to stand behind SELECT: what `loaded` reads."""
    return ", ".join(f"{alias}.{column}" for column in columns(model))


def loaded(model: type[RowT], values: Sequence[Any]) -> RowT:
    """The row with these values in the model's columns, as the database gave them."""
    return model._init_from_db(**dict(zip(columns(model), values, strict=True)))


def joined(model: type[RowT], values: Sequence[Any]) -> RowT | None:
    """The same of a row that was joined from the left: without an id, there is none."""
    return None if values[columns(model).index("id")] is None else loaded(model, values)


async def matching(
    model: type[RowT], condition: str, values: Sequence[object], *, locked: bool = False
) -> list[RowT]:
    """The rows `t` of which the condition is true; with `locked`, nobody else changes them until
    the caller's transaction ends. SQLite has one writer and needs no lock for that.
    """
    text = f"SELECT {selection(model)} FROM {model._meta.db_table} t WHERE {condition}"  # noqa: S608
    found = await fetch(text, values, locking=" FOR UPDATE OF t" if locked else "")
    return [loaded(model, row) for row in found]


def contents(row: Record) -> Mapping[str, object]:
    """What the columns of a row hold, to be compared with later."""
    return {column: getattr(row, column) for column in columns(type(row))}


def changed(row: Record, since: Mapping[str, object]) -> tuple[str, ...]:
    """The columns that hold something else than they did."""
    return tuple(column for column, value in since.items() if getattr(row, column) != value)


def bound(row: Model, names: Collection[str]) -> list[object]:
    """The values of these columns as the database takes them. Raises Tortoise's `ValidationError`
    for what does not fit its column.
    """
    fields = row._meta.fields_map
    return [fields[name].to_db_value(getattr(row, name), row) for name in names]


async def insert(row: Record) -> None:
    """Save a new row."""
    await _insertion(type(row)).execute(*bound(row, columns(type(row))))
    row._saved_in_db = True


async def insert_all(new: Sequence[Model]) -> None:
    """Save new rows of one table, many in a statement."""
    if not new:
        return
    names = columns(type(new[0]))
    table = new[0]._meta.db_table
    for some in batches(new, MOST_VALUES // len(names)):
        values = Values()
        each = ", ".join(f"({values.add_all(bound(row, names))})" for row in some)
        text = f"INSERT INTO {table} ({', '.join(names)}) VALUES {each}"  # noqa: S608
        await Statement(text).execute(*values.given)
    for row in new:
        row._saved_in_db = True


async def update(row: Record, since: Mapping[str, object]) -> None:
    """Save the columns that changed."""
    names = changed(row, since)
    if names:
        await _updating(type(row), names).execute(*bound(row, ("id", *names)))


@cache
def _insertion(model: type[Record]) -> Statement:
    names = columns(model)
    values = ", ".join(f"${number}" for number, _ in enumerate(names, 1))
    return Statement(
        f"INSERT INTO {model._meta.db_table} ({', '.join(names)}) VALUES ({values})"  # noqa: S608
    )


@lru_cache(maxsize=REMEMBERED_TEXTS)
def _updating(model: type[Record], names: tuple[str, ...]) -> Statement:
    sets = ", ".join(f"{name} = ${number}" for number, name in enumerate(names, 2))
    return Statement(f"UPDATE {model._meta.db_table} SET {sets} WHERE id = $1")  # noqa: S608
