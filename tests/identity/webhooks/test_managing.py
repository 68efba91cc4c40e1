"""Webhooks are their owners' to keep; their secrets come out once."""

from datetime import timedelta
from typing import Any

import pytest

from identity import organizations
from identity.audit import read
from identity.refusals import BadInput, Conflict, Forbidden, NotFound, PlanRequired, VersionConflict
from identity.subject import Subject
from identity.webhooks import managing
from identity.webhooks.managing import MOST_WEBHOOKS, Filter, Settings
from models import AuditEvent, BuiltinRole, Outcome, Plan, Webhook, WebhookDelivery, WebhookDisabled
from models.clock import now
from models.ids import new_id
from tests.clock import MovableClock
from tests.identity.webhooks.delivery import Delivery
from tests.world import UNKNOWN_ID, World, at_workspace, new_world

SIEM = Settings("SIEM", "https://hooks.example/in?key=s3cret")


async def webhook(world: World) -> Webhook:
    return (await managing.create(world.operator, SIEM))[0]


async def test_an_owner_sets_one_up_and_is_shown_the_secret_once(world: World) -> None:
    owner = await world.subject(world.owner)
    row, secret = await managing.create(owner, SIEM)
    assert secret.startswith("whsec_")
    assert len(secret) == len("whsec_") + 44
    assert secret not in row.secret_encrypted
    event = await AuditEvent.get(action="webhook.create")
    assert (event.actor_id, event.target_id, event.target_name) == (world.owner.id, row.id, "SIEM")
    told = {change["path"]: change for change in event.diff}
    assert told["secretFingerprint"]["after"] == row.secret_fingerprint
    assert told["url"]["after"] == "https://hooks.example/in?…"
    assert len(told["urlFingerprint"]["after"]) == 16
    assert told["actions"]["added"] == ["*"]
    assert secret not in str(event.diff)
    assert "s3cret" not in str(event.diff)


@pytest.mark.parametrize(
    "builtin", [b for b in BuiltinRole if b not in (BuiltinRole.OWNER, BuiltinRole.CREATOR)]
)
async def test_nobody_but_an_owner_does_anything(world: World, builtin: BuiltinRole) -> None:
    row = await webhook(world)
    someone = await world.someone("Someone", builtin, world.everywhere)
    before = await Webhook.all().values()
    for attempt in (
        managing.create(someone, SIEM),
        managing.update(someone, row.id, Settings(enabled=False), expected_version=1),
        managing.rotate(someone, row.id, expected_version=1),
        managing.delete(someone, row.id),
    ):
        with pytest.raises((Forbidden, NotFound)):
            await attempt
    assert await Webhook.all().values() == before
    denied = await AuditEvent.filter(action__startswith="webhook.", outcome=Outcome.DENIED)
    exports = builtin is BuiltinRole.AUDITOR
    assert len(denied) == (4 if exports else 1), "a webhook that is not to be seen is not found"


async def test_an_owner_of_a_workspace_owns_no_webhook(world: World) -> None:
    row = await webhook(world)
    someone = await world.someone("Someone", BuiltinRole.OWNER, at_workspace(world.a))
    with pytest.raises(Forbidden):
        await managing.create(someone, SIEM)
    with pytest.raises(NotFound):
        await managing.delete(someone, row.id)
    with pytest.raises(Forbidden):
        managing.listing(someone.access)
    assert await Webhook.all().count() == 1


