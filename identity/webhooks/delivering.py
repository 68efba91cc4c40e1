"""Delivering: each webhook is served by one process at a time, one message after the other.

Messages go out in the order of the feed. One that fails is tried again, later each time, and the
ones behind it go on; meanwhile the webhook rests, longer with each failure in a row, so that a
receiver that is down is asked now and then, and not for every message. What was sent may be sent
again, with the same id, when a process dies before it has written down the answer.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any
from uuid import UUID

from tortoise.expressions import Q

from identity.access.entitlements import Feature, plans
from identity.fetching import Client, FetchFailed, Line, Reply
from identity.webhooks import disabling, feed
from identity.webhooks.managing import shown
from identity.webhooks.messages import message
from identity.webhooks.selecting import selects
from models import rows
from models.audit_event import AuditEvent
from models.clock import now
from models.database import transaction
from models.ids import new_id
from models.secret import SecretKeyError
from models.sql import Statement, as_uuid, is_postgres
from models.webhook import DeliveryStatus, Webhook, WebhookDelivery, WebhookDisabled

AGAIN_AFTER = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""The waits after each failure, as Standard Webhooks has them; with one failure more, a message is
a dead letter. Each is up to a fifth longer or shorter."""
JITTER = 0.2
SHORTEST_REST = timedelta(seconds=2)
LONGEST_REST = timedelta(hours=1)
LONGEST_RETRY_AFTER = timedelta(hours=24)
FAILING_FOR = timedelta(days=3)
"""When nothing was accepted for so long, the webhook is disabled."""

LEASE = timedelta(seconds=60)
SERVED_FOR = timedelta(seconds=20)
"""Then others have their turn. With one exchange more, well within the lease."""
MOST_OF_ONE = 3
"""Webhooks of one organization that are served at a time, by all processes: however slow they are,
they leave room for others. Two who take at once may make it one more.
"""
BATCH = 50
MOST_PENDING = 500
"""Messages of a webhook that wait to be tried again; beyond these, the feed waits."""
LOG_LENGTH = 12
RESPONSE_LENGTH = 1024
ERROR_LENGTH = 200

_READY = """
    FROM webhooks w JOIN organizations o ON o.id = w.organization_id
    WHERE w.disabled IS NULL AND w.leased_until <= $1
    AND (w.rests_until IS NULL OR w.rests_until <= $1) AND o.plan IN ({plans})
    AND (SELECT count(*) FROM webhooks x WHERE x.organization_id = w.organization_id
        AND x.leased_until > $1) < {most}
    AND (w.position < {head} OR EXISTS (
        SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.due_at <= $1))
"""
_TAKE = """
    UPDATE webhooks SET lease = $2, leased_until = $3 WHERE id = (
        SELECT w.id {ready} ORDER BY w.leased_until LIMIT 1 {lock}
    ) RETURNING id
"""
_RELEASE = Statement(
    "UPDATE webhooks SET lease = NULL, leased_until = $3 WHERE id = $1 AND lease = $2"
)
_MOVE = Statement("UPDATE webhooks SET position = $3 WHERE id = $1 AND lease = $2")
_REST = Statement("UPDATE webhooks SET rests_until = $2 WHERE id = $1")
_WELL = Statement(
    "UPDATE webhooks SET failures = 0, failing_since = NULL, rests_until = NULL, delivered_at = $2"
    " WHERE id = $1"
)
_FAILED = Statement(
    "UPDATE webhooks SET failures = failures + 1, failing_since = COALESCE(failing_since, $2),"
    " rests_until = $3 WHERE id = $1"
)
_ANSWERED = ("id", "status", "attempts", "due_at", "ended_at", "log")
_WRITE_DOWN = Statement(
    "UPDATE webhook_deliveries SET status = $2, attempts = $3, due_at = $4, ended_at = $5, log = $6"
    " WHERE id = $1 AND status = $7 AND attempts = $8"
)


@dataclass(frozen=True, slots=True)
class Answered:
    """How one attempt went: the status, or why there is none."""

    status: int | None
    milliseconds: int
    error: str | None = None
    response: str | None = None
    retry_after: timedelta | None = None

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        return self.status == 410


