"""An answer that goes on: `text/event-stream`, as the HTML standard says it (section 9.2)."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.streams.bounds import StreamBounds
from gateway.streams.operations import until_one_ends

MEDIA_TYPE = "text/event-stream"
SIGN_OF_LIFE = b":\n\n"
"""A comment, which clients skip."""

Write = Callable[[bytes], Awaitable[None]]


class TooSlow(Exception):
    """The other side does not take what is sent."""


def event(name: str, value: Any) -> bytes:
    """One event. JSON as orjson writes it has no line breaks. `None` is no value at all."""
    value = b"" if value is None else orjson.dumps(value)
    return b"event: %s\ndata: %s\n\n" % (name.encode("ascii"), value)


class EventStream(Response):
    """Writes what `work` gives it, until that ends, the client leaves, or the process stops.

    `end` is called when it is over, whatever the reason.
    """

    def __init__(
        self,
        work: Callable[[Write], Awaitable[None]],
        *,
        bounds: StreamBounds,
        stopping: asyncio.Event,
        end: Callable[[], None],
    ) -> None:
        super().__init__(
            media_type=MEDIA_TYPE,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        del self.headers["content-length"]
        self._work = work
        self._bounds = bounds
        self._stopping = stopping
        self._end = end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        turn = asyncio.Lock()

        async def write(content: bytes, *, more: bool = True) -> None:
            async with turn:
                try:
                    async with asyncio.timeout(self._bounds.to_take):
                        await send(
                            {"type": "http.response.body", "body": content, "more_body": more}
                        )
                except TimeoutError:
                    raise TooSlow from None

        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            with suppress(TooSlow):
                await write(SIGN_OF_LIFE)  # so that the client sees that it is connected
                await until_one_ends(
                    self._working(write),
                    _left(receive),
                    self._staying_alive(write),
                    self._stopping.wait(),
                )
                await write(b"", more=False)
        finally:
            self._end()

    async def _working(self, write: Write) -> None:
        await self._work(write)

    async def _staying_alive(self, write: Write) -> None:
        while True:
            await asyncio.sleep(self._bounds.between_signs)
            await write(SIGN_OF_LIFE)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
