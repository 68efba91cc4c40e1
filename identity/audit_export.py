"""Taking events along: what a filter asks for, oldest first, a batch at a time in memory.

An export is an event itself when it begins, and another when it ends or is broken off. It goes on
only as long as whoever asked may export there, which is asked before each batch; diffs that they
may not read are left out, as in GraphQL, and marked.
"""

from asyncio import CancelledError, create_task, shield
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from identity.access.compiled import Access
from identity.access.entitlements import Feature, plans
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.export_size import Estimate, estimated
from identity.audit.filters import EventFilter, Events
from identity.audit.formats import csv_header, csv_lines, json_lines, ocsf_lines
from identity.audit.read import may_read_diff, place_of
from identity.audit.record import AuditTarget, record, target
from identity.audit.sealed_file import SealsGone, sealed_lines
from identity.refusals import FAILED, Conflict, NotFound, Refusal
from identity.subject import Subject
from identity.writing import writing
from models import rows
from models.audit_event import AuditEvent, Outcome
from models.database import transaction
from models.ids import new_id
from models.listing import Values
from models.organization import Organization
from models.reading import fetch
from models.window import Window
from models.workspace import Workspace

BATCH = 100
"""Events that are read and written at once, while the process does nothing else for a moment."""


class Format(StrEnum):
    """How events are written: one a line, but for what a CSV cell holds."""

    CSV = "csv"
    JSONL = "jsonl"
    OCSF = "ocsf"
    SEALED = "sealed"
    """With what proves it (`identity.audit.sealed_file`)."""


NEEDS: Mapping[Format, Feature | None] = {
    Format.CSV: None,
    Format.JSONL: Feature.AUDIT_JSONL,
    Format.OCSF: Feature.AUDIT_SIEM,
    Format.SEALED: Feature.AUDIT_SEALED,
}
"""What of the plan a format takes."""

MEDIA_TYPES: Mapping[Format, str] = {
    Format.CSV: "text/csv",
    Format.JSONL: "application/jsonl",
    Format.OCSF: "application/jsonl",
    Format.SEALED: "application/jsonl",
}
FILE_TYPES: Mapping[Format, str] = {
    Format.CSV: "csv",
    Format.JSONL: "jsonl",
    Format.OCSF: "ocsf.jsonl",
    Format.SEALED: "sealed.jsonl",
}
"""How the name of a file in a format ends."""

Written = Callable[[Sequence[tuple[AuditEvent, bool]]], bytes]
_WRITTEN: Mapping[Format, Written] = {
    Format.CSV: csv_lines,
    Format.JSONL: json_lines,
    Format.OCSF: ocsf_lines,
}
Present = Callable[[], Awaitable[Subject]]
"""The exporter as they are now. Raises `Unauthenticated` when their session is over."""


@dataclass(slots=True)
class Export:
    """One export that was allowed to begin. `done` counts the events that were given out."""

    subject: Subject
    format: Format
    workspace_id: UUID | None
    asked: EventFilter | None
    """`None` when the filter and the place have nothing in common."""
    until: UUID
    """Events with a lower id are in it."""
    about: AuditTarget
    estimate: Estimate
    done: int = 0
    ended: bool = field(default=False)

    async def parts(self, present: Present) -> AsyncGenerator[bytes, None]:
        """The file. Close it, so that its end is recorded where it is broken off.

        Raises `Forbidden`, `PlanRequired` or `Unauthenticated` in the middle, when the exporter may
        not go on; what was given out by then is not the whole.
        """
        outcome = Outcome.ERROR
        reason: str | None = FAILED
        try:
            sealed = self.format is Format.SEALED
            async with aclosing(self._sealed(present) if sealed else self._plain(present)) as parts:
                async for part in parts:
                    yield part
            self.ended = True
            outcome, reason = Outcome.SUCCESS, None
        except Refusal as refusal:
            outcome, reason = Outcome.DENIED, f"{refusal.code}: {refusal.message}"
            raise
        except (GeneratorExit, CancelledError):
            outcome, reason = Outcome.SUCCESS, "The receiver left."
            raise
        finally:
            await shield(create_task(self._end(outcome, reason)))  # whoever is cancelled again

    async def _plain(self, present: Present) -> AsyncGenerator[bytes, None]:
        if self.format is Format.CSV:
            yield csv_header()
        async with aclosing(self._batches(present)) as batches:
            async for events, readable in batches:
                self.done += len(events)
                yield _WRITTEN[self.format](list(zip(events, readable, strict=True)))

    async def _sealed(self, present: Present) -> AsyncGenerator[bytes, None]:
        organization_id = self.subject.organization_id

        async def choose(ids: Sequence[UUID]) -> Mapping[UUID, bool]:
            subject = await present()
            _require(subject, self.format, self.workspace_id)
            if self.asked is None:
                return {}
            events = await _among(Events(organization_id, self.asked), ids, self.until)
            self.done += len(events)
            return {event.id: may_read_diff(subject.access, event) for event in events}

        told = changes({}, {} if self.asked is None else self.asked.told())
        facts = {change["path"]: change["after"] for change in told}
        lines = sealed_lines(organization_id, filter=facts, choose=choose)
        try:
            async with aclosing(lines):
                async for line in lines:
                    yield line
        except SealsGone as error:
            raise Conflict(
                "Events were deleted meanwhile, as they are due. Export again."
            ) from error

    async def _batches(
        self, present: Present
    ) -> AsyncGenerator[tuple[Sequence[AuditEvent], Sequence[bool]], None]:
        """The events of each batch, and whether the exporter may read the diff of each."""
        last: UUID | None = None
        while self.asked is not None:
            subject = await present()
            _require(subject, self.format, self.workspace_id)
            events = await _batch(Events(subject.organization_id, self.asked), last, self.until)
            if events:
                last = events[-1].id
                yield events, [may_read_diff(subject.access, event) for event in events]
            if len(events) < BATCH:
                return

    async def _end(self, outcome: Outcome, reason: str | None) -> None:
        facts = {"format": self.format, "events": self.done, "complete": self.ended}
        async with transaction():
            await record(
                Action.AUDIT_EXPORT_END,
                subject=self.subject,
                target=self.about,
                diff=changes({}, facts),
                workspace_id=self.workspace_id,
                outcome=outcome,
                reason=reason,
            )


