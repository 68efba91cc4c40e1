"""Deliveries: in order, at least once, by one process at a time, and not for ever."""

import asyncio
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import orjson
import pytest

from gateway import posting
from gateway.posting import post
from identity import organizations
from identity.audit.ocsf import ocsf
from identity.fetching import Client
from identity.webhooks import delivering, feed, lining_up, managing
from identity.webhooks.delivering import AGAIN_AFTER, FAILING_FOR, take
from identity.webhooks.managing import Filter, Settings
from models import (
    AuditEvent,
    DeliveryStatus,
    Mail,
    Outcome,
    Plan,
    Webhook,
    WebhookDelivery,
    WebhookDisabled,
    WebhookFormat,
)
from models.clock import now
from tests.clock import MovableClock
from tests.identity.webhooks.delivery import Delivery
from tests.receiver import Answer, Receiver
from tests.world import World, new_world

DOWN = Answer(500, b"down")


async def test_an_event_is_delivered_once_and_signed(delivery: Delivery) -> None:
    (event,) = await delivery.happens("First")
    (row,) = await delivery.delivered()
    assert (row.status, row.attempts, row.due_at) == (DeliveryStatus.DELIVERED, 1, None)
    assert row.log[0]["status"] == 204
    (received,) = delivery.receiver.received
    content = delivery.verified(received)
    assert received.headers["content-type"] == "application/json"
    assert received.headers["webhook-id"] == f"msg_{row.id.hex}"
    assert content["type"] == "role.create"
    assert content["data"]["id"] == str(event.id)
    assert content["data"]["target"]["name"] == "First"
    assert content["data"]["diff"] == event.diff

    await delivery.delivered()
    assert len(delivery.receiver.received) == 1


async def test_a_siem_gets_the_event_as_ocsf(delivery: Delivery) -> None:
    await managing.update(
        delivery.world.operator,
        delivery.webhook.id,
        Settings(format=WebhookFormat.OCSF),
        expected_version=1,
    )
    (event,) = await delivery.happens("First")
    await delivery.delivered()
    (received,) = delivery.receiver.received
    content = delivery.verified(received)
    assert content == orjson.loads(orjson.dumps(ocsf(event)))
    assert content["class_uid"] == 3004

    await lining_up.test(delivery.world.operator, delivery.webhook.id)
    await delivery.delivered()
    assert delivery.verified(delivery.receiver.received[1])["type"] == "webhook.ping"


async def test_events_come_in_the_order_of_the_feed_on_one_connection(delivery: Delivery) -> None:
    names = [f"Role {number:03}" for number in range(60)]
    await delivery.happens(*names)
    await delivery.delivered()
    assert delivery.names() == names
    assert len({each.sender for each in delivery.receiver.received}) == 1


async def test_only_what_the_filter_selects_goes_out(world: World, receiver: Receiver) -> None:
    for name, chosen in (
        ("all", Filter()),
        ("roles", Filter(("role.*",))),
        ("denied", Filter(("*",), Outcome.DENIED)),
        ("workspace", Filter(("*",), None, world.a.id)),
        ("none", Filter(("campaign.send",))),
    ):
        await managing.create(world.operator, Settings(name, f"{receiver.url}/{name}", chosen))
    await AuditEvent.all().count()
    await Webhook.all().update(position=0)
    await post()
    got = {
        name: await WebhookDelivery.filter(webhook__name=name).count()
        for name in ("all", "roles", "denied", "workspace", "none")
    }
    log = await world.events()
    assert got == {
        "all": len(log),
        "roles": len([e for e in log if e.action.startswith("role.")]),
        "denied": 0,
        "workspace": len([e for e in log if e.workspace_id == world.a.id]),
        "none": 0,
    }


async def test_another_tenant_hears_nothing(delivery: Delivery, receiver: Receiver) -> None:
    other = await new_world("other")
    await managing.create(other.operator, Settings("Theirs", f"{receiver.url}/theirs"))
    await delivery.happens("Ours")
    await post()
    theirs = [each for each in receiver.received if each.path == "/hook/theirs"]
    assert all(str(other.organization.id).encode() in each.body for each in theirs)
    assert delivery.names().count("Ours") == 1


