"""Sealing: committed events get their place in the chain of their organization.

Nothing waits for it. An event is queued by a trigger in the transaction that writes it, and what
stands in the queue is committed: late commits and ids out of order are just sealed later. One batch
is one transaction: the seals, a signed checkpoint behind them, and the queue without the events.
"""

import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from identity.audit import chain
from identity.audit.canonical import document
from identity.audit.chain import Checkpoint, PublicKeys
from identity.audit.signing import SigningKey, signing_key, trusted_keys
from models import rows
from models.audit_event import AuditEvent
from models.audit_seal import AuditCheckpoint
from models.clock import now
from models.database import transaction
from models.listing import Values
from models.sql import Statement, as_uuid, is_postgres

BATCH = 250
"""Small, so that on SQLite neither the event loop nor other writers wait long."""
MOST_BATCHES = 400
"""Of one organization, before the others have their turn."""
PAGE = 20

_DUE = Statement("SELECT DISTINCT organization_id FROM audit_unsealed")
_POSTGRES_LOCK = Statement("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
_SQLITE_LOCK = Statement("UPDATE audit_unsealed SET id = id WHERE 1 = 0")
"""Takes SQLite's write lock before the first read."""
_WAITING = (
    "t.id IN (SELECT u.id FROM audit_unsealed u WHERE u.organization_id = $1"  # noqa: S608
    f" ORDER BY u.id LIMIT {BATCH}) ORDER BY t.id"
)


async def due() -> Sequence[UUID]:
    """The organizations of which events wait for their seals."""
    return [as_uuid(row["organization_id"]) for row in await _DUE.rows()]


async def carry_out(organization_id: UUID) -> None:
    """Seal what waits, of one organization."""
    await seal(organization_id)


async def seal(organization_id: UUID) -> int:
    """Seal what waits, up to `MOST_BATCHES`; how many events that were."""
    key, keys = await signing_key(), await trusted_keys()
    total = 0
    for _ in range(MOST_BATCHES):
        sealed = await _seal_batch(organization_id, key, keys)
        total += sealed
        if sealed < BATCH:
            break
    return total


async def _seal_batch(organization_id: UUID, key: SigningKey, keys: PublicKeys) -> int:
    async with transaction():
        await lock_chain(organization_id)
        events = await rows.matching(AuditEvent, _WAITING, [organization_id])
        if not events:
            return 0
        head = await head_of(organization_id, keys)
        seals = _seals(organization_id, events, head)
        await _insert(seals)
        await _leave_queue(seals)
        await sign(key, organization_id, _reached(seals[-1], head))
    return len(events)


async def lock_chain(organization_id: UUID) -> None:
    """Until the caller's transaction ends, nobody else seals or deletes in the organization."""
    if is_postgres():
        await _POSTGRES_LOCK.execute(f"audit chain {organization_id}")
    else:
        await _SQLITE_LOCK.execute()


@dataclass(frozen=True, slots=True)
class Head:
    """How far a chain has come, and from which number on its events are kept."""

    sequence: int
    hash: bytes
    kept_from: int


async def head_of(organization_id: UUID, keys: PublicKeys) -> Head:
    """What the newest checkpoint says that one of our keys signed."""
    async for row, checkpoint in checkpoints_down(organization_id):
        if keys.signed(checkpoint.statement(), row.signature):
            return Head(checkpoint.sequence, checkpoint.hash, checkpoint.kept_from)
    return Head(0, chain.beginning(organization_id), 1)


async def checkpoints_down(
    organization_id: UUID,
) -> AsyncIterator[tuple[AuditCheckpoint, Checkpoint]]:
    """The checkpoints of an organization, newest first, whoever signed them."""
    last: AuditCheckpoint | None = None
    while True:
        page = await _page_below(organization_id, last)
        for row in page:
            yield row, stated(row)
        if len(page) < PAGE:
            return
        last = page[-1]


async def _page_below(organization_id: UUID, last: AuditCheckpoint | None) -> list[AuditCheckpoint]:
    condition = "t.organization_id = $1"
    values: list[object] = [organization_id]
    if last is not None:
        condition += " AND (t.sequence, t.created_at, t.id) < ($2, $3, $4)"
        values += rows.bound(last, ("sequence", "created_at", "id"))
    order = f" ORDER BY t.sequence DESC, t.created_at DESC, t.id DESC LIMIT {PAGE}"
    return await rows.matching(AuditCheckpoint, condition + order, values)


def stated(row: AuditCheckpoint) -> Checkpoint:
    """What a stored checkpoint says."""
    return Checkpoint(
        row.organization_id, row.sequence, row.hash, row.kept_from, row.created_at, row.key_id
    )


async def sign(key: SigningKey, organization_id: UUID, head: Head) -> Checkpoint:
    """Add a checkpoint. The caller holds the lock and the transaction."""
    checkpoint = Checkpoint(
        organization_id, head.sequence, head.hash, head.kept_from, now(), key.id
    )
    row = AuditCheckpoint(
        created_at=checkpoint.time,
        organization_id=organization_id,
        sequence=checkpoint.sequence,
        hash=checkpoint.hash,
        kept_from=checkpoint.kept_from,
        key_id=key.id,
        signature=key.sign(checkpoint.statement()),
    )
    await rows.insert(row)
    return checkpoint


class _Seal(NamedTuple):
    """A row of `AuditSeal`, which takes longer to make than it takes to seal an event."""

    id: UUID
    organization_id: UUID
    sequence: int
    salt: bytes
    digest: bytes
    hash: bytes


def _seals(organization_id: UUID, events: Sequence[AuditEvent], head: Head) -> list[_Seal]:
    salts = os.urandom(chain.SALT_BYTES * len(events))
    hash_, seals = head.hash, []
    for number, event in enumerate(events):
        salt = salts[number * chain.SALT_BYTES :][: chain.SALT_BYTES]
        digest = event_digest(event, salt)
        sequence = head.sequence + number + 1
        hash_ = chain.link(hash_, sequence, digest)
        seals.append(_Seal(event.id, organization_id, sequence, salt, digest, hash_))
    return seals


def event_digest(event: AuditEvent, salt: bytes) -> bytes:
    """The digest of a stored event."""
    return chain.digest(document(event), chain.commitment(event.diff, salt))


def _reached(last: _Seal, head: Head) -> Head:
    return Head(last.sequence, last.hash, head.kept_from)


async def _insert(seals: Sequence[_Seal]) -> None:
    values = Values()
    each = ", ".join(f"({values.add_all(seal)})" for seal in seals)
    columns = ", ".join(_Seal._fields)
    await Statement(f"INSERT INTO audit_seals ({columns}) VALUES {each}").execute(  # noqa: S608
        *values.given
    )


async def _leave_queue(seals: Sequence[_Seal]) -> None:
    values = Values()
    ids = values.add_all([seal.id for seal in seals])
    await Statement(f"DELETE FROM audit_unsealed WHERE id IN ({ids})").execute(*values.given)  # noqa: S608
