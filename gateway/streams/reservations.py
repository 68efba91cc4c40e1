"""Event streams that carry several operations: each is reserved, opened once, and gone at its end.

They live in the process that made them. A client that uses them has to reach the same process with
each of its requests.
"""

import asyncio
import secrets
from collections.abc import Callable
from uuid import UUID

from gateway.graphql.responses import published, refusal_body
from gateway.streams.bounds import Places, StreamBounds
from gateway.streams.event_stream import Write, event
from gateway.streams.operations import Operations, until_one_ends
from identity.presence import Presence
from identity.refusals import Conflict, NotFound, Unauthenticated
from schema.execution import Answer


class Reservation:
    """The operations of one event stream, and their events on the way to it."""

    def __init__(self, presence: Presence, bounds: StreamBounds) -> None:
        self.subject = presence.subject
        self.operations = Operations(presence, self, bounds)
        self._events: asyncio.Queue[bytes] = asyncio.Queue(bounds.waiting)
        self.opened = False

    async def result(self, operation_id: str, answer: Answer) -> None:
        await self._events.put(_result(operation_id, published(answer)))

    async def refused(self, operation_id: str, answer: Answer) -> None:
        await self.result(operation_id, answer)
        await self.complete(operation_id)

    async def complete(self, operation_id: str) -> None:
        await self._events.put(_completion(operation_id))

    async def deliver(self, write: Write) -> None:
        """Run the operations and write their events, until the caller's session is over."""
        try:
            await until_one_ends(self.operations.run(), self._deliver(write))
        except Unauthenticated as over:
            for operation_id in self.operations.unfinished:
                await write(_result(operation_id, refusal_body(over)) + _completion(operation_id))

    async def _deliver(self, write: Write) -> None:
        while True:
            await write(await self._events.get())


def _result(operation_id: str, payload: object) -> bytes:
    return event("next", {"id": operation_id, "payload": payload})


def _completion(operation_id: str) -> bytes:
    return event("complete", {"id": operation_id})


class Reservations:
    """Those of this process, by token. A reservation holds a place among the open streams."""

    def __init__(self, bounds: StreamBounds, places: Places) -> None:
        self._bounds = bounds
        self._places = places
        self._by_token: dict[str, Reservation] = {}

    def make(self, presence: Presence) -> str:
        """The token of a new one, which waits for its stream for a while. Raises
        `TooManyStreams`.
        """
        reservation = Reservation(presence, self._bounds)
        self._places.take(reservation.subject)
        token = secrets.token_urlsafe(32)
        self._by_token[token] = reservation
        loop = asyncio.get_running_loop()
        loop.call_later(self._bounds.to_begin, self._expire, token)
        return token

    def find(self, token: str, session_id: UUID | None) -> Reservation:
        """Raises `NotFound` for a token that is not that session's, as for one that is nobody's."""
        reservation = self._by_token.get(token)
        if reservation is None or reservation.subject.via_id != session_id:
            raise NotFound("stream")
        return reservation

    def open(self, token: str, session_id: UUID | None) -> tuple[Reservation, Callable[[], None]]:
        """The reservation for its one event stream, and what to call at the end of that. Raises
        `NotFound`, and `Conflict` when it is open.
        """
        reservation = self.find(token, session_id)
        if reservation.opened:
            raise Conflict("This stream is open already; reserve another one.")
        reservation.opened = True
        return reservation, lambda: self._drop(token)

    def _expire(self, token: str) -> None:
        reservation = self._by_token.get(token)
        if reservation is not None and not reservation.opened:
            self._drop(token)

    def _drop(self, token: str) -> None:
        self._places.give_back(self._by_token.pop(token).subject)
