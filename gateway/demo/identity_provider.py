"""A small OpenID provider that believes whoever says who they are.

The authorization code flow of OpenID Connect Core 1.0 with PKCE (RFC 7636, S256 only) and `iss` in
its answers (RFC 9207), for one registered client. It stands in for the provider that an enterprise
has; nothing of the product knows it.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from pathlib import Path
from urllib.parse import unquote_plus, urlencode

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.body import read_form
from gateway.demo.people import PEOPLE, DemoPerson, person
from gateway.pages import PAGE_HEADERS, page
from models.clock import now

PATH = "/demo/identity"
PICKED_COOKIE = "gatepost_demo_person"
"""Who was picked on the demo's home page: what a session at a real provider is."""
CODE_LIFETIME = timedelta(minutes=1)
TOKEN_LIFETIME = timedelta(minutes=5)
ALGORITHM = "ES256"
NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Client:
    """The one relying party."""

    id: str
    secret: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code stands for."""

    person: DemoPerson
    nonce: str | None
    challenge: str
    expires_at: datetime


class IdentityProvider:
    """The provider at `issuer`, whose path is `PATH`. Codes are kept in memory, and used once."""

    def __init__(self, *, issuer: str, client: Client, key: ECKey) -> None:
        self._issuer = issuer
        self._client = client
        self._key = key
        self._grants: dict[str, Grant] = {}

    @property
    def routes(self) -> tuple[Route, ...]:
        return (
            Route(f"{PATH}/.well-known/openid-configuration", self._discovery),
            Route(f"{PATH}/keys", self._keys),
            Route(f"{PATH}/authorize", self._authorize),
            Route(f"{PATH}/token", self._token, methods=["POST"]),
        )

    async def _discovery(self, request: Request) -> Response:
        """OpenID Connect Discovery 1.0, section 3."""
        return JSONResponse(
            {
                "issuer": self._issuer,
                "authorization_endpoint": f"{self._issuer}/authorize",
                "token_endpoint": f"{self._issuer}/token",
                "jwks_uri": f"{self._issuer}/keys",
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "scopes_supported": ["openid", "email", "profile"],
                "claims_supported": ["sub", "name", "email", "email_verified"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def _keys(self, request: Request) -> Response:
        return JSONResponse(KeySet([self._key]).as_dict(private=False))

    async def _authorize(self, request: Request) -> Response:
        """Ask who is there, unless that is known, and send them back with a code."""
        asked = request.query_params
        if (asked.get("client_id"), asked.get("redirect_uri")) != (
            self._client.id,
            self._client.redirect_uri,
        ):
            return _page("Unknown client", "<p>No such client sends people here.</p>", status=400)
        if error := _error(asked):
            return self._back({"error": error}, state=asked.get("state"))
        picked = person(asked.get("person") or request.cookies.get(PICKED_COOKIE, ""))
        if picked is None:
            return _page("Who are you?", _choices(str(request.url.query)))
        code = self._granted(picked, asked.get("nonce"), asked["code_challenge"])
        answer = self._back({"code": code}, state=asked.get("state"))
        answer.delete_cookie(PICKED_COOKIE, path=PATH)
        return answer

    async def _token(self, request: Request) -> Response:
        """A code, once, for an ID token (OpenID Connect Core 1.0, section 3.1.3)."""
        if not self._is_client(request.headers.get("authorization", "")):
            challenge = {"WWW-Authenticate": 'Basic realm="demo"', **NO_STORE}
            return JSONResponse({"error": "invalid_client"}, 401, headers=challenge)
        sent = await read_form(request)
        if sent.get("grant_type") != "authorization_code":
            return JSONResponse({"error": "unsupported_grant_type"}, 400, headers=NO_STORE)
        grant = self._grants.pop(sent.get("code", ""), None)
        if (
            grant is None
            or grant.expires_at <= now()
            or sent.get("redirect_uri") != self._client.redirect_uri
            or not hmac.compare_digest(challenge_of(sent.get("code_verifier", "")), grant.challenge)
        ):
            return JSONResponse({"error": "invalid_grant"}, 400, headers=NO_STORE)
        return JSONResponse(
            {
                "token_type": "Bearer",
                "access_token": secrets.token_urlsafe(32),
                "expires_in": int(TOKEN_LIFETIME.total_seconds()),
                "id_token": self._id_token(grant),
            },
            headers=NO_STORE,
        )

    def _granted(self, picked: DemoPerson, nonce: str | None, challenge: str) -> str:
        """A new code. The codes that nobody came back for go now."""
        moment = now()
        self._grants = {c: g for c, g in self._grants.items() if g.expires_at > moment}
        code = secrets.token_urlsafe(32)
        self._grants[code] = Grant(picked, nonce, challenge, moment + CODE_LIFETIME)
        return code

    def _back(self, answer: dict[str, str], *, state: str | None) -> Response:
        parameters = {**answer, "iss": self._issuer} | ({} if state is None else {"state": state})
        address = f"{self._client.redirect_uri}?{urlencode(parameters)}"
        return RedirectResponse(address, status_code=303, headers=PAGE_HEADERS)

    def _is_client(self, header: str) -> bool:
        """HTTP Basic, each half form-encoded (RFC 6749, section 2.3.1)."""
        pair = ":".join((self._client.id, self._client.secret))
        scheme, _, credentials = header.partition(" ")
        try:
            decoded = base64.b64decode(credentials, validate=True).decode("ascii")
        except ValueError:
            return False
        given = ":".join(map(unquote_plus, decoded.split(":")))
        return scheme.lower() == "basic" and hmac.compare_digest(given.encode(), pair.encode())

    def _id_token(self, grant: Grant) -> str:
        moment = int(now().timestamp())
        claims = {
            "iss": self._issuer,
            "sub": grant.person.key,
            "aud": self._client.id,
            "iat": moment,
            "auth_time": moment,
            "exp": moment + int(TOKEN_LIFETIME.total_seconds()),
            "name": grant.person.name,
            "email": grant.person.email,
            "email_verified": True,
        }
        if grant.nonce is not None:
            claims["nonce"] = grant.nonce
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, claims, self._key)


def challenge_of(verifier: str) -> str:
    """RFC 7636, section 4.2."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def signing_key(path: Path) -> ECKey:
    """The key kept at that path, made when it is missing: a restart must not change it."""
    if not path.exists():
        key = ECKey.generate_key("P-256", auto_kid=True)
        path.touch(mode=0o600)
        path.write_bytes(key.as_pem(private=True))
    key = ECKey.import_key(path.read_bytes())
    key.ensure_kid()
    return key


def _error(asked: QueryParams) -> str | None:
    """What is wrong with an authorization request (RFC 6749, section 4.1.2.1), if anything."""
    if asked.get("response_type") != "code":
        return "unsupported_response_type"
    if "openid" not in asked.get("scope", "").split():
        return "invalid_scope"
    if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
        return "invalid_request"
    return None


def _choices(query: str) -> str:
    items = "\n".join(
        f'<li><a class="button" href="{PATH}/authorize?{escape(query)}&amp;person={someone.key}">'
        f"{escape(someone.name)}<br><small>{escape(someone.email)}</small></a></li>"
        for someone in PEOPLE
    )
    return (
        "<p>This is the demo's OpenID provider. It believes you.</p>"
        f'<ul class="choices">{items}</ul>'
    )


def _page(title: str, body: str, *, status: int = 200) -> Response:
    return HTMLResponse(page(title, body), status_code=status, headers=PAGE_HEADERS)
