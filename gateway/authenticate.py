"""From an HTTP request to a Subject, and the checks that a browser sent it on purpose."""

from starlette.requests import HTTPConnection

from gateway.settings import Settings
from identity.credentials import sessions
from identity.credentials.gate import Gate
from identity.presence import Presence, Standing
from identity.refusals import Forbidden, Unauthenticated
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


async def session_in(request: HTTPConnection) -> str:
    """The token in the session cookie, whatever it is worth. Raises `Unauthenticated` without one.

    A request with an Authorization header is refused: no credential of that kind is accepted here,
    and one that carries two is ambiguous.
    """
    token = request.cookies.get(SESSION_COOKIE)
    if "authorization" in request.headers or not token:
        raise Unauthenticated
    return token


async def subject_of(request: HTTPConnection) -> Subject:
    """The member whose session cookie came along. Raises `Unauthenticated`.

    Ask when the whole request is here: a body may take its time to come, and a session may end
    meanwhile. Before a body is read, `session_in` refuses whoever brings nothing to ask about.
    """
    settings: Settings = request.app.state.settings
    return await sessions.authenticate(
        await session_in(request), limits=settings.session_limits, origin=origin_of(request)
    )


def presumed(request: HTTPConnection, token: str) -> tuple[Subject, Gate] | None:
    """Who a session was last found to be, and what to ask again before it is believed."""
    settings: Settings = request.app.state.settings
    return sessions.presumed(token, limits=settings.session_limits, origin=origin_of(request))


async def presence_of(request: HTTPConnection) -> Presence:
    """The same member, who stays on a connection. Raises `Unauthenticated`."""
    settings: Settings = request.app.state.settings

    async def renewed(subject: Subject, *, used: bool) -> Standing:
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
    """Raise `Forbidden` without the custom header, which a form on another site cannot set."""
    if not request.headers.get(CLIENT_HEADER):
        raise Forbidden(
            "Send the header X-Gatepost-Client with the name of your client.",
            reason="CLIENT_HEADER_MISSING",
            missing=[],
        )
