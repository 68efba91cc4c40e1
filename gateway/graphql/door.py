"""GraphQL over HTTP, as the draft of the GraphQL foundation says it: POST with JSON, and GET for
what only reads.

A cross-site page can make a browser send a GET as well as a POST, so that both need the custom
header, and neither is answered to another site.
"""

from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Any

from graphql import OperationType
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from gateway.authenticate import (
    has_session,
    presumed,
    require_client_header,
    require_same_origin,
    subject_of,
)
from gateway.body import read_body
from gateway.graphql import parsing
from gateway.graphql.documents import DocumentNotFound, document_of
from gateway.graphql.idempotency import HEADER, REPLAYED, answer_once, key_in
from gateway.graphql.media_types import MediaType, acceptable
from gateway.graphql.parsing import Asked
from gateway.graphql.responses import published, refusal_body, respond, written
from gateway.graphql.time_budget import time_budget
from gateway.rate_limits import RateLimits, Standing, counting_refusals
from gateway.settings import Settings, variable
from identity.credentials.gate import Gate, GateClosed
from identity.refusals import BadInput, Refusal
from identity.subject import Subject
from schema.execution import Answer, Request, answer, cost_of, is_known, operation_type
from schema.explaining import explained

METHODS = ["GET", "POST"]
LARGEST_BODY = 1_000_000
EXPLAIN = "x-gatepost-explain"
"""The header by which a developer asks for the plan of an operation."""


async def endpoint(request: HttpRequest) -> Response:
    """The answer to a signed-in person. What is wrong with the request raises its refusal.

    Who is calling is asked when the whole request is here: it may take its time to come.
    """
    require_same_origin(request)
    require_client_header(request)
    media_type = acceptable(request.headers)
    if request.method != "POST" or not has_session(request):
        subject = await counting_refusals(request, subject_of)
        asked = parsing.request_at(request.scope["query_string"])
        return await _answered(request, asked, subject, media_type)
    body = await read_body(request, media_type=MediaType.JSON, largest=LARGEST_BODY)
    caller = presumed(request)
    if caller is not None and not _explains(request):
        done = await _at_once(request, body, *caller)
        if done is not None:
            return _respond(request, done, media_type)
    subject = await counting_refusals(request, subject_of)
    value = parsing.json_of(body, field="body")
    if isinstance(value, list):
        return await _batch(request, value, subject, media_type)
    return await _answered(request, parsing.request_in(value), subject, media_type)


async def _at_once(
    request: HttpRequest, body: bytes, subject: Subject, gate: Gate
) -> Answer | None:
    """The answer to a query whose first statement authenticates the caller along with the data.

    `None` for whatever needs a certain caller before; then nothing was done.
    """
    try:
        asked = parsing.request_in(parsing.json_of(body, field="body"))
        if "persistedQuery" in asked.extensions or HEADER in request.headers:
            return None
        wanted = await meant(request, asked, subject)
    except Refusal:
        return None
    if isinstance(wanted, Answer):
        return None
    if not is_known(wanted):
        return None
    await _count(request, wanted, subject)
    async with _in_time(request):
        try:
            return await answer(wanted, subject, gate)
        except (GateClosed, Refusal):
            return None


async def _answered(
    request: HttpRequest, asked: Asked, subject: Subject, media_type: MediaType
) -> Response:
    """The answer to one request that came by itself."""
    wanted = await meant(request, asked, subject)
    if isinstance(wanted, Answer):
        return respond(wanted, media_type)
    key, given_before = None, False
    if request.method != "POST":
        require_safe(wanted)
    else:
        key = key_in(request.headers)
    if not hasattr(request.state, "standing"):
        await _count(request, wanted, subject)
    async with _in_time(request):
        if key is None and _explains(request):
            result = await explained(wanted, subject)
        elif key is None or operation_type(wanted) is not OperationType.MUTATION:
            result = await answer(wanted, subject)
        else:
            result, given_before = await answer_once(wanted, subject, key)
    response = _respond(request, result, media_type)
    if given_before:
        response.headers[REPLAYED] = "true"
    return response


def _explains(request: HttpRequest) -> bool:
    settings: Settings = request.app.state.settings
    return settings.graphql_explain and request.headers.get(EXPLAIN) == "1"


async def _count(request: HttpRequest, wanted: Request, subject: Subject) -> None:
    """Count what an operation may cost before it runs; what cannot run counts as one.

    Raises `RateLimited`. What a request was counted for is not counted again when it has to be
    answered in another way.
    """
    rate_limits: RateLimits = request.app.state.rate_limits
    request.state.standing = await rate_limits.spend(subject, cost_of(wanted) or 1)


def _respond(request: HttpRequest, result: Answer, media_type: MediaType) -> Response:
    """The answer, and where its caller stands."""
    response = respond(result, media_type)
    standing: Standing | None = request.state.standing
    if standing is not None:
        response.headers.update(standing.headers)
    return response


def _in_time(request: HttpRequest) -> AbstractAsyncContextManager[None]:
    settings: Settings = request.app.state.settings
    return time_budget(request, settings.operation_seconds)


async def meant(request: HTTPConnection, asked: Asked, subject: Subject) -> Request | Answer:
    """The request with its document; an answer instead when that is not known."""
    state = request.app.state
    settings: Settings = state.settings
    try:
        text = await document_of(
            asked,
            subject,
            mode=settings.graphql_trusted_documents,
            sent_before=state.sent_before if settings.graphql_automatic_documents else None,
        )
    except DocumentNotFound as refusal:
        return Answer(refusal_body(refusal), executed=False)
    trusted = asked.document_id is not None
    return Request(text, asked.variables, asked.operation_name, trusted=trusted)


def require_safe(wanted: Request) -> None:
    """Raise 405 for a mutation: a GET changes nothing (RFC 9110, section 9.2.1)."""
    if operation_type(wanted) is OperationType.MUTATION:
        raise HTTPException(
            HTTPStatus.METHOD_NOT_ALLOWED, "Send a mutation by POST.", {"Allow": "POST"}
        )


async def _batch(
    request: HttpRequest, entries: list[Any], subject: Subject, media_type: MediaType
) -> Response:
    """The answers to several requests, in their order, with 200 (draft, appendix on batching).

    One after the other, so that a batch holds no more of the database than one request does; and
    each as its own caller, so that it sees what those before it changed.
    """
    settings: Settings = request.app.state.settings
    most = settings.graphql_batch_limit
    if not 0 < len(entries) <= most or not all(isinstance(entry, dict) for entry in entries):
        raise BadInput(_what_is_taken(most), field="body")
    if key_in(request.headers) is not None:
        raise BadInput("A key belongs to one request, not to an array of them.", field=HEADER)
    bodies = []
    for number, entry in enumerate(entries):
        try:
            caller = subject if number == 0 else await subject_of(request)
            wanted = await meant(request, parsing.request_in(entry), caller)
            bodies.append(published(await _one_of_many(request, wanted, caller)))
        except Refusal as refusal:
            bodies.append(refusal_body(refusal))
    return written(bodies, media_type)


async def _one_of_many(request: HttpRequest, wanted: Request | Answer, subject: Subject) -> Answer:
    if isinstance(wanted, Answer):
        return wanted
    await _count(request, wanted, subject)
    async with _in_time(request):
        return await answer(wanted, subject)


def _what_is_taken(most: int) -> str:
    if most == 0:
        name = variable("graphql_batch_limit")
        return f"Send one request, a JSON object. The operator allows several with {name}."
    return f"Send one request, a JSON object, or an array of 1 to {most} of them."
