"""Bodies and statuses of answers, for the media type that was chosen."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from gateway.graphql.media_types import MediaType
from identity.refusals import Refusal
from schema.execution import Answer

HEADERS = {
    media_type: {"Content-Type": media_type.header, "Cache-Control": "no-store"}
    for media_type in MediaType
}


def respond(
    answer: Answer, media_type: MediaType, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer, with the status that the GraphQL over HTTP draft gives it (section Status Codes).

    A request that could be read is 200 in JSON, even if its document was wrong.
    """
    right = answer.executed or media_type is MediaType.JSON
    return written(published(answer), media_type, status=200 if right else 400, headers=headers)


def published(answer: Answer) -> dict[str, Any]:
    """The body of an answer with what it could have cost, by the name that Shopify's has."""
    if answer.cost is None:
        return answer.body
    cost = {
        "requestedQueryCost": answer.cost.requested,
        "maximumQueryCost": answer.cost.limit,
    }
    return {**answer.body, "extensions": {**answer.body.get("extensions", {}), "cost": cost}}


def written(
    body: Any,
    media_type: MediaType,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A body, with the headers that every answer has and those that this one has."""
    own = HEADERS[media_type]
    return Response(orjson.dumps(body), status, {**own, **headers} if headers else own)


def refusal_body(refusal: Refusal) -> dict[str, Any]:
    return errors_body(refusal.message, refusal.code, refusal.details)


def errors_body(message: str, code: str, details: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a request that was not carried out at all."""
    return {"errors": [{"message": message, "extensions": {"code": code, **details}}]}
