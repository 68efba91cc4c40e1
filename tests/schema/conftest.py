"""The application over HTTP, and people of different roles in it."""

import httpx
import pytest

from models import BuiltinRole
from tests.door import Person, sign_in
from tests.world import World, at_workspace


@pytest.fixture
async def olga(http: httpx.AsyncClient, world: World) -> Person:
    """The owner."""
    return await sign_in(http, world, world.owner)


@pytest.fixture
async def otto(http: httpx.AsyncClient, world: World) -> Person:
    """An operator in workspace A, and nothing elsewhere."""
    member = await world.member("Otto")
    await world.give(member, BuiltinRole.OPERATOR, at_workspace(world.a))
    return await sign_in(http, world, member)
