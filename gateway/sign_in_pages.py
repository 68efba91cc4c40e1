"""The pages of sign-in. What is put into a template is escaped here, and nowhere else."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import urlencode

from starlette.responses import HTMLResponse

from gateway.pages import PAGE_HEADERS, page, problem_page
from identity.refusals import Refusal
from identity.sso.finishing import Replacing
from models.connection import Connection

_FOLDER = Path(__file__).parent / "templates" / "sign_in"
_LOGIN, _OFFERED, _NONE_OFFERED, _FINISH, _REPLACE, _INVITATION = (
    Template((_FOLDER / f"{name}.html").read_text(encoding="utf-8"))
    for name in ("login", "offered", "none_offered", "finish", "replace", "invitation")
)
_AT_ONCE = '<script src="/static/sign_in/finish.js" defer></script>'


def login_page(
    *, organization: str | None, connections: Sequence[Connection], return_to: str
) -> HTMLResponse:
    """The question for the organization and, once it is given, what it offers."""
    offered = ""
    if connections:
        choices = "\n".join(_choice(connection, return_to) for connection in connections)
        offered = _OFFERED.substitute(choices=choices)
    elif organization:
        offered = _NONE_OFFERED.substitute()
    body = _LOGIN.substitute(
        organization=escape(organization or ""), return_to=escape(return_to), offered=offered
    )
    return HTMLResponse(page("Sign in", body), headers=PAGE_HEADERS)


def _choice(connection: Connection, return_to: str) -> str:
    address = f"/auth/start/{connection.id}?{urlencode({'return_to': return_to})}"
    return f'<li><a class="button" href="{escape(address)}">{escape(connection.name)}</a></li>'


def finish_page(*, code: str, member: str, organization: str, at_once: bool) -> HTMLResponse:
    """The page that sends a finish code: `at_once` by itself, otherwise when somebody agrees."""
    body = _FINISH.substitute(
        code=escape(code),
        member=escape(member),
        organization=escape(organization),
        script=_AT_ONCE if at_once else "",
    )
    return HTMLResponse(page("Signing in" if at_once else "Sign in", body), headers=PAGE_HEADERS)


def invitation_page(*, token: str, email: str, organization: str) -> HTMLResponse:
    """The question whether to accept an invitation."""
    body = _INVITATION.substitute(
        token=escape(token), email=escape(email), organization=escape(organization)
    )
    return HTMLResponse(page("You are invited", body), headers=PAGE_HEADERS)


def replace_page(code: str, replacing: Replacing) -> HTMLResponse:
    """The question whether the member who is signed in here shall be signed out."""
    session = replacing.session
    body = _REPLACE.substitute(
        code=escape(code),
        session=session.id,
        present_member=escape(session.member.name),
        present_organization=escape(session.organization.name),
        member=escape(replacing.member_name),
        organization=escape(replacing.organization_name),
    )
    return HTMLResponse(page("Sign out first?", body), headers=PAGE_HEADERS)


def refusal_page(refusal: Refusal, *, request_id: str) -> HTMLResponse:
    """What went wrong, what to do, the reason code, and the id to tell."""
    return HTMLResponse(
        problem_page(refusal.message, code=refusal.reason_code, request_id=request_id),
        status_code=refusal.status,
        headers=PAGE_HEADERS,
    )
