"""A browser in front of the application, and what it and the database show afterwards."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import Morsel, SimpleCookie
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.app import application
from gateway.authenticate import subject_of
from gateway.settings import Settings
from models import AuditEvent, Connection, FederatedIdentity, LoginAttempt, Outcome, Session
from tests.sso.hostile_provider import HostileProvider

PUBLIC_URL = "https://gatepost.example"
SESSION = "__Host-gatepost_session"
FLOW = "__Host-gatepost_flow_"


async def who_am_i(request: Request) -> Response:
    """A door behind the session, as every other one."""
    subject = await subject_of(request)
    return JSONResponse({"name": subject.actor_name, "session": str(subject.via_id)})


@dataclass
class Browser:
    """Keeps cookies as a browser does: by name, for this host, sent over https.

    `jar` holds what is sent, `set_cookies` the attributes of what the last answer set.
    """

    settings: Settings = field(
        default_factory=lambda: Settings(public_url=PUBLIC_URL, allow_loopback_providers=True)
    )
    jar: dict[str, str] = field(default_factory=dict)
    set_cookies: dict[str, "Morsel[str]"] = field(default_factory=dict)

    async def get(
        self,
        path: str,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        address = f"{path}?{urlencode(query)}" if query else path
        return await self._send("GET", address, headers or {}, b"")

    async def post(
        self,
        path: str,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """A form of one of our own pages, unless `headers` say otherwise."""
        own = {
            "origin": PUBLIC_URL,
            "sec-fetch-site": "same-origin",
            "content-type": "application/x-www-form-urlencoded",
        }
        body = urlencode(fields or {}).encode()
        return await self._send("POST", path, {**own, **(headers or {})}, body)

    async def start(self, connection_id: UUID, return_to: str | None = None) -> str:
        """Presses the button of a connection; the address at the provider."""
        query = {"return_to": return_to} if return_to else {}
        answer = await self.get(f"/auth/start/{connection_id}", query)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def finish(self, page: httpx.Response) -> httpx.Response:
        """Sends the finish page's form."""
        assert page.status_code == 200, page.text
        return await self.post("/auth/finish", {"code": finish_code(page)})

    def flows(self) -> list[str]:
        return [name for name in self.jar if name.startswith(FLOW)]

    async def _send(
        self, method: str, address: str, headers: dict[str, str], body: bytes
    ) -> httpx.Response:
        parts = urlsplit(address)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        app = application(self.settings, more_routes=(Route("/who-am-i", who_am_i),))
        transport = httpx.ASGITransport(app, client=("192.0.2.7", 4711))
        cookies = {"cookie": "; ".join(f"{k}={v}" for k, v in self.jar.items())}
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
            answer = await client.request(
                method, path, content=body, headers=headers | (cookies if self.jar else {})
            )
        self._keep(answer.headers.get_list("set-cookie"))
        return answer

    def _keep(self, lines: list[str]) -> None:
        self.set_cookies = {}
        for line in lines:
            for name, morsel in SimpleCookie(line).items():
                self.set_cookies[name] = morsel
                self.jar.pop(name, None)
                if morsel["max-age"] != "0":
                    self.jar[name] = morsel.value


async def prove(
    browser: Browser, provider: HostileProvider, connection: Connection, **claims: object
) -> httpx.Response:
    """The whole first step; the page that the browser ends on."""
    url = await browser.start(connection.id)
    return await browser.get(provider.sign_in(url, **claims))


def finish_code(page: httpx.Response) -> str:
    found = re.search(r'name="code" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def agreement(page: httpx.Response) -> dict[str, str]:
    """The form of the page that asks whether another member shall be signed out."""
    found = re.search(r'name="sign_out" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return {"code": finish_code(page), "sign_out": found[1]}


def reason_of(answer: httpx.Response) -> str:
    """The reason code on a page of refusal."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    found = re.search(r"Reason: <code>([^<]+)</code>", answer.text)
    assert found is not None, answer.text
    return found[1]


async def assert_nobody_signed_in() -> None:
    """No session, no link between an account and a member, no attempt that could be finished."""
    assert await Session.all().count() == 0
    assert await FederatedIdentity.all().count() == 0
    assert await LoginAttempt.filter(finish_hash__isnull=False, finished_at=None).count() == 0


async def denials() -> list[str]:
    """What the audit log says of refused sign-ins: "reason code: detail", oldest first."""
    events = await AuditEvent.filter(action="session.sign_in", outcome=Outcome.DENIED).order_by(
        "id"
    )
    return [event.reason or "" for event in events]
