"""What becomes of a webhook whose receiver is gone, or accepts nothing for days."""

from uuid import UUID

from identity import mail, owners
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.mail import Message
from identity.subject import job
from identity.webhooks.managing import WEBHOOK
from identity.writing import writing
from models.clock import now
from models.organization import Organization
from models.webhook import Webhook, WebhookDisabled

ACTOR = "webhook delivery"
_WHY = {
    WebhookDisabled.GONE: "Its address answered that there is nothing to deliver to any more.",
    WebhookDisabled.FAILING: "Nothing that was sent to it has been accepted for three days.",
}


async def disable(webhook_id: UUID, why: WebhookDisabled) -> None:
    """Deliver nothing more, and tell the owners by mail; one that is disabled already stays so.

    Raises `Busy`.
    """
    row = await Webhook.get_or_none(id=webhook_id).select_related("organization")
    if row is None:
        return
    organization: Organization = row.organization
    subject = job(ACTOR, organization.id, organization.plan)
    async with writing(subject, Action.WEBHOOK_DISABLE) as write:
        webhook = await WEBHOOK.find(write.access, webhook_id, locked=True)
        if not webhook.enabled:
            return
        webhook.disabled, webhook.disabled_at = why, now()
        webhook.touch()
        names = ["disabled", "disabled_at", "version", "updated_at"]
        await webhook.save(update_fields=names)
        for address in await owners.addresses(organization.id):
            await mail.put(organization.id, address, _told(organization, webhook, why))
        await write.record(
            target(webhook), changes({"disabled": None}, {"disabled": why}), reason=_WHY[why]
        )


def _told(organization: Organization, webhook: Webhook, why: WebhookDisabled) -> Message:
    return Message(
        f"{organization.name}: the webhook {webhook.name} was disabled",
        (
            f"Audit events are no longer delivered to the webhook {webhook.name}.",
            _WHY[why],
            "When it is enabled again, delivery goes on where it stopped.",
        ),
        "/",
    )
