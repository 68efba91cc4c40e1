"""Reading plain records: the shortest way from a SELECT to its rows.

On PostgreSQL the records are asyncpg's own, from connections of Tortoise's pool, of which some stay
with the reads: to take one from the pool and give it back costs as much as a short read. On SQLite
a short read runs in the thread of the event loop, over a connection that can only read: handing it
to another thread and back takes longer than the read. One that turns out long is run again on
Tortoise's connection, which has a thread of its own. Inside a transaction both read over its
connection.
"""

import asyncio
import logging
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.backends.base.client import BaseDBAsyncClient, TransactionalDBClient
from tortoise.backends.sqlite.client import SqliteClient

from models.sql import LOST, CommitLost, connection

log = logging.getLogger("tortoise.db_client")

LONGEST_SHORT_READ = 0.02
"""Seconds that a read may hold up the event loop."""
STEPS_BETWEEN_LOOKS = 20_000
"""Instructions of SQLite's virtual machine after which the clock is looked at."""
REMEMBERED_TEXTS = 300
REMEMBERED_STATEMENTS = 100
PRIMARY_CODE = 0xFF
"""The part of SQLite's extended result codes that says the kind."""

MOST_KEPT = 4
"""Connections that stay with the reads. The others of the pool are there for all that is done."""

NOT_NOW = (sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY)

Row = Sequence[Any]


class _Reader:
    """The read-only SQLite connection of this process, for the database that is open."""

    def __init__(self) -> None:
        self._path: str | None = None
        self._connection: sqlite3.Connection | None = None
        self._began = 0.0

    def short(self, path: str, sql: str, values: Sequence[object]) -> list[Row] | None:
        """The rows, or `None` if the read is not a short one, or has to wait for somebody."""
        if self._connection is None or path != self._path:
            self.close()
            self._connection, self._path = _read_only(path), path
            self._connection.set_progress_handler(self._is_long, STEPS_BETWEEN_LOOKS)
        self._began = time.monotonic()
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & PRIMARY_CODE in NOT_NOW:
                return None
            raise

    def _is_long(self) -> bool:
        return time.monotonic() - self._began > LONGEST_SHORT_READ

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _read_only(path: str) -> sqlite3.Connection:
    uri = f"{Path(path).absolute().as_uri()}?mode=ro"
    return sqlite3.connect(
        uri, uri=True, isolation_level=None, timeout=0, cached_statements=REMEMBERED_STATEMENTS
    )


reader = _Reader()


_kept: dict[BaseDBAsyncClient, list[Any]] = {}
"""Of each database that is open, the connections that stay with the reads and are not in use."""


@asynccontextmanager
async def keeping() -> AsyncIterator[None]:
    """While the block runs, reads of the open database may keep connections of its pool."""
    client = connection()
    _kept[client] = []
    try:
        yield
    finally:
        for kept in _kept.pop(client):
            await _given_back(client, kept)


async def _given_back(client: BaseDBAsyncClient, held: Any) -> None:
    assert client._pool is not None  # noqa: S101 - the connection is of it
    await client._pool.release(held)


class _Connection:
    """A connection of a database: one that stays with the reads, if one is free and still open.

    What fails, or is cancelled, goes back to the pool, which knows what to do with it.
    """

    __slots__ = ("client", "held")

    def __init__(self, client: AsyncpgDBClient) -> None:
        self.client = client

    async def __aenter__(self) -> Any:
        free = _kept.get(self.client)
        while free:
            self.held = free.pop()
            if not self.held.is_closed():
                return self.held
            await _given_back(self.client, self.held)
        self.held = await self.client.acquire_connection().__aenter__()
        return self.held

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        free = _kept.get(self.client)
        if kind is None and free is not None and len(free) < _most_kept(self.client):
            free.append(self.held)
        else:
            await _given_back(self.client, self.held)


def _most_kept(client: AsyncpgDBClient) -> int:
    return min(MOST_KEPT, client.pool_maxsize // 2)


async def fetch(sql: str, values: Sequence[object], *, locking: str = "") -> Sequence[Row]:
    """The rows of a SELECT with `$1`, `$2` … as placeholders, each read by position.

    SQLite gives ids and times as text and truth as 0 or 1. `locking` ends the text on PostgreSQL
    alone.
    """
    client = connection()
    if locking and isinstance(client, AsyncpgDBClient):
        sql += locking
    if isinstance(client, AsyncpgDBClient):
        alone = not isinstance(client, TransactionalDBClient)
        async with _Connection(client) if alone else client.acquire_connection() as postgres:
            _log(sql)
            found: list[Row] = await postgres.fetch(sql, *values)
            return found
    text, bound = _numbered(sql), [str(v) if isinstance(v, UUID) else v for v in values]
    assert isinstance(client, SqliteClient)  # noqa: S101 - there are two kinds of database
    if not isinstance(client, TransactionalDBClient):
        rows = reader.short(client.filename, text, bound)
        await asyncio.sleep(0)  # so that many short reads do not add up to a long one
        if rows is not None:
            _log(text)
            return rows
    slow: Sequence[Row] = (await client.execute_query(text, bound))[1]
    return slow


async def fetch_alone(
    statement: Callable[[], tuple[str, Sequence[object]] | None],
) -> Sequence[Row]:
    """The rows of one statement, reading or writing, that is a transaction by itself. PostgreSQL
    alone, outside a transaction.

    Text and values are asked for once there is a connection, for which others may have had to be
    waited; with `None`, nothing is done. Raises `CommitLost`.
    """
    client = connection()
    assert isinstance(client, AsyncpgDBClient)  # noqa: S101
    assert not isinstance(client, TransactionalDBClient)  # noqa: S101
    async with _Connection(client) as postgres:
        made = statement()
        if made is None:
            return []
        sql, values = made
        _log(sql)
        try:
            found: list[Row] = await postgres.fetch(sql, *values)
        except LOST as error:
            raise CommitLost from error
        return found


def _log(sql: str) -> None:
    """As Tortoise's own clients do, where none of them takes part, but without the values."""
    if log.isEnabledFor(logging.DEBUG):
        log.debug("%s", sql)


@lru_cache(maxsize=REMEMBERED_TEXTS)
def _numbered(sql: str) -> str:
    """SQLite's own form of the placeholders."""
    return re.sub(r"\$(\d+)", r"?\1", sql)
