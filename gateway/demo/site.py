"""The demo's own pages: who you can be, and the way there."""

from html import escape
from string import Template
from uuid import UUID

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway import pages as frame
from gateway.authenticate import require_same_origin
from gateway.body import read_form
from gateway.demo import TEMPLATES, examples
from gateway.demo.identity_provider import PATH as PROVIDER_PATH
from gateway.demo.identity_provider import PICKED_COOKIE
from gateway.demo.people import PEOPLE, DemoPerson, person
from gateway.sign_in import end_session
from identity.refusals import NotFound

HOME = "/demo"
TEMPLATE = Template((TEMPLATES / "home.html").read_text(encoding="utf-8"))
PICKED_FOR_SECONDS = 60


class Site:
    """The pages of a demo at `public_url`, which signs in at the connection."""

    def __init__(self, *, public_url: str, connection_id: UUID) -> None:
        self._public_url = public_url
        self._connection_id = connection_id

    @property
    def routes(self) -> tuple[Route, ...]:
        return (
            Route("/", self._home),
            Route(HOME, self._home),
            Route(f"{HOME}/sign-in", self._sign_in, methods=["POST"]),
            Route(f"{HOME}/examples", self._examples),
        )

    async def _home(self, request: Request) -> Response:
        """Who you can be. Under another name of this machine, sign-in would not work: go there."""
        if f"{request.url.scheme}://{request.url.netloc}" != self._public_url:
            return RedirectResponse(self._public_url + HOME, headers=frame.PAGE_HEADERS)
        body = TEMPLATE.substitute(people="\n".join(map(_choice, PEOPLE)))
        return HTMLResponse(frame.page("Gatepost, the demo", body), headers=frame.PAGE_HEADERS)

    async def _sign_in(self, request: Request) -> Response:
        """Tell the provider who was picked, and start the sign-in that everybody starts.

        Whoever was signed in is signed out first: here, picking somebody else is meant.
        """
        require_same_origin(request)
        picked = person((await read_form(request)).get("person", ""))
        if picked is None:
            raise NotFound("person")
        await end_session(request)
        start = f"/auth/start/{self._connection_id}?return_to={HOME}/examples"
        answer = RedirectResponse(start, status_code=303, headers=frame.PAGE_HEADERS)
        answer.set_cookie(
            PICKED_COOKIE,
            picked.key,
            max_age=PICKED_FOR_SECONDS,
            path=PROVIDER_PATH,
            httponly=True,
            samesite="lax",
        )
        return answer

    async def _examples(self, request: Request) -> Response:
        return RedirectResponse(await examples.address(), headers=frame.PAGE_HEADERS)


def _choice(someone: DemoPerson) -> str:
    return (
        f'<li><button name="person" value="{someone.key}">{escape(someone.name)}<br>'
        f"<small>{escape(someone.role)}</small></button></li>"
    )
