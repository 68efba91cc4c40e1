"""Opening and closing the database, and transactions."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from asyncpg import InterfaceError, LockNotAvailableError, QueryCanceledError
from tortoise import Tortoise
from tortoise.backends.base.client import NestedTransactionContext
from tortoise.backends.base.executor import EXECUTOR_CACHE
from tortoise.exceptions import OperationalError
from tortoise.transactions import in_transaction

from models import announcing
from models.reading import keeping, reader
from models.secret import keyring
from models.sql import CONNECTION, LOST, CommitLost, Statement, is_postgres

APP = "models"
MIGRATIONS = "models.migrations"
BUSY_TIMEOUT_MS = 5000
POOL_SIZE = 10
POSTGRES_LIMITS = {
    "lock_timeout": "3s",
    "statement_timeout": "15s",
    "idle_in_transaction_session_timeout": "60s",
}
"""So that one organization whose lock is held takes no connections from the others for long. The
query of the database URL may give other values, as PostgreSQL writes them; 0 is none."""
_ONE_SNAPSHOT = Statement("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
PRIMARY_CODE = 0xFF
"""The part of SQLite's extended result codes that says the kind."""


class DatabaseUrlError(ValueError):
    """The database URL has a form we do not know."""


def configuration(url: str) -> dict[str, Any]:
    """Tortoise's configuration for `sqlite://PATH` or `postgres://USER@HOST/DATABASE`.

    Raises `DatabaseUrlError` for any other form.
    """
    return {
        "connections": {CONNECTION: _connection(url)},
        "apps": migrated_apps(),
        "use_tz": True,
        "timezone": "UTC",
    }


def migrated_apps(migrations: str = MIGRATIONS) -> dict[str, dict[str, Any]]:
    """The one Tortoise app: our models, and the package that holds their migrations."""
    return {
        APP: {"models": [APP], "default_connection": CONNECTION, "migrations": migrations},
    }


def _connection(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _sqlite(parts)
    if parts.scheme in ("postgres", "postgresql"):
        return _postgres(parts)
    raise DatabaseUrlError(
        f"The database URL starts with {parts.scheme or 'nothing'!r}. "
        "Use sqlite://PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE"
    )


def _sqlite(url: SplitResult) -> dict[str, Any]:
    path = unquote(url.netloc + url.path)
    if not path:
        raise DatabaseUrlError("The SQLite URL names no file. Write sqlite://var/gatepost.sqlite3")
    _create_private(Path(path))
    return {
        "engine": "tortoise.backends.sqlite",
        "credentials": {
            "file_path": path,
            "journal_mode": "WAL",
            "foreign_keys": "ON",
            "busy_timeout": BUSY_TIMEOUT_MS,
            "synchronous": "NORMAL",
        },
    }


def _create_private(path: Path) -> None:
    """A folder and an empty file for the owner alone, where there are none.

    SQLite gives the files beside it (`-wal`, `-shm`) the same permissions. What stands already
    keeps its own: that is the operator's decision.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        path.touch(mode=0o600, exist_ok=False)


def _postgres(url: SplitResult) -> dict[str, Any]:
    database = unquote(url.path.lstrip("/"))
    if not database:
        raise DatabaseUrlError("The PostgreSQL URL names no database. Write postgres://HOST/NAME")
    try:
        port = url.port or 5432
    except ValueError as error:
        raise DatabaseUrlError("The port of the PostgreSQL URL is not a number.") from error
    options = dict(parse_qsl(url.query))
    limits = {name: options.pop(name, limit) for name, limit in POSTGRES_LIMITS.items()}
    return {
        "engine": "tortoise.backends.asyncpg",
        "credentials": {
            "host": options.pop("host", url.hostname or "127.0.0.1"),
            "port": port,
            "user": unquote(url.username or "postgres"),
            "password": unquote(url.password) if url.password else None,
            "database": database,
            "application_name": "gatepost",
            "maxsize": POOL_SIZE,
            "server_settings": limits,
            "reset": _keep_as_it_is,
            **options,
        },
    }


async def _keep_as_it_is(connection: object) -> None:
    """Nothing here changes a connection's settings, so that none need resetting on its return."""


@asynccontextmanager
async def opened(url: str, secret_keys: Sequence[str]) -> AsyncIterator[None]:
    """The database and the keyring, open for as long as the block runs, in every task.

    The global fallback is needed because an ASGI server runs start-up and requests in different
    contexts; without it Tortoise finds no connection in a request. Tortoise keeps the INSERT texts
    of the last database by the connection's name, in that database's dialect, so they are dropped.
    """
    keyring.use(secret_keys)
    EXECUTOR_CACHE.clear()
    context = await Tortoise.init(config=configuration(url), _enable_global_fallback=True)
    try:
        async with keeping():
            try:
                yield
            finally:
                await announcing.finish()
    finally:
        reader.close()
        await context.close_connections()


class WaitedTooLong(Exception):
    """Somebody else held a lock, or a statement ran, for longer than is allowed."""


@contextmanager
def bounded_waits() -> Iterator[None]:
    """Around a transaction whose locks others may hold. Raises `WaitedTooLong`."""
    try:
        yield
    except (LockNotAvailableError, QueryCanceledError, OperationalError) as error:
        if not is_wait(error):
            raise
        raise WaitedTooLong from error


def is_wait(error: BaseException) -> bool:
    """Whether a statement was not carried out because others held what it needs."""
    if isinstance(error, LockNotAvailableError | QueryCanceledError):
        return True
    cause = error.args[0] if isinstance(error, OperationalError) and error.args else None
    return (
        isinstance(cause, sqlite3.OperationalError)
        and cause.sqlite_errorcode & PRIMARY_CODE == sqlite3.SQLITE_BUSY
    )


@asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """All or nothing: every statement of this task in the block is committed together.

    Blocks nest as savepoints. What is announced in one goes out when the outermost has committed.
    """
    with announcing.held():
        async with _begun():
            yield


@asynccontextmanager
async def snapshot() -> AsyncIterator[None]:
    """Every read of this task in the block sees the database as it was at one moment. Nothing is
    written in it, and it is no part of another transaction.
    """
    async with transaction():
        if is_postgres():
            await _ONE_SNAPSHOT.execute()
        yield


@asynccontextmanager
async def _begun() -> AsyncIterator[None]:
    """Tortoise's transaction, which may be cancelled while it begins: Tortoise would then keep the
    connection for ever; on SQLite that is the only one. Raises `CommitLost`.
    """
    context = in_transaction(CONNECTION)
    try:
        await context.__aenter__()
    except asyncio.CancelledError as cancelled:
        if hasattr(context, "token"):  # it has the connection
            with suppress(InterfaceError):  # asyncpg rolls nothing back that has not begun
                await context.__aexit__(type(cancelled), cancelled, None)
        raise
    async with AsyncExitStack() as stack:
        stack.push_async_exit(context.__aexit__)
        yield
        stack.pop_all()
    try:
        await context.__aexit__(None, None, None)
    except LOST as error:
        if isinstance(context, NestedTransactionContext):
            raise
        raise CommitLost from error
