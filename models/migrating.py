"""Bringing a database to the tables that this version expects."""

from collections.abc import Callable

from tortoise.migrations.executor import MigrationExecutor

from models.database import migrated_apps
from models.sql import connection


async def upgrade(progress: Callable[[str], object] | None = None) -> list[str]:
    """Apply every migration that is still to be applied, in order; their names."""
    names = await pending()
    for name in names:
        if progress is not None:
            progress(name)
    await _executor().migrate(direction="forward")
    return names


async def pending() -> list[str]:
    """The names of the migrations that this database has not seen yet."""
    return [step.migration.name for step in await _executor().plan()]


def _executor() -> MigrationExecutor:
    return MigrationExecutor(connection(), migrated_apps())
