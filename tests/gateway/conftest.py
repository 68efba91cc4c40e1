import httpx
import pytest

from tests.door import Person, sign_in
from tests.gateway.commands import Gatepost
from tests.world import World


@pytest.fixture
def gatepost(database_url: str) -> Gatepost:
    """The command line on an empty, migrated database."""
    return Gatepost(database_url)


@pytest.fixture
def unmigrated(tmp_path_factory: pytest.TempPathFactory) -> Gatepost:
    """The command line where there is no database yet."""
    return Gatepost(f"sqlite://{tmp_path_factory.mktemp('empty')}/var/gatepost.sqlite3")


@pytest.fixture
async def olga(http: httpx.AsyncClient, world: World) -> Person:
    """The owner, over HTTP."""
    return await sign_in(http, world, world.owner)
