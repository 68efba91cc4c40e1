"""The tables as a database has them, and as the models declare them, in one shape."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.indexes import Index
from tortoise.models import Model

import models
from models.sql import connection, is_postgres


@dataclass(frozen=True)
class Column:
    type: str
    nullable: bool


@dataclass(frozen=True)
class ForeignKey:
    column: str
    table: str
    on_delete: str


@dataclass(frozen=True)
class Table:
    """`unique` and `indexes` hold the columns of each; `indexes` those that are not unique."""

    columns: dict[str, Column]
    primary_key: tuple[str, ...]
    unique: frozenset[tuple[str, ...]]
    indexes: frozenset[tuple[str, ...]]
    foreign_keys: frozenset[ForeignKey]


async def tables() -> dict[str, Table]:
    """Every table of the open database but the list of applied migrations."""
    read = _postgres_table if is_postgres() else _sqlite_table
    return {name: await read(name) for name in await table_names() if "migrations" not in name}


async def table_names() -> list[str]:
    sql = (
        "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
        if is_postgres()
        else "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return sorted(row["name"] for row in await rows(sql))


async def rows(sql: str) -> list[Any]:
    _, found = await connection().execute_query(sql)
    return list(found)


async def _sqlite_table(name: str) -> Table:
    columns = await rows(f"PRAGMA table_info({name})")
    indexes = await rows(f"PRAGMA index_list({name})")
    covers = {
        index["name"]: tuple(c["name"] for c in await rows(f"PRAGMA index_info({index['name']})"))
        for index in indexes
    }
    return Table(
        columns={c["name"]: Column(c["type"], not c["notnull"]) for c in columns},
        primary_key=tuple(c["name"] for c in columns if c["pk"]),
        unique=frozenset(covers[i["name"]] for i in indexes if i["origin"] == "u"),
        indexes=frozenset(covers[i["name"]] for i in indexes if i["origin"] == "c"),
        foreign_keys=frozenset(
            ForeignKey(key["from"], key["table"], key["on_delete"])
            for key in await rows(f"PRAGMA foreign_key_list({name})")
        ),
    )


POSTGRES_TYPES = {
    "character varying": "VARCHAR",
    "timestamp with time zone": "TIMESTAMPTZ",
    "integer": "INT",
    "boolean": "BOOL",
}
POSTGRES_ACTIONS = {b"c": "CASCADE", b"n": "SET NULL", b"r": "RESTRICT", b"a": "NO ACTION"}


async def _postgres_table(name: str) -> Table:
    columns = await rows(
        "SELECT attname, format_type(atttypid, atttypmod) AS type, attnotnull FROM pg_attribute"
        f" WHERE attrelid = '{name}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    )
    constraints = await rows(
        "SELECT contype, confdeltype, confrelid::regclass::text AS parent, ARRAY(SELECT attname"
        " FROM unnest(conkey) WITH ORDINALITY AS k(number, place) JOIN pg_attribute"
        " ON attrelid = conrelid AND attnum = k.number ORDER BY k.place) AS columns"
        f" FROM pg_constraint WHERE conrelid = '{name}'::regclass"
    )
    indexes = await rows(
        "SELECT ARRAY(SELECT attname FROM unnest(indkey) WITH ORDINALITY AS k(number, place)"
        " JOIN pg_attribute ON attrelid = indrelid AND attnum = k.number ORDER BY k.place)"
        f" AS columns FROM pg_index WHERE indrelid = '{name}'::regclass AND NOT indisunique"
    )
    of_type = {k: [c for c in constraints if c["contype"] == k] for k in (b"p", b"u", b"f")}
    return Table(
        columns={
            c["attname"]: Column(_postgres_type(c["type"]), not c["attnotnull"]) for c in columns
        },
        primary_key=tuple(of_type[b"p"][0]["columns"]),
        unique=frozenset(tuple(c["columns"]) for c in of_type[b"u"]),
        indexes=frozenset(tuple(index["columns"]) for index in indexes),
        foreign_keys=frozenset(
            ForeignKey(c["columns"][0], c["parent"], POSTGRES_ACTIONS[c["confdeltype"]])
            for c in of_type[b"f"]
        ),
    )


def _postgres_type(text: str) -> str:
    name, bracket, length = text.partition("(")
    return POSTGRES_TYPES.get(name, name.upper()) + bracket + length


def all_models() -> list[type[Model]]:
    """Every table's model, parents before children."""
    found = {
        model._meta.db_table: model
        for model in (getattr(models, name) for name in models.__all__)
        if isinstance(model, type) and issubclass(model, Model)
    }
    return list(found.values())


OF_THE_LOG = frozenset({models.AuditEvent, models.AuditUnsealed})
"""Where a row comes with each event, a denial's too."""

PARTIAL = {"audit_events": frozenset({("organization_id", "outcome", "id")})}
OF_EXPRESSIONS = {"postgres": {"audit_events": frozenset({()})}}
"""Indexes that no model can declare: migrations alone make them. One of expressions has no columns.
"""


def declared(dialect: str) -> dict[str, Table]:
    """Every table as its model declares it, with the types of that database."""
    found = {str(model._meta.db_table): _declared(model, dialect) for model in all_models()}
    for more in (PARTIAL, OF_EXPRESSIONS.get(dialect, {})):
        for name, indexes in more.items():
            found[name] = replace(found[name], indexes=found[name].indexes | indexes)
    return found


def _declared(model: type[Model], dialect: str) -> Table:
    meta = model._meta
    names = dict(meta.fields_db_projection)
    fields = {column: meta.fields_map[name] for name, column in names.items()}
    return Table(
        columns={
            column: Column(str(field.get_for_dialect(dialect, "SQL_TYPE")), field.null)
            for column, field in fields.items()
        },
        primary_key=tuple(column for column, field in fields.items() if field.pk),
        unique=frozenset(
            {(column,) for column, field in fields.items() if field.unique and not field.pk}
            | {_columns(model, together) for together in meta.unique_together or ()}
        ),
        indexes=frozenset(
            {(column,) for column, field in fields.items() if field.index and not field.pk}
            | {_columns(model, _names(index)) for index in meta.indexes or ()}
        ),
        foreign_keys=frozenset(_foreign_keys(model)),
    )


def _names(index: Index | Iterable[str]) -> Iterable[str]:
    return index.field_names if isinstance(index, Index) else index


def _columns(model: type[Model], names: Iterable[str]) -> tuple[str, ...]:
    fields = model._meta.fields_map
    return tuple(fields[name].source_field or name for name in names)


def _foreign_keys(model: type[Model]) -> Iterator[ForeignKey]:
    for name in model._meta.fk_fields:
        field = cast("ForeignKeyFieldInstance[Any]", model._meta.fields_map[name])
        table = str(field.related_model._meta.db_table)
        yield ForeignKey(str(field.source_field), table, field.on_delete.value)
