"""One installation of Gatepost: its settings, its command line and its running server."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet

from gateway.authenticate import CLIENT_HEADER, SESSION_COOKIE

GATEPOST = (sys.executable, "-m", "gateway.cli")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Installation:
    database_url: str
    port: int
    secret_key: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith("GATEPOST_")},
            "GATEPOST_DATABASE_URL": self.database_url,
            "GATEPOST_PUBLIC_URL": self.url,
            "GATEPOST_SECRET_KEYS": self.secret_key,
            "GATEPOST_ALLOW_LOOPBACK_PROVIDERS": "true",
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*GATEPOST, *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def answer(self, *arguments: str) -> dict[str, Any]:
        """What a command that must succeed prints with --json."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    @contextmanager
    def served(self) -> Iterator[None]:
        """The server, while the block runs; its first line says that it listens."""
        server = subprocess.Popen(
            [*GATEPOST, "serve", "--port", str(self.port)],
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert server.stdout is not None
        try:
            first = server.stdout.readline()
            assert first.startswith("Gatepost serves"), first
            yield
        finally:
            server.terminate()
            server.communicate(timeout=30)


def new_installation(database_url: str) -> Installation:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Installation(database_url, port, Fernet.generate_key().decode())


class Browser:
    """Cookies by hand: Python's cookie jar does not send Secure cookies over plain http, which
    browsers do on the loopback.
    """

    def __init__(self, url: str) -> None:
        self.http = httpx.AsyncClient(base_url=url, timeout=30)
        self.cookies: dict[str, str] = {}

    async def get(self, url: str) -> httpx.Response:
        return self._kept(await self.http.get(url, headers=self._headers()))

    async def form(self, url: str, fields: dict[str, str]) -> httpx.Response:
        headers = {**self._headers(), "sec-fetch-site": "same-origin"}
        return self._kept(await self.http.post(url, data=fields, headers=headers))

    async def graphql(self, query: str, **variables: Any) -> httpx.Response:
        return await self.http.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={**self._headers(), CLIENT_HEADER: "journey", "sec-fetch-site": "same-origin"},
        )

    async def data(self, query: str, **variables: Any) -> Any:
        """The data of an operation that must not have errors."""
        body = (await self.graphql(query, **variables)).json()
        assert "errors" not in body, body["errors"]
        return body["data"]

    def is_signed_in(self) -> bool:
        return SESSION_COOKIE in self.cookies

    def _headers(self) -> dict[str, str]:
        joined = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"cookie": joined} if joined else {}

    def _kept(self, response: httpx.Response) -> httpx.Response:
        for line in response.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0]
            if value.strip('"'):
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return response
