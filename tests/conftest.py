"""The databases of the test run: SQLite files, and one PostgreSQL database per worker."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from cryptography.fernet import Fernet

from identity import trusted_documents
from identity.access.load import cache
from models import clock
from models.database import opened
from models.migrating import upgrade
from tests import examples
from tests.clock import MovableClock
from tests.door import http_client
from tests.peers import missing
from tests.world import World, new_world

POSTGRES_URL = os.environ.get(
    "GATEPOST_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"
)
examples.use()
SECRET_KEYS = [Fernet.generate_key().decode()]


async def migrate(url: str) -> None:
    async with opened(url, SECRET_KEYS):
        await upgrade()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite database, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    asyncio.run(migrate(f"sqlite://{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_url(worker_id: str) -> str:
    """A migrated PostgreSQL database of this worker's own."""
    url = asyncio.run(recreated(worker_id))
    asyncio.run(migrate(url))
    return url


async def recreated(name: str) -> str:
    """The URL of a new PostgreSQL database without any table."""
    full = f"gatepost_test_{name}{os.environ.get('GATEPOST_TEST_DATABASE_SUFFIX', '')}"
    try:
        admin = await asyncpg.connect(POSTGRES_URL)
    except OSError as error:
        missing(f"PostgreSQL does not answer at {POSTGRES_URL}: {error}")
    await admin.execute(f'DROP DATABASE IF EXISTS "{full}" WITH (FORCE)')
    await admin.execute(f'CREATE DATABASE "{full}"')
    await admin.close()
    server, _, _ = POSTGRES_URL.rpartition("/")
    return f"{server}/{full}"


async def _empty(url: str) -> None:
    """Empty every table but that of the migrations.

    As a replica: without foreign keys and triggers, in any order, and far quicker than TRUNCATE.
    """
    connection = await asyncpg.connect(url)
    tables = await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        " AND tablename NOT LIKE '%migrations'"
    )
    deletes = "; ".join(f'DELETE FROM "{row["tablename"]}"' for row in tables)
    await connection.execute(f"SET session_replication_role = replica; {deletes}")
    await connection.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty, migrated database: each test runs once on SQLite, once on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "gatepost.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite://{path}"
    url: str = request.getfixturevalue("postgres_url")
    asyncio.run(_empty(url))
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path, worker_id: str) -> str:
    """The URL of a database without any table, for tests that begin where an operator begins."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path / 'gatepost.sqlite3'}"
    return asyncio.run(recreated(f"{worker_id}_empty"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[str]:
    """The same database, opened in this process."""
    cache.clear()
    trusted_documents.forget()
    async with opened(database_url, SECRET_KEYS):
        yield database_url


@pytest.fixture
async def http(database: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole application, on the same database."""
    async with http_client(database) as client:
        yield client


@pytest.fixture
def movable_clock() -> Iterator[MovableClock]:
    """The product's time, in the test's hand."""
    source = MovableClock()
    clock.use_source(source)
    yield source
    clock.use_source(None)


@pytest.fixture
async def world(database: str) -> World:
    """An organization on ENTERPRISE with an owner and two workspaces, in the opened database."""
    return await new_world("acme")