async def begin(
    subject: Subject, *, format_: Format, workspace_id: UUID | None, asked: EventFilter
) -> Export:
    """Record that an export begins of what a filter asks for, in the organization or one workspace.

    Raises `Forbidden` without `audit:export` there, `PlanRequired` for a format that the plan does
    not have, and `NotFound` for a workspace of another organization.
    """
    until = new_id()
    async with writing(subject, Action.AUDIT_EXPORT) as write:
        about = await _place(write.organization_id, workspace_id)
        write.about(about, workspace_id=workspace_id)
        _require(write.subject, format_, workspace_id)
        facts = {"format": format_, **asked.told()}
        await write.record(about, changes({}, facts), workspace_id=workspace_id)
    within = asked.within(workspace_id)
    estimate = await estimate_of(subject.access, workspace_id=workspace_id, asked=asked)
    return Export(subject, format_, workspace_id, within, until, about, estimate)


async def estimate_of(access: Access, *, workspace_id: UUID | None, asked: EventFilter) -> Estimate:
    """How many events an export would have. Raises `Forbidden` without `audit:export` there."""
    access.require(Permission.AUDIT_EXPORT, place_of(workspace_id))
    within = asked.within(workspace_id)
    if within is None:
        return Estimate(0, exact=True)
    return await estimated(Events(access.organization_id, within))


def _require(subject: Subject, format_: Format, workspace_id: UUID | None) -> None:
    subject.access.require(Permission.AUDIT_EXPORT, place_of(workspace_id))
    feature = NEEDS[format_]
    if feature is not None:
        plans.require(subject.plan, feature)


async def _place(organization_id: UUID, workspace_id: UUID | None) -> AuditTarget:
    """What is exported from, as the target of the event. Raises `NotFound`."""
    if workspace_id is None:
        return target(await Organization.get(id=organization_id))
    workspace = await Workspace.get_or_none(id=workspace_id, organization_id=organization_id)
    if workspace is None:
        raise NotFound("workspace")
    return target(workspace)


async def _among(events: Events, ids: Sequence[UUID], until: UUID) -> Sequence[AuditEvent]:
    """Those of these events that are asked for."""
    values = Values()
    conditions = [*events.conditions(values), f"t.id < {values.add(until)}"]
    among = f"t.id IN ({values.add_all(ids)})"
    return await rows.matching(AuditEvent, " AND ".join([*conditions, among]), values.given)


async def _batch(events: Events, last: UUID | None, until: UUID) -> Sequence[AuditEvent]:
    """The next events, oldest first."""
    values = Values()
    text = events.rows(values, Window(limit=BATCH, after=until, before=last, backwards=True))
    selected = rows.selection(AuditEvent)
    found = await fetch(f"SELECT {selected} FROM ({text}) t ORDER BY t.id", values.given)  # noqa: S608
    return [rows.loaded(AuditEvent, row) for row in found]
