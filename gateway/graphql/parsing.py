"""What a request says, wherever it says it: a JSON body, or the query of an address."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson

from identity.refusals import BadInput

FIELDS = frozenset({"query", "documentId", "variables", "operationName", "extensions"})
"""Any other is reserved by the draft, and refused: a misspelt one would be lost silently."""
IN_JSON = ("variables", "extensions")
"""What an address holds as JSON."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it was sent: its document may be one that is known already."""

    query: str | None
    document_id: str | None
    variables: Mapping[str, Any]
    operation_name: str | None
    extensions: Mapping[str, Any]


def json_of(text: bytes | str, *, field: str) -> Any:
    """The value. Raises `BadInput` for what is not JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"This is not JSON: {error}", field=field) from error


def request_in(value: Any) -> Asked:
    """The request that a JSON value is. Raises `BadInput` with the path of what is wrong."""
    if not isinstance(value, dict):
        raise BadInput("The body must be a JSON object with `query`.", field="body")
    unknown = sorted(value.keys() - FIELDS)
    if unknown:
        raise BadInput(f"Unknown field. Known are {', '.join(sorted(FIELDS))}.", field=unknown[0])
    return Asked(
        query=_text(value, "query"),
        document_id=_text(value, "documentId"),
        variables=_object(value, "variables"),
        operation_name=_text(value, "operationName") or None,
        extensions=_object(value, "extensions"),
    )


def request_at(query_string: bytes) -> Asked:
    """The request in the query of an address, URL-encoded. Raises `BadInput`."""
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=len(FIELDS),
        )
    except ValueError as error:  # too many of them, or not UTF-8
        raise BadInput(
            f"Send at most {', '.join(sorted(FIELDS))}, URL-encoded in UTF-8.", field="query"
        ) from error
    value: dict[str, Any] = {}
    for name, text in pairs:
        if name in value:
            raise BadInput("This is given twice.", field=name)
        value[name] = json_of(text, field=name) if name in IN_JSON else text
    return request_in(value)


def _text(value: Mapping[str, Any], name: str) -> str | None:
    given = value.get(name)
    if given is not None and not isinstance(given, str):
        raise BadInput(f"`{name}` must be a string.", field=name)
    return given


def _object(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object; one that is null or left out is empty."""
    given = value.get(name)
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise BadInput(f"`{name}` must be an object.", field=name)
    return given