async def test_the_webhook_of_another_organization_is_not_found(world: World) -> None:
    other = await new_world("other")
    row, ours = await webhook(world), other.operator
    for attempt in (
        managing.update(ours, row.id, Settings(name="Mine"), expected_version=1),
        managing.rotate(ours, row.id, expected_version=1),
        managing.delete(ours, row.id),
        managing.create(ours, Settings("W", SIEM.url, Filter(workspace_id=world.a.id))),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert [(w.id, w.version, w.name) for w in await Webhook.all()] == [(row.id, 1, "SIEM")]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (Settings("", "https://hooks.example/"), "name"),
        (Settings("S", "http://hooks.example/"), "url"),
        (Settings("S", "http://127.0.0.1:9/"), "url"),
        (Settings("S", "https://user:pass@hooks.example/"), "url"),
        (Settings("S", "https://hooks.example/#part"), "url"),
        (Settings("S", "ftp://hooks.example/"), "url"),
        (Settings("S", ""), "url"),
        (Settings("S", "https://hooks.example/", Filter(())), "filter.actions"),
        (Settings("S", "https://hooks.example/", Filter(("no.such",))), "filter.actions"),
        (Settings("S", "https://hooks.example/", Filter(("none.*",))), "filter.actions"),
        (Settings("S", "https://hooks.example/", Filter(("role*",))), "filter.actions"),
        (Settings("S", "https://hooks.example/", Filter(("*.none",))), "filter.actions"),
    ],
)
async def test_what_cannot_be_is_refused(world: World, settings: Settings, field: str) -> None:
    row = await webhook(world)
    with pytest.raises(BadInput) as refused:
        await managing.create(world.operator, settings)
    assert refused.value.field == field
    with pytest.raises(BadInput):
        await managing.update(world.operator, row.id, settings, expected_version=1)
    assert [(w.name, w.url, w.version) for w in await Webhook.all()] == [("SIEM", SIEM.url, 1)]


async def test_there_are_no_more_than_ten(world: World) -> None:
    for _ in range(MOST_WEBHOOKS):
        await webhook(world)
    with pytest.raises(Conflict):
        await webhook(world)
    assert await Webhook.all().count() == MOST_WEBHOOKS


async def test_a_change_is_recorded_with_what_it_changed(world: World) -> None:
    row = await webhook(world)
    changed = await managing.update(
        world.operator,
        row.id,
        Settings(name="Other", filter=Filter(("role.*",), Outcome.DENIED, world.a.id)),
        expected_version=1,
    )
    assert (changed.version, changed.url) == (2, SIEM.url)
    event = await AuditEvent.get(action="webhook.update")
    assert event.diff == [
        {"path": "name", "before": "SIEM", "after": "Other"},
        {"path": "actions", "added": ["role.*"], "removed": ["*"]},
        {"path": "outcome", "before": None, "after": "denied"},
        {"path": "workspaceId", "before": None, "after": str(world.a.id)},
    ]
    same = await managing.update(world.operator, row.id, Settings(name="Other"), expected_version=2)
    assert same.version == 2
    assert await AuditEvent.filter(action="webhook.update").count() == 1
    with pytest.raises(VersionConflict):
        await managing.update(world.operator, row.id, Settings(name="Late"), expected_version=1)
    assert (await Webhook.get()).name == "Other"


async def test_a_change_leaves_alone_what_delivery_writes_meanwhile(delivery: Delivery) -> None:
    await Webhook.all().update(position=7, failures=3, lease=UNKNOWN_ID)
    await managing.update(
        delivery.world.operator, delivery.webhook.id, Settings(name="Other"), expected_version=1
    )
    row = await delivery.now()
    assert (row.position, row.lease, row.name) == (7, UNKNOWN_ID, "Other")


async def test_enabled_again_it_begins_well(world: World) -> None:
    row = await webhook(world)
    off = await managing.update(world.operator, row.id, Settings(enabled=False), expected_version=1)
    assert (off.disabled, off.enabled) == (WebhookDisabled.BY_HAND, False)
    await Webhook.all().update(failures=9, failing_since=now(), rests_until=now())
    on = await managing.update(world.operator, row.id, Settings(enabled=True), expected_version=2)
    assert (on.disabled, on.disabled_at, on.failures) == (None, None, 0)
    assert (on.failing_since, on.rests_until) == (None, None)


