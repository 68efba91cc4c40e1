"""Checking the log of an organization against its seals, as the database has both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from identity.audit import chain
from identity.audit.canonical import canonical_time, document
from identity.audit.chain import Checkpoint, PublicKeys
from identity.audit.finding import Finding, Found, Tampering, misplaced
from identity.audit.sealing import Head, checkpoints_down, event_digest, head_of, stated
from models import rows
from models.audit_event import AuditEvent
from models.audit_seal import AuditCheckpoint
from models.database import snapshot
from models.reading import fetch
from models.sql import Statement, as_uuid

PAGE = 250
EVENTS_AT_ONCE = 5_000
_PLACES = (
    "SELECT s.id, s.sequence, s.salt, s.digest, s.hash,"  # noqa: S608
    f" {rows.selection(AuditEvent)} FROM audit_seals s LEFT JOIN audit_events t ON t.id = s.id"
    " WHERE s.organization_id = $1 AND s.sequence > $2 AND s.sequence <= $3"
    f" ORDER BY s.sequence LIMIT {PAGE}"
)
_OUTSIDE = Statement(
    "SELECT id, sequence FROM audit_seals"
    " WHERE organization_id = $1 AND (sequence < $2 OR sequence > $3) ORDER BY sequence LIMIT 1"
)
_EVENTS = Statement(
    "SELECT e.id, s.id AS sealed, u.id AS waiting FROM audit_events e"  # noqa: S608
    " LEFT JOIN audit_seals s ON s.id = e.id LEFT JOIN audit_unsealed u ON u.id = e.id"
    f" WHERE e.organization_id = $1 AND e.id > $2 ORDER BY e.id LIMIT {EVENTS_AT_ONCE}"
)
_GONE = Statement(
    "SELECT u.id FROM audit_unsealed u WHERE u.organization_id = $1"
    " AND NOT EXISTS (SELECT 1 FROM audit_events e WHERE e.id = u.id) ORDER BY u.id LIMIT 1"
)
_BEFORE_ALL = UUID(int=0)
_UNSIGNED = "the checkpoint is signed by no key of ours"


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at: the events with the numbers `first` to `last`, which are sealed, and how
    many wait for their seals. `finding` is the first thing that is wrong.
    """

    first: int
    last: int
    waiting: int
    finding: Finding | None


@dataclass(frozen=True, slots=True)
class Place:
    """A seal, and the event that it is of, if that is there."""

    id: UUID
    sequence: int
    salt: bytes
    digest: bytes
    hash: bytes
    event: AuditEvent | None


async def verify(
    organization_id: UUID, keys: PublicKeys, *, kept: Checkpoint | None = None
) -> Report:
    """Look at every event and every seal of an organization, as they are at one moment.

    `kept` is a checkpoint that was kept elsewhere, whose signature was checked: the log must still
    have what it had then.
    """
    async with snapshot():
        head = await head_of(organization_id, keys)
        walk = _Walk(organization_id, keys, head)
        try:
            await walk.begin()
            await walk.through()
            await walk.around()
            if kept is not None:
                await walk.against(kept)
        except Found as found:
            return Report(head.kept_from, head.sequence, walk.waiting, found.finding)
        return Report(head.kept_from, head.sequence, walk.waiting, None)


