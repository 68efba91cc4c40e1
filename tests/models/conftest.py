"""Databases that were never migrated."""

import asyncio
import os
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import POSTGRES_URL


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path, worker_id: str) -> str:
    """The URL of a database without any table."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path / 'empty.sqlite3'}"
    request.getfixturevalue("postgres_url")
    name = f"gatepost_empty_{worker_id}{os.environ.get('GATEPOST_TEST_DATABASE_SUFFIX', '')}"
    asyncio.run(_recreate(name))
    return f"{POSTGRES_URL.rpartition('/')[0]}/{name}"


async def _recreate(name: str) -> None:
    admin = await asyncpg.connect(POSTGRES_URL)
    await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await admin.execute(f'CREATE DATABASE "{name}"')
    await admin.close()
