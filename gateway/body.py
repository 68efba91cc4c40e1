"""Reading a request's body: of one media type, and never more than a bound."""

import asyncio
from urllib.parse import parse_qsl

from starlette.requests import Request

from identity.refusals import BadInput, Refusal

FORM = "application/x-www-form-urlencoded"
LARGEST_FORM = 4096
READ_WITHIN = 20
"""Seconds for a whole body."""


class UnsupportedMediaType(Refusal):
    code = "BAD_INPUT"
    status = 415


class BodyTooSlow(Refusal):
    code = "BAD_INPUT"
    status = 408


class BodyTooLarge(Refusal):
    code = "BAD_INPUT"
    status = 413


async def read_body(request: Request, *, media_type: str, largest: int) -> bytes:
    """The body. Raises `UnsupportedMediaType`, `BodyTooLarge`, and `BadInput` for a charset other
    than UTF-8.
    """
    given, _, parameters = request.headers.get("content-type", "").partition(";")
    if given.strip().lower() != media_type:
        raise UnsupportedMediaType(f"Send the body as {media_type}.")
    if "charset" in parameters.lower() and "utf-8" not in parameters.lower():
        raise BadInput("Send the body in UTF-8.", field="content-type")
    return await read_bounded(request, largest=largest)


async def read_form(request: Request, *, largest: int = LARGEST_FORM) -> dict[str, str]:
    """The fields of a form that have a value; the last of those with the same name.

    Raises what `read_body` raises, and `BadInput` for what is not UTF-8.
    """
    body = await read_body(request, media_type=FORM, largest=largest)
    try:
        return dict(parse_qsl(body.decode()))
    except UnicodeDecodeError as error:
        raise BadInput("Send the form in UTF-8.", field="body") from error


async def read_bounded(request: Request, *, largest: int) -> bytes:
    """The body, read no further than the bound. Raises `BodyTooLarge` and `BodyTooSlow`."""
    chunks, size = [], 0
    try:
        async with asyncio.timeout(READ_WITHIN):
            async for chunk in request.stream():
                size += len(chunk)
                if size > largest:
                    raise BodyTooLarge(f"A body has at most {largest} bytes.")
                chunks.append(chunk)
    except TimeoutError as error:
        raise BodyTooSlow(f"Send the whole body within {READ_WITHIN} seconds.") from error
    return b"".join(chunks)
