"""What is wrong with a log, or with an export of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from identity.audit import chain

MOST_REMOVED = 1_000
"""So many that are gone without a gap in the numbers are told from altered ones."""


class Tampering(StrEnum):
    ALTERED = "altered"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    FORGED = "forged"
    """A signature is missing or is none of ours."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing that is wrong: the number of its place in the chain and the id of the event,
    as far as there are any. `sentence` says the rest.
    """

    kind: Tampering
    sentence: str
    sequence: int | None = None
    event_id: UUID | None = None

    def __str__(self) -> str:
        place = "" if self.sequence is None else f" at number {self.sequence}"
        event = "" if self.event_id is None else f", event {self.event_id}"
        return f"{self.kind.value.upper()}{place}{event}: {self.sentence}"


class Found(Exception):
    """Ends a check."""

    def __init__(
        self, kind: Tampering, sentence: str, sequence: int | None = None, id_: UUID | None = None
    ) -> None:
        super().__init__(sentence)
        self.finding = Finding(kind, sentence, sequence, id_)


class Linked(Protocol):
    """A place in a chain."""

    @property
    def digest(self) -> bytes: ...
    @property
    def hash(self) -> bytes: ...


def misplaced(previous: bytes, sequence: int, places: Sequence[Linked]) -> Tampering:
    """What became of the first of these places, which does not fit behind the hash `previous` under
    its number. The others follow it: the chain that was once there is walked without it.
    """
    suspect, rest, number = places[0], list(places), sequence
    while fit := next((p for p in rest if chain.link(previous, number, p.digest) == p.hash), None):
        if fit is suspect:
            return Tampering.REORDERED
        rest.remove(fit)
        previous, number = fit.hash, number + 1
    if number > sequence:
        return Tampering.INSERTED
    return Tampering.REMOVED if _moved_up(sequence, places[:2]) else Tampering.ALTERED


def _moved_up(sequence: int, pair: Sequence[Linked]) -> bool:
    """Whether two places fit behind each other, under higher numbers than they have."""
    return len(pair) == 2 and any(
        chain.link(pair[0].hash, number, pair[1].digest) == pair[1].hash
        for number in range(sequence + 2, sequence + 2 + MOST_REMOVED)
    )
