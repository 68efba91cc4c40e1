"""A machine outside that is sent requests: an HTTP server on the loopback, over TLS if asked."""

import asyncio
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from identity.fetching import Address


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived. `sender` tells connections apart."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    sender: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 204
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0
    """How long it takes to begin."""


class Receiver:
    """Serves on a loopback port while it is entered. `answers` are given in turn, then `answer`."""

    def __init__(self, certificate: "Certificate | None" = None) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self.received: list[Received] = []
        self.answer = Answer()
        self.answers: list[Answer] = []
        config = uvicorn.Config(
            self._serve,
            interface="asgi3",
            log_level="error",
            lifespan="off",
            ws="none",
            ssl_certfile=None if certificate is None else str(certificate.path),
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.force_exit = self._server.should_exit = True
        self._thread.join()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        assert request.client is not None
        self.received.append(
            Received(
                request.method,
                request.url.path,
                dict(request.headers),
                await request.body(),
                (request.client.host, request.client.port),
            )
        )
        answer = self.answers.pop(0) if self.answers else self.answer
        await asyncio.sleep(answer.seconds)
        await Response(answer.body, answer.status, answer.headers)(scope, receive, send)


class Certificate:
    """A certificate for a name, which signed itself, and whoever trusts it and nobody else."""

    def __init__(self, name: str, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        moment = datetime.now(UTC)
        signed = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(moment - timedelta(hours=1))
            .not_valid_after(moment + timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        self.path = folder / f"{name}.pem"
        pem = signed.public_bytes(serialization.Encoding.PEM)
        self.path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + pem
        )
        self.trusted = ssl.create_default_context(cadata=pem.decode())


class Resolver:
    """What a name leads to, each time that it is asked: the last answer is given again."""

    def __init__(self, *answers: str) -> None:
        self._answers = [[ipaddress.ip_address(each)] for each in answers]
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[Address]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
