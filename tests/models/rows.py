"""Rows for every table, made from the catalog alone: an old database is not what the models say."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

from models.sql import connection, is_postgres
from tests.models.catalog import Table, rows, tables

ROWS = 3


async def fill() -> dict[str, int]:
    """Give every table three rows; how many each has then.

    Row n of a child belongs to row n of each parent.
    """
    found = await tables()
    ids = {name: [uuid4() for _ in range(ROWS)] for name in found}
    for name in _parents_first(found):
        for number in range(ROWS):
            await _insert(name, found[name], number, ids)
    return await counts()


async def counts() -> dict[str, int]:
    return {
        name: (await rows(f"SELECT count(*) AS count FROM {name}"))[0]["count"]
        for name in await tables()
    }


def _parents_first(found: dict[str, Table]) -> list[str]:
    done: list[str] = []
    while len(done) < len(found):
        done += [
            name
            for name, table in found.items()
            if name not in done and all(key.table in done for key in table.foreign_keys)
        ]
    return done


async def _insert(name: str, table: Table, number: int, ids: dict[str, list[UUID]]) -> None:
    parents = {key.column: ids[key.table][number] for key in table.foreign_keys}
    values = {
        column: parents.get(column) or _value(column, declared.type, number)
        for column, declared in table.columns.items()
    } | {"id": ids[name][number]}
    marks = ", ".join(f"${n}" if is_postgres() else "?" for n in range(1, len(values) + 1))
    columns = ", ".join(f'"{column}"' for column in values)
    bound = list(values.values()) if is_postgres() else [_for_sqlite(v) for v in values.values()]
    await connection().execute_query(f"INSERT INTO {name} ({columns}) VALUES ({marks})", bound)


def _value(column: str, declared: str, number: int) -> object:
    kind = declared.partition("(")[0]
    if kind in ("UUID", "CHAR"):
        return uuid4()
    if kind in ("TIMESTAMP", "TIMESTAMPTZ"):
        return datetime(2030, 1, 1 + number, tzinfo=UTC)
    if kind == "DATE":
        return date(2030, 1, 1 + number)
    if kind in ("JSON", "JSONB"):
        return "[]"
    if kind in ("BOOL", "BOOLEAN"):
        return bool(number % 2)
    if kind in ("INT", "BIGINT"):
        return number
    if kind in ("BLOB", "BYTEA"):
        return bytes([number])
    return f"{column[:4]}{number}"


def _for_sqlite(value: object) -> object:
    return value if isinstance(value, str | int | bytes | datetime) else str(value)
