"""GraphQL over WebSocket: the protocol `graphql-transport-ws`, as `graphql-ws` says it.

A page of another site can make a browser open a WebSocket with its cookies, and no page can give a
WebSocket a header: so the handshake itself is refused unless it comes from our own pages. A client
that sends no Origin is no browser and carries no ambient cookie.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway.authenticate import presence_of, require_same_origin
from gateway.graphql.parsing import request_in
from gateway.graphql.responses import published, refusal_body
from gateway.rate_limits import counting_refusals
from gateway.streams.bounds import Places, StreamBounds, TooManyStreams
from gateway.streams.operations import (
    LONGEST_ID,
    AlreadyRunning,
    Operations,
    answers_to,
    until_one_ends,
)
from identity.presence import Presence
from identity.refusals import BadInput, Forbidden, RateLimited, Refusal, Unauthenticated
from schema.execution import Answer

PROTOCOL = "graphql-transport-ws"
LONGEST_REASON = 120
"""A close frame has 125 bytes, two of which are the code (RFC 6455, section 5.5)."""
TO_CLOSE_SECONDS = 1.0
_CLOSED_BY = {400: 4400, 401: 4401, 403: 4403, 429: 4429}
"""The code of the close for who is not let in, by the status of the refusal."""


class Closing(Exception):
    """The socket is to be closed, by one of the protocol's codes or of RFC 6455 (section 7.4)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason[:LONGEST_REASON]


async def endpoint(websocket: WebSocket) -> None:
    """One socket, from its handshake to its end."""
    try:
        require_same_origin(websocket)
    except Refusal as refusal:
        await websocket.send_denial_response(_denial(refusal))
        return
    if PROTOCOL not in websocket.scope["subprotocols"]:
        await websocket.accept()
        await websocket.close(4406, "Subprotocol not acceptable")
        return
    bounds: StreamBounds = websocket.app.state.stream_bounds
    places: Places = websocket.app.state.stream_places
    try:
        presence = await counting_refusals(websocket, presence_of)
        places.take(presence.subject)
    except (Unauthenticated, Forbidden, BadInput, RateLimited, TooManyStreams) as refusal:
        # A browser shows its page the code of a close, and nothing of a refused handshake.
        await websocket.accept(PROTOCOL)
        code = _CLOSED_BY[refusal.status]
        await websocket.close(code, refusal.message[:LONGEST_REASON])
        return
    try:
        await websocket.accept(PROTOCOL)
        await _Socket(websocket, presence, bounds).run()
    finally:
        places.give_back(presence.subject)


class _Socket:
    """A socket that was accepted."""

    def __init__(self, websocket: WebSocket, presence: Presence, bounds: StreamBounds) -> None:
        self._websocket = websocket
        self._presence = presence
        self._bounds = bounds
        self._operations = Operations(presence, self, bounds)
        self._turn = asyncio.Lock()
        self._begun = asyncio.Event()

    async def run(self) -> None:
        try:
            await until_one_ends(self._operations.run(), self._receiving(), self._beginning())
        except WebSocketDisconnect:
            return
        except Unauthenticated:
            await self._close(4401, "Unauthorized")
        except Closing as closing:
            await self._close(closing.code, closing.reason)

    async def result(self, operation_id: str, answer: Answer) -> None:
        await self._send({"id": operation_id, "type": "next", "payload": published(answer)})

    async def refused(self, operation_id: str, answer: Answer) -> None:
        await self._send({"id": operation_id, "type": "error", "payload": answer.body["errors"]})

    async def complete(self, operation_id: str) -> None:
        await self._send({"id": operation_id, "type": "complete"})

    async def _beginning(self) -> None:
        try:
            async with asyncio.timeout(self._bounds.to_begin):
                await self._begun.wait()
        except TimeoutError:
            raise Closing(4408, "Connection initialisation timeout") from None
        await asyncio.Event().wait()

    async def _receiving(self) -> None:
        while True:
            received = await self._websocket.receive()
            if received["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(received.get("code", 1005))
            await self._take(_message(received), len(received["text"]))

    async def _take(self, message: Mapping[str, Any], size: int) -> None:
        match message.get("type"):
            case "connection_init":
                if self._begun.is_set():
                    raise Closing(4429, "Too many initialisation requests")
                self._begun.set()
                await self._send({"type": "connection_ack"})
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(message, size)
            case "complete":
                self._operations.stop(_id(message))
            case _:
                raise Closing(4400, "Invalid message: unknown type")

    async def _subscribe(self, message: Mapping[str, Any], size: int) -> None:
        if not self._begun.is_set():
            raise Closing(4401, "Unauthorized")
        operation_id = _id(message)
        try:
            asked = request_in(message.get("payload"))
            self._operations.start(
                operation_id,
                lambda: answers_to(self._websocket, asked, self._presence),
                size=size,
            )
        except BadInput as wrong:
            raise Closing(4400, f"Invalid message: {wrong.field}: {wrong.message}") from None
        except AlreadyRunning:
            raise Closing(4409, f"Subscriber for {operation_id} already exists") from None
        except TooManyStreams as refusal:
            payload = refusal_body(refusal)["errors"]
            await self._send({"id": operation_id, "type": "error", "payload": payload})

    async def _send(self, message: Mapping[str, Any]) -> None:
        async with self._turn:
            try:
                async with asyncio.timeout(self._bounds.to_take):
                    await self._websocket.send_text(orjson.dumps(message).decode())
            except TimeoutError:
                raise Closing(1013, "Too slow") from None

    async def _close(self, code: int, reason: str) -> None:
        """Close it, unless not even that is taken: then the connection is given up."""
        try:
            async with asyncio.timeout(TO_CLOSE_SECONDS):
                await self._websocket.close(code, reason)
        except (TimeoutError, WebSocketDisconnect):
            pass


def _message(received: Mapping[str, Any]) -> Mapping[str, Any]:
    """The message in a frame. Raises `Closing`."""
    try:
        value = orjson.loads(received.get("text") or b"")
    except orjson.JSONDecodeError:
        raise Closing(4400, "Invalid message: not JSON") from None
    if not isinstance(value, dict):
        raise Closing(4400, "Invalid message: not an object")
    return value


def _id(message: Mapping[str, Any]) -> str:
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not 0 < len(operation_id) <= LONGEST_ID:
        raise Closing(4400, "Invalid message: `id` must be a short text")
    return operation_id


def _denial(refusal: Refusal) -> Response:
    body = orjson.dumps(refusal_body(refusal))
    return Response(body, status_code=refusal.status, media_type="application/json")
