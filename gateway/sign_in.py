"""Sign-in over HTTP: its addresses, its pages and its cookies.

Two cookies, both bound to this host, over TLS, and out of reach of scripts:

* the *flow cookie*, `SameSite=Lax`, one for each sign-in under way, so that two tabs do not disturb
  each other. It comes along when the identity provider sends the browser back, and proves that this
  browser began. It is worth nothing alone.
* the *session cookie*, `SameSite=Strict`, set by the second step, which one of our own pages sends.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from typing import Literal
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.authenticate import (
    SESSION_COOKIE,
    origin_of,
    require_client_header,
    require_same_origin,
)
from gateway.body import FORM, LARGEST_FORM, read_bounded, read_form
from gateway.pages import PAGE_HEADERS
from gateway.settings import Settings
from gateway.sign_in_pages import (
    finish_page,
    invitation_page,
    login_page,
    refusal_page,
    replace_page,
)
from identity.credentials import sessions
from identity.refusals import BadInput, NotFound, Refusal, Unauthenticated
from identity.sso import connections, invited, links, oidc
from identity.sso.attempts import ANSWER_WITHIN, checked_return_to
from identity.sso.fetching import Fetcher
from identity.sso.finishing import Replacing, finish
from identity.subject import Origin

FLOW_COOKIE = "__Host-gatepost_flow_"
MOST_FLOWS = 8
"""Sign-ins under way in one browser. More are not people, and would fill the Cookie header."""

Endpoint = Callable[[Request], Awaitable[Response]]


def with_refusals_as_pages(endpoint: Endpoint) -> Endpoint:
    """The endpoint, whose refusals are pages whatever the Accept header says: people come here."""

    @wraps(endpoint)
    async def answering(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refusal as refusal:
            return refusal_page(refusal, request_id=request.state.request_id)

    return answering


@with_refusals_as_pages
async def login(request: Request) -> Response:
    """The sign-in page; with `organization`, what that organization offers."""
    slug = request.query_params.get("organization", "").strip().lower()
    return_to = checked_return_to(request.query_params.get("return_to", "/"))
    return login_page(
        organization=slug,
        connections=await connections.offered(slug) if slug else [],
        return_to=return_to,
    )


@with_refusals_as_pages
async def start(request: Request) -> Response:
    """Off to the identity provider, with a new flow cookie."""
    started = await oidc.start(
        _connection_id(request),
        return_to=request.query_params.get("return_to", "/"),
        from_elsewhere=request.headers.get("sec-fetch-site") in ("cross-site", "same-site"),
        public_url=_settings(request).public_url,
        fetcher=_fetcher(request),
    )
    answer = RedirectResponse(started.authorization_url, status_code=302, headers=PAGE_HEADERS)
    flows = [name for name in request.cookies if name.startswith(FLOW_COOKIE)]
    for name in flows if len(flows) >= MOST_FLOWS else ():
        _clear_cookie(answer, name, samesite="lax")
    answer.set_cookie(
        flow_cookie(started.attempt_id),
        started.browser_token,
        max_age=int(ANSWER_WITHIN.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )
    return answer


@with_refusals_as_pages
async def callback(request: Request) -> Response:
    """Back from the identity provider: who it is gets proven, and no session begins yet."""
    proven = await oidc.receive(
        _connection_id(request),
        oidc.Answer.parse(request.query_params.multi_items()),
        browser_tokens=_browser_tokens(request),
        public_url=_settings(request).public_url,
        fetcher=_fetcher(request),
        origin=_origin(request),
    )
    return finish_page(
        code=proven.finish_code,
        member=proven.member_name,
        organization=proven.organization_name,
        at_once=proven.at_once,
    )


@with_refusals_as_pages
async def link(request: Request) -> Response:
    """A one-time link. Opening it uses nothing up: mail scanners open links too."""
    token = request.query_params.get("token", "")
    attempt = await links.usable(token)
    assert attempt.member is not None  # noqa: S101 - a link is made for a member
    return finish_page(
        code=token,
        member=attempt.member.name,
        organization=attempt.organization.name,
        at_once=False,
    )


@with_refusals_as_pages
async def invitation(request: Request) -> Response:
    """The link of an invitation. Opening it uses nothing up, as with a one-time link."""
    token = request.query_params.get("token", "")
    pending = await invited.usable(token)
    return invitation_page(token=token, email=pending.email, organization=pending.organization.name)


@with_refusals_as_pages
async def accept_invitation(request: Request) -> Response:
    """Whoever agreed becomes a member, and the page that this answers signs them in."""
    require_same_origin(request)
    form = await read_form(request)
    accepted = await invited.accept(
        form.get("token", ""),
        session_token=request.cookies.get(SESSION_COOKIE),
        limits=_settings(request).session_limits,
        origin=_origin(request),
    )
    return finish_page(
        code=accepted.finish_code,
        member=accepted.member_name,
        organization=accepted.organization_name,
        at_once=True,
    )


@with_refusals_as_pages
async def finish_sign_in(request: Request) -> Response:
    """The second step, from a page of ours: the session begins, or a question comes back first.

    Only here can another member's session be seen: its cookie does not come along when the provider
    sends the browser back.
    """
    require_same_origin(request)
    form = await read_form(request)
    code = form.get("code")
    if code is None:
        raise BadInput("The form has no code. Start again from the sign-in page.", field="code")
    finished = await finish(
        code,
        browser_tokens=_browser_tokens(request),
        replaces=request.cookies.get(SESSION_COOKIE),
        agreed=form.get("sign_out"),
        limits=_settings(request).session_limits,
        origin=_origin(request),
    )
    if isinstance(finished, Replacing):
        return replace_page(code, finished)
    answer = RedirectResponse(finished.return_to, status_code=303, headers=PAGE_HEADERS)
    answer.set_cookie(
        SESSION_COOKIE,
        finished.session_token,
        max_age=int(_settings(request).session_limits.absolute.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
    )
    if flow_cookie(finished.attempt_id) in request.cookies:
        _clear_cookie(answer, flow_cookie(finished.attempt_id), samesite="lax")
    return answer


@with_refusals_as_pages
async def logout(request: Request) -> Response:
    """End the cookie's session and forget the cookie; a session that is over is no failure.

    Whatever else the request carries, such as a proxy's Authorization header, does not matter: no
    other session could be meant. A script sends any body with the custom header and gets 204, a
    form gets the sign-in page.
    """
    require_same_origin(request)
    by_form = request.headers.get("content-type", "").startswith(FORM)
    if not by_form:
        require_client_header(request)
    await read_bounded(request, largest=LARGEST_FORM)
    await end_session(request)
    answer: Response = Response(status_code=204, headers=PAGE_HEADERS)
    if by_form:
        answer = RedirectResponse("/auth/login", status_code=303, headers=PAGE_HEADERS)
    _clear_cookie(answer, SESSION_COOKIE, samesite="strict")
    return answer


async def end_session(request: Request) -> None:
    """End the session whose cookie came along, if it is live."""
    with suppress(Unauthenticated):
        await sessions.sign_out(
            await sessions.authenticate(
                request.cookies.get(SESSION_COOKIE, ""),
                limits=_settings(request).session_limits,
                origin=_origin(request),
            )
        )


def _origin(request: Request) -> Origin:
    """Where the request came from, which names what it asked for by its address."""
    return replace(origin_of(request), operation=f"{request.method} {request.url.path}")


def flow_cookie(attempt_id: UUID) -> str:
    """The name of an attempt's flow cookie; the end of a UUIDv7 is its random part."""
    return FLOW_COOKIE + attempt_id.hex[-8:]


def _browser_tokens(request: Request) -> list[str]:
    return [value for name, value in request.cookies.items() if name.startswith(FLOW_COOKIE)]


def _clear_cookie(answer: Response, name: str, *, samesite: Literal["lax", "strict"]) -> None:
    """A `__Host-` cookie is only replaced by one with the same attributes."""
    answer.delete_cookie(name, path="/", secure=True, httponly=True, samesite=samesite)


def _connection_id(request: Request) -> UUID:
    try:
        return UUID(request.path_params["connection_id"])
    except ValueError as error:
        raise NotFound("connection") from error


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def _fetcher(request: Request) -> Fetcher:
    return Fetcher(allow_loopback=_settings(request).allow_loopback_providers)


routes = [
    Route("/auth/login", login),
    Route("/auth/start/{connection_id}", start),
    Route("/auth/callback/{connection_id}", callback),
    Route("/auth/link", link),
    Route("/auth/invitation", invitation),
    Route("/auth/invitation", accept_invitation, methods=["POST"]),
    Route("/auth/finish", finish_sign_in, methods=["POST"]),
    Route("/auth/logout", logout, methods=["POST"]),
]
