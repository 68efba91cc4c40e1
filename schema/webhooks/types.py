"""Webhooks and their deliveries. Their secrets come out once, when they are made."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

import strawberry

from identity.access.compiled import Access
from identity.access.lookup import Place
from identity.webhooks import managing
from models.audit_event import Outcome
from models.webhook import DeliveryStatus, WebhookDisabled, WebhookFormat
from models.webhook import Webhook as WebhookRow
from models.webhook import WebhookDelivery as WebhookDeliveryRow
from schema.connection import Connection
from schema.directives import PUBLIC, public_column
from schema.fields import computed, computed_list, page_of
from schema.ids import global_id
from schema.node import Node


class Attempt(NamedTuple):
    at: datetime
    status: int | None
    milliseconds: int
    error: str | None
    response: str | None


@strawberry.type(description="One time that a message was sent, or was tried to be.")
class WebhookAttempt:
    row: strawberry.Private[Attempt]

    at: datetime = public_column("at", "When the answer was there, or none.")
    status: int | None = public_column("status", "The HTTP status; null without an answer.")
    milliseconds: int = public_column("milliseconds", "How long it took.")
    error: str | None = public_column("error", "Why there was no answer.")
    response: str | None = public_column(
        "response", "The beginning of an answer that was not accepted."
    )


def _attempts(access: Access, row: Any) -> Sequence[Attempt]:
    return [Attempt(**{**each, "at": datetime.fromisoformat(each["at"])}) for each in row.log]


@strawberry.type(description="One message to a webhook.")
class WebhookDelivery(Node):
    row: strawberry.Private[WebhookDeliveryRow]
    own_groups: ClassVar[frozenset[str]] = frozenset({"audit"})
    place = Place.ORGANIZATION

    action: str = public_column(
        "action", "What the event is, as `noun.verb`; `webhook.ping` for a test."
    )
    status: DeliveryStatus = public_column("status", "What became of it.")
    attempts: int = public_column("attempts", "How often it was tried since it was put in line.")
    created_at: datetime = public_column("created_at", "When it was put in line first.")
    due_at: datetime | None = public_column("due_at", "When it is tried next.")
    ended_at: datetime | None = public_column("ended_at", "When it was delivered or given up.")

    event_id: strawberry.ID | None = computed(
        lambda access, row: row.event_id and global_id("AuditEvent", row.event_id),
        "The audit event; null for a test.",
        reads=("event_id",),
        requires=PUBLIC,
    )
    webhook_id: strawberry.ID = computed(
        lambda access, row: global_id("Webhook", row.webhook_id),
        "The webhook.",
        reads=("webhook_id",),
        requires=PUBLIC,
    )
    log: list[WebhookAttempt] = computed_list(
        _attempts, "The last attempts, the newest first.", reads=("log",), requires=PUBLIC
    )


@strawberry.type(description="An address that audit events are delivered to.")
class Webhook(Node):
    row: strawberry.Private[WebhookRow]
    own_groups: ClassVar[frozenset[str]] = frozenset({"audit"})
    place = Place.ORGANIZATION

    name: str = public_column("name", "What it is called.")
    url: str = computed(
        lambda access, row: managing.shown(row.url),
        "The address, without its query, which may hold a key.",
        reads=("url",),
        requires=PUBLIC,
    )
    actions: list[str] = public_column(
        "actions",
        "The actions that it is about: `role.create`, `role.*`, `*.delete`, or `*` for all.",
    )
    outcome: Outcome | None = public_column("outcome", "The outcome that it is about; null: any.")
    format: WebhookFormat = public_column("format", "What the body of a message is.")
    disabled: WebhookDisabled | None = public_column(
        "disabled", "Why nothing is delivered; null while it is."
    )
    disabled_at: datetime | None = public_column("disabled_at", "Since when.")
    secret_fingerprint: str = public_column(
        "secret_fingerprint", "Tells two secrets apart. The secret itself is never given out again."
    )
    previous_secret_ends_at: datetime | None = public_column(
        "previous_until", "Until when messages are signed with the secret before it as well."
    )
    failing_since_at: datetime | None = public_column(
        "failing_since", "Since when nothing was accepted; null while all is well."
    )
    resumes_at: datetime | None = public_column(
        "rests_until", "When something is sent again, after failures."
    )
    delivered_at: datetime | None = public_column(
        "delivered_at", "When something was accepted last."
    )
    created_at: datetime = public_column("created_at", "When it was set up.")
    version: int = public_column("version", "Grows with each change.")

    workspace_id: strawberry.ID | None = computed(
        lambda access, row: row.workspace_id and global_id("Workspace", row.workspace_id),
        "The workspace that it is about; null for the whole organization.",
        reads=("workspace_id",),
        requires=PUBLIC,
    )
    deliveries: Connection[WebhookDelivery] = page_of(
        managing.deliveries, "What is kept of its messages, the newest first.", requires=PUBLIC
    )
    dead_letters: Connection[WebhookDelivery] = page_of(
        managing.dead_letters,
        "The messages that were given up, the newest first.",
        requires=PUBLIC,
    )
