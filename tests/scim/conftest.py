"""Directories of two organizations at the same door."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.door import http_client
from tests.scim.directory import Directory, connect
from tests.world import World, new_world


@pytest.fixture
async def http(database: str) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(database) as client:
        yield client


@pytest.fixture
async def directory(http: httpx.AsyncClient, world: World) -> Directory:
    """The directory of acme, on ENTERPRISE."""
    return await connect(http, world)


@pytest.fixture
async def stranger(http: httpx.AsyncClient, directory: Directory) -> Directory:
    """The directory of another organization."""
    return await connect(http, await new_world("globex"))
