"""The one HTTP client for addresses that a tenant or its identity provider names.

Server-side request forgery is what it guards against: such an address may point at this machine,
at the private network, or at a cloud's metadata service. The name is resolved here, every address
it has is checked, and the connection is made to a checked address, so that a name which changes
its mind in between (DNS rebinding) gains nothing. Proxies and credentials of the environment are
not used, redirects are not followed, and nothing is decompressed.

No connection is kept: an authorization code can be redeemed once, and a request on an idle
connection that the provider has just closed could not be repeated.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

import httpcore
import orjson

from identity.loopback import LOOPBACK_HOSTS
from identity.sso.refused import Reason, SignInRefused

LONGEST_URL = 2000
SECONDS = 5.0
CONNECT_SECONDS = 2.0
"""For one address of several, so that a dead one leaves time for the next."""
MAX_BYTES = 1024 * 1024

_URL_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NOT_PUBLIC = (
    ipaddress.ip_network("fec0::/10"),  # site-local (RFC 3879)
    ipaddress.ip_network("3fff::/20"),  # documentation (RFC 9637), unknown to Python before 3.14
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's host, from inside of a virtual machine
)
"""What `is_global` lets pass and no provider is at."""

_HEADERS = (
    ("Accept", "application/json"),
    ("Accept-Encoding", "identity"),
    ("User-Agent", "Gatepost"),
)
_UNREACHABLE = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    TimeoutError,
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the status, and at most `MAX_BYTES` of body."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises `SignInRefused` when it is none."""
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise SignInRefused(Reason.PROVIDER_ANSWER, f"not JSON: {error}") from error
        if not isinstance(value, dict):
            raise SignInRefused(Reason.PROVIDER_ANSWER, "not a JSON object")
        return value


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches from identity providers; each request stands alone.

    With `allow_loopback`, which is for development, this machine may be reached too, over plain
    http if the address says so.
    """

    allow_loopback: bool = False

    async def get_json(self, url: str) -> dict[str, Any]:
        """The JSON object at an address, which must answer with 200.

        Raises `SignInRefused` with a `PROVIDER_…` reason.
        """
        reply = await self._send("GET", url, {}, b"")
        if reply.status != 200:
            raise SignInRefused(Reason.PROVIDER_ANSWER, f"status {reply.status} from {url}")
        return reply.json()

    async def post_form(
        self, url: str, fields: Mapping[str, str], headers: Mapping[str, str]
    ) -> Reply:
        """What the address answers to a form, whatever its status. Raises `SignInRefused`."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self._send("POST", url, {**headers, **form}, urlencode(fields).encode())

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes
    ) -> Reply:
        require_fetchable(url, allow_loopback=self.allow_loopback)
        try:
            async with asyncio.timeout(SECONDS):
                return await self._exchange(method, url, headers, content)
        except _UNREACHABLE as error:
            raise SignInRefused(
                Reason.PROVIDER_UNREACHABLE, f"{url}: {type(error).__name__} {error}"
            ) from error

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes
    ) -> Reply:
        pool = httpcore.AsyncConnectionPool(
            ssl_context=_tls(), network_backend=CheckedBackend(self.allow_loopback)
        )
        sent = [*_HEADERS, *headers.items()]
        async with (
            pool,
            pool.stream(
                method,
                url,
                headers=sent,
                content=content,
            ) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_stream():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise SignInRefused(
                        Reason.PROVIDER_ANSWER, f"more than {MAX_BYTES} bytes from {url}"
                    )
            return Reply(response.status, bytes(body))


def require_fetchable(url: str, *, allow_loopback: bool) -> SplitResult:
    """The parts of an absolute https address of printable ASCII, without user and fragment.

    Raises `SignInRefused` (`PROVIDER_ADDRESS`) for any other; plain http passes for the loopback
    alone, and only with `allow_loopback`.
    """
    parts = _split(url)
    on_loopback = parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS
    secure = parts.scheme == "https" or (on_loopback and allow_loopback)
    if not (secure and parts.hostname) or parts.username is not None or parts.fragment:
        raise SignInRefused(Reason.PROVIDER_ADDRESS, f"not an https address: {url[:LONGEST_URL]}")
    return parts


def _split(url: str) -> SplitResult:
    if len(url) > LONGEST_URL or not _URL_CHARACTERS.fullmatch(url):
        raise SignInRefused(Reason.PROVIDER_ADDRESS, f"not an address: {url[:LONGEST_URL]!r}")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError as error:
        raise SignInRefused(Reason.PROVIDER_ADDRESS, f"not an address: {url}") from error
    return parts


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to addresses of the public Internet and, with `allow_loopback`, of this machine."""

    def __init__(self, allow_loopback: bool) -> None:
        self._allow_loopback = allow_loopback
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature of httpcore
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await _resolved(host, port)
        for address in addresses:
            if not reachable(address, allow_loopback=self._allow_loopback):
                raise SignInRefused(Reason.PROVIDER_ADDRESS, f"{host} is at {address}")
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(str(address), port, CONNECT_SECONDS)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(str(addresses[-1]), port, timeout)


async def _resolved(host: str, port: int) -> list[Address]:
    """Every address of a host, at least one. Raises `SignInRefused` when there is none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise SignInRefused(Reason.PROVIDER_UNREACHABLE, f"{host}: no such host") from error
    names = dict.fromkeys(str(sockaddr[0]) for _, _, _, _, sockaddr in found)
    return [ipaddress.ip_address(name) for name in names]


def reachable(address: Address, *, allow_loopback: bool) -> bool:
    """Whether we connect to an address. One that carries another inside is judged by that too."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = _carried(address)
        if inner is not None:
            return reachable(inner, allow_loopback=False)
    if address.is_loopback:
        return allow_loopback
    if any(address in network for network in _NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _carried(address: ipaddress.IPv6Address) -> Address | None:
    """The IPv4 address inside a mapped, 6to4, Teredo or NAT64 (RFC 6052) one."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo


@cache
def _tls() -> ssl.SSLContext:
    """The system's certificate authorities and certifi's, read once."""
    return httpcore.default_ssl_context()