async def test_a_rotated_secret_overlaps_with_the_one_before(
    delivery: Delivery,
) -> None:
    operator = delivery.world.operator
    row, second = await managing.rotate(operator, delivery.webhook.id, expected_version=1)
    assert row.previous_until is not None
    assert timedelta(hours=23) < row.previous_until - now() <= timedelta(hours=24)
    await delivery.happens("First")
    await delivery.delivered()
    (received,) = delivery.receiver.received
    assert len(received.headers["webhook-signature"].split(" ")) == 2
    for secret in (delivery.secret, second):
        assert delivery.verified(received, secret)["type"] == "role.create"

    _, third = await managing.rotate(
        operator, delivery.webhook.id, expected_version=2, overlap=timedelta()
    )
    await delivery.happens("Second")
    await delivery.delivered()
    received = delivery.receiver.received[1]
    assert delivery.verified(received, third)["type"] == "role.create"
    for secret in (delivery.secret, second):
        with pytest.raises(Exception, match="No matching signature"):
            delivery.verified(received, secret)

    event = await AuditEvent.filter(action="webhook.rotate").order_by("-id").first()
    assert event is not None
    assert third not in str(event.diff)
    assert {change["path"] for change in event.diff} >= {"secretFingerprint"}


async def test_the_secret_before_signs_until_its_time_is_up(
    delivery: Delivery, movable_clock: MovableClock
) -> None:
    hour = timedelta(hours=1)
    await managing.rotate(
        delivery.world.operator, delivery.webhook.id, expected_version=1, overlap=hour
    )
    for wait, signatures in ((timedelta(), 2), (hour - timedelta(seconds=1), 2), (hour, 1)):
        await delivery.happens(f"After {wait}")
        await delivery.later(movable_clock, wait)
        header = delivery.receiver.received[-1].headers["webhook-signature"]
        assert len(header.split(" ")) == signatures


@pytest.mark.parametrize("overlap", [timedelta(hours=-1), timedelta(days=8)])
async def test_an_overlap_is_bounded(world: World, overlap: timedelta) -> None:
    row = await webhook(world)
    with pytest.raises(BadInput):
        await managing.rotate(world.operator, row.id, expected_version=1, overlap=overlap)
    assert (await Webhook.get()).secret_fingerprint == row.secret_fingerprint


async def test_a_smaller_plan_makes_it_read_only(world: World) -> None:
    row = await webhook(world)
    await organizations.change_plan(world.operator, Plan.PREMIUM)
    owner = await world.subject(world.owner)
    for attempt in (
        managing.create(owner, SIEM),
        managing.update(owner, row.id, Settings(name="Other"), expected_version=1),
        managing.rotate(owner, row.id, expected_version=1),
    ):
        with pytest.raises(PlanRequired, match="It is part of ENTERPRISE"):
            await attempt
    assert [(w.name, w.version) for w in await Webhook.all()] == [("SIEM", 1)]
    await managing.delete(owner, row.id)
    assert await Webhook.all().count() == 0


async def test_deleted_with_its_deliveries(delivery: Delivery) -> None:
    await delivery.happens("First")
    assert len(await delivery.delivered()) == 1
    await managing.delete(delivery.world.operator, delivery.webhook.id)
    assert (await Webhook.all().count(), await WebhookDelivery.all().count()) == (0, 0)
    event = await AuditEvent.get(action="webhook.delete")
    assert event.target_id == delivery.webhook.id


async def test_what_changed_of_a_webhook_is_read_by_who_may_export(world: World) -> None:
    await webhook(world)
    event = await AuditEvent.get(action="webhook.create")
    auditor = await world.someone("Ada", BuiltinRole.AUDITOR, world.everywhere)
    assert read.diff_of(auditor.access, event) == event.diff
    admin = await world.someone("Adam", BuiltinRole.ADMIN, world.everywhere)
    with pytest.raises(Forbidden):
        read.diff_of(admin.access, event)


async def test_nothing_is_there_by_a_made_up_id(world: World) -> None:
    owner: Subject = await world.subject(world.owner)
    given: dict[str, Any] = {"expected_version": 1}
    with pytest.raises(NotFound):
        await managing.update(owner, new_id(), Settings(name="X"), **given)
