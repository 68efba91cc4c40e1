"""SCIM over HTTP: the bearer token, a bounded body, and URLs from the settings only."""

import orjson
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from starlette.requests import Request
from starlette.responses import Response

from gateway.authenticate import origin_of
from gateway.body import read_bounded
from gateway.settings import Settings
from identity.credentials import scim_tokens
from identity.refusals import Refusal, Unauthenticated
from identity.subject import Subject
from scim.door import SCIM_MEDIA_TYPE, answer, refused

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
LARGEST_BODY = 1_000_000
BASE_PATH = "/scim/v2"
JSON = "application/json"


async def endpoint(request: Request) -> Response:
    """One request of a directory. Every refusal is a SCIM error; a failure is raised."""
    try:
        token = token_in(request)
        body = await read_bounded(request, largest=LARGEST_BODY)
        # Only now: a token may be revoked while the body comes.
        subject = await subject_of(request, token)
    except Refusal as refusal:
        return respond(request, refused(refusal))
    settings: Settings = request.app.state.settings
    asked = ScimRequest(
        method=request.method,
        # Never the Host header: whoever sends it would choose where our URLs lead.
        base_url=settings.public_url + BASE_PATH,
        path="/" + request.path_params.get("path", ""),
        query=dict(request.query_params),
        headers=request.headers.items(),
        body=body,
    )
    return respond(request, await answer(asked, subject))


def token_in(request: Request) -> str | None:
    """The bearer token, whatever it is worth; `None` without an Authorization header.

    Raises `Unauthenticated` for any other credential.
    """
    authorization = request.headers.get("authorization")
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send the organization's SCIM token as a bearer token.")
    return token.strip()


async def subject_of(request: Request, token: str | None) -> Subject | None:
    """The directory whose token it is; none without one.

    Raises `Unauthenticated` for a token that is not, or no longer, valid.
    """
    if token is None:
        return None
    return await scim_tokens.authenticate(token, origin=origin_of(request))


def respond(request: Request, response: ScimResponse) -> Response:
    """The response in the media type that the caller accepts (RFC 7644 section 3.8)."""
    headers = {**response.headers, "Cache-Control": "no-store"}
    del headers["Content-Type"]
    if response.body is None:
        return Response(status_code=response.status, headers=headers)
    accepted = request.headers.get("accept", "").lower()
    plain = JSON in accepted and SCIM_MEDIA_TYPE not in accepted
    return Response(
        orjson.dumps(response.body),
        status_code=response.status,
        headers=headers,
        media_type=JSON if plain else SCIM_MEDIA_TYPE,
    )
