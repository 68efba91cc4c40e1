"""Webhooks and jobs through GraphQL: for owners to change, for who may export to read."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gateway.posting import post
from gateway.worker import work
from identity import assignments, organizations
from identity.access.permissions import Permission
from identity.webhooks import lining_up, managing
from identity.webhooks.managing import Settings
from models import (
    AuditEvent,
    BuiltinRole,
    DeliveryStatus,
    Job,
    Outcome,
    Plan,
    Webhook,
    WebhookDelivery,
)
from models.clock import now
from models.ids import new_id
from schema.ids import global_id
from tests.door import Person, sign_in
from tests.receiver import Answer, Receiver
from tests.schema.test_streams import following, last, viewing
from tests.statements import counted_statements
from tests.world import World, new_world

CREATE = """
    mutation ($input: CreateWebhookInput!) {
      createWebhook(input: $input) {
        secret
        webhook {
          id name url actions outcome workspaceId format disabled secretFingerprint version
        }
      }
    }
"""
UPDATE = """
    mutation ($input: UpdateWebhookInput!) {
      updateWebhook(input: $input) { webhook { name url actions outcome disabled version } }
    }
"""
ROTATE = """
    mutation ($input: RotateWebhookSecretInput!) {
      rotateWebhookSecret(input: $input) {
        secret webhook { secretFingerprint previousSecretEndsAt version }
      }
    }
"""
DELETE = """
    mutation ($id: ID!) { deleteWebhook(input: {webhookId: $id}) { deletedWebhookId } }
"""
TEST = """
    mutation ($id: ID!) { testWebhook(input: {webhookId: $id}) { delivery { id status action } } }
"""
REDELIVER = """
    mutation ($id: ID!) {
      redeliverWebhookDelivery(input: {webhookDeliveryId: $id}) { delivery { id status } }
    }
"""
REDELIVER_ALL = """
    mutation ($id: ID!) {
      redeliverWebhookDeadLetters(input: {webhookId: $id}) { job { id kind status done total } }
    }
"""
LIST = """
    query ($first: Int) {
      organization {
        webhooks {
          name deliveries(first: $first) {
            totalCount
            nodes {
              id action status attempts eventId webhookId
              log { at status milliseconds error response }
            }
          }
          deadLetters(first: $first) { nodes { id } }
        }
        jobs(first: 5) { nodes { id kind status done total askedByName error } }
      }
    }
