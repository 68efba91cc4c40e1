"""How many connections stay open, and how much each may hold."""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from identity.refusals import Refusal


@dataclass(frozen=True, slots=True)
class StreamBounds:
    """Times are in seconds. Nothing waits in a queue but `waiting` events of one event stream that
    carries several operations: a subscription reads on when its last event was taken.
    """

    per_session: int = 20
    per_process: int = 2_000
    operations: int = 50
    """At a time, of one connection."""
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
    """The connections that are open in this process, by session."""

    def __init__(self, bounds: StreamBounds) -> None:
        self._bounds = bounds
        self._taken: Counter[UUID | None] = Counter()

    def take(self, session_id: UUID | None) -> None:
        """Raises `TooManyStreams`. Who took a place gives it back."""
        if self._taken[session_id] >= self._bounds.per_session:
            most = self._bounds.per_session
            raise TooManyStreams(f"You have {most} streams open already; close one.", limit=most)
        if self._taken.total() >= self._bounds.per_process:
            raise TooManyStreams("There are too many streams just now. Try again in a moment.")
        self._taken[session_id] += 1

    def give_back(self, session_id: UUID | None) -> None:
        self._taken[session_id] -= 1
        self._taken += Counter()  # drops what is at zero

    def __len__(self) -> int:
        return self._taken.total()
