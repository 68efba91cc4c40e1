"""How many connections stay open, and how much each may hold."""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from identity.refusals import Refusal
from identity.subject import Subject


@dataclass(frozen=True, slots=True)
class StreamBounds:
    """Times are in seconds. Nothing waits in a queue but `waiting` events of one event stream that
    carries several operations: a subscription reads on when its last event was taken.
    """

    per_session: int = 20
    per_organization: int = 1_000
    per_process: int = 2_000
    operations: int = 50
    """At a time, of one connection."""
    held: int = 1_000_000
    """Characters of the requests of these operations together, which stay as long as they run; no
    fewer than one request may have.
    """
    waiting: int = 16
    to_begin: float = 10.0
    """Until a WebSocket has said `connection_init`, or a reservation has its event stream."""
    to_take: float = 20.0
    """Until the other side must have made room for a message; one that does not is too slow."""
    between_signs: float = 12.0
    """Of life, on an event stream without events. WebSockets have pings."""


class TooManyStreams(Refusal):
    code = "RATE_LIMITED"
    status = 429


class Places:
    """The connections that are open in this process, by session and by organization."""

    def __init__(self, bounds: StreamBounds) -> None:
        self._bounds = bounds
        self._sessions: Counter[UUID | None] = Counter()
        self._organizations: Counter[UUID] = Counter()

    def take(self, subject: Subject) -> None:
        """Raises `TooManyStreams`. Who took a place gives it back."""
        if self._sessions[subject.via_id] >= self._bounds.per_session:
            most = self._bounds.per_session
            raise TooManyStreams(f"You have {most} streams open already; close one.", limit=most)
        if self._organizations[subject.organization_id] >= self._bounds.per_organization:
            most = self._bounds.per_organization
            raise TooManyStreams(f"Your organization has {most} streams open.", limit=most)
        if len(self) >= self._bounds.per_process:
            raise TooManyStreams("There are too many streams just now. Try again in a moment.")
        self._sessions[subject.via_id] += 1
        self._organizations[subject.organization_id] += 1

    def give_back(self, subject: Subject) -> None:
        self._sessions -= Counter([subject.via_id])  # what is at zero is dropped
        self._organizations -= Counter([subject.organization_id])

    def __len__(self) -> int:
        return self._sessions.total()