@dataclass(frozen=True, slots=True)
class Taken:
    """A webhook that this process serves, as long as the lease is its own."""

    id: UUID
    lease: UUID

    async def webhook(self) -> Webhook | None:
        """As it is now; `None` when it is no longer to be served, or not by us."""
        included = [p for p in plans.entitlements if plans.includes(p, Feature.WEBHOOKS)]
        return await Webhook.get_or_none(
            Q(rests_until=None) | Q(rests_until__lte=now()),
            id=self.id,
            lease=self.lease,
            leased_until__gt=now(),
            disabled=None,
            organization__plan__in=included,
        )


async def is_ready() -> bool:
    """Whether there is a webhook to be taken. Asked first: a writing statement takes SQLite's one
    lock even if it changes nothing.
    """
    return await Statement(f"SELECT 1 AS ready {_ready()} LIMIT 1").row(now()) is not None


def _ready() -> str:
    included = [p.value for p in plans.entitlements if plans.includes(p, Feature.WEBHOOKS)]
    named = ", ".join(f"'{each}'" for each in included) or "NULL"
    head = feed.LAST.format(of="w.organization_id")
    return _READY.format(plans=named, head=head, most=MOST_OF_ONE)


async def take() -> Taken | None:
    """A webhook for which something is due, the one that was served longest ago. Several processes
    may ask at once: none gets one that another has.
    """
    lock = "FOR UPDATE OF w SKIP LOCKED" if is_postgres() else ""
    take = Statement(_TAKE.format(ready=_ready(), lock=lock))
    lease, moment = new_id(), now()
    row = await take.returned(moment, lease, moment + LEASE)
    return None if row is None else Taken(as_uuid(row["id"]), lease)


async def serve(taken: Taken, client: Client, *, stopped: Callable[[], bool]) -> None:
    """Send what is due, for a while. When it is `stopped`, the exchange under way is the last. What
    is raised leaves the webhook alone until the lease is over.
    """
    until = now() + SERVED_FOR

    def over() -> bool:
        return stopped() or now() >= until

    async with client.line() as line:
        while not over() and await _some(taken, line, over):
            pass
    await _RELEASE.execute(taken.id, taken.lease, now())


async def _some(taken: Taken, line: Line, over: Callable[[], bool]) -> bool:
    """Send what is due, or without that take more from the feed; whether there may be more."""
    webhook = await taken.webhook()
    if webhook is None:
        return False
    due = (
        await WebhookDelivery.filter(webhook_id=webhook.id, due_at__lte=now())
        .order_by("position", "id")
        .limit(BATCH)
    )
    if not due:
        return await _pull(taken, webhook)
    events = await AuditEvent.in_bulk([d.event_id for d in due if d.event_id is not None], "id")
    for delivery in due:
        webhook = await taken.webhook()
        if webhook is None or over():
            return False
        event = None if delivery.event_id is None else events.get(delivery.event_id)
        if delivery.event_id is not None and event is None:
            await _end(delivery, Answered(None, 0, "The audit log no longer has the event."))
        elif not await attempt(line, webhook, delivery, event):
            return False
    return True


async def _pull(taken: Taken, webhook: Webhook) -> bool:
    """Put the next events of the feed in line; whether it had any."""
    waiting = WebhookDelivery.filter(webhook_id=webhook.id, due_at__not_isnull=True)
    if len(await waiting.order_by("due_at").limit(MOST_PENDING).values_list("id")) == MOST_PENDING:
        next_due = (await waiting.order_by("due_at").limit(1))[0].due_at
        await _REST.execute(webhook.id, next_due)
        return False
    entries, reached = await feed.after(webhook.organization_id, webhook.position, most=BATCH)
    if reached == webhook.position:
        return False
    async with transaction():
        if not await _MOVE.execute(taken.id, taken.lease, reached):
            return False
        moment = now()
        await rows.insert_all(
            [
                WebhookDelivery(
                    organization_id=webhook.organization_id,
                    webhook_id=webhook.id,
                    event_id=entry.event.id,
                    action=entry.event.action,
                    position=entry.position,
                    due_at=moment,
                )
                for entry in entries
                if selects(webhook, entry.event)
            ]
        )
    return True


