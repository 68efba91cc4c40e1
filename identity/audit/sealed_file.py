"""Writing an export with its seals: a file that proves itself to whoever has the public key.

Each line is a JSON object in canonical form (`identity.audit.canonical`). In this order:

* the header: organization, filter, and the number `first` of the oldest event that is kept
* where older events were deleted, the checkpoint before them
* the places of the chain, each number once:
  `event`, an event with the salt of its seal, or without its diff and with the commitment instead;
  `omitted`, the digests of a run that the filter leaves out;
  `skipped`, a run that is left out up to a checkpoint, which is the next line
* behind each batch, its checkpoint as it was signed
* the end: how many events and lines there are, and the SHA-256 of all lines before, signed

What is omitted shows how many events there are, and nothing else of them.
`identity.audit.sealed_file_check` reads it.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from uuid import UUID

from identity.audit import chain, sealing
from identity.audit.canonical import Document, canonical_bytes, canonical_time, document
from identity.audit.sealing import Head, stated
from identity.audit.signing import SigningKey, signing_key, trusted_keys
from models import rows
from models.audit_event import AuditEvent
from models.audit_seal import AuditCheckpoint, AuditSeal
from models.clock import now
from models.listing import Values

HEADER = "gatepost.audit.export"
END = "gatepost.audit.export.end"
EVENT, OMITTED, SKIPPED = "event", "omitted", "skipped"
CHECKPOINTS_AT_ONCE = 8
"""And no more than `sealing.BATCH` events for each."""

Choose = Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, bool]]]
"""Of these events, those that the reader gets, and whether with their diffs. It is asked for each
batch, and may raise to end the export.
"""


async def sealed_lines(
    organization_id: UUID, *, filter: Mapping[str, object], choose: Choose
) -> AsyncGenerator[bytes, None]:
    """The lines of an export of all events that are committed now. `filter` tells people what
    `choose` goes by; it is JSON.

    A batch at a time is in memory. A file without its last line is known to be incomplete. Raises
    `SealsGone` if retention deletes what is being read.
    """
    await sealing.seal(organization_id)
    head = await sealing.head_of(organization_id, await trusted_keys())
    file = _File(organization_id, await signing_key(), head)
    yield file.header(filter)
    reached = head.kept_from - 1
    if reached > 0:
        yield file.checkpoint((await _stretch(organization_id, reached - 1, reached))[0])
    while reached < head.sequence:
        stretch = await _stretch(organization_id, reached, head.sequence)
        seals = await _seals(organization_id, reached, stretch[-1].sequence)
        chosen = await _chosen(organization_id, await choose([seal.id for seal in seals]))
        for end in stretch:
            count = end.sequence - reached
            for line in file.batch(seals[:count], end, chosen):
                yield line
            seals, reached = seals[count:], end.sequence
    for line in file.skipped():
        yield line
    yield file.end()


class SealsGone(Exception):
    """Retention deleted events while they were being exported."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    event: AuditEvent
    with_diff: bool


