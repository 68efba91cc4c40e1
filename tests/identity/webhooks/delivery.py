"""A webhook of a world, with its secret and its receiver."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

import orjson
from standardwebhooks import Webhook as Verifier

from gateway.posting import post
from identity import roles
from identity.webhooks import managing
from identity.webhooks.managing import Filter, Settings
from models import AuditEvent, Role, Webhook, WebhookDelivery
from tests.clock import MovableClock
from tests.receiver import Received, Receiver
from tests.world import World


@dataclass(frozen=True, slots=True)
class Delivery:
    world: World
    receiver: Receiver
    webhook: Webhook
    secret: str

    @classmethod
    async def of(cls, world: World, receiver: Receiver, *actions: str) -> Self:
        """A new webhook, about custom roles unless something else is said."""
        webhook, secret = await managing.create(
            world.operator,
            Settings("SIEM", receiver.url, Filter(actions=actions or ("role.create",))),
        )
        return cls(world, receiver, webhook, secret)

    def verified(self, received: Received, secret: str | None = None) -> dict[str, Any]:
        """The body, if the peer's library finds that the message is from who has the secret."""
        content: dict[str, Any] = Verifier(secret or self.secret).verify(
            received.body, dict(received.headers)
        )
        return content

    def names(self) -> list[str]:
        """The names of the targets of what arrived, in that order."""
        return [
            orjson.loads(each.body)["data"]["target"]["name"] for each in self.receiver.received
        ]

    async def happens(self, *names: str) -> list[AuditEvent]:
        """The events of new roles, as they are in the log."""
        for name in names:
            await roles.create(self.world.operator, name=name)
        return [
            await AuditEvent.get(target_id=(await Role.get(name=name)).id, action="role.create")
            for name in names
        ]

    async def delivered(self) -> list[WebhookDelivery]:
        """Deliver what is due; all deliveries then, in the order of the feed."""
        await post()
        return await WebhookDelivery.filter(webhook_id=self.webhook.id).order_by("position", "id")

    async def later(self, clock: MovableClock, wait: timedelta) -> list[WebhookDelivery]:
        """The same after a while."""
        clock.move(wait)
        return await self.delivered()

    async def now(self) -> Webhook:
        return await Webhook.get(id=self.webhook.id)
