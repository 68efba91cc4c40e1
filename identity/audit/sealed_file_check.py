"""Checking a sealed export: with the file and the public keys, and nothing else.

The file may be hostile: a line at a time is read, and whatever is not as it was written is a
finding, never a failure.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from identity.audit import chain
from identity.audit.canonical import canonical_bytes
from identity.audit.chain import CHECKPOINT, VERSION, Checkpoint, PublicKeys
from identity.audit.finding import Finding, Found, Tampering, misplaced
from identity.audit.sealed_file import END, EVENT, HEADER, OMITTED, SKIPPED

MOST_AHEAD = 300
"""Places that are looked at behind one that is wrong, to tell what happened to it."""
EVENT_MEMBERS = {"type", "sequence", "hash", "event"}
_NO_SUCH_LINE = (KeyError, TypeError, ValueError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was found in a file: the export holds `events` of those with the numbers `first` to
    `last`, by this filter. `finding` is the first thing that is wrong.
    """

    organization_id: UUID | None
    first: int
    last: int
    events: int
    filter: Mapping[str, object]
    finding: Finding | None


@dataclass(frozen=True, slots=True)
class _Place:
    sequence: int
    event_id: UUID
    digest: bytes
    hash: bytes


def check(lines: Iterable[bytes], keys: PublicKeys) -> FileReport:
    """Read a sealed export to its end, or to the first thing that is wrong."""
    reading = _Reading(iter(lines), keys)
    finding: Finding | None = None
    try:
        reading.through()
    except Found as found:
        finding = found.finding
    return FileReport(
        reading.organization_id,
        reading.first,
        reading.number,
        reading.events,
        reading.filter,
        finding,
    )