async def attempt(
    line: Line, webhook: Webhook, delivery: WebhookDelivery, event: AuditEvent | None
) -> bool:
    """Send one message once, and write down what came of it; whether it was accepted."""
    answered = await _sent(line, webhook, delivery, event)
    moment = now()
    if answered.accepted:
        await _write_down(delivery, answered, DeliveryStatus.DELIVERED, due_at=None)
        await _WELL.execute(webhook.id, moment)
        return True
    wait = _wait(delivery.attempts, answered)
    if answered.gone:
        await _write_down(delivery, answered, DeliveryStatus.PENDING, due_at=moment)
    elif wait is None:
        await _end(delivery, answered)
    else:
        await _write_down(delivery, answered, DeliveryStatus.PENDING, due_at=moment + wait)
    await _FAILED.execute(webhook.id, moment, moment + _rest(webhook.failures, answered))
    if answered.gone:
        await disabling.disable(webhook.id, WebhookDisabled.GONE)
    elif webhook.failing_since is not None and webhook.failing_since <= moment - FAILING_FOR:
        await disabling.disable(webhook.id, WebhookDisabled.FAILING)
    return False


async def _sent(
    line: Line, webhook: Webhook, delivery: WebhookDelivery, event: AuditEvent | None
) -> Answered:
    began = monotonic()

    def milliseconds() -> int:
        return int((monotonic() - began) * 1000)

    try:
        sent = message(webhook, delivery, event, moment=now())
        reply = await line.exchange("POST", webhook.url, sent.headers, sent.body)
    except SecretKeyError:
        return Answered(None, 0, "No secret key opens the webhook's secret any more.")
    except FetchFailed as failed:
        said = str(failed).replace(webhook.url, shown(webhook.url))
        return Answered(None, milliseconds(), _printable(said, ERROR_LENGTH))
    return Answered(
        reply.status,
        milliseconds(),
        response=_printable(reply.body[: 4 * RESPONSE_LENGTH].decode(errors="replace"))[
            :RESPONSE_LENGTH
        ],
        retry_after=_retry_after(reply),
    )


def _printable(text: str, length: int = RESPONSE_LENGTH) -> str:
    return "".join(each if each.isprintable() else " " for each in text[:length])


def _retry_after(reply: Reply) -> timedelta | None:
    """How long the receiver asks to be left alone (RFC 9110, section 10.2.3), at most a day."""
    given = reply.headers.get("retry-after", "").strip()
    if given.isascii() and given.isdigit():
        wait = timedelta(seconds=min(int(given[:9]), LONGEST_RETRY_AFTER.total_seconds()))
    else:
        try:
            at = parsedate_to_datetime(given)
        except ValueError:
            return None
        wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now()
    return max(timedelta(), min(wait, LONGEST_RETRY_AFTER))


def _wait(failures: int, answered: Answered) -> timedelta | None:
    """Until the message is tried again, having failed so often before; `None` for never."""
    if failures >= len(AGAIN_AFTER):
        return None
    wait = _jittered(AGAIN_AFTER[failures], 1 + JITTER)
    return max(wait, answered.retry_after or timedelta())


def _rest(failures: int, answered: Answered) -> timedelta:
    """Until the webhook is tried again, with whatever message."""
    rest = min(SHORTEST_REST * 2 ** min(failures, 20), LONGEST_REST)
    return max(_jittered(rest, 1), answered.retry_after or timedelta())


def _jittered(wait: timedelta, most: float) -> timedelta:
    return timedelta(seconds=wait.total_seconds() * random.uniform(1 - JITTER, most))  # noqa: S311


async def _end(delivery: WebhookDelivery, answered: Answered) -> None:
    """Make a dead letter of it."""
    await _write_down(delivery, answered, DeliveryStatus.DEAD, due_at=None)


async def _write_down(
    delivery: WebhookDelivery,
    answered: Answered,
    status: DeliveryStatus,
    *,
    due_at: datetime | None,
) -> None:
    """Unless somebody else has written down an attempt since."""
    before = delivery.attempts
    delivery.status, delivery.due_at = status, due_at
    delivery.attempts = before + 1
    delivery.ended_at = now() if due_at is None else None
    delivery.log = [_entry(answered), *delivery.log][:LOG_LENGTH]
    values: Sequence[object] = rows.bound(delivery, _ANSWERED)
    await _WRITE_DOWN.execute(*values, DeliveryStatus.PENDING.value, before)


def _entry(answered: Answered) -> dict[str, Any]:
    """For the log. What was accepted needs no text of the receiver's."""
    return {
        "at": now().isoformat(),
        "status": answered.status,
        "milliseconds": answered.milliseconds,
        "error": answered.error,
        "response": None if answered.accepted else answered.response,
    }
