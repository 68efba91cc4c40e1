"""What a command stands on: the settings, the open database, and where it came from."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import asyncpg
import click
from tortoise.exceptions import BaseORMException

from gateway.mailing import courier_of
from gateway.settings import Settings, SettingsError, load
from identity import mail, retention
from identity.credentials.key_tokens import installation
from identity.refusals import BadInput, InUse, Refusal
from identity.subject import Origin
from identity.webhooks import managing as webhooks
from models.database import DatabaseUrlError, opened
from models.ids import new_id
from models.migrating import MigrationError, NotMigrated, pending, require_migrated
from models.secret import SecretKeyError

ResultT = TypeVar("ResultT")


class DatabaseUnreachable(Exception):
    """The database cannot be opened; the text says why."""


FAILURES = (
    Refusal,
    SettingsError,
    SecretKeyError,
    DatabaseUrlError,
    DatabaseUnreachable,
    NotMigrated,
    MigrationError,
    BaseORMException,
)
"""Everything that is the operator's to repair; any other exception is a fault of ours."""

_NO_ANSWER = (OSError, sqlite3.Error, asyncpg.PostgresError, BaseORMException)


def sentence(error: BaseException) -> str:
    """A failure, for people."""
    if isinstance(error, BadInput):
        return f"{error.field}: {error.message}"
    if isinstance(error, InUse):
        holders = error.details.get("holders", ())
        return "\n  ".join([error.message, *map(str, holders)])
    if isinstance(error, BaseORMException) and not isinstance(error, DatabaseUrlError):
        return f"The database did not carry it out: {error}"
    return str(error)


def run(
    work: Callable[[Settings], Coroutine[Any, Any, ResultT]], *, migrated: bool = True
) -> ResultT:
    """The result of `work` with the database open, on the settings of the environment."""
    settings = load()

    async def with_database() -> ResultT:
        async with open_database(settings, migrated=migrated):
            return await work(settings)

    return asyncio.run(with_database())


@asynccontextmanager
async def open_database(settings: Settings, *, migrated: bool = True) -> AsyncIterator[None]:
    """The database of these settings, open in the block.

    Raises `NotMigrated` unless it has the tables of this version, and `DatabaseUnreachable`. Only
    with `migrated` off is a missing SQLite file, or a missing key file, made.
    """
    path = settings.sqlite_path
    if migrated and path is not None and not path.exists():
        raise NotMigrated(f"There is no database at {path} yet. Run: gatepost migrate")
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(opened(settings.database_url, settings.keys()))
            await pending()
        except _NO_ANSWER as error:
            raise DatabaseUnreachable(f"The database cannot be opened: {error}") from error
        if migrated:
            await require_migrated()
        installation.use(settings.api_key_environment)
        mail.use(delivers=courier_of(settings) is not None)
        webhooks.use(allow_loopback=settings.allow_loopback_webhooks)
        retention.use(settings.audit_retention_days)
        yield


def origin() -> Origin:
    """The command under way, for the audit log: all that it does has one request id."""
    command = click.get_current_context()
    root = command.find_root()
    request_id = root.meta.setdefault(f"{__name__}.request_id", new_id().hex)
    return Origin(request_id=request_id, operation=command.command_path)
