"""Errors of an operation as GraphQL says them: message, path, and `extensions.code`."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLError

from identity.refusals import FAILED, BadInput, Refusal, failure_message

log = logging.getLogger("gatepost.schema")


def formatted(error: GraphQLError, *, request_id: str | None) -> dict[str, Any]:
    """An error of the response.

    A refusal shows its code and details. What the document itself got wrong is BAD_INPUT. Anything
    else is our fault: it is logged with its traceback, and the caller learns an id to ask about.
    """
    cause = error.original_error
    if isinstance(cause, Refusal):
        extensions = {"code": cause.code, **cause.details}
        message = cause.message
    elif cause is None or isinstance(cause, GraphQLError) or _is_of_the_document(error):
        extensions, message = {"code": BadInput.code}, error.message
    else:
        log.error("request %s failed at %s", request_id, error.path, exc_info=cause)
        extensions = {"code": FAILED, "requestId": request_id}
        message = failure_message(request_id)
    answer: dict[str, Any] = {"message": message, "extensions": extensions}
    if error.locations:
        answer["locations"] = [
            {"line": location.line, "column": location.column} for location in error.locations
        ]
    if error.path is not None:
        answer["path"] = error.path
    return answer


def _is_of_the_document(error: GraphQLError) -> bool:
    """Whether a scalar of ours refused a literal or a variable, before anything ran."""
    return error.path is None


def in_response_order(
    errors: Sequence[GraphQLError], data: Mapping[str, Any] | None
) -> list[GraphQLError]:
    """The errors as their fields stand in the response: graphql-core has them as they happened.

    Errors below the same null stay as they are.
    """
    return sorted(errors, key=lambda error: _position(error.path or (), data))


def _position(path: Sequence[str | int], data: Any) -> tuple[int, ...]:
    position = []
    for key in path:
        if isinstance(data, Mapping) and key in data:
            position.append(list(data).index(key))
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            position.append(key)
        else:
            break
        data = data[key]
    return tuple(position)
