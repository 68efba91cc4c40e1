"""The databases that are measured on: new ones, gone afterwards."""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

POSTGRES_URL = os.environ.get(
    "GATEPOST_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"
)


@asynccontextmanager
async def on_postgres(name: str) -> AsyncIterator[str]:
    """The URL of a database without any table."""
    full = f"gatepost_{name}{os.environ.get('GATEPOST_TEST_DATABASE_SUFFIX', '')}"
    admin = await asyncpg.connect(POSTGRES_URL)
    await admin.execute(f'DROP DATABASE IF EXISTS "{full}" WITH (FORCE)')
    await admin.execute(f'CREATE DATABASE "{full}"')
    try:
        yield f"{POSTGRES_URL.rpartition('/')[0]}/{full}"
    finally:
        await admin.execute(f'DROP DATABASE "{full}" WITH (FORCE)')
        await admin.close()


@asynccontextmanager
async def on_sqlite(name: str) -> AsyncIterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite://{Path(folder) / name}.sqlite3"
