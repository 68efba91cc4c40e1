"""The certified OpenID provider of the npm package `oidc-provider`, on a loopback port."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.peers import missing

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Client:
    """A relying party as the provider knows it; the fields are client metadata of RFC 7591."""

    client_id: str
    client_secret: str
    redirect_uris: Sequence[str]
    token_endpoint_auth_method: str = "client_secret_basic"
    id_token_signed_response_alg: str = "RS256"


@dataclass(frozen=True)
class Account:
    """A person: signs in as `login`, and is `sub` in the ID token together with `claims`.

    `email` and `email_verified` are released for the scope `email`, names for `profile`, and any
    other claim for `openid` alone.
    """

    login: str
    sub: str
    claims: Mapping[str, object] = field(default_factory=dict)


class OidcProviderProcess:
    """The provider while it runs; use it in a `with` statement.

    PKCE with S256 is required, authorization responses carry `iss` (RFC 9207), and consent is
    taken for granted. Entering the same object again is a restart on the same port, hence under
    the same issuer, with new signing keys and no memory of sessions.
    """

    def __init__(self, clients: Sequence[Client], accounts: Sequence[Account]) -> None:
        self._clients = clients
        self._accounts = accounts
        self._port = 0
        self._process: subprocess.Popen[str] | None = None

    @property
    def issuer(self) -> str:
        """The issuer identifier, without a trailing slash; known once the provider has started."""
        if self._port == 0:
            raise RuntimeError("The provider has not been started")
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        node = shutil.which("node")
        if node is None or not (FOLDER / "node_modules").is_dir():
            missing("The OpenID provider needs Node.js 20.20 and `make test` to install it")
        process = subprocess.Popen(
            [node, "server.mjs"],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(self._settings() + "\n")
        process.stdin.flush()
        ready = process.stdout.readline()
        self._process = process
        if not ready:
            self._stop()
            raise RuntimeError("The OpenID provider did not start; what it said is on stderr")
        self._port = json.loads(ready)["port"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def _settings(self) -> str:
        accounts = [
            {"login": account.login, "claims": {"sub": account.sub, **account.claims}}
            for account in self._accounts
        ]
        clients = [asdict(client) for client in self._clients]
        return json.dumps({"port": self._port, "clients": clients, "accounts": accounts})

    def _stop(self) -> None:
        if self._process is not None:
            self._process.communicate()  # closes its input, which is how it is told to stop
            self._process = None

    async def sign_in(self, client: httpx.AsyncClient, authorization_url: str, login: str) -> str:
        """Signs in as `login` in the browser that `client` stands for.

        Returns the address at the relying party that the provider redirects to, not visited. Who
        is signed in already, by the cookies of `client`, is not asked again.
        """
        return await self._answer(client, authorization_url, {"login": login})

    async def refuse(self, client: httpx.AsyncClient, authorization_url: str) -> str:
        """Presses "Refuse" on the sign-in page; returns the address with `error=access_denied`."""
        return await self._answer(client, authorization_url, {"refuse": "yes"})

    async def _answer(
        self, client: httpx.AsyncClient, authorization_url: str, form: Mapping[str, str]
    ) -> str:
        response = await self._follow(client, await client.get(authorization_url))
        if response.is_success:
            response = await self._follow(client, await client.post(response.url, data=form))
        if response.next_request is None:
            raise AssertionError(f"{response.status_code} at {response.url}: {response.text}")
        return str(response.next_request.url)

    async def _follow(self, client: httpx.AsyncClient, response: httpx.Response) -> httpx.Response:
        """Follows redirects as long as they stay at the provider."""
        while (request := response.next_request) and str(request.url).startswith(self.issuer):
            response = await client.send(request)
        return response
