"""An OpenID provider of our own, with real keys, that does wrong exactly what a test says.

Left alone it does everything right. It reads the product's clock, so that a test moves both.
"""

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from models.clock import now

CLIENT_ID = "gatepost"
CLIENT_SECRET = "a secret: 100 % & more"
ACCESS_TOKEN = "an access token"

Json = dict[str, Any]

KEY = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "second", "use": "sig"})
EC_KEY = ECKey.generate_key("P-256", {"kid": "curve", "use": "sig"})
ED_KEY = OKPKey.generate_key("Ed25519", {"kid": "edwards", "use": "sig"})


def half_hash(value: str) -> str:
    return base64url(hashlib.sha256(value.encode()).digest()[:16])


class HostileProvider:
    """Serves on a loopback port while it is entered. `reset` makes it honest again."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.issuer = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._serve_discovery),
                Route("/jwks", self._serve_jwks),
                Route("/token", self._serve_token, methods=["POST"]),
            ]
        )
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", lifespan="off", ws="none")
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})
        self.reset()

    def reset(self) -> None:
        self.discovery: Json = {}
        self.claims: Json = {}
        self.answer: dict[str, str | None] = {}
        self.keys: list[Key] = [KEY]
        self.signed: Callable[[Json], str] = lambda claims: sign(claims, KEY)
        self.replies: dict[str, Response] = {}
        self.token_reply: Json = {}
        self.requests: list[str] = []
        self.authorization: str | None = None
        self.form: dict[str, str] = {}
        self._codes: dict[str, Json] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join()

    def sign_in(self, authorization_url: str, **claims: object) -> str:
        """The address the browser is sent back to, after somebody with these claims signed in.

        A claim of None is left out. `answer` changes the parameters of the address, likewise.
        """
        asked = {k: v[0] for k, v in parse_qs(urlsplit(authorization_url).query).items()}
        code = f"code-{len(self._codes)}"
        self._codes[code] = {"asked": asked, "claims": claims}
        answer = {"code": code, "state": asked["state"], "iss": self.issuer} | self.answer
        given = {name: value for name, value in answer.items() if value is not None}
        return f"{asked['redirect_uri']}?{urlencode(given)}"

    async def _serve_discovery(self, request: Request) -> Response:
        self.requests.append("discovery")
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA", "HS256", "none"],
            "authorization_response_iss_parameter_supported": True,
        }
        return self.replies.get("discovery") or JSONResponse(_changed(document, self.discovery))

    async def _serve_jwks(self, request: Request) -> Response:
        self.requests.append("jwks")
        keys = [key.as_dict(private=False) for key in self.keys]
        return self.replies.get("jwks") or JSONResponse({"keys": keys})

    async def _serve_token(self, request: Request) -> Response:
        self.requests.append("token")
        self.authorization = request.headers.get("authorization")
        form = self.form = dict(parse_qsl((await request.body()).decode()))
        known = self._codes.pop(form["code"], None)
        expected = base64url(hashlib.sha256(form["code_verifier"].encode()).digest())
        if (
            known is None
            or known["asked"]["code_challenge"] != expected
            or known["asked"]["redirect_uri"] != form["redirect_uri"]
        ):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        reply = {
            "access_token": ACCESS_TOKEN,
            "token_type": "Bearer",
            "id_token": self.signed(self._claims(known)),
        }
        return self.replies.get("token") or JSONResponse(_changed(reply, self.token_reply))

    def _claims(self, known: Json) -> Json:
        moment = int(now().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": "sub-of-bob",
            "aud": CLIENT_ID,
            "iat": moment,
            "exp": moment + 300,
            "nonce": known["asked"]["nonce"],
            "at_hash": half_hash(ACCESS_TOKEN),
            "email": "bob@acme.example",
            "email_verified": True,
        }
        return _changed(claims, known["claims"] | self.claims)


def sign(claims: Json, key: Key, **header: Any) -> str:
    """The claims, signed with RS256 by the key under its kid; a header of None is left out."""
    header = _changed({"alg": "RS256", "kid": key.kid}, header)
    return jwt.encode(header, claims, key, algorithms=[header["alg"]])


def unsigned(claims: Json) -> str:
    """With `alg` none and an empty signature."""
    return by_hand({"alg": "none"}, claims, lambda signed: b"")


def signed_by_public_key(claims: Json) -> str:
    """With HS256, the secret being the public key that everybody has."""
    return by_hand({"alg": "HS256", "kid": "first"}, claims, hmac_with(KEY.as_pem(private=False)))


def signed_by_client_secret(claims: Json) -> str:
    """With HS256, the secret being the client's, which OpenID Connect allows and we do not."""
    return by_hand({"alg": "HS256"}, claims, hmac_with(CLIENT_SECRET.encode()))


def hmac_with(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda signed: hmac.digest(secret, signed, "sha256")


def by_hand(header: object, claims: Json, signature: Callable[[bytes], bytes]) -> str:
    """A JWS that no library would make."""
    signed = f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(claims).encode())}"
    return f"{signed}.{base64url(signature(signed.encode()))}"


def base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def tampered(claims: Json) -> str:
    """Signed well, and then about somebody else."""
    good, other = sign(claims, KEY), sign(claims | {"sub": "sub-of-eve"}, KEY)
    header, _, signature = good.split(".")
    return f"{header}.{other.split('.')[1]}.{signature}"


def _changed(values: Json, changes: Json) -> Json:
    return {name: value for name, value in (values | changes).items() if value is not None}