async def test_what_fails_is_tried_again_later_each_time_and_is_a_dead_letter_in_the_end(
    movable_clock: MovableClock, delivery: Delivery
) -> None:
    delivery.receiver.answer = DOWN
    await delivery.happens("First")
    (row,) = await delivery.delivered()
    for number, wait in enumerate(AGAIN_AFTER, start=1):
        assert (row.status, row.attempts) == (DeliveryStatus.PENDING, number)
        assert row.due_at is not None
        assert wait * 0.8 <= row.due_at - now() <= wait * 1.2
        await Webhook.all().update(failing_since=now())  # not for so long that it is disabled
        (row,) = await delivery.later(movable_clock, wait * 0.79)
        assert row.attempts == number
        (row,) = await delivery.later(movable_clock, wait * 0.41 + timedelta(hours=1))
    assert (row.status, row.attempts, row.due_at) == (DeliveryStatus.DEAD, 10, None)
    assert row.ended_at is not None
    assert len(delivery.receiver.received) == 10
    ids = {each.headers["webhook-id"] for each in delivery.receiver.received}
    assert ids == {f"msg_{row.id.hex}"}
    assert sum(AGAIN_AFTER, timedelta()) > timedelta(days=3)

    await delivery.later(movable_clock, timedelta(days=2))
    assert len(delivery.receiver.received) == 10


async def test_one_that_always_fails_holds_up_no_other(
    movable_clock: MovableClock, delivery: Delivery
) -> None:
    delivery.receiver.answers = [Answer(400, b"poison")]
    await delivery.happens("Poison", "Second", "Third")
    assert len(await delivery.delivered()) == 3
    assert delivery.names() == ["Poison"], "it rests first"
    await delivery.later(movable_clock, timedelta(seconds=3))
    assert delivery.names() == ["Poison", "Second", "Third"]
    delivery.receiver.answers = [Answer(400, b"poison")]
    rows = await delivery.later(movable_clock, timedelta(seconds=6))
    assert [row.status.value for row in rows] == ["pending", "delivered", "delivered"]
    assert rows[0].attempts == 2


async def test_a_receiver_that_is_down_is_asked_now_and_then_and_not_for_every_message(
    movable_clock: MovableClock, delivery: Delivery
) -> None:
    delivery.receiver.answer = DOWN
    await delivery.happens(*(f"Role {number}" for number in range(20)))
    for _ in range(60):
        await delivery.later(movable_clock, timedelta(minutes=1))
    assert len(delivery.receiver.received) <= 15
    webhook = await delivery.now()
    assert webhook.failures == len(delivery.receiver.received)
    assert webhook.rests_until is not None
    delivery.receiver.answer = Answer()
    rows = await delivery.later(movable_clock, timedelta(hours=3))
    assert {row.status for row in rows} == {DeliveryStatus.DELIVERED}
    webhook = await delivery.now()
    assert (webhook.failures, webhook.failing_since, webhook.rests_until) == (0, None, None)


@pytest.mark.parametrize("status", [300, 307, 400, 401, 404, 408, 500, 503])
async def test_whatever_is_not_accepted_is_tried_again(delivery: Delivery, status: int) -> None:
    delivery.receiver.answer = Answer(status, headers={"Location": delivery.receiver.url})
    await delivery.happens("First")
    (row,) = await delivery.delivered()
    assert (row.status, row.log[0]["status"]) == (DeliveryStatus.PENDING, status)
    assert len(delivery.receiver.received) == 1


@pytest.mark.parametrize("as_date", [False, True])
async def test_retry_after_is_kept_to(
    movable_clock: MovableClock, delivery: Delivery, as_date: bool
) -> None:
    wait = timedelta(minutes=20)
    said = format_datetime(now() + wait, usegmt=True) if as_date else "1200"
    delivery.receiver.answer = Answer(429, headers={"Retry-After": said})
    await delivery.happens("First", "Second")
    await delivery.delivered()
    delivery.receiver.answer = Answer()
    await delivery.later(movable_clock, timedelta(minutes=19))
    assert len(delivery.receiver.received) == 1
    rows = await delivery.later(movable_clock, timedelta(minutes=1))
    assert {row.status for row in rows} == {DeliveryStatus.DELIVERED}


@pytest.mark.parametrize("said", ["-5", "soon", "99999999999999999999", "²", "Mon, 99 Foo"])
async def test_a_retry_after_that_makes_no_sense_harms_nobody(
    movable_clock: MovableClock, delivery: Delivery, said: str
) -> None:
    delivery.receiver.answer = Answer(503, headers={"Retry-After": said.encode().decode("latin-1")})
    await delivery.happens("First")
    (row,) = await delivery.delivered()
    assert row.due_at is not None
    assert now() < row.due_at <= now() + timedelta(days=1)


