"""Whose request it is, by address: behind proxies, the one that the trusted ones report.

`X-Forwarded-For` is read from its end, where the nearest proxy wrote, and only as far as trusted
proxies wrote it: what stands before is whatever the client sent.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

FORWARDED_FOR = b"x-forwarded-for"
MOST_READ = 20
"""Addresses of one request. Nobody has as many proxies."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class ClientAddressMiddleware:
    """Puts the client's address in the place of the proxy's. `proxies` are networks in CIDR form;
    a request from anywhere else is its sender's own, whatever its headers say.
    """

    def __init__(self, app: ASGIApp, proxies: Iterable[str]) -> None:
        self.app = app
        self._trusted = [ip_network(each) for each in proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and scope.get("client"):
            peer = scope["client"][0]
            forwarded = [
                value.decode("latin-1") for name, value in scope["headers"] if name == FORWARDED_FOR
            ]
            client = beyond(peer, forwarded, self._trusted)
            if client != peer:
                scope = {**scope, "client": (client, 0)}
        await self.app(scope, receive, send)


def beyond(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The last address on the way that no trusted proxy has; where what a proxy reports is no
    address, the proxy's. `forwarded` are the lines of the header.
    """
    reported = [each.strip() for line in forwarded for each in line.split(",")]
    client = peer
    for each in reversed(reported[-MOST_READ:]):
        address, further = _parsed(client), _parsed(each)
        if further is None or address is None or not any(address in net for net in trusted):
            break
        client = str(further)
    return client


def _parsed(text: str) -> Address | None:
    """The address, an IPv4 one also where it is written as IPv6, with or without a port."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
