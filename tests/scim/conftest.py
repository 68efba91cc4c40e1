"""Directories of two organizations at the same door."""

import httpx
import pytest

from tests.scim.directory import Directory, connect
from tests.world import World, new_world


@pytest.fixture
async def directory(http: httpx.AsyncClient, world: World) -> Directory:
    """The directory of acme, on ENTERPRISE."""
    return await connect(http, world)


@pytest.fixture
async def stranger(http: httpx.AsyncClient, directory: Directory) -> Directory:
    """The directory of another organization."""
    return await connect(http, await new_world("globex"))
