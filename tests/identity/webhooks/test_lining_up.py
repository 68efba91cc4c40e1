"""Tests, redelivery, and what is kept of deliveries."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.worker import work
from identity import organizations
from identity.refusals import BadInput, Conflict, Forbidden, NotFound, PlanRequired
from identity.webhooks import expiring, lining_up, managing
from identity.webhooks.managing import Settings
from models import (
    AuditEvent,
    BuiltinRole,
    DeliveryStatus,
    Job,
    JobStatus,
    Outcome,
    Plan,
    Webhook,
    WebhookDelivery,
)
from models.clock import now
from models.ids import new_id
from tests.clock import MovableClock
from tests.identity.webhooks.delivery import Delivery
from tests.receiver import Answer
from tests.world import new_world


async def dead(delivery: Delivery, *names: str) -> list[WebhookDelivery]:
    """Dead letters of new roles."""
    events = await delivery.happens(*names)
    return [
        await WebhookDelivery.create(
            organization=delivery.world.organization,
            webhook=delivery.webhook,
            event_id=event.id,
            action=event.action,
            position=0,
            status=DeliveryStatus.DEAD,
            attempts=10,
            ended_at=now(),
        )
        for event in events
    ]


async def test_a_test_is_sent_at_once_though_the_webhook_rests(delivery: Delivery) -> None:
    operator, webhook = delivery.world.operator, delivery.webhook
    await Webhook.all().update(rests_until=now() + timedelta(hours=1))
    ping = await lining_up.test(operator, webhook.id)
    assert (await lining_up.test(operator, webhook.id)).id == ping.id, "there is one already"
    await delivery.delivered()
    (received,) = delivery.receiver.received
    content = delivery.verified(received)
    assert content["type"] == "webhook.ping"
    assert content["data"] == {"webhook": str(webhook.id)}
    assert await AuditEvent.filter(action="webhook.test").count() == 1


async def test_a_message_is_sent_again_with_its_id(delivery: Delivery) -> None:
    await delivery.happens("First")
    (row,) = await delivery.delivered()
    await lining_up.redeliver(delivery.world.operator, row.id)
    with pytest.raises(Conflict):
        await lining_up.redeliver(delivery.world.operator, row.id)
    (row,) = await delivery.delivered()
    first, second = delivery.receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert (row.status, row.attempts, len(row.log)) == (DeliveryStatus.DELIVERED, 1, 2)
    event = await AuditEvent.get(action="webhook.redeliver")
    assert {change["path"] for change in event.diff} == {"status", "delivery", "event"}


async def test_dead_letters_are_sent_again_by_a_job(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lining_up, "STEP", 2)
    names = ["One", "Two", "Three", "Four", "Five"]
    rows = await dead(delivery, *names)
    await Webhook.all().update(position=10_000)  # the feed has nothing more
    job = await lining_up.redeliver_dead_letters(delivery.world.operator, delivery.webhook.id)
    assert (job.status, job.done, job.total) == (JobStatus.QUEUED, 0, 5)
    with pytest.raises(Conflict):
        await lining_up.redeliver_dead_letters(delivery.world.operator, delivery.webhook.id)
    await work()
    await job.refresh_from_db()
    assert (job.status, job.done, job.error) == (JobStatus.DONE, 5, None)
    assert job.finished_at is not None
    await delivery.delivered()
    assert sorted(delivery.names()) == sorted(names)
    ids = {each.headers["webhook-id"] for each in delivery.receiver.received}
    assert ids == {f"msg_{row.id.hex}" for row in rows}


async def test_only_those_of_a_time_are(delivery: Delivery, movable_clock: MovableClock) -> None:
    hour = timedelta(hours=1)
    await Webhook.all().update(position=10_000)
    begin = now()
    for name in ("One", "Two", "Three"):
        await dead(delivery, name)
        movable_clock.move(hour)
    job = await lining_up.redeliver_dead_letters(
        delivery.world.operator,
        delivery.webhook.id,
        since=begin + hour,
        until=begin + 2 * hour,
    )
    assert job.total == 1
    await work()
    await delivery.delivered()
    assert delivery.names() == ["Two"]


async def test_what_dies_again_is_not_sent_again_by_the_same_job(
    delivery: Delivery, movable_clock: MovableClock
) -> None:
    (row,) = await dead(delivery, "One")
    job = await lining_up.redeliver_dead_letters(delivery.world.operator, delivery.webhook.id)
    movable_clock.move(timedelta(seconds=1))
    await WebhookDelivery.filter(id=row.id).update(ended_at=now())
    await work()
    await job.refresh_from_db()
    assert (job.status, job.done) == (JobStatus.DONE, 0)


async def test_a_job_whose_webhook_is_gone_fails(delivery: Delivery) -> None:
    await dead(delivery, "One")
    job = await lining_up.redeliver_dead_letters(delivery.world.operator, delivery.webhook.id)
    await managing.delete(delivery.world.operator, delivery.webhook.id)
    await work()
    await job.refresh_from_db()
    assert job.status is JobStatus.FAILED
    assert job.error == "There is no such webhook, or you may not see it."


async def test_who_may_not_lines_nothing_up(delivery: Delivery) -> None:
    world, webhook = delivery.world, delivery.webhook
    (row,) = await dead(delivery, "One")
    auditor = await world.someone("Ada", BuiltinRole.AUDITOR, world.everywhere)
    other = (await new_world("other")).operator
    for subject, refusal in ((auditor, Forbidden), (other, NotFound)):
        for attempt in (
            lining_up.test(subject, webhook.id),
            lining_up.redeliver(subject, row.id),
            lining_up.redeliver_dead_letters(subject, webhook.id),
        ):
            with pytest.raises(refusal):
                await attempt
    await row.refresh_from_db()
    assert row.status is DeliveryStatus.DEAD
    assert (await WebhookDelivery.all().count(), await Job.all().count()) == (1, 0)
    denied = await AuditEvent.filter(outcome=Outcome.DENIED).order_by("id")
    assert [event.action for event in denied][-3:] == ["webhook.test"] + ["webhook.redeliver"] * 2


async def test_nothing_is_lined_up_for_a_disabled_webhook_or_on_a_smaller_plan(
    delivery: Delivery,
) -> None:
    operator, webhook = delivery.world.operator, delivery.webhook
    (row,) = await dead(delivery, "One")
    await managing.update(operator, webhook.id, Settings(enabled=False), expected_version=1)
    for attempt in (
        lining_up.test(operator, webhook.id),
        lining_up.redeliver(operator, row.id),
        lining_up.redeliver_dead_letters(operator, webhook.id),
    ):
        with pytest.raises(Conflict):
            await attempt
    await managing.update(operator, webhook.id, Settings(enabled=True), expected_version=2)
    await organizations.change_plan(operator, Plan.STARTER)
    with pytest.raises(PlanRequired):
        await lining_up.test(operator, webhook.id)
    await row.refresh_from_db()
    assert row.status is DeliveryStatus.DEAD
    assert (await WebhookDelivery.all().count(), await Job.all().count()) == (1, 0)


async def test_a_time_without_a_zone_and_no_dead_letter_are_refused(delivery: Delivery) -> None:
    operator, webhook = delivery.world.operator, delivery.webhook
    with pytest.raises(BadInput):
        await lining_up.redeliver_dead_letters(operator, webhook.id, since=datetime(2030, 1, 1))  # noqa: DTZ001
    for since in (None, datetime(2999, 1, 1, tzinfo=UTC)):
        with pytest.raises(Conflict, match="no such dead letter"):
            await lining_up.redeliver_dead_letters(operator, webhook.id, since=since)
    assert await Job.all().count() == 0


async def test_an_event_that_the_log_no_longer_has_is_a_dead_letter(delivery: Delivery) -> None:
    await WebhookDelivery.create(
        organization=delivery.world.organization,
        webhook=delivery.webhook,
        event_id=new_id(),
        action="role.create",
        position=0,
        due_at=now(),
    )
    (row,) = await delivery.delivered()
    assert row.status is DeliveryStatus.DEAD
    assert row.log[0]["error"] == "The audit log no longer has the event."
    assert delivery.receiver.received == []


async def test_deliveries_are_kept_for_a_time(
    delivery: Delivery, movable_clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiring, "BATCH", 2)
    await dead(delivery, "Dead")
    await Webhook.all().update(position=10_000)
    delivery.receiver.answer = Answer(500)
    for status in (DeliveryStatus.DELIVERED, DeliveryStatus.PENDING):
        for _ in range(5):
            await WebhookDelivery.create(
                organization=delivery.world.organization,
                webhook=delivery.webhook,
                event_id=new_id(),
                action="role.create",
                position=0,
                status=status,
                ended_at=now() if status is DeliveryStatus.DELIVERED else None,
            )

    async def kept() -> list[int]:
        await work()
        return [await WebhookDelivery.filter(status=status).count() for status in DeliveryStatus]

    movable_clock.move(timedelta(days=7))
    assert await kept() == [5, 5, 1]
    movable_clock.move(timedelta(seconds=1))
    assert await kept() == [5, 0, 1]
    movable_clock.move(timedelta(days=23))
    assert await kept() == [5, 0, 0]
