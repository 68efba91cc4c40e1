"""Putting messages in line for a webhook: a test, and what was delivered or given up before."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tortoise.queryset import QuerySet

from identity import jobs
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.jobs import Asked
from identity.refusals import BadInput, Conflict, NotFound
from identity.subject import Subject
from identity.webhooks.managing import DELIVERY, WEBHOOK, require_managing
from identity.webhooks.messages import PING
from identity.writing import Write, writing
from models.clock import now
from models.job import Job, JobKind
from models.webhook import DeliveryStatus, Webhook, WebhookDelivery

STEP = 100
"""Dead letters that one step of a job puts in line."""


async def test(subject: Subject, webhook_id: UUID) -> WebhookDelivery:
    """A message without content, to be sent at once, though the webhook rests. While one waits to
    be tried, it is that one.

    Raises `NotFound`, `Forbidden` for anybody but an owner, `PlanRequired`, and `Conflict` while
    the webhook is disabled.
    """
    async with writing(subject, Action.WEBHOOK_TEST) as write:
        webhook = await _enabled(write, webhook_id)
        await Webhook.filter(id=webhook.id).update(rests_until=None)
        waiting = await WebhookDelivery.filter(
            webhook_id=webhook.id, action=PING, status=DeliveryStatus.PENDING
        ).first()
        if waiting is not None:
            return waiting
        ping = await WebhookDelivery.create(
            organization_id=write.organization_id,
            webhook_id=webhook.id,
            action=PING,
            position=webhook.position,
            due_at=now(),
        )
        await write.record(target(webhook))
    return ping


async def redeliver(subject: Subject, delivery_id: UUID) -> WebhookDelivery:
    """Send a message again that was delivered or given up, with the id that it had.

    Raises `NotFound`, `Forbidden` for anybody but an owner, `PlanRequired`, and `Conflict` while it
    is in line already, or the webhook is disabled.
    """
    async with writing(subject, Action.WEBHOOK_REDELIVER) as write:
        delivery = await DELIVERY.find(write.access, delivery_id, locked=True)
        webhook = await _enabled(write, delivery.webhook_id)
        if delivery.status is DeliveryStatus.PENDING:
            raise Conflict("This message is in line already.")
        before = delivery.status
        delivery.status, delivery.attempts = DeliveryStatus.PENDING, 0
        delivery.due_at, delivery.ended_at = now(), None
        await delivery.save(update_fields=["status", "attempts", "due_at", "ended_at"])
        await write.record(
            target(webhook),
            changes(
                {"status": before},
                {"status": delivery.status, "delivery": delivery.id, "event": delivery.event_id},
            ),
        )
    return delivery


async def redeliver_dead_letters(
    subject: Subject,
    webhook_id: UUID,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Job:
    """Have all dead letters of a webhook sent again, or those of messages that were first put in
    line within a time: a job.

    Raises `NotFound`, `Forbidden` for anybody but an owner, `PlanRequired`, `BadInput`, and
    `Conflict` while the webhook is disabled, while such a job is under way, or without any.
    """
    for name, moment in (("since", since), ("until", until)):
        if moment is not None and moment.tzinfo is None:
            raise BadInput("Give the time with its time zone.", field=name)
    async with writing(subject, Action.WEBHOOK_REDELIVER, exclusive=True) as write:
        webhook = await _enabled(write, webhook_id)
        if await jobs.is_under_way(JobKind.WEBHOOK_REDELIVERY, webhook.id):
            raise Conflict("Dead letters of this webhook are being put in line already.")
        parameters = {"since": _text(since), "until": _text(until)}
        total = await _dead(webhook.id, parameters, before=now()).count()
        if not total:
            raise Conflict("There is no such dead letter.")
        asked = Asked(JobKind.WEBHOOK_REDELIVERY, webhook.id, parameters, total)
        job = await jobs.put(write.subject, asked)
        await write.record(target(webhook), changes({}, {"deadLetters": total, **parameters}))
    return job


async def due() -> Sequence[UUID]:
    """The jobs that wait."""
    return await jobs.due(JobKind.WEBHOOK_REDELIVERY)


async def carry_out(job_id: UUID) -> None:
    await jobs.carry_out(job_id, _step)


async def _step(job: Job) -> int:
    """Some more of the messages that were given up before the job was asked for."""
    if not await Webhook.exists(id=job.about_id, organization_id=job.organization_id):
        raise NotFound("webhook")
    dead = _dead(job.about_id, job.parameters, before=job.created_at)
    ids: list[UUID] = await dead.order_by("id").limit(STEP).values_list("id", flat=True)  # type: ignore[assignment]
    if ids:
        await WebhookDelivery.filter(id__in=ids, status=DeliveryStatus.DEAD).update(
            status=DeliveryStatus.PENDING, attempts=0, due_at=now(), ended_at=None
        )
    return len(ids)


def _dead(
    webhook_id: UUID, parameters: dict[str, str | None], *, before: datetime
) -> QuerySet[WebhookDelivery]:
    found = WebhookDelivery.filter(
        webhook_id=webhook_id, status=DeliveryStatus.DEAD, ended_at__lte=before
    )
    if (since := parameters["since"]) is not None:
        found = found.filter(created_at__gte=datetime.fromisoformat(since))
    if (until := parameters["until"]) is not None:
        found = found.filter(created_at__lt=datetime.fromisoformat(until))
    return found


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


async def _enabled(write: Write, webhook_id: UUID) -> Webhook:
    webhook = await WEBHOOK.find(write.access, webhook_id)
    write.about(target(webhook))
    require_managing(write)
    if not webhook.enabled:
        raise Conflict("The webhook is disabled. Enable it first.")
    return webhook