class _Reading:
    """Along the chain: `previous` is the hash of the number `number`, up to which all is well."""

    def __init__(self, lines: Iterator[bytes], keys: PublicKeys) -> None:
        self.lines = lines
        self.keys = keys
        self.organization_id: UUID | None = None
        self.first = self.number = self.events = 0
        self.previous = b""
        self.signed_number = 0
        self.signed_at: datetime | None = None
        self.filter: Mapping[str, object] = {}
        self.read = sha256()
        self.count = 0
        self.line = b""

    def through(self) -> None:
        self._as_written(self._header, self._next())
        while True:
            value = self._next()
            self._as_written(self._any, value)
            if value.get("type") == END:
                break
        if next(self.lines, b""):
            raise Found(Tampering.INSERTED, "there are lines behind the end")

    def _next(self) -> dict[str, Any]:
        """The next line. It counts as read when the one after it is asked for."""
        self.read.update(self.line)
        self.count += bool(self.line)
        self.line = next(self.lines, b"")
        if not self.line:
            sentence = f"the file ends behind number {self.number}, without its last line"
            raise Found(Tampering.TRUNCATED, sentence, self.number + 1)
        try:
            value = orjson.loads(self.line)
            if not isinstance(value, dict):
                raise TypeError
            written = canonical_bytes(value) + b"\n" == self.line
        except _NO_SUCH_LINE as error:
            raise self._altered() from error
        if not written:
            raise self._altered(value)
        return value

    def _altered(self, value: Mapping[str, Any] | None = None) -> Found:
        sentence = f"line {self.count + 1} is not as it was written"
        place = None if value is None else _place(value)
        if place is None:
            return Found(Tampering.ALTERED, sentence, self.number + 1)
        return Found(Tampering.ALTERED, sentence, place.sequence, place.event_id)

    def _as_written(self, read: Callable[[dict[str, Any]], None], value: dict[str, Any]) -> None:
        try:
            read(value)
        except _NO_SUCH_LINE as error:
            raise self._altered(value) from error

    def _header(self, value: dict[str, Any]) -> None:
        if (value.get("type"), value.get("version")) != (HEADER, VERSION):
            raise Found(Tampering.ALTERED, "the file does not begin as a sealed export does")
        self.organization_id = UUID(value["organization"])
        self.filter = dict(value["filter"])
        self.first = _whole(value["first"])
        self.number = self.signed_number = self.first - 1
        self.previous = chain.beginning(self.organization_id)
        if self.number > 0:
            self._begin_at(self._next())

    def _begin_at(self, value: dict[str, Any]) -> None:
        """Take up the chain where retention has cut it."""
        checkpoint = self._signed(value)
        if checkpoint.sequence != self.number:
            sentence = "the checkpoint before the first event that is kept is not there"
            raise Found(Tampering.REMOVED, sentence, self.number)
        self.previous = checkpoint.hash

    def _any(self, value: dict[str, Any]) -> None:
        read = {
            EVENT: self._event,
            OMITTED: self._omitted,
            SKIPPED: self._skipped,
            CHECKPOINT: self._checkpoint,
            END: self._end,
        }
        read[value["type"]](value)

    def _event(self, value: dict[str, Any]) -> None:
        place = _place(value)
        if place is None:
            raise ValueError(value)
        expected = self.number + 1
        if place.sequence != expected:
            ahead = (each.sequence for each in self._ahead())
            self._misnumbered(place.sequence, place.event_id, moved=expected in ahead)
        if chain.link(self.previous, expected, place.digest) != place.hash:
            kind = misplaced(self.previous, expected, [place, *self._ahead()])
            sentence = "the event does not fit behind the last one"
            raise Found(kind, sentence, expected, place.event_id)
        late = chain.came_late(datetime.fromisoformat(value["event"]["time"]), self.signed_at)
        if late is not None:
            raise Found(Tampering.INSERTED, late, expected, place.event_id)
        self.number, self.previous = expected, place.hash
        self.events += 1

    def _misnumbered(self, sequence: int, event_id: UUID | None, *, moved: bool = False) -> None:
        """Raise what a number means that is not the next one; `moved`: that one comes later."""
        expected = self.number + 1
        if sequence < expected:
            raise Found(Tampering.INSERTED, "the number was there before", sequence, event_id)
        if moved:
            sentence = f"number {sequence} stands in the place of {expected}"
            raise Found(Tampering.REORDERED, sentence, expected, event_id)
        if sequence > expected:
            raise Found(Tampering.REMOVED, f"number {sequence} comes next", expected)

    def _omitted(self, value: dict[str, Any]) -> None:
        self._misnumbered(_whole(value["sequence"]), None)
        first = self.number + 1
        for text in value["digests"]:
            self.previous = chain.link(self.previous, self.number + 1, bytes.fromhex(text))
            self.number += 1
        if self.previous.hex() != value["hash"]:
            sentence = f"the digests from here to number {self.number} are not those of the log"
            raise Found(Tampering.ALTERED, sentence, first)

    def _skipped(self, value: dict[str, Any]) -> None:
        """A run that only the checkpoint behind it vouches for."""
        self._misnumbered(_whole(value["first"]), None)
        checkpoint = self._signed(self._next())
        if not self.number < _whole(value["last"]) == checkpoint.sequence:
            sentence = "the checkpoint behind what was skipped is not there"
            raise Found(Tampering.REMOVED, sentence, self.number + 1)
        self.number = self.signed_number = checkpoint.sequence
        self.previous = checkpoint.hash

    def _checkpoint(self, value: dict[str, Any]) -> None:
        checkpoint = self._signed(value)
        if checkpoint.sequence > self.number:
            sentence = f"the log had {checkpoint.sequence} events here"
            raise Found(Tampering.REMOVED, sentence, self.number + 1)
        if (checkpoint.sequence, checkpoint.hash) != (self.number, self.previous):
            sentence = f"the events from here to number {self.number} are not those of the log"
            raise Found(Tampering.ALTERED, sentence, self.signed_number + 1)
        self.signed_number = self.number

    def _signed(self, value: dict[str, Any]) -> Checkpoint:
        if value["type"] != CHECKPOINT:
            raise Found(Tampering.REMOVED, "a checkpoint is not there", self.number + 1)
        self._verify(value)
        checkpoint = Checkpoint.of(value)
        if checkpoint.organization_id != self.organization_id:
            sentence = "the checkpoint is of another organization"
            raise Found(Tampering.FORGED, sentence, checkpoint.sequence)
        self.signed_at = checkpoint.time
        return checkpoint

    def _verify(self, value: dict[str, Any]) -> None:
        statement = {name: each for name, each in value.items() if name != "signature"}
        if not self.keys.signed(statement, bytes.fromhex(value["signature"])):
            key = statement["key"]
            why = "does not fit" if key in self.keys.by_id else f"is by a key not given, {key}"
            sentence = f"the signature of line {self.count + 1} {why}"
            raise Found(Tampering.FORGED, sentence, self.number)

    def _end(self, value: dict[str, Any]) -> None:
        self._verify(value)
        if value["last"] > self.number:
            sentence = f"the export went on to number {value['last']}"
            raise Found(Tampering.REMOVED, sentence, self.number + 1)
        told = (value["organization"], value["last"], value["events"], value["lines"])
        seen = (str(self.organization_id), self.number, self.events, self.count)
        if told != seen or value["sha256"] != self.read.hexdigest():
            sentence = (
                f"the export had {value['events']} events in {value['lines']} lines, and a line "
                "other than an event was altered, removed or inserted"
            )
            raise Found(Tampering.ALTERED, sentence)

    def _ahead(self) -> list[_Place]:
        """The events behind this line, as far as they are to be read at all."""
        places: list[_Place] = []
        for line in self.lines:
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError:
                break
            if isinstance(value, dict) and (place := _place(value)) is not None:
                places.append(place)
            if len(places) == MOST_AHEAD:
                break
        return places


def _place(value: Mapping[str, Any]) -> _Place | None:
    """The place of an event, if the line is one; the digest is that of what it says."""
    if value.get("type") != EVENT:
        return None
    try:
        event = value["event"]
        if set(value) == EVENT_MEMBERS | {"salt"}:
            stands_for = chain.commitment(event["diff"], bytes.fromhex(value["salt"]))
        elif set(value) == EVENT_MEMBERS | {"commitment"} and event["diff"] is None:
            stands_for = str(value["commitment"])
        else:
            return None
        digest, hash_ = chain.digest(event, stands_for), bytes.fromhex(value["hash"])
        return _Place(_whole(value["sequence"]), UUID(event["id"]), digest, hash_)
    except (*_NO_SUCH_LINE, AttributeError):
        return None


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not a whole number")
    return value