class _File:
    """What has been written so far, and what comes next."""

    def __init__(self, organization_id: UUID, key: SigningKey, head: Head) -> None:
        self.organization_id = organization_id
        self.key = key
        self.head = head
        self.written = sha256()
        self.lines = self.events = 0
        self.without: tuple[int, AuditCheckpoint] | None = None
        """The first number of a run without any chosen event, and the checkpoint it ends with."""

    def header(self, filter: Mapping[str, object]) -> bytes:
        return self._line(
            {
                "type": HEADER,
                "version": chain.VERSION,
                "organization": str(self.organization_id),
                "first": self.head.kept_from,
                "filter": dict(filter),
                "time": canonical_time(now()),
            }
        )

    def checkpoint(self, row: AuditCheckpoint) -> bytes:
        return self._line(signed_statement(row))

    def batch(
        self, seals: Sequence[AuditSeal], end: AuditCheckpoint, chosen: Sequence[_Chosen]
    ) -> Iterator[bytes]:
        """The places up to a checkpoint. A batch without any chosen event waits for the next ones,
        to be skipped together with them.
        """
        shown = {each.event.id: each for each in chosen}
        if not any(seal.id in shown for seal in seals):
            self.without = (self.without[0] if self.without else seals[0].sequence), end
            return
        yield from self.skipped()
        for is_shown, run in groupby(seals, key=lambda seal: seal.id in shown):
            if is_shown:
                yield from (self._event(seal, shown[seal.id]) for seal in run)
            else:
                yield self._omitted(list(run))
        yield self.checkpoint(end)

    def skipped(self) -> Iterator[bytes]:
        """The run that waits, if there is one."""
        if self.without is not None:
            first, end = self.without
            self.without = None
            yield self._line({"type": SKIPPED, "first": first, "last": end.sequence})
            yield self.checkpoint(end)

    def end(self) -> bytes:
        statement: Document = {
            "type": END,
            "version": chain.VERSION,
            "organization": str(self.organization_id),
            "last": self.head.sequence,
            "events": self.events,
            "lines": self.lines,
            "sha256": self.written.hexdigest(),
            "time": canonical_time(now()),
            "key": self.key.id,
        }
        return self._line({**statement, "signature": self.key.sign(statement).hex()})

    def _event(self, seal: AuditSeal, chosen: _Chosen) -> bytes:
        self.events += 1
        form = document(chosen.event)
        place: Document = {"type": EVENT, "sequence": seal.sequence, "hash": seal.hash.hex()}
        if chosen.with_diff:
            return self._line({**place, "salt": seal.salt.hex(), "event": form})
        stands_for = chain.commitment(form["diff"], seal.salt)
        return self._line({**place, "commitment": stands_for, "event": {**form, "diff": None}})

    def _omitted(self, run: Sequence[AuditSeal]) -> bytes:
        return self._line(
            {
                "type": OMITTED,
                "sequence": run[0].sequence,
                "hash": run[-1].hash.hex(),
                "digests": [seal.digest.hex() for seal in run],
            }
        )

    def _line(self, value: Document) -> bytes:
        line = canonical_bytes(value) + b"\n"
        self.written.update(line)
        self.lines += 1
        return line


def signed_statement(row: AuditCheckpoint) -> Document:
    """A checkpoint with its signature: the form in which it is exported, and kept elsewhere."""
    return {**stated(row).statement(), "signature": row.signature.hex()}


async def _stretch(organization_id: UUID, after: int, up_to: int) -> Sequence[AuditCheckpoint]:
    """The next checkpoints, one at each number: the newest."""
    condition = (
        "t.organization_id = $1 AND t.sequence > $2 AND t.sequence <= $3"
        f" ORDER BY t.sequence, t.created_at, t.id LIMIT {CHECKPOINTS_AT_ONCE}"
    )
    found = await rows.matching(AuditCheckpoint, condition, [organization_id, after, up_to])
    newest = {row.sequence: row for row in found}
    if not newest:
        raise SealsGone
    return list(newest.values())


async def _seals(organization_id: UUID, after: int, up_to: int) -> Sequence[AuditSeal]:
    condition = (
        "t.organization_id = $1 AND t.sequence > $2 AND t.sequence <= $3 ORDER BY t.sequence"
    )
    values = [organization_id, after, up_to]
    seals = await rows.matching(AuditSeal, condition, values)
    if len(seals) != up_to - after:
        raise SealsGone
    return seals


async def _chosen(organization_id: UUID, with_diff: Mapping[UUID, bool]) -> Sequence[_Chosen]:
    if not with_diff:
        return []
    values = Values(organization_id)
    condition = f"t.organization_id = $1 AND t.id IN ({values.add_all(list(with_diff))})"
    events = await rows.matching(AuditEvent, condition, values.given)
    if len(events) != len(with_diff):
        raise SealsGone
    return [_Chosen(event, with_diff[event.id]) for event in events]
