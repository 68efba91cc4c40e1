"""`gatepost webhook`."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import click

from gateway.cli.changes import made
from gateway.cli.opening import origin, run
from gateway.cli.options import of_organization
from gateway.cli.places import workspace_named
from gateway.cli.printing import answer, as_json, listed
from gateway.posting import post
from gateway.settings import Settings
from identity import organizations
from identity.subject import Subject
from identity.webhooks import lining_up, managing
from identity.webhooks.managing import DEFAULT_OVERLAP, Filter
from identity.webhooks.managing import Settings as WebhookSettings
from models.audit_event import Outcome
from models.job import Job
from models.listing import page
from models.webhook import Webhook, WebhookDelivery, WebhookFormat
from models.window import Window
from schema.ids import global_id, parse_id, row_id

HOUR = timedelta(hours=1)
SHOWN = 100
ANSWERED_WITHIN_SECONDS = 15
LOOK_SECONDS = 0.1

of_webhook = click.option("--webhook", "webhook_id", required=True, help="The id of the webhook.")
with_actions = click.option(
    "--action", "actions", multiple=True, help="E.g. role.create, role.*, *.delete, or * for all."
)
with_outcome = click.option(
    "--outcome",
    type=click.Choice([each.value for each in Outcome]),
    help="Only events with this outcome.",
)
in_format = click.option(
    "--format",
    "format_",
    type=click.Choice([each.value for each in WebhookFormat]),
    help="What the body of a message is; gatepost unless given.",
)
in_workspace = click.option("--workspace", help="The slug of a workspace: only what concerns it.")


@click.group()
def webhook() -> None:
    """Webhooks: addresses that audit events are delivered to."""


@webhook.command("list")
@of_organization
@as_json
def list_webhooks(slug: str, as_json: bool) -> None:
    """The webhooks of an organization, by name."""

    async def found(settings: Settings) -> list[dict[str, str]]:
        subject = await organizations.operator_of(slug, origin=origin())
        return [_facts(row) for row in await page(managing.listing(subject.access))]

    listed(run(found), none=f"{slug} has no webhooks.", as_json=as_json)


@webhook.command()
@of_organization
@click.option("--name", required=True, help="What it is called.")
@click.option("--url", required=True, help="An https address.")
@with_actions
@with_outcome
@in_workspace
@in_format
@as_json
def add(
    slug: str,
    name: str,
    url: str,
    actions: Sequence[str],
    outcome: str | None,
    workspace: str | None,
    format_: str | None,
    as_json: bool,
) -> None:
    """Set a webhook up, and print its secret, which is shown this once."""

    async def added(subject: Subject) -> tuple[Webhook, str]:
        chosen = await _filter(subject, actions or ("*",), outcome, workspace)
        return await managing.create(subject, WebhookSettings(name, url, chosen, _format(format_)))

    row, secret = made(slug, added)
    answer(
        {**_facts(row), "secret": secret},
        headline=f"{name} is set up. Its secret is shown this once.",
        as_json=as_json,
    )


@webhook.command()
@of_organization
@of_webhook
@click.option("--name", help="What it is to be called.")
@click.option("--url", help="Another address.")
@with_actions
@with_outcome
@in_workspace
@in_format
@click.option("--enable/--disable", "enabled", default=None, help="Whether anything is delivered.")
@as_json
def change(
    slug: str,
    webhook_id: str,
    name: str | None,
    url: str | None,
    actions: Sequence[str],
    outcome: str | None,
    workspace: str | None,
    format_: str | None,
    enabled: bool | None,
    as_json: bool,
) -> None:
    """Change a webhook. What is left out stays; actions, outcome and workspace are chosen anew as
    soon as one of them is given.
    """

    async def changed(subject: Subject) -> Webhook:
        present = await managing.WEBHOOK.find(subject.access, _row_id(webhook_id))
        chosen = None
        if actions or outcome or workspace:
            chosen = await _filter(subject, actions or ("*",), outcome, workspace)
        settings = WebhookSettings(name, url, chosen, _format(format_), enabled)
        return await managing.update(
            subject, present.id, settings, expected_version=present.version
        )

    row = made(slug, changed)
    answer(_facts(row), headline=f"{row.name} is changed.", as_json=as_json)


@webhook.command()
@of_organization
@of_webhook
@as_json
def remove(slug: str, webhook_id: str, as_json: bool) -> None:
    """Delete a webhook with its deliveries."""

    async def removed(subject: Subject) -> Webhook:
        return await managing.delete(subject, _row_id(webhook_id))

    row = made(slug, removed)
    answer({"webhook": webhook_id}, headline=f"{row.name} is deleted.", as_json=as_json)


@webhook.command()
@of_organization
@of_webhook
@click.option(
    "--overlap-hours",
    type=int,
    default=DEFAULT_OVERLAP // HOUR,
    show_default=True,
    help="For how long messages are signed with the old secret as well.",
)
@as_json
def rotate(slug: str, webhook_id: str, overlap_hours: int, as_json: bool) -> None:
    """Give a webhook a new secret, and print it."""

    async def rotated(subject: Subject) -> tuple[Webhook, str]:
        present = await managing.WEBHOOK.find(subject.access, _row_id(webhook_id))
        return await managing.rotate(
            subject,
            present.id,
            expected_version=present.version,
            overlap=overlap_hours * HOUR,
        )

    row, secret = made(slug, rotated)
    answer(
        {**_facts(row), "secret": secret},
        headline=f"{row.name} has a new secret. It is shown this once.",
        as_json=as_json,
    )


@webhook.command()
@of_organization
@of_webhook
@as_json
def test(slug: str, webhook_id: str, as_json: bool) -> None:
    """Send a message without content now, and print what came of it. Exit code 1 if it was not
    accepted.
    """

    async def tested(settings: Settings) -> WebhookDelivery:
        subject = await organizations.operator_of(slug, origin=origin())
        row = await lining_up.test(subject, _row_id(webhook_id))
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWERED_WITHIN_SECONDS):
                while not row.attempts:  # a worker may have the webhook
                    await post()
                    await asyncio.sleep(LOOK_SECONDS)
                    row = await WebhookDelivery.get(id=row.id)
        return row

    row = run(tested)
    answer(_delivery(row), headline=f"The test is {row.status.value}.", as_json=as_json)
    if row.ended_at is None:
        click.get_current_context().exit(1)


@webhook.command()
@of_organization
@of_webhook
@click.option("--dead", is_flag=True, help="Only those that were given up.")
@as_json
def deliveries(slug: str, webhook_id: str, dead: bool, as_json: bool) -> None:
    """The last messages of a webhook, the newest first."""

    async def found(settings: Settings) -> list[dict[str, str]]:
        subject = await organizations.operator_of(slug, origin=origin())
        row = await managing.WEBHOOK.find(subject.access, _row_id(webhook_id))
        of = managing.dead_letters if dead else managing.deliveries
        rows = await page(of(subject.access, row.id), Window(limit=SHOWN))
        return [_delivery(each) for each in rows]

    listed(run(found), none="There are none.", as_json=as_json)


@webhook.command()
@of_organization
@click.argument("named")
@as_json
def redeliver(slug: str, named: str, as_json: bool) -> None:
    """Send a message again, by its id; or by the id of a webhook, all its dead letters, which a
    worker puts in line.
    """
    kind, chosen = parse_id(named, field="NAMED", types={"Webhook", "WebhookDelivery"})

    async def again(subject: Subject) -> WebhookDelivery | Job:
        if kind == "Webhook":
            return await lining_up.redeliver_dead_letters(subject, chosen)
        return await lining_up.redeliver(subject, chosen)

    row = made(slug, again)
    if isinstance(row, Job):
        facts = {"job": global_id("Job", row.id), "dead_letters": str(row.total)}
    else:
        facts = _delivery(row)
    answer(facts, headline="It is sent again.", as_json=as_json)


def _format(given: str | None) -> WebhookFormat | None:
    return None if given is None else WebhookFormat(given)


async def _filter(
    subject: Subject, actions: Sequence[str], outcome: str | None, workspace: str | None
) -> Filter:
    workspace_id = None if workspace is None else await workspace_named(subject, workspace)
    return Filter(actions, None if outcome is None else Outcome(outcome), workspace_id)


def _row_id(webhook_id: str) -> UUID:
    return row_id(webhook_id, "Webhook", field="--webhook")


def _facts(row: Webhook) -> dict[str, str]:
    return {
        "webhook": global_id("Webhook", row.id),
        "name": row.name,
        "url": managing.shown(row.url),
        "actions": " ".join(row.actions),
        "outcome": "" if row.outcome is None else row.outcome.value,
        "format": row.format.value,
        "disabled": "" if row.disabled is None else row.disabled.value,
        "fingerprint": row.secret_fingerprint,
    }


def _delivery(row: WebhookDelivery) -> dict[str, str]:
    last = row.log[0] if row.log else {}
    return {
        "delivery": global_id("WebhookDelivery", row.id),
        "action": row.action,
        "status": row.status.value,
        "attempts": str(row.attempts),
        "due": "" if row.due_at is None else row.due_at.isoformat(),
        "answer": str(last.get("status") or last.get("error") or ""),
    }
