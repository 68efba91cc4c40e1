"""What somebody does to the database who owns it: past every trigger."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import asyncpg

Run = Callable[..., Awaitable[None]]
"""Runs one statement, with `$1`, `$2` … as placeholders."""


@asynccontextmanager
async def past_triggers(database_url: str) -> AsyncIterator[Run]:
    """A connection on which no trigger fires. The triggers are there again afterwards."""
    if database_url.startswith("sqlite"):
        async with _sqlite(database_url.removeprefix("sqlite://")) as alter:
            yield alter
        return
    connection = await asyncpg.connect(database_url)
    await connection.execute("SET session_replication_role = replica")

    async def run(sql: str, *values: object) -> None:
        await connection.execute(sql, *values)

    try:
        yield run
    finally:
        await connection.close()


@asynccontextmanager
async def _sqlite(path: str) -> AsyncIterator[Run]:
    connection = sqlite3.connect(Path(path), isolation_level=None)
    triggers = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")

    async def run(sql: str, *values: object) -> None:
        bound = [str(value) if isinstance(value, UUID) else value for value in values]
        connection.execute(sql.replace("$", "?"), bound)

    try:
        yield run
    finally:
        for _, sql in triggers:
            connection.execute(sql)
        connection.close()
