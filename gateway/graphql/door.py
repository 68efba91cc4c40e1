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
    credential_in,
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
from identity.credentials.key_uses import key_uses
from identity.refusals import BadInput, Refusal
from identity.subject import Subject
from models.document_mode import DocumentMode, stricter
from schema.execution import Answer, Prepared, Request, answer, answer_behind, known, prepared
from schema.explaining import explained

METHODS = ["GET", "POST"]
LARGEST_BODY = 1_000_000
EXPLAIN = "x-gatepost-explain"
"""The header by which a developer asks for the plan of an operation."""


async def endpoint(request: HttpRequest) -> Response:
    """The answer to a signed-in person, or to a service with an API key. What is wrong with the
    request raises its refusal.

    Who is calling is asked when the whole request is here: it may take its time to come. What it
    says is not read before that, unless its credential was a good one just now.
    """
    require_same_origin(request)
    require_client_header(request)
    media_type = acceptable(request.headers)
    if request.method != "POST":
        subject = await counting_refusals(request, subject_of)
        asked = parsing.request_at(request.scope["query_string"])
        return await _answered(request, asked, subject, media_type)
    credential = await counting_refusals(request, credential_in)
    body = await read_body(request, media_type=MediaType.JSON, largest=LARGEST_BODY)
    caller = presumed(request, credential)
    if caller is not None:
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
    """The answer to what authenticates the caller in its first statement, along with the data.

    `None` for whatever needs a certain caller before; then nothing was done.
    """
    if HEADER in request.headers or _explains(request):
        return None
    try:
        asked = parsing.request_in(parsing.json_of(body, field="body"))
        if "persistedQuery" in asked.extensions:
            return None
        ready = known(await _named(request, asked, subject))
        if ready is None:
            return None
        await _count(request, ready, subject)
    except Refusal:
        return None
    async with _in_time(request):
        try:
            done = await answer_behind(gate, ready, subject)
        except GateClosed:
            return None
    key_uses.note(subject, ready.name)
    return done


async def _answered(
    request: HttpRequest, asked: Asked, subject: Subject, media_type: MediaType
) -> Response:
    """The answer to one request that came by itself."""
    ready = await meant(request, asked, subject)
    if not hasattr(request.state, "standing"):
        await _count(request, ready, subject)
    if isinstance(ready, Answer):
        key_uses.note(subject, None)
        return _respond(request, ready, media_type)
    key_uses.note(subject, ready.name)
    key, given_before = None, False
    if request.method != "POST":
        require_safe(ready)
    else:
        key = key_in(request.headers)
    async with _in_time(request):
        if key is None and _explains(request):
            result = await explained(ready, subject)
        elif key is None or ready.kind is not OperationType.MUTATION:
            result = await answer(ready, subject)
        else:
            result, given_before = await answer_once(ready, subject, key)
    response = _respond(request, result, media_type)
    if given_before:
        response.headers[REPLAYED] = "true"
    return response


def _explains(request: HttpRequest) -> bool:
    settings: Settings = request.app.state.settings
    return settings.graphql_explain and request.headers.get(EXPLAIN) == "1"


async def _count(request: HttpRequest, ready: Prepared | Answer, subject: Subject) -> None:
    """Count what an operation may cost before it runs; what cannot run counts as one.

    Raises `RateLimited`. What a request was counted for is not counted again when it has to be
    answered in another way.
    """
    rate_limits: RateLimits = request.app.state.rate_limits
    cost = 1 if ready.cost is None else ready.cost.requested
    request.state.standing = await rate_limits.spend(subject, cost)


def _respond(request: HttpRequest, result: Answer, media_type: MediaType) -> Response:
    """The answer, and where its caller stands."""
    standing: Standing | None = request.state.standing
    return respond(result, media_type, standing.headers if standing is not None else None)


def _in_time(request: HttpRequest) -> AbstractAsyncContextManager[None]:
    settings: Settings = request.app.state.settings
    return time_budget(request, settings.operation_seconds)


async def meant(request: HTTPConnection, asked: Asked, subject: Subject) -> Prepared | Answer:
    """What to run, or the answer that says why it cannot be run."""
    try:
        named = await _named(request, asked, subject)
    except DocumentNotFound as refusal:
        return Answer(refusal_body(refusal), executed=False)
    return prepared(named, request_id=subject.origin.request_id)


async def _named(request: HTTPConnection, asked: Asked, subject: Subject) -> Request:
    """The request with its document. Raises `DocumentNotFound`."""
    state = request.app.state
    settings: Settings = state.settings
    text = await document_of(
        asked,
        subject,
        mode=document_mode(settings, subject),
        sent_before=state.sent_before if settings.graphql_automatic_documents else None,
    )
    trusted = asked.document_id is not None
    return Request(text, asked.variables, asked.operation_name, trusted=trusted)


def document_mode(settings: Settings, subject: Subject) -> DocumentMode:
    """What holds for a caller: the operator's, or what their API key is held to beyond that."""
    own = None if subject.terms is None else subject.terms.document_mode
    return stricter(settings.graphql_trusted_documents, own)


def require_safe(ready: Prepared | Answer) -> None:
    """Raise 405 for a mutation: a GET changes nothing (RFC 9110, section 9.2.1)."""
    if isinstance(ready, Prepared) and ready.kind is OperationType.MUTATION:
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
            ready = await meant(request, parsing.request_in(entry), caller)
            bodies.append(published(await _one_of_many(request, ready, caller)))
        except Refusal as refusal:
            bodies.append(refusal_body(refusal))
    return written(bodies, media_type)


async def _one_of_many(request: HttpRequest, ready: Prepared | Answer, subject: Subject) -> Answer:
    await _count(request, ready, subject)
    if isinstance(ready, Answer):
        return ready
    key_uses.note(subject, ready.name)
    async with _in_time(request):
        return await answer(ready, subject)


def _what_is_taken(most: int) -> str:
    if most == 0:
        name = variable("graphql_batch_limit")
        return f"Send one request, a JSON object. The operator allows several with {name}."
    return f"Send one request, a JSON object, or an array of 1 to {most} of them."