"""
FOLLOW = "subscription ($id: ID!) { jobProgress(jobId: $id) { status done total } }"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    managing.use(allow_loopback=True)
    with Receiver() as serving:
        yield serving
    managing.use(allow_loopback=False)


@pytest.fixture
async def webhook(world: World, receiver: Receiver) -> Webhook:
    return (await managing.create(world.operator, Settings("SIEM", receiver.url)))[0]


async def dead_letter(webhook: Webhook) -> WebhookDelivery:
    event = await AuditEvent.filter(organization_id=webhook.organization_id).first()
    assert event is not None
    return await WebhookDelivery.create(
        organization_id=webhook.organization_id,
        webhook=webhook,
        event_id=event.id,
        action=event.action,
        position=0,
        status=DeliveryStatus.DEAD,
        ended_at=now(),
    )


async def test_an_owner_sets_one_up_changes_and_deletes_it(olga: Person, world: World) -> None:
    body = await olga.data(
        CREATE,
        {
            "input": {
                "name": "SIEM",
                "url": "https://hooks.example/in",
                "filter": {
                    "actions": ["role.*"],
                    "workspaceId": global_id("Workspace", world.a.id),
                },
            }
        },
    )
    made = body["createWebhook"]
    assert made["secret"].startswith("whsec_")
    row = made["webhook"]
    assert row == {
        "id": row["id"],
        "name": "SIEM",
        "url": "https://hooks.example/in",
        "actions": ["role.*"],
        "outcome": None,
        "workspaceId": global_id("Workspace", world.a.id),
        "format": "GATEPOST",
        "disabled": None,
        "secretFingerprint": row["secretFingerprint"],
        "version": 1,
    }
    versioned = {"webhookId": row["id"], "expectedVersion": 1}
    changed = {**versioned, "filter": {"outcome": "DENIED"}, "enabled": False}
    assert await olga.data(UPDATE, {"input": changed}) == {
        "updateWebhook": {
            "webhook": {
                "name": "SIEM",
                "url": "https://hooks.example/in",
                "actions": ["*"],
                "outcome": "DENIED",
                "disabled": "BY_HAND",
                "version": 2,
            }
        }
    }
    rotated = (await olga.data(ROTATE, {"input": {**versioned, "expectedVersion": 2}}))[
        "rotateWebhookSecret"
    ]
    assert rotated["secret"] != made["secret"]
    assert rotated["webhook"]["secretFingerprint"] != row["secretFingerprint"]
    assert rotated["webhook"]["previousSecretEndsAt"] is not None
    assert await olga.data(DELETE, {"id": row["id"]}) == {
        "deleteWebhook": {"deletedWebhookId": row["id"]}
    }
    assert await Webhook.all().count() == 0
    actions = [event.action for event in await world.events()][-4:]
    assert actions == ["webhook.create", "webhook.update", "webhook.rotate", "webhook.delete"]


async def test_the_log_shows_what_was_sent_and_what_came_back(
    olga: Person, world: World, webhook: Webhook, receiver: Receiver
) -> None:
    receiver.answers = [Answer(500, b"down")]
    sent = await olga.data(TEST, {"id": global_id("Webhook", webhook.id)})
    assert sent["testWebhook"]["delivery"]["action"] == "webhook.ping"
    await Webhook.all().update(position=1_000_000)
    await post()
    (shown,) = (await olga.data(LIST, {"first": 5}))["organization"]["webhooks"]
    (node,) = shown["deliveries"]["nodes"]
    attempt = node["log"][0]
    assert (node["status"], node["attempts"], node["eventId"]) == ("PENDING", 1, None)
    assert (attempt["status"], attempt["error"], attempt["response"]) == (500, None, "down")
    assert shown["deliveries"]["totalCount"] == 1


async def test_dead_letters_are_listed_and_sent_again(
    olga: Person, world: World, webhook: Webhook, receiver: Receiver
) -> None:
    row = await dead_letter(webhook)
    (shown,) = (await olga.data(LIST, {"first": 5}))["organization"]["webhooks"]
    assert shown["deadLetters"]["nodes"] == [{"id": global_id("WebhookDelivery", row.id)}]
    asked = await olga.data(REDELIVER_ALL, {"id": global_id("Webhook", webhook.id)})
    job = asked["redeliverWebhookDeadLetters"]["job"]
    assert job == {
        "id": job["id"],
        "kind": "WEBHOOK_REDELIVERY",
        "status": "QUEUED",
        "done": 0,
        "total": 1,
    }
    await work()
    (shown_job,) = (await olga.data(LIST))["organization"]["jobs"]["nodes"]
    assert (shown_job["status"], shown_job["done"]) == ("DONE", 1)
    assert shown_job["askedByName"] == world.owner.name
    body = await olga.ask(REDELIVER, {"id": global_id("WebhookDelivery", row.id)})
    assert body["errors"][0]["extensions"]["code"] == "CONFLICT"


@pytest.mark.parametrize(
    ("builtin", "code"), [(BuiltinRole.AUDITOR, "FORBIDDEN"), (BuiltinRole.ADMIN, "NOT_FOUND")]
)
async def test_who_is_no_owner_changes_nothing(
    http: httpx.AsyncClient, world: World, webhook: Webhook, builtin: BuiltinRole, code: str
) -> None:
    member = await world.member("Mia")
    await world.give(member, builtin, world.everywhere)
    mia = await sign_in(http, world, member)
    row = await dead_letter(webhook)
    id_ = global_id("Webhook", webhook.id)
    versioned = {"webhookId": id_, "expectedVersion": 1}
    before = await Webhook.all().values()
    for document, variables in (
        (UPDATE, {"input": {**versioned, "url": "https://evil.example/"}}),
        (ROTATE, {"input": versioned}),
        (DELETE, {"id": id_}),
        (TEST, {"id": id_}),
        (REDELIVER, {"id": global_id("WebhookDelivery", row.id)}),
        (REDELIVER_ALL, {"id": id_}),
    ):
        body = await mia.ask(document, variables)
        assert body["errors"][0]["extensions"]["code"] == code
    body = await mia.ask(CREATE, {"input": {"name": "Mine", "url": "https://evil.example/"}})
    assert body["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await Webhook.all().values() == before
    assert (await WebhookDelivery.all().count(), await Job.all().count()) == (1, 0)
    kinds = {event.outcome for event in await AuditEvent.filter(actor_id=member.id)}
    assert kinds <= {Outcome.DENIED}


async def test_who_may_export_reads_and_who_may_not_sees_none(
    http: httpx.AsyncClient, world: World, webhook: Webhook
) -> None:
    await dead_letter(webhook)
    for builtin, sees in ((BuiltinRole.AUDITOR, True), (BuiltinRole.ADMIN, False)):
        member = await world.member(builtin.value)
        await world.give(member, builtin, world.everywhere)
        person = await sign_in(http, world, member)
        body = await person.ask(LIST)
        if sees:
            assert "errors" not in body
            assert len(body["data"]["organization"]["webhooks"]) == 1
            continue
        assert body["data"]["organization"] == {"webhooks": None, "jobs": None}
        assert {error["extensions"]["code"] for error in body["errors"]} == {"FORBIDDEN"}
        assert body["errors"][0]["extensions"]["missing"] == ["AUDIT_EXPORT"]


async def test_nothing_of_another_tenant_is_found(
    http: httpx.AsyncClient, world: World, webhook: Webhook
) -> None:
    other = await new_world("other")
    theirs = await sign_in(http, other, other.owner)
    row = await dead_letter(webhook)
    job = await lining_up.redeliver_dead_letters(world.operator, webhook.id)
    document = "query ($id: ID!) { node(id: $id) { id } }"
    for type_name, id_ in (("Webhook", webhook.id), ("WebhookDelivery", row.id), ("Job", job.id)):
        body = await theirs.ask(document, {"id": global_id(type_name, id_)})
        assert body["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    listed = (await theirs.data(LIST))["organization"]
    assert listed == {"webhooks": [], "jobs": {"nodes": []}}


async def test_a_plan_without_webhooks_names_the_one_with_them(olga: Person, world: World) -> None:
    await organizations.change_plan(world.operator, Plan.PREMIUM)
    body = await olga.ask(CREATE, {"input": {"name": "S", "url": "https://hooks.example/"}})
    extensions = body["errors"][0]["extensions"]
    assert (extensions["code"], extensions["feature"]) == ("PLAN_REQUIRED", "WEBHOOKS")
    assert extensions["requiredPlan"] == "ENTERPRISE"
    assert await Webhook.all().count() == 0


async def test_input_that_cannot_be_names_its_field(olga: Person) -> None:
    for given, field in (
        ({"url": "http://hooks.example/"}, "input.url"),
        ({"filter": {"actions": ["no.such"]}}, "input.filter.actions"),
        ({"filter": {"workspaceId": "x"}}, "input.filter.workspaceId"),
    ):
        sound = {"name": "S", "url": "https://hooks.example/"}
        body = await olga.ask(CREATE, {"input": {**sound, **given}})
        assert body["errors"][0]["extensions"] == {"code": "BAD_INPUT", "field": field}
    assert await Webhook.all().count() == 0


async def test_a_page_of_deliveries_takes_as_many_statements_as_one(
    olga: Person, webhook: Webhook
) -> None:
    async def add(many: int) -> None:
        for _ in range(many):
            await WebhookDelivery.create(
                organization_id=webhook.organization_id,
                webhook=webhook,
                event_id=new_id(),
                action="role.create",
                position=0,
            )

    await add(1)
    await olga.data(LIST, {"first": 50})
    with counted_statements() as few:
        await olga.data(LIST, {"first": 50})
    await add(20)
    with counted_statements() as many:
        await olga.data(LIST, {"first": 50})
    assert len(many) == len(few)


async def test_who_follows_a_job_sees_it_end(olga: Person, world: World, webhook: Webhook) -> None:
    await dead_letter(webhook)
    job = await lining_up.redeliver_dead_letters(world.operator, webhook.id)
    async with viewing(world, world.owner) as viewer:
        events = viewer.ask(FOLLOW, id=global_id("Job", job.id))
        first = await following(events)
        assert first == {"jobProgress": {"status": "QUEUED", "done": 0, "total": 1}}
        await work()
        seen = first
        async with asyncio.timeout(10):
            async for answer in events:
                seen = answer.body["data"]
        assert seen == {"jobProgress": {"status": "DONE", "done": 1, "total": 1}}


async def test_who_loses_the_right_follows_no_further(world: World, webhook: Webhook) -> None:
    await dead_letter(webhook)
    job = await lining_up.redeliver_dead_letters(world.operator, webhook.id)
    member = await world.member("Mia")
    exporter = await world.custom_role("Exporter", Permission.AUDIT_EXPORT)
    given = await world.give(member, exporter, world.everywhere)
    from_outside: dict[str, Any] = {"id": global_id("Job", job.id)}
    async with viewing(world, member) as viewer:
        events = viewer.ask(FOLLOW, **from_outside)
        await following(events)
        await assignments.unassign(world.operator, given.id)
        errors = await last(events)
        assert errors[0]["extensions"]["code"] == "FORBIDDEN"
        refused = await viewer.only(FOLLOW, **from_outside)
        assert refused["errors"][0]["extensions"]["missing"] == ["AUDIT_EXPORT"]


async def test_the_job_of_another_tenant_is_not_followed(world: World, webhook: Webhook) -> None:
    await dead_letter(webhook)
    job = await lining_up.redeliver_dead_letters(world.operator, webhook.id)
    other = await new_world("other")
    async with viewing(other, other.owner) as viewer:
        refused = await viewer.only(FOLLOW, id=global_id("Job", job.id))
    assert refused["errors"][0]["extensions"]["code"] == "NOT_FOUND"
