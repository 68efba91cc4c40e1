"""The events of an organization in an order that never changes: that in which they were sealed.

Ids are made before their transactions commit, so an event may appear below others that were read
already. Seals are numbered from 1 without a gap, and only committed events have one: who has read
up to a number has missed nothing below it.
"""

from typing import NamedTuple
from uuid import UUID

from identity.audit import sealing
from models.audit_event import AuditEvent
from models.sql import Statement, as_uuid

LAST = "COALESCE((SELECT max(s.sequence) FROM audit_seals s WHERE s.organization_id = {of}), 0)"
"""SQL for how far the feed of an organization goes."""

_HEAD = Statement(f"SELECT {LAST.format(of='$1')} AS head")
_AFTER = Statement("""
    SELECT id, sequence FROM audit_seals WHERE organization_id = $1 AND sequence > $2
    ORDER BY sequence LIMIT $3
""")
_WAITING = Statement("""
    SELECT DISTINCT u.organization_id FROM audit_unsealed u
    JOIN webhooks w ON w.organization_id = u.organization_id AND w.disabled IS NULL
""")


class Entry(NamedTuple):
    position: int
    event: AuditEvent


async def catch_up() -> None:
    """Seal what waits where somebody has a webhook, so that it goes out at once."""
    for row in await _WAITING.rows():
        await sealing.seal(as_uuid(row["organization_id"]))


async def head(organization_id: UUID) -> int:
    """The position of the newest event; 0 for none."""
    row = await _HEAD.row(organization_id)
    return 0 if row is None else int(row["head"])


async def after(organization_id: UUID, position: int, *, most: int) -> tuple[list[Entry], int]:
    """The next events above a position, oldest first, and how far these reach: an event that its
    retention has deleted is passed over.
    """
    rows = await _AFTER.rows(organization_id, position, most)
    if not rows:
        return [], position
    events = await AuditEvent.in_bulk([as_uuid(row["id"]) for row in rows], "id")
    entries = [
        Entry(int(row["sequence"]), events[as_uuid(row["id"])])
        for row in rows
        if as_uuid(row["id"]) in events
    ]
    return entries, int(rows[-1]["sequence"])
