"""How long the audit log is kept: the plan's window is declared, and what is older deleted.

Windows are declared in a table to which rows are only added (`models.audit_retention`), and the
triggers permit a deletion by that table alone. So a smaller plan, or the end of a hold, deletes
nothing for 30 days, in which whoever meant something else may say so. The deployment's own log is
kept for good.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from identity.access.decision import Target
from identity.access.entitlements import plans
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import record, target
from identity.audit.sealing import Head, head_of, lock_chain, sign, stated
from identity.audit.signing import SigningKey, signing_key, trusted_keys
from identity.subject import Subject, job
from identity.writing import writing
from models.audit_retention import GRACE, SHORTEST_DAYS, AuditRetention
from models.audit_seal import AuditCheckpoint
from models.clock import now
from models.database import transaction
from models.organization import Organization, Plan
from models.sql import Statement, as_time, as_uuid

ACTOR = "audit retention"
BATCH = 1_000
MOST_BATCHES = 100
"""Of one organization, before the others have their turn."""
ROUND = timedelta(days=1)
"""An event goes no later than this after its window; one round then deletes a day's events."""
MARGIN = timedelta(hours=1)
"""The triggers go by the clock of the database, which may be another."""

_ORGANIZATIONS = Statement("""
    SELECT o.id, o.plan,
        (SELECT r.days FROM audit_retentions r WHERE r.organization_id = o.id
         ORDER BY r.created_at DESC, r.id DESC LIMIT 1) AS days,
        (SELECT e.created_at FROM audit_events e WHERE e.organization_id = o.id
         ORDER BY e.id LIMIT 1) AS oldest
    FROM organizations o
""")
_FIRST_KEPT = Statement("""
    SELECT s.sequence FROM audit_seals s JOIN audit_events e ON e.id = s.id
    WHERE s.organization_id = $1 AND s.sequence >= $2 AND s.sequence < $3 AND e.created_at >= $4
    ORDER BY s.sequence LIMIT 1
""")
_DELETE_EVENTS = Statement("""
    DELETE FROM audit_events WHERE id IN (
        SELECT s.id FROM audit_seals s WHERE s.organization_id = $1 AND s.sequence <= $2
    )
""")
_DELETE_SEALS = Statement("DELETE FROM audit_seals WHERE organization_id = $1 AND sequence <= $2")


class _Windows:
    overridden: Mapping[Plan, int] = {}


_windows = _Windows()


def use(overridden: Iterable[tuple[Plan, int]]) -> None:
    """Let these windows, in days, be in the place of what the plans say: for the whole process."""
    _windows.overridden = dict(overridden)


def window(plan: Plan) -> int:
    """For how many days the events of an organization on the plan are kept."""
    return _windows.overridden.get(plan, plans.entitlements[plan].audit_days)


async def due() -> Sequence[UUID]:
    """The organizations with another window than the one declared last, or with too old events."""
    return [as_uuid(row["id"]) for row in await _ORGANIZATIONS.rows() if _is_due(row)]


def _is_due(row: Mapping[str, object]) -> bool:
    days, oldest = window(Plan(str(row["plan"]))), row["oldest"]
    if row["days"] != days:
        return True
    return oldest is not None and as_time(oldest) < now() - timedelta(days=days) - ROUND


async def carry_out(organization_id: UUID) -> None:
    """Declare the window of the organization if it is another one, and delete what is older than
    every window of the last 30 days. Raises `Busy`.
    """
    organization = await Organization.get_or_none(id=organization_id)
    if organization is None:
        return
    subject = job(ACTOR, organization_id, organization.plan)
    await _declare(subject, organization)
    key = await signing_key()
    for _ in range(MOST_BATCHES):
        if not await _expire(subject, organization, key):
            break


async def _declare(subject: Subject, organization: Organization) -> None:
    async with writing(subject, Action.AUDIT_RETENTION, exclusive=True) as write:
        days = window(write.subject.plan)
        before = await latest(organization.id)
        if before is None:
            await AuditRetention.create(organization_id=organization.id, days=days)
        elif before.days != days:
            await AuditRetention.create(
                organization_id=organization.id, days=days, held=before.held
            )
            diff = changes({"days": before.days}, {"days": days})
            await write.record(target(organization), diff)


async def latest(organization_id: UUID) -> AuditRetention | None:
    """What was declared last."""
    found = AuditRetention.filter(organization_id=organization_id)
    return await found.order_by("-created_at", "-id").first()


@dataclass(frozen=True, slots=True)
class Retained:
    """For how many days events are kept, and whether a hold stands. What happened before
    `window_starts_at` may be deleted; `None` while nothing may.
    """

    days: int
    held: bool
    window_starts_at: datetime | None


async def of(subject: Subject) -> Retained:
    """How long the events of the subject's organization are kept. Raises `Forbidden`."""
    subject.access.require(Permission.AUDIT_READ, Target())
    declared = await latest(subject.organization_id)
    return Retained(
        window(subject.plan),
        declared is not None and declared.held,
        await deletable_before(subject.organization_id),
    )


async def deletable_before(organization_id: UUID) -> datetime | None:
    """Events that are older may be deleted, as the triggers have it; `None` while nothing may."""
    declared = await AuditRetention.filter(organization_id=organization_id).order_by("created_at")
    settled = [row for row in declared if row.created_at <= now() - GRACE]
    if not settled:
        return None
    governing = [row for row in declared if row.created_at >= settled[-1].created_at]
    if any(row.held for row in governing):
        return None
    return now() - timedelta(days=max(SHORTEST_DAYS, *(row.days for row in governing)))


async def _expire(subject: Subject, organization: Organization, key: SigningKey) -> bool:
    """Delete a batch, up to a checkpoint behind which the rest can be verified; whether there was
    one. The new checkpoint says from where on events are kept.
    """
    keys = await trusted_keys()
    async with transaction():
        await lock_chain(organization.id)
        before = await deletable_before(organization.id)
        head = await head_of(organization.id, keys)
        cut = None if before is None else await _cut(organization.id, head, before - MARGIN)
        if cut is None or not keys.signed(stated(cut).statement(), cut.signature):
            return False
        deleted = await _DELETE_EVENTS.execute(organization.id, cut.sequence)
        await _DELETE_SEALS.execute(organization.id, cut.sequence)
        kept_from = cut.sequence + 1
        await sign(key, organization.id, Head(head.sequence, head.hash, kept_from))
        await record(
            Action.AUDIT_EXPIRE,
            subject=subject,
            target=target(organization),
            diff=changes({}, {"deleted": deleted, "keptFrom": kept_from, "before": before}),
        )
    return True


async def _cut(organization_id: UUID, head: Head, before: datetime) -> AuditCheckpoint | None:
    """The last checkpoint of a batch up to which every event is older."""
    end = head.kept_from + BATCH
    kept = await _FIRST_KEPT.row(organization_id, head.kept_from, end, before)
    last = (end if kept is None else int(kept["sequence"])) - 1
    found = AuditCheckpoint.filter(
        organization_id=organization_id, sequence__gte=head.kept_from, sequence__lte=last
    )
    return await found.order_by("-sequence", "-created_at").first()
