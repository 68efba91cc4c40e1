"""Gatepost as it is served: one process on SQLite, two on one PostgreSQL database."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from gateway.authenticate import CLIENT_HEADER, SESSION_COOKIE
from tests.conftest import SECRET_KEYS
from tests.gateway.program import ROOT, free_port

START_SECONDS = 120
READY = "Application startup complete."


@dataclass(frozen=True, slots=True)
class Installation:
    """Replicas of one service, by their addresses; its public address is the first one's."""

    database_url: str
    replicas: Sequence[str]

    @property
    def public_url(self) -> str:
        return self.replicas[0]

    def stream(self, replica: int = 0) -> str:
        return f"{self.replicas[replica]}/graphql/stream"

    def headers(self, token: str, **more: str) -> dict[str, str]:
        """What a browser on our own pages sends."""
        return {
            "cookie": f"{SESSION_COOKIE}={token}",
            "origin": self.public_url,
            CLIENT_HEADER: "tests",
            **more,
        }

    async def ask(self, token: str, query: str, *, replica: int = 0, **variables: Any) -> Any:
        """The data of an operation at `/graphql`, which must not have errors."""
        async with httpx.AsyncClient(timeout=60) as http:
            response = await http.post(
                f"{self.replicas[replica]}/graphql",
                json={"query": query, "variables": variables},
                headers=self.headers(token),
            )
        body = response.json()
        assert "errors" not in body, body
        return body["data"]


@contextmanager
def served(database_url: str, *, replicas: int, folder: Path, **settings: str) -> Iterator[Any]:
    """`gatepost serve`, as often as there are replicas, until the block ends."""
    ports = [free_port() for _ in range(replicas)]
    addresses = [f"http://127.0.0.1:{port}" for port in ports]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GATEPOST_")},
        "PYTHONPATH": str(ROOT),
        "GATEPOST_DATABASE_URL": database_url,
        "GATEPOST_PUBLIC_URL": addresses[0],
        "GATEPOST_SECRET_KEYS": ",".join(SECRET_KEYS),
        **settings,
    }
    with ExitStack() as stack:
        started = [stack.enter_context(_process(port, environment, folder)) for port in ports]
        for ready in started:
            assert ready.wait(START_SECONDS), "a replica did not start"
        yield Installation(database_url, addresses)


@contextmanager
def _process(port: int, environment: dict[str, str], folder: Path) -> Iterator[threading.Event]:
    """One replica, and when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "gateway.cli", "serve", "--port", str(port)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    ready, lines = threading.Event(), list[str]()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if READY in line:
                ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield ready
    finally:
        process.terminate()
        process.wait(30)
        reader.join(30)
        if process.stdout is not None:
            process.stdout.close()
        assert "Traceback" not in "".join(lines), "".join(lines)
