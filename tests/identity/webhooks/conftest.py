"""A receiver on this machine, and a webhook that leads to it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from identity import mail
from identity.webhooks import managing
from tests.identity.webhooks.delivery import Delivery
from tests.receiver import Receiver
from tests.world import World


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    managing.use(allow_loopback=True)
    with Receiver() as serving:
        yield serving
    managing.use(allow_loopback=False)


@pytest.fixture
async def delivery(world: World, receiver: Receiver) -> AsyncIterator[Delivery]:
    mail.use(delivers=True)
    yield await Delivery.of(world, receiver)
    mail.use(delivers=False)
