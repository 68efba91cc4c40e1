"""Bringing a database to the tables that this version expects.

Each migration is one transaction with its own entry in the list of applied ones, under a lock that
a second process waits for: both may call `upgrade`, and each migration runs once.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.exceptions import OperationalError
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.migrations.schema_editor.base import BaseSchemaEditor

from models.database import APP, POSTGRES_LIMITS, migrated_apps, transaction
from models.sql import connection, is_postgres

LOCK_KEY = 0x6761_7465_706F_7374
"""The key of the advisory lock: "gatepost" in ASCII."""


class MigrationError(Exception):
    """The database cannot be migrated now; nothing of the failing migration is left behind."""


class NotMigrated(Exception):
    """The database lacks migrations; the text says what to do."""


async def upgrade(
    progress: Callable[[str], object] | None = None, *, to: str | None = None
) -> list[str]:
    """Apply every migration that is still due, or those up to `to`, in order; their names.

    Raises `MigrationError` when another process holds the database, or when a migration would
    leave rows without their parent.
    """
    done: list[str] = []
    while name := await _apply_next(to, progress):
        done.append(name)
    return done


async def pending() -> list[str]:
    """The names of the migrations that this database has not seen yet. It changes nothing."""
    return await _pending(_Executor(connection()), None)


async def require_migrated() -> None:
    """Raise `NotMigrated` unless the database has the tables of this version."""
    missing = await pending()
    if missing:
        raise NotMigrated(
            f"The database lacks {len(missing)} migrations ({', '.join(missing)}). "
            "Run: gatepost migrate"
        )


async def _apply_next(to: str | None, progress: Callable[[str], object] | None) -> str | None:
    async with _alone():
        executor = _Executor(connection())
        names = await _pending(executor, to)
        if not names:
            return None
        if progress is not None:
            progress(names[0])
        await executor.migrate([MigrationTarget(APP, names[0])], direction="forward")
        return names[0]


async def _pending(executor: MigrationExecutor, to: str | None) -> list[str]:
    names = [step.migration.name for step in await executor.plan()]
    return [name for name in names if to is None or name <= to]


@asynccontextmanager
async def _alone() -> AsyncIterator[None]:
    """A transaction of this process alone among those that migrate."""
    if is_postgres():
        async with transaction():
            await _without_limits()
            await connection().execute_query(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")
            yield
    else:
        async with _alone_on_sqlite():
            yield


async def _without_limits() -> None:
    """Let this transaction wait for another process, and take its time."""
    calls = ", ".join(f"set_config('{name}', '0', true)" for name in POSTGRES_LIMITS)
    await connection().execute_query(f"SELECT {calls}")


@asynccontextmanager
async def _alone_on_sqlite() -> AsyncIterator[None]:
    """With foreign keys off (https://www.sqlite.org/lang_altertable.html, section 7), so that
    dropping a table to rebuild it does not delete its children. They are checked before the commit.
    """
    await connection().execute_query("PRAGMA foreign_keys = OFF")
    try:
        async with transaction():
            await _lock_sqlite()
            yield
            _, orphans = await connection().execute_query("PRAGMA foreign_key_check")
            if orphans:
                tables = ", ".join(sorted({row["table"] for row in orphans}))
                raise MigrationError(f"The migration would leave rows without parent in {tables}.")
    finally:
        await connection().execute_query("PRAGMA foreign_keys = ON")


async def _lock_sqlite() -> None:
    """Make the open transaction the writer at once, waiting for another up to the busy timeout."""
    await connection().execute_query("ROLLBACK")
    try:
        await connection().execute_query("BEGIN IMMEDIATE")
    except OperationalError as error:
        raise MigrationError(
            "Another process is writing to this database. Stop it, or try again when it is done."
        ) from error


class _Recorder(MigrationRecorder):
    """Tortoise's list of applied migrations, kept inside the open transaction.

    Tortoise creates the table by a script, which on SQLite commits, and takes any error while
    reading it for an empty list, which on PostgreSQL breaks the transaction.
    """

    async def ensure_schema(self, schema_editor: BaseSchemaEditor) -> None:
        if not await self._exists():
            table = schema_editor._get_model_sql_data(self.model)
            await self.connection.execute_query(table.table_sql)

    async def applied_migrations(self) -> list[MigrationKey]:
        return await super().applied_migrations() if await self._exists() else []

    async def _exists(self) -> bool:
        look = (
            f"SELECT 1 WHERE to_regclass('{self.table_name}') IS NOT NULL"
            if is_postgres()
            else f"SELECT 1 FROM sqlite_master WHERE name = '{self.table_name}'"  # noqa: S608
        )
        _, rows = await self.connection.execute_query(look)
        return bool(rows)


class _Executor(MigrationExecutor):
    def __init__(self, client: BaseDBAsyncClient) -> None:
        super().__init__(client, migrated_apps())
        self.recorder = self.loader.recorder = _Recorder(client)
