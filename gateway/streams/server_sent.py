"""GraphQL over server-sent events, as the protocol of `graphql-sse` says it, in both of its modes.

A distinct connection carries one operation and ends with it. A single connection is reserved with
PUT and opened with GET; operations are then sent with POST and stopped with DELETE, and their
events carry the operation's id. Each of these requests comes from a browser like any other, and
passes the same checks as one to `/graphql`.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gateway.authenticate import (
    credential_in,
    presence_of,
    require_client_header,
    require_same_origin,
    subject_of,
)
from gateway.body import read_body
from gateway.graphql import parsing
from gateway.graphql.door import LARGEST_BODY, require_safe
from gateway.graphql.idempotency import HEADER, key_in
from gateway.graphql.media_types import MediaType, NotAcceptable
from gateway.graphql.parsing import Asked
from gateway.graphql.responses import published, refusal_body, respond
from gateway.rate_limits import counting_refusals
from gateway.streams.bounds import Places, StreamBounds
from gateway.streams.event_stream import MEDIA_TYPE, EventStream, Write, event
from gateway.streams.operations import (
    LONGEST_ID,
    Begin,
    answers_of,
    answers_to,
    ready,
    until_one_ends,
)
from gateway.streams.reservations import Reservations
from identity.presence import Presence
from identity.refusals import BadInput, Unauthenticated
from schema.execution import Answer

TOKEN_HEADER = "x-graphql-event-stream-token"


async def endpoint(request: Request) -> Response:
    """Whatever is asked of a stream. What is wrong with the request raises its refusal."""
    do = _DONE_BY.get(request.method)
    if do is None:
        allowed = {"Allow": ", ".join(_DONE_BY)}
        raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers=allowed)
    require_same_origin(request)
    require_client_header(request)
    if key_in(request.headers) is not None:
        raise BadInput("A key is honoured at /graphql only.", field=HEADER)
    return await do(request)


async def _get(request: Request) -> Response:
    _require_event_stream(request)
    token = _token(request)
    if token is not None:
        return await _opened(request, token)
    presence = await counting_refusals(request, presence_of)
    asked = parsing.request_at(request.scope["query_string"])
    found = await ready(request, asked, presence.subject)
    require_safe(found)
    return _distinct(request, presence, lambda: answers_of(request, found, presence))


async def _post(request: Request) -> Response:
    token = _token(request)
    if token is not None:
        return await _operation(request, token)
    _require_event_stream(request)
    body = await _body(request)
    presence = await counting_refusals(request, presence_of)
    asked = _asked_in(body)
    return _distinct(request, presence, lambda: answers_to(request, asked, presence))


def _distinct(request: Request, presence: Presence, begin: Begin) -> Response:
    """An event stream of its own for one operation."""
    places: Places = request.app.state.stream_places
    subject = presence.subject
    places.take(subject)

    async def work(write: Write) -> None:
        try:
            await until_one_ends(presence.stay(), _written(begin, write))
        except Unauthenticated as over:
            await write(event("next", refusal_body(over)))
        await write(event("complete", None))

    return _stream(request, work, lambda: places.give_back(subject))


async def _written(begin: Begin, write: Write) -> None:
    async with aclosing(begin()) as each_answer:
        async for each in each_answer:
            await write(event("next", published(each)))


async def _put(request: Request) -> Response:
    """Reserve a stream."""
    reservations: Reservations = request.app.state.stream_reservations
    token = reservations.make(await counting_refusals(request, presence_of))
    headers = {"Cache-Control": "no-store"}
    return PlainTextResponse(token, status_code=HTTPStatus.CREATED, headers=headers)


async def _opened(request: Request, token: str) -> Response:
    """The stream that was reserved."""
    subject = await counting_refusals(request, subject_of)
    reservations: Reservations = request.app.state.stream_reservations
    reservation, end = reservations.open(token, subject.via_id)
    return _stream(request, reservation.deliver, end)


async def _operation(request: Request, token: str) -> Response:
    """Start an operation, whose events go to the reserved stream."""
    body = await _body(request)
    subject = await counting_refusals(request, subject_of)
    reservations: Reservations = request.app.state.stream_reservations
    operations = reservations.find(token, subject.via_id).operations
    asked, size = _asked_in(body), len(body)
    operation_id = asked.extensions.get("operationId")
    if not isinstance(operation_id, str) or not 0 < len(operation_id) <= LONGEST_ID:
        raise BadInput("Name the operation by a short text.", field="extensions.operationId")
    operations.require_free(operation_id, size)
    found = await ready(request, asked, subject)
    if isinstance(found, Answer):
        return respond(found, MediaType.GRAPHQL_RESPONSE)
    operations.start(
        operation_id, lambda: answers_of(request, found, operations.presence), size=size
    )
    return Response(status_code=HTTPStatus.ACCEPTED)


async def _delete(request: Request) -> Response:
    """Stop an operation. One that is not there has ended already."""
    subject = await counting_refusals(request, subject_of)
    reservations: Reservations = request.app.state.stream_reservations
    operations = reservations.find(_token(request) or "", subject.via_id).operations
    operation_id = request.query_params.get("operationId")
    if not operation_id:
        raise BadInput("Name the operation.", field="operationId")
    operations.stop(operation_id)
    return Response()


def _stream(
    request: Request, work: Callable[[Write], Awaitable[None]], end: Callable[[], None]
) -> EventStream:
    bounds: StreamBounds = request.app.state.stream_bounds
    return EventStream(work, bounds=bounds, stopping=request.app.state.stopping, end=end)


async def _body(request: Request) -> bytes:
    """The body. Who is calling is asked afterwards, since it may take its time to come, and only
    then what it says.
    """
    await counting_refusals(request, credential_in)
    return await read_body(request, media_type=MediaType.JSON, largest=LARGEST_BODY)


def _asked_in(body: bytes) -> Asked:
    return parsing.request_in(parsing.json_of(body, field="body"))


def _token(request: Request) -> str | None:
    return request.headers.get(TOKEN_HEADER) or request.query_params.get("token")


def _require_event_stream(request: Request) -> None:
    accept = request.headers.get("accept", "*/*")
    if not any(each in accept for each in (MEDIA_TYPE, "text/*", "*/*")):
        raise NotAcceptable(f"Accept {MEDIA_TYPE}; there is no other answer.")


_DONE_BY: Mapping[str, Callable[[Request], Awaitable[Response]]] = {
    "GET": _get,
    "POST": _post,
    "PUT": _put,
    "DELETE": _delete,
}
METHODS = list(_DONE_BY)
