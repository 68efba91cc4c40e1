"""A process that works delivers to webhooks; a slow one holds up no other."""

import asyncio
from collections.abc import Iterator

import pytest

from gateway import posting
from gateway.app import application
from gateway.settings import Settings
from identity import roles
from identity.webhooks import feed, managing
from identity.webhooks.managing import Filter
from identity.webhooks.managing import Settings as WebhookSettings
from tests.conftest import SECRET_KEYS
from tests.receiver import Answer, Receiver
from tests.world import World

ROLES = Filter(("role.create",))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    managing.use(allow_loopback=True)
    with Receiver() as serving:
        yield serving
    managing.use(allow_loopback=False)


async def received(receiver: Receiver, many: int) -> None:
    async with asyncio.timeout(20):
        while len(receiver.received) < many:  # noqa: ASYNC110 - another thread receives
            await asyncio.sleep(0.02)


async def test_serving_on_sqlite_delivers_and_on_postgresql_does_not(
    database_url: str, world: World, receiver: Receiver
) -> None:
    await managing.create(world.operator, WebhookSettings("SIEM", receiver.url, ROLES))
    await roles.create(world.operator, name="First")
    settings = Settings(
        database_url=database_url,
        secret_keys=tuple(SECRET_KEYS),
        allow_loopback_webhooks=True,
    )
    app = application(settings)
    async with app.router.lifespan_context(app):
        if database_url.startswith("sqlite"):
            await received(receiver, 1)
        else:
            await asyncio.sleep(1.5)
            assert receiver.received == []


async def test_a_slow_webhook_holds_up_no_other(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "LOOK_SECONDS", 0.05)
    with Receiver() as slow:
        slow.answer = Answer(seconds=3)
        await managing.create(world.operator, WebhookSettings("Slow", slow.url, ROLES))
        await managing.create(world.operator, WebhookSettings("Quick", receiver.url, ROLES))
        async with posting.posting():
            await roles.create(world.operator, name="First")
            await received(slow, 1)
            async with asyncio.timeout(2):
                await received(receiver, 1)
                await roles.create(world.operator, name="Second")
                await received(receiver, 2)


async def test_what_cannot_be_looked_for_is_said_and_looked_for_again(
    world: World,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(posting, "LOOK_SECONDS", 0.05)
    catch_up = feed.catch_up
    failing = [OSError("no database")]

    async def fails_once() -> None:
        if failing:
            raise failing.pop()
        await catch_up()

    monkeypatch.setattr(feed, "catch_up", fails_once)
    await managing.create(world.operator, WebhookSettings("SIEM", receiver.url, ROLES))
    async with posting.posting():
        await roles.create(world.operator, name="First")
        await received(receiver, 1)
    assert [record.getMessage() for record in caplog.records] == [
        "it could not be looked for webhooks: OSError('no database')"
    ]
