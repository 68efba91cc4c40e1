"""The one HTTP client for addresses that a tenant, or somebody a tenant trusts, names.

Server-side request forgery is what it guards against: such an address may point at this machine,
at the private network, or at a cloud's metadata service. The name is resolved here, every address
it has is checked, and the connection is made to a checked address, so that a name which changes
its mind in between (DNS rebinding) gains nothing; TLS and the Host header keep the name. Proxies
and credentials of the environment are not used, redirects are not followed, and nothing is
decompressed.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from urllib.parse import SplitResult, urlsplit

import httpcore

from identity.loopback import LOOPBACK_HOSTS

LONGEST_URL = 2000
SECONDS = 5.0
"""For one exchange, from the name to the end of the answer."""
CONNECT_SECONDS = 2.0
"""For one address of several, so that a dead one leaves time for the next."""
MAX_BYTES = 1024 * 1024

_URL_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NOT_PUBLIC = (
    ipaddress.ip_network("fec0::/10"),  # site-local (RFC 3879)
    ipaddress.ip_network("3fff::/20"),  # documentation (RFC 9637), unknown to Python before 3.14
    ipaddress.ip_network("64:ff9b:1::/48"),  # NAT64 of a private network (RFC 8215)
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's host, from inside of a virtual machine
)
"""What `is_global` lets pass and no peer is at."""

_HEADERS = (("Accept-Encoding", "identity"), ("User-Agent", "Gatepost"))
_UNREACHABLE = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    TimeoutError,
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Every address of a host, at least one. Raises `Unreachable` when there is none."""


class FetchFailed(Exception):
    """An exchange that did not come to an answer we take. The text is one for administrators."""


class AddressRefused(FetchFailed):
    """Nothing was sent: we do not go where the address leads."""


class Unreachable(FetchFailed):
    """Nobody answers there, or not in time, or not in HTTP."""


class AnswerTooLong(FetchFailed):
    """There was an answer of more than `MAX_BYTES`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: at most `MAX_BYTES` of body, and the headers by their names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def resolved(host: str, port: int) -> list[Address]:
    """The addresses by the system's resolver, each once. Raises `Unreachable`."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise Unreachable(f"{host}: no such host") from error
    names = dict.fromkeys(str(sockaddr[0]) for _, _, _, _, sockaddr in found)
    return [ipaddress.ip_address(name) for name in names]


@dataclass(frozen=True, slots=True)
class Client:
    """Sends requests to checked addresses.

    With `allow_loopback`, which is for development, this machine may be reached too, over plain
    http if the address says so. `resolve` and `tls` are the system's.
    """

    allow_loopback: bool = False
    resolve: Resolve = resolved
    tls: ssl.SSLContext | None = None

    async def exchange(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes = b""
    ) -> Reply:
        """What the address answers, whatever the status, on a connection of its own.

        Raises `FetchFailed`.
        """
        async with self.line() as line:
            return await line.exchange(method, url, headers, content)

    @asynccontextmanager
    async def line(self) -> AsyncIterator["Line"]:
        """For several exchanges one after the other: a connection is kept for the next one while
        the block runs. One that the peer closes meanwhile can cost an exchange, which is then
        `Unreachable`: not for what cannot be repeated.
        """
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self.tls or _tls(),
            max_connections=1,
            network_backend=CheckedBackend(self.resolve, self.allow_loopback),
        )
        async with pool:
            yield Line(pool, self.allow_loopback)


@dataclass(frozen=True, slots=True)
class Line:
    """Exchanges that share a connection, where it leads to the same place."""

    pool: httpcore.AsyncConnectionPool
    allow_loopback: bool

    async def exchange(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes
    ) -> Reply:
        """What the address answers, within `SECONDS`. Raises `FetchFailed`."""
        require_fetchable(url, allow_loopback=self.allow_loopback)
        try:
            async with asyncio.timeout(SECONDS):
                return await self._exchange(method, url, headers, content)
        except _UNREACHABLE as error:
            raise Unreachable(f"{url}: {type(error).__name__} {error}") from error

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes
    ) -> Reply:
        sent = [*_HEADERS, *headers.items()]
        async with self.pool.stream(method, url, headers=sent, content=content) as response:
            body = bytearray()
            async for chunk in response.aiter_stream():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise AnswerTooLong(f"more than {MAX_BYTES} bytes from {url}")
            received = {
                name.decode("ascii", "replace").lower(): value.decode("latin-1")
                for name, value in response.headers
            }
            return Reply(response.status, received, bytes(body))


def require_fetchable(url: str, *, allow_loopback: bool) -> SplitResult:
    """The parts of an absolute https address of printable ASCII, without user and fragment.

    Raises `AddressRefused` for any other; plain http passes for the loopback alone, and only with
    `allow_loopback`.
    """
    parts = _split(url)
    on_loopback = parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS
    secure = parts.scheme == "https" or (on_loopback and allow_loopback)
    if not (secure and parts.hostname) or parts.username is not None or parts.fragment:
        raise AddressRefused(f"not an https address: {url[:LONGEST_URL]}")
    return parts


def _split(url: str) -> SplitResult:
    if len(url) > LONGEST_URL or not _URL_CHARACTERS.fullmatch(url):
        raise AddressRefused(f"not an address: {url[:LONGEST_URL]!r}")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError as error:
        raise AddressRefused(f"not an address: {url}") from error
    return parts


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to addresses of the public Internet and, with `allow_loopback`, of this machine."""

    def __init__(self, resolve: Resolve, allow_loopback: bool) -> None:
        self._resolve = resolve
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
        addresses = await self._resolve(host, port)
        for address in addresses:
            if not reachable(address, allow_loopback=self._allow_loopback):
                raise AddressRefused(f"{host} is at {address}")
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(str(address), port, CONNECT_SECONDS)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(str(addresses[-1]), port, timeout)


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