class _Walk:
    """Along the chain: `previous` is the hash of the number `number`, up to which all is well."""

    def __init__(self, organization_id: UUID, keys: PublicKeys, head: Head) -> None:
        self.organization_id = organization_id
        self.keys = keys
        self.head = head
        self.number = head.kept_from - 1
        self.previous = chain.beginning(organization_id)
        self.signed_at: datetime | None = None
        self.signed_number = self.number
        self.waiting = 0

    async def begin(self) -> None:
        """Take up the chain where retention has cut it."""
        if self.number == 0:
            return
        stated = await self._checkpoints(self.number - 1, self.number)
        checkpoint = stated.get(self.number)
        if checkpoint is None:
            sentence = "the checkpoint before the first event that is kept is not there"
            raise Found(Tampering.REMOVED, sentence, self.number)
        self.previous, self.signed_at = checkpoint.hash, checkpoint.time

    async def through(self) -> None:
        """Every place up to the newest checkpoint."""
        while self.number < self.head.sequence:
            places = await self._places(self.number)
            stated = await self._checkpoints(self.number, self.number + PAGE)
            for index, place in enumerate(places):
                await self._place(place, places[index:])
                self.number, self.previous = place.sequence, place.hash
                if (checkpoint := stated.get(place.sequence)) is not None:
                    self._agree(place, checkpoint)
            if not places:
                sentence = f"the log had {self.head.sequence} events when it was last signed"
                raise Found(Tampering.REMOVED, sentence, self.number + 1)

    async def _place(self, place: Place, following: Sequence[Place]) -> None:
        expected = self.number + 1
        if place.sequence != expected:
            raise Found(Tampering.REMOVED, "the event and its seal are gone", expected)
        event = place.event
        if event is None:
            raise Found(Tampering.REMOVED, "the event is gone", expected, place.id)
        if event_digest(event, place.salt) != place.digest:
            kind = Tampering.REORDERED if _fits(event, following) else Tampering.ALTERED
            raise Found(kind, "the event is not the one that was sealed", expected, event.id)
        if chain.link(self.previous, expected, place.digest) != place.hash:
            window = [*following, *await self._places(following[-1].sequence)]
            kind = misplaced(self.previous, expected, window)
            raise Found(kind, "the seal does not fit behind the last one", expected, event.id)
        late = chain.came_late(event.created_at, self.signed_at)
        if late is not None:
            raise Found(Tampering.INSERTED, late, expected, event.id)

    def _agree(self, place: Place, checkpoint: Checkpoint) -> None:
        if checkpoint.hash != place.hash:
            first = self.signed_number + 1
            sentence = (
                f"the events from here to number {place.sequence} and their seals are not those "
                f"that were signed on {canonical_time(checkpoint.time)}"
            )
            raise Found(Tampering.ALTERED, sentence, first)
        self.signed_at, self.signed_number = checkpoint.time, place.sequence

    async def around(self) -> None:
        """What is in the log and in no place of the chain."""
        async for row, checkpoint in checkpoints_down(self.organization_id):
            if self.keys.signed(checkpoint.statement(), row.signature):
                break
            raise Found(Tampering.FORGED, _UNSIGNED, row.sequence)
        seal = await _OUTSIDE.row(self.organization_id, self.head.kept_from, self.head.sequence)
        if seal is not None:
            sentence = "there is a seal that no checkpoint of ours covers"
            place = int(seal["sequence"]), as_uuid(seal["id"])
            raise Found(Tampering.INSERTED, sentence, *place)
        gone = await _GONE.row(self.organization_id)
        if gone is not None:
            sentence = "the event is gone, before it was sealed"
            raise Found(Tampering.REMOVED, sentence, id_=as_uuid(gone["id"]))
        last = _BEFORE_ALL
        while page := await _EVENTS.rows(self.organization_id, last):
            for row in page:
                if row["sealed"] is None and row["waiting"] is None:
                    sentence = "the event is in the log, and was not written by way of it"
                    raise Found(Tampering.INSERTED, sentence, id_=as_uuid(row["id"]))
                self.waiting += row["sealed"] is None
            last = as_uuid(page[-1]["id"])

    async def against(self, kept: Checkpoint) -> None:
        """What the log had when a checkpoint was kept elsewhere."""
        when = canonical_time(kept.time)
        if kept.organization_id != self.organization_id:
            sentence = "the checkpoint that was kept is of another organization"
            raise Found(Tampering.FORGED, sentence)
        if kept.sequence > self.head.sequence:
            sentence = f"the log had {kept.sequence} events on {when}"
            raise Found(Tampering.TRUNCATED, sentence, self.head.sequence + 1)
        there = await self._hash_at(kept.sequence)
        if there != kept.hash:
            sentence = f"up to here, the log is not the one of {when}"
            raise Found(Tampering.ALTERED, sentence, kept.sequence)

    async def _hash_at(self, sequence: int) -> bytes | None:
        if sequence >= self.head.kept_from:
            return (await self._places(sequence - 1))[0].hash
        stated = await self._checkpoints(sequence - 1, sequence)
        return stated[sequence].hash if sequence in stated else None

    async def _places(self, after: int) -> list[Place]:
        found = await fetch(_PLACES, [self.organization_id, after, self.head.sequence])
        return [
            Place(as_uuid(id_), number, salt, digest, hash_, rows.joined(AuditEvent, event))
            for id_, number, salt, digest, hash_, *event in found
        ]

    async def _checkpoints(self, after: int, up_to: int) -> Mapping[int, Checkpoint]:
        """The newest checkpoint at each of these numbers."""
        condition = (
            "t.organization_id = $1 AND t.sequence > $2 AND t.sequence <= $3"
            " ORDER BY t.sequence, t.created_at, t.id"
        )
        values = [self.organization_id, after, up_to]
        found: dict[int, Checkpoint] = {}
        for row in await rows.matching(AuditCheckpoint, condition, values):
            checkpoint = stated(row)
            if not self.keys.signed(checkpoint.statement(), row.signature):
                raise Found(Tampering.FORGED, _UNSIGNED, row.sequence)
            found[row.sequence] = checkpoint
        return found


def _fits(event: AuditEvent, places: Sequence[Place]) -> bool:
    """Whether the event is the one that another of these places was sealed with."""
    form = document(event)
    return any(
        chain.digest(form, chain.commitment(event.diff, place.salt)) == place.digest
        for place in places
    )
