"""Fetching from identity providers, through the client that goes nowhere inside
(`identity.fetching`): what fails there is a sign-in refused.

No connection is kept: an authorization code can be redeemed once, and a request on an idle
connection that the provider has just closed could not be repeated.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlencode

import orjson

from identity import fetching
from identity.fetching import AddressRefused, AnswerTooLong, Client, Unreachable
from identity.sso.refused import Reason, SignInRefused


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the status, and the bounded body."""

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
        with _refusing():
            accepted = {"Accept": "application/json", **headers}
            reply = await Client(self.allow_loopback).exchange(method, url, accepted, content)
        return Reply(reply.status, reply.body)


def require_fetchable(url: str, *, allow_loopback: bool) -> SplitResult:
    """The parts of an address that we fetch from. Raises `SignInRefused` (`PROVIDER_ADDRESS`)."""
    with _refusing():
        return fetching.require_fetchable(url, allow_loopback=allow_loopback)


@contextmanager
def _refusing() -> Iterator[None]:
    """What does not come to an answer, as the reason why the sign-in ends."""
    try:
        yield
    except AddressRefused as error:
        raise SignInRefused(Reason.PROVIDER_ADDRESS, str(error)) from error
    except Unreachable as error:
        raise SignInRefused(Reason.PROVIDER_UNREACHABLE, str(error)) from error
    except AnswerTooLong as error:
        raise SignInRefused(Reason.PROVIDER_ANSWER, str(error)) from error
