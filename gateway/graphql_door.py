"""GraphQL over HTTP: POST with JSON, both media types."""

from typing import Any

import orjson
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from gateway.authenticate import require_client_header, require_same_origin, subject_of
from gateway.body import read_body
from identity.refusals import BadInput
from schema.execution import Answer, Request, answer

LARGEST_BODY = 1_000_000
GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"


async def endpoint(request: HttpRequest) -> Response:
    """One operation of one signed-in person. What is wrong with the request raises its refusal."""
    require_same_origin(request)
    require_client_header(request)
    subject = await subject_of(request)
    asked = parsed(await read_body(request, media_type=JSON, largest=LARGEST_BODY))
    return respond(request, await answer(asked, subject))


def parsed(body: bytes) -> Request:
    """The request in a body. Raises `BadInput` with the path of what is wrong."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"The body is not JSON: {error}", field="body") from error
    if not isinstance(value, dict):
        raise BadInput("The body must be a JSON object with `query`.", field="body")
    known = {"query", "variables", "operationName", "extensions"}
    unknown = sorted(set(value) - known)
    if unknown:
        raise BadInput(f"Unknown field. Known are {', '.join(sorted(known))}.", field=unknown[0])
    named = value.get("operationName") is not None
    return Request(
        query=_text(value, "query"),
        variables=_object(value, "variables"),
        operation_name=_text(value, "operationName") if named else None,
    )


def _text(value: dict[str, Any], name: str) -> str:
    given = value.get(name)
    if not isinstance(given, str):
        raise BadInput(f"`{name}` must be a string.", field=name)
    return given


def _object(value: dict[str, Any], name: str) -> dict[str, Any]:
    """The object; one that is null or left out is empty."""
    given = value.get(name)
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise BadInput(f"`{name}` must be an object.", field=name)
    return given


def respond(request: HttpRequest, result: Answer) -> Response:
    """The answer in the media type that the caller prefers, with the status that this one has."""
    modern = GRAPHQL_RESPONSE in request.headers.get("accept", "")
    status = 200 if result.executed or not modern else 400
    return Response(
        orjson.dumps(result.body),
        status_code=status,
        media_type=GRAPHQL_RESPONSE if modern else JSON,
        headers={"Cache-Control": "no-store"},
    )