async def test_gone_disables_the_webhook_and_tells_the_owners(delivery: Delivery) -> None:
    delivery.receiver.answer = Answer(410)
    await delivery.happens("First", "Second")
    await delivery.delivered()
    webhook = await delivery.now()
    assert webhook.disabled is WebhookDisabled.GONE
    event = await AuditEvent.get(action="webhook.disable")
    assert (event.target_id, event.actor_name) == (webhook.id, "webhook delivery")
    assert event.diff == [{"path": "disabled", "before": None, "after": "gone"}]
    assert [mail.recipient for mail in await Mail.all()] == [delivery.world.owner.email]
    await delivery.delivered()
    assert len(delivery.receiver.received) == 1

    delivery.receiver.answer = Answer()
    await managing.update(
        delivery.world.operator, webhook.id, Settings(enabled=True), expected_version=2
    )
    await delivery.delivered()
    assert delivery.names() == ["First", "First", "Second"], "it goes on where it stopped"


async def test_what_accepts_nothing_for_days_is_disabled(
    movable_clock: MovableClock, delivery: Delivery
) -> None:
    delivery.receiver.answer = DOWN
    await delivery.happens("First", "Second")
    await delivery.delivered()
    await delivery.later(movable_clock, FAILING_FOR - timedelta(minutes=1))
    assert (await delivery.now()).enabled
    await delivery.later(movable_clock, timedelta(hours=3))
    assert (await delivery.now()).disabled is WebhookDisabled.FAILING
    assert await Mail.all().count() == 1
    assert await WebhookDelivery.filter(status=DeliveryStatus.PENDING).count() == 2


async def test_a_smaller_plan_stops_delivery_and_keeps_the_webhook(delivery: Delivery) -> None:
    world = delivery.world
    await organizations.change_plan(world.operator, Plan.PREMIUM)
    await delivery.happens("First")
    assert await delivery.delivered() == []
    await organizations.change_plan(world.operator, Plan.ENTERPRISE)
    await delivery.delivered()
    assert delivery.names() == ["First"]


