import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from models.database import opened
from models.ids import new_id
from tests.conftest import SECRET_KEYS, migrate, recreated
from tests.peers.graphql_streams import StreamClients, stream_clients
from tests.streams.installation import Installation, served
from tests.world import World, new_world


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def installation(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[Installation]:
    """Served for all tests of the module; each has organizations of its own."""
    folder = tmp_path_factory.mktemp("served")
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        shutil.copy(template, folder / "gatepost.sqlite3")
        with served(
            f"sqlite://{folder / 'gatepost.sqlite3'}", replicas=1, folder=folder
        ) as running:
            yield running
        return
    url = asyncio.run(recreated(f"{worker_id}_served"))
    asyncio.run(migrate(url))
    with served(url, replicas=2, folder=folder) as running:
        yield running


@pytest.fixture
async def acme(installation: Installation) -> AsyncIterator[World]:
    """A new organization in the served database, which is open in this process, too."""
    async with opened(installation.database_url, SECRET_KEYS):
        yield await new_world(f"acme-{new_id().hex[-12:]}")


@pytest.fixture
async def clients() -> AsyncIterator[StreamClients]:
    async with stream_clients() as found:
        yield found
