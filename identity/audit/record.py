"""Writing the audit log: one row an action, in the caller's transaction."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from identity.audit.actions import Action
from identity.audit.diff import Change
from identity.audit.words import words_of
from identity.facts import Fact, Kind, mention
from identity.refusals import FAILED, Refusal
from identity.subject import Subject
from models import rows
from models.audit_event import AuditEvent, Outcome
from models.database import transaction
from models.record import Record
from models.sql import FAILURES

NAME_LENGTH = 320
REASON_LENGTH = 1000
OPERATION_LENGTH = 100


@dataclass(frozen=True, slots=True)
class AuditTarget:
    """What an action was done to, by the name it had then."""

    type: str
    id: UUID | None
    name: str


def target(row: Record) -> AuditTarget:
    """A row as a target. Rows without a name of their own are called by their id."""
    name = getattr(row, "name", None) or str(row.id)
    return AuditTarget(_snake(type(row).__name__), row.id, name)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def new_event(
    action: Action,
    *,
    subject: Subject,
    target: AuditTarget | None,
    diff: Sequence[Change] = (),
    workspace_id: UUID | None = None,
    outcome: Outcome = Outcome.SUCCESS,
    reason: str | None = None,
) -> AuditEvent:
    """The event of an action, not saved yet."""
    origin, behalf = subject.origin, subject.on_behalf_of
    return AuditEvent(
        organization_id=subject.organization_id,
        workspace_id=workspace_id,
        actor_type=subject.actor_type,
        actor_id=subject.actor_id,
        actor_name=subject.actor_name[:NAME_LENGTH],
        via=subject.via,
        via_id=subject.via_id,
        via_name=subject.via_name[:NAME_LENGTH] if subject.via_name else None,
        connection_id=subject.connection_id,
        on_behalf_of_id=behalf.member_id if behalf else None,
        on_behalf_of_name=behalf.name[:NAME_LENGTH] if behalf else None,
        action=action.value,
        target_type=target.type if target else None,
        target_id=target.id if target else None,
        target_name=target.name[:NAME_LENGTH] if target else None,
        outcome=outcome,
        reason=reason[:REASON_LENGTH] if reason else None,
        diff=list(diff),
        request_id=origin.request_id,
        operation=origin.operation[:OPERATION_LENGTH] if origin.operation else None,
        ip=origin.ip,
        user_agent=origin.user_agent,
        words=words_of(
            action.value,
            subject.actor_name,
            target.name if target else None,
            behalf.name if behalf else None,
            reason[:REASON_LENGTH] if reason else None,
        ),
    )


def mention_event(event: AuditEvent) -> None:
    """Tell of an event, once it is committed, whoever follows the audit log."""
    mention(Fact(Kind.AUDIT, event.organization_id, event.id))


async def record(
    action: Action,
    *,
    subject: Subject,
    target: AuditTarget | None,
    diff: Sequence[Change] = (),
    workspace_id: UUID | None = None,
    outcome: Outcome = Outcome.SUCCESS,
    reason: str | None = None,
) -> AuditEvent:
    """Add one event. The caller holds the transaction of the action itself."""
    event = new_event(
        action,
        subject=subject,
        target=target,
        diff=diff,
        workspace_id=workspace_id,
        outcome=outcome,
        reason=reason,
    )
    await rows.insert(event)
    mention_event(event)
    return event


async def record_all(events: Sequence[AuditEvent]) -> None:
    """Add the events of one change that did the same to many. The caller holds its transaction."""
    await rows.insert_all(events)
    for event in events:
        mention_event(event)


@dataclass(frozen=True, slots=True)
class Denial:
    """A refusal to be recorded, once the transaction it ended is over; without one, a failure that
    is our fault.
    """

    action: Action
    refusal: Refusal | None
    subject: Subject
    target: AuditTarget | None = None
    workspace_id: UUID | None = None


async def record_denial(denial: Denial) -> None:
    """Add the event of a refused or failed action, in a transaction of its own.

    Only refusals that are `recorded` are kept; a mistyped input is not a denial. Of a failure, the
    event tells nothing that only the operator's log may have.
    """
    refusal = denial.refusal
    if refusal is None:
        outcome, reason = Outcome.ERROR, FAILED
    elif refusal.recorded:
        outcome, reason = Outcome.DENIED, f"{refusal.code}: {refusal.message}"
    else:
        return
    # A failure may be the database's own; then the log of the process is all there is.
    with suppress(*(FAILURES if refusal is None else ())):
        await _record_alone(denial, outcome, reason)


async def _record_alone(denial: Denial, outcome: Outcome, reason: str) -> None:
    async with transaction():
        await record(
            denial.action,
            subject=denial.subject,
            target=denial.target,
            workspace_id=denial.workspace_id,
            outcome=outcome,
            reason=reason,
        )
