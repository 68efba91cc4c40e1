"""Which media type an answer has: the Accept header, as RFC 9110 (section 12.5.1) reads it."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache

from starlette.datastructures import Headers

from identity.refusals import Refusal

CACHED = 200
LONGEST_CACHED = 300
"""The bounds of what is remembered of headers that were read before."""

WEIGHT = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")
UTF_8 = frozenset({"utf-8", "utf8"})


class MediaType(StrEnum):
    GRAPHQL_RESPONSE = "application/graphql-response+json"
    """Its status tells whether the request was right; nobody but a GraphQL server answers so."""
    JSON = "application/json"
    """For clients of before: 200 whenever the request could be read."""

    @property
    def header(self) -> str:
        return f"{self.value}; charset=utf-8"


class NotAcceptable(Refusal):
    code = "BAD_INPUT"
    status = 406


def acceptable(headers: Headers) -> MediaType:
    """The media type that the caller prefers. Raises `NotAcceptable` when it accepts neither."""
    media_type = preferred(headers)
    if media_type is None:
        raise NotAcceptable(f"Accept {' or '.join(MediaType)}; there is no other answer.")
    return media_type


def preferred(headers: Headers) -> MediaType | None:
    """The media type with the highest weight; of two with the same, the one named more exactly.

    JSON where the caller names neither (no header, or a wildcard), and `None` where it accepts
    neither.
    """
    accept = ",".join(headers.getlist("accept"))
    return _remembered(accept) if len(accept) <= LONGEST_CACHED else _preferred(accept)


def _preferred(accept: str) -> MediaType | None:
    if not accept.strip():
        return MediaType.JSON
    weights = dict(_ranges(accept))
    found = [_rank(weights, media_type) for media_type in MediaType]
    weight, _, _, best = max(found)
    return best if weight else None


def _rank(
    weights: Mapping[str, float], media_type: MediaType
) -> tuple[float, int, bool, MediaType]:
    """Weight, exactness and, where both are the same, what decides between the two."""
    for exactness, name in ((2, media_type.value), (1, "application/*"), (0, "*/*")):
        if name in weights:
            named = exactness == 2
            modern = media_type is MediaType.GRAPHQL_RESPONSE
            return weights[name], exactness, named == modern, media_type
    return 0.0, 0, False, media_type


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    """Each media range with its weight. What is malformed, or wants another charset, is left out:
    nothing that we answer would match it.
    """
    for text in accept.split(","):
        name, *parameters = (part.strip() for part in text.lower().split(";"))
        given = dict(_parameter(parameter) for parameter in parameters)
        weight = given.get("q", "1")
        if WEIGHT.fullmatch(weight) and given.get("charset", "utf-8") in UTF_8:
            yield name, float(weight)


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip().strip('"')


_remembered = lru_cache(maxsize=CACHED)(_preferred)