async def test_a_plan_that_ends_while_messages_go_out_stops_the_next(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    await delivery.happens("First", "Second")
    attempt = delivering.attempt

    async def then_smaller(*given: Any) -> bool:
        accepted = await attempt(*given)
        await organizations.change_plan(delivery.world.operator, Plan.STARTER)
        return accepted

    monkeypatch.setattr(delivering, "attempt", then_smaller)
    await delivery.delivered()
    assert delivery.names() == ["First"]


async def test_disabling_stops_the_next_message_at_once(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    await delivery.happens("First", "Second")
    attempt = delivering.attempt

    async def then_disabled(*given: Any) -> bool:
        accepted = await attempt(*given)
        await managing.update(
            delivery.world.operator,
            delivery.webhook.id,
            Settings(enabled=False),
            expected_version=1,
        )
        return accepted

    monkeypatch.setattr(delivering, "attempt", then_disabled)
    await delivery.delivered()
    assert delivery.names() == ["First"]


async def test_several_workers_deliver_each_message_once(delivery: Delivery) -> None:
    names = [f"Role {number:02}" for number in range(15)]
    await delivery.happens(*names)
    await asyncio.gather(*(post() for _ in range(4)))
    assert delivery.names() == names


async def test_slow_webhooks_of_one_organization_leave_room_for_others(
    delivery: Delivery, receiver: Receiver
) -> None:
    for number in range(5):
        await managing.create(delivery.world.operator, Settings(f"{number}", receiver.url))
    other = await new_world("other")
    theirs, _ = await managing.create(other.operator, Settings("Theirs", receiver.url))
    await Webhook.all().update(position=0)
    await feed.catch_up()
    taken = [each.id for _ in range(6) if (each := await take()) is not None]
    assert len(taken) == 4
    assert theirs.id in taken


async def test_what_failed_does_not_tell_the_query_of_the_address(
    movable_clock: MovableClock, delivery: Delivery
) -> None:
    unused = "http://127.0.0.1:1/in?key=s3cret"
    await Webhook.all().update(url=unused)
    await delivery.happens("First")
    (row,) = await delivery.delivered()
    assert row.log[0]["error"].startswith("http://127.0.0.1:1/in?…: ConnectError")
    await Webhook.all().update(url="https://localhost/in?key=s3cret")
    managing.use(allow_loopback=False)
    (row,) = await delivery.later(movable_clock, timedelta(minutes=1))
    assert len(row.log) == 2
    assert "s3cret" not in str(row.log)


async def test_who_holds_a_webhook_keeps_others_away_until_the_lease_is_over(
    movable_clock: MovableClock, delivery: Delivery
) -> None:
    await delivery.happens("First")
    await feed.catch_up()
    held = await take()
    assert held is not None
    assert await take() is None
    await delivery.delivered()
    assert delivery.receiver.received == []
    movable_clock.move(delivering.LEASE)
    await delivery.delivered()
    assert delivery.names() == ["First"], "whoever held it had died"

    await delivering.serve(held, Client(allow_loopback=True), stopped=lambda: False)
    assert delivery.names() == ["First"], "and comes back too late"


async def test_a_process_that_dies_before_it_has_written_down_sends_it_again(
    movable_clock: MovableClock, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    await delivery.happens("First")

    async def dies(*given: Any, **more: Any) -> None:
        raise KeyError("died")

    with monkeypatch.context() as dying:
        dying.setattr(delivering, "_write_down", dies)
        await delivery.delivered()
    (row,) = await delivery.later(movable_clock, delivering.LEASE)
    assert delivery.names() == ["First", "First"]
    assert len({each.headers["webhook-id"] for each in delivery.receiver.received}) == 1
    assert row.status is DeliveryStatus.DELIVERED


async def test_a_webhook_that_cannot_be_served_keeps_no_other_from_it(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken, _ = await managing.create(
        delivery.world.operator, Settings("Broken", f"{delivery.receiver.url}/broken")
    )
    await delivery.happens("First")
    attempt = delivering.attempt

    async def breaks(line: Any, webhook: Webhook, *given: Any) -> bool:
        if webhook.id == broken.id:
            raise RuntimeError("poison")
        return await attempt(line, webhook, *given)

    monkeypatch.setattr(delivering, "attempt", breaks)
    await post()
    assert delivery.names() == ["First"]
    assert [record.getMessage() for record in caplog.records] == ["a webhook was not served"]


async def test_an_address_that_leads_inside_is_sent_nothing(
    delivery: Delivery, receiver: Receiver
) -> None:
    """Though it was allowed when the webhook was made: what counts is where it leads now."""
    await delivery.happens("First")
    managing.use(allow_loopback=False)
    await Webhook.all().update(url=f"https://localhost:{receiver.port}/")
    (row,) = await delivery.delivered()
    assert receiver.received == []
    assert (row.status, row.log[0]["status"]) == (DeliveryStatus.PENDING, None)
    assert "127.0.0.1" in row.log[0]["error"] or "::1" in row.log[0]["error"]


async def test_of_an_answer_a_bounded_printable_text_is_kept(delivery: Delivery) -> None:
    delivery.receiver.answer = Answer(500, b"\x00\x1b[31m<b>" + b"\xff" + b"n" * 5000)
    await delivery.happens("First")
    (row,) = await delivery.delivered()
    kept = row.log[0]["response"]
    assert kept.startswith("  [31m<b>")
    assert len(kept) == 1024
    assert kept.isprintable()


async def test_the_log_of_attempts_is_bounded(
    movable_clock: MovableClock, delivery: Delivery
) -> None:
    delivery.receiver.answer = DOWN
    await delivery.happens("First")
    await delivery.delivered()
    await WebhookDelivery.all().update(log=[{"at": "then"}] * 12)
    (row,) = await delivery.later(movable_clock, timedelta(minutes=1))
    assert len(row.log) == 12
    assert row.log[0]["status"] == 500


async def test_while_many_wait_to_be_tried_again_the_feed_waits(
    movable_clock: MovableClock, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "MOST_PENDING", 3)
    monkeypatch.setattr(delivering, "BATCH", 2)
    delivery.receiver.answer = DOWN
    await delivery.happens(*(f"Role {number}" for number in range(8)))
    for _ in range(6):
        await delivery.later(movable_clock, timedelta(seconds=50))
    assert await WebhookDelivery.all().count() == 3
    delivery.receiver.answer = Answer()
    await delivery.later(movable_clock, timedelta(hours=3))
    assert await WebhookDelivery.filter(status=DeliveryStatus.DELIVERED).count() == 8


async def test_what_works_is_finished_when_it_stops(delivery: Delivery) -> None:
    delivery.receiver.answer = Answer(seconds=0.3)
    await delivery.happens("First", "Second")
    async with posting.posting():
        async with asyncio.timeout(10):
            while not delivery.receiver.received:  # noqa: ASYNC110 - another thread receives
                await asyncio.sleep(0.02)
    rows = await WebhookDelivery.all().order_by("position")
    assert [row.status.value for row in rows] == ["delivered", "pending"]
