"""Exports over HTTP: a file as long as it takes, sent as fast as it is taken.

A request comes from a browser like one to `/graphql`, and passes the same checks. An answer that is
not the whole file ends without its last chunk, so that no client takes it for one.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, aclosing, suppress

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.authenticate import (
    credential_in,
    presence_of,
    require_client_header,
    require_same_origin,
)
from gateway.body import read_body
from gateway.graphql import parsing
from gateway.graphql.media_types import MediaType
from gateway.rate_limits import RateLimits, counting_refusals
from gateway.streams.bounds import Places, StreamBounds
from gateway.streams.operations import until_one_ends
from identity import audit_export as export
from identity.audit_export import FILE_TYPES, MEDIA_TYPES, Export
from identity.credentials.key_uses import key_uses
from identity.presence import Presence
from identity.refusals import Refusal
from schema.export_requests import export_request_in

METHODS = ["POST"]
LARGEST_BODY = 20_000
COST = 2_500
"""What an export counts for among the caller's operations."""
BOUNDS = StreamBounds(per_session=2, per_organization=4, per_process=20)
"""How many exports run at a time."""
ESTIMATE = "X-Gatepost-Total-Estimate"
"""The header with the number of events that the file will have, more or less."""


async def endpoint(request: Request) -> Response:
    """The file that the body asks for. What is wrong with the request raises its refusal."""
    require_same_origin(request)
    require_client_header(request)
    await counting_refusals(request, credential_in)
    body = await read_body(request, media_type=MediaType.JSON, largest=LARGEST_BODY)
    presence = await counting_refusals(request, presence_of)
    asked = export_request_in(parsing.json_of(body, field="body"))
    rate_limits: RateLimits = request.app.state.rate_limits
    await rate_limits.spend(presence.subject, COST)
    places: Places = request.app.state.export_places
    with ExitStack() as held:
        places.take(presence.subject)
        held.callback(places.give_back, presence.subject)
        operation = f"{request.method} {request.url.path}"
        key_uses.note(presence.subject, operation)
        begun = await export.begin(
            presence.subject.during(operation),
            format_=asked.format,
            workspace_id=asked.workspace_id,
            asked=asked.asked,
        )
        return _File(begun, presence, held.pop_all().close, request.app.state.stopping)


class _File(Response):
    """The parts of an export, until it ends, the client leaves, or the process stops."""

    def __init__(
        self,
        begun: Export,
        presence: Presence,
        give_back: Callable[[], None],
        stopping: asyncio.Event,
    ) -> None:
        super().__init__(
            media_type=MEDIA_TYPES[begun.format],
            headers={
                "Content-Disposition": f'attachment; filename="audit.{FILE_TYPES[begun.format]}"',
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
                "X-Accel-Buffering": "no",
                ESTIMATE: str(begun.estimate.events),
            },
        )
        del self.headers["content-length"]
        self._begun = begun
        self._presence = presence
        self._give_back = give_back
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            with suppress(Refusal, TimeoutError):
                await until_one_ends(self._sending(send), _left(receive), self._stopping.wait())
            if self._begun.ended:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._give_back()

    async def _sending(self, send: Send) -> None:
        async with aclosing(self._parts()) as parts:
            async for part in parts:
                async with asyncio.timeout(BOUNDS.to_take):
                    await send({"type": "http.response.body", "body": part, "more_body": True})

    def _parts(self) -> AsyncGenerator[bytes, None]:
        return self._begun.parts(self._presence.present)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
