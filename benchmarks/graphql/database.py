"""A new database with the data, on PostgreSQL or SQLite, and what PostgreSQL spends on it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from cryptography.fernet import Fernet

from benchmarks.graphql import postgraphile
from benchmarks.graphql.seed import Seeded, seed
from benchmarks.graphql.servers import cpu_seconds
from models.database import opened
from models.migrating import upgrade

POSTGRES_URL = os.environ.get(
    "GATEPOST_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"
)
NAME = f"gatepost_bench{os.environ.get('GATEPOST_TEST_DATABASE_SUFFIX', '')}"

READER = f"{NAME}_reader"


@dataclass(frozen=True, slots=True)
class Database:
    """A seeded database. `admin` watches the backends, on PostgreSQL."""

    url: str
    secret_keys: tuple[str, ...]
    seeded: Seeded
    admin: Any = None

    async def spent(self) -> dict[int, float]:
        """The CPU seconds of each process that serves the contenders; none on SQLite or on another
        machine.
        """
        if self.admin is None:
            return {}
        rows = await self.admin.fetch("SELECT pid FROM pg_stat_activity WHERE datname = $1", NAME)
        return {row["pid"]: cpu_seconds(row["pid"]) for row in rows if _is_backend(row["pid"])}


def _is_backend(pid: int) -> bool:
    command = Path(f"/proc/{pid}/comm")
    return command.exists() and command.read_text().startswith("postgres")


@asynccontextmanager
async def on_postgres() -> AsyncIterator[Database]:
    """A new PostgreSQL database, dropped at the end.

    It does not wait for the disk at a commit: what is measured are the servers.
    """
    admin = await asyncpg.connect(POSTGRES_URL)
    await admin.execute(f'DROP DATABASE IF EXISTS "{NAME}" WITH (FORCE)')
    await admin.execute(f'CREATE DATABASE "{NAME}"')
    await admin.execute(f'ALTER DATABASE "{NAME}" SET synchronous_commit = off')
    url = f"{POSTGRES_URL.rpartition('/')[0]}/{NAME}"
    try:
        keys = (Fernet.generate_key().decode(),)
        seeded = await _filled(url, keys)
        filled = await asyncpg.connect(url)
        await postgraphile.prepare(filled, READER)
        await filled.close()
        yield Database(url, keys, seeded, admin)
    finally:
        await admin.execute(f'DROP DATABASE "{NAME}" WITH (FORCE)')
        await admin.execute(f'DROP ROLE IF EXISTS "{READER}"')
        await admin.close()


@asynccontextmanager
async def on_sqlite(folder: Path) -> AsyncIterator[Database]:
    url = f"sqlite://{folder / 'bench.sqlite3'}"
    keys = (Fernet.generate_key().decode(),)
    yield Database(url, keys, await _filled(url, keys))


async def _filled(url: str, keys: tuple[str, ...]) -> Seeded:
    async with opened(url, keys):
        await upgrade()
        return await seed()
