"""Plain SQL on Tortoise's own connections, where its query building costs too much."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from tortoise.backends.base.client import BaseDBAsyncClient, TransactionalDBClient
from tortoise.connection import get_connection
from tortoise.exceptions import BaseORMException

CONNECTION = "default"
FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, BaseORMException)
"""What a statement raises that was not carried out. A timeout is an OSError."""

LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
"""What is raised when the connection is lost while a statement is under way."""


class CommitLost(Exception):
    """The connection was lost during a commit: nobody knows whether it was made."""


def is_postgres() -> bool:
    return str(connection().capabilities.dialect) == "postgres"


def connection() -> BaseDBAsyncClient:
    """The connection of the current task: the open transaction's, when there is one."""
    return get_connection(CONNECTION)


def in_transaction() -> bool:
    """Whether the current task has begun a transaction."""
    return isinstance(connection(), TransactionalDBClient)


class Statement:
    """One SQL text with `$1`, `$2` … as placeholders, made once and run on either database."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self._sqlite = re.sub(r"\$(\d+)", r"?\1", sql)

    async def rows(self, *values: object) -> Sequence[Any]:
        """The rows, each readable by column name. Ids are `str` on SQLite: use `as_uuid`."""
        _, rows = await self._run(values)
        return rows

    async def row(self, *values: object) -> Any | None:
        rows = await self.rows(*values)
        return rows[0] if rows else None

    async def returned(self, *values: object) -> Any | None:
        """The first row that a writing statement with RETURNING gives back."""
        rows = await self.all_returned(*values)
        return rows[0] if rows else None

    async def all_returned(self, *values: object) -> Sequence[Any]:
        """All of them."""
        text = self.sql if is_postgres() else self._sqlite
        return await connection().execute_query_dict(text, self._bound(values))

    async def execute(self, *values: object) -> int:
        """Run a writing statement; the number of rows it changed."""
        changed, _ = await self._run(values)
        return changed

    async def _run(self, values: tuple[object, ...]) -> tuple[int, Sequence[Any]]:
        text = self.sql if is_postgres() else self._sqlite
        return await connection().execute_query(text, self._bound(values))

    @staticmethod
    def _bound(values: tuple[object, ...]) -> list[object]:
        return list(values) if is_postgres() else [_for_sqlite(value) for value in values]


def _for_sqlite(value: object) -> object:
    return str(value) if isinstance(value, UUID) else value


def as_uuid(value: object) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))


def as_optional_uuid(value: object) -> UUID | None:
    return None if value is None else as_uuid(value)


def as_time(value: object) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))


def as_optional_time(value: object) -> datetime | None:
    return None if value is None else as_time(value)


def as_json(value: object) -> Any:
    return json.loads(value) if isinstance(value, str | bytes) else value
