"""From an HTTP request to a Subject, and the checks that a browser sent it on purpose."""

from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from gateway.settings import Settings
from identity.credentials import api_keys, sessions
from identity.credentials.gate import Gate
from identity.presence import Presence, Standing
from identity.refusals import BadInput, Forbidden, Unauthenticated
from identity.subject import Origin, Subject

SESSION_COOKIE = "__Host-gatepost_session"
CLIENT_HEADER = "x-gatepost-client"
USER_AGENT_LENGTH = 400
"""What the tables hold of it."""


def origin_of(request: HTTPConnection) -> Origin:
    """Where the request came from, as the audit log keeps it."""
    user_agent = request.headers.get("user-agent", "")[:USER_AGENT_LENGTH]
    return Origin(
        request_id=getattr(request.state, "request_id", None),
        ip=request.client.host if request.client else None,
        user_agent=user_agent or None,
    )


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request brings to say who calls: a session's token, or an API key."""

    text: str = field(repr=False)
    is_key: bool


async def credential_in(request: HTTPConnection) -> Credential:
    """The session in the cookie or the API key in the Authorization header, whatever it is worth:
    a key anywhere else is none. Raises `Unauthenticated` without one, and `BadInput` for both.
    """
    token = request.cookies.get(SESSION_COOKIE)
    if "authorization" not in request.headers:
        if not token:
            raise Unauthenticated
        return Credential(token, is_key=False)
    given = request.headers.getlist("authorization")
    scheme, _, text = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer" or not text.strip():
        raise Unauthenticated
    if token:
        raise BadInput(
            "Send the session cookie or an API key, not both: it has to be clear who calls.",
            field="Authorization",
        )
    return Credential(text.strip(), is_key=True)


async def subject_of(request: HTTPConnection) -> Subject:
    """Whose session or API key came along. Raises `Unauthenticated`, and `Forbidden` for a key from
    a network that it is not for.

    Ask when the whole request is here: a body may take its time to come, and a session may end
    meanwhile. Before a body is read, `credential_in` refuses whoever brings nothing to ask about.
    """
    settings: Settings = request.app.state.settings
    credential = await credential_in(request)
    if credential.is_key:
        return await api_keys.authenticate(credential.text, origin=origin_of(request))
    return await sessions.authenticate(
        credential.text, limits=settings.session_limits, origin=origin_of(request)
    )


def presumed(request: HTTPConnection, credential: Credential) -> tuple[Subject, Gate] | None:
    """Who a credential was last found to be, and what to ask again before it is believed."""
    settings: Settings = request.app.state.settings
    if credential.is_key:
        return api_keys.presumed(credential.text, origin=origin_of(request))
    return sessions.presumed(
        credential.text, limits=settings.session_limits, origin=origin_of(request)
    )


async def presence_of(request: HTTPConnection) -> Presence:
    """The same caller, who stays on a connection. Raises as `subject_of` does."""
    settings: Settings = request.app.state.settings

    async def renewed(subject: Subject, *, used: bool) -> Standing:
        if subject.by_key:
            return await api_keys.standing(subject)
        return await sessions.standing(subject, limits=settings.session_limits, used=used)

    return Presence(await renewed(await subject_of(request), used=True), renewed)


def require_same_origin(request: HTTPConnection) -> None:
    """Raise `Forbidden` for a request that another site had the browser send.

    `Sec-Fetch-Site` cannot be forged by a page; where a browser does not send it, `Origin` is
    compared. A client that sends neither is no browser and carries no ambient cookie.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    settings: Settings = request.app.state.settings
    foreign = site is not None and site != "same-origin"
    if origin is not None and not (origin == "null" and site == "same-origin"):
        foreign = foreign or origin != settings.public_url
    if foreign:
        raise Forbidden(
            f"This came from another site. Open {settings.public_url} and try again there.",
            reason="CROSS_SITE",
            missing=[],
        )


def require_client_header(request: HTTPConnection) -> None:
    """Raise `Forbidden` without the custom header, which a form on another site cannot set. Nor can
    one set the header of an API key.
    """
    if "authorization" in request.headers and SESSION_COOKIE not in request.cookies:
        return
    if not request.headers.get(CLIENT_HEADER):
        raise Forbidden(
            "Send the header X-Gatepost-Client with the name of your client.",
            reason="CLIENT_HEADER_MISSING",
            missing=[],
        )
