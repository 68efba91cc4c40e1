"""The storage against scim2-server's own contract, on both databases."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from scim2_models import ScimProvider
from scim2_server.storage import ScimStorage
from scim2_server.testing import AsyncScimStorageContract, BlockingStorage

from identity.credentials import scim_tokens
from identity.subject import Origin
from models.database import opened
from models.member import Member
from scim.provider import PROVIDER
from scim.storage import DirectoryStorage
from tests.conftest import SECRET_KEYS
from tests.world import new_world


class TestDirectoryStorage(AsyncScimStorageContract):
    @pytest.fixture
    def provider(self) -> ScimProvider:
        return PROVIDER

    @pytest.fixture
    def storage(self, database_url: str) -> Iterator[ScimStorage]:
        with asyncio.Runner() as runner:
            stack = AsyncExitStack()
            runner.run(stack.enter_async_context(opened(database_url, SECRET_KEYS)))
            yield BlockingStorage(runner.run(_storage()), runner)
            runner.run(stack.aclose())


async def _storage() -> DirectoryStorage:
    """Of an organization with nobody in it. The contract counts, and no organization is without an
    owner: acme's is kept in another one.
    """
    world, elsewhere = await new_world("acme"), await new_world("elsewhere")
    await Member.filter(id=world.owner.id).update(organization_id=elsewhere.organization.id)
    _, token = await scim_tokens.create(world.operator, name="Directory")
    return DirectoryStorage(await scim_tokens.authenticate(token, origin=Origin()))
