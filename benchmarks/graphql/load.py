"""The load: a few connections that ask again as soon as they are answered, each answer timed.

A closed loop with as many requests under way as there are connections. What an answer must be is
checked with every one of them.
"""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import httptools
import orjson

from gateway.authenticate import CLIENT_HEADER, SESSION_COOKIE

HOST = "127.0.0.1"
FEWEST = 16
"""A sample goes on until it has so many answers, however slow they are."""
Next = Callable[[bytes | None], bytes]
"""The request that follows on an answer; the first one follows on `None`. Raises `Enough`
when there is nothing more to ask, and `WrongAnswer`."""


class Enough(Exception):
    """Raised by a `Next` that has nothing more to ask."""


class WrongAnswer(Exception):
    """A contender answered something else than it must."""


def request_of(token: str, document: str, variables: Mapping[str, Any]) -> bytes:
    """The whole HTTP request of an operation."""
    body = orjson.dumps({"query": document, "variables": variables})
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"Accept: application/json\r\nUser-Agent: bench\r\n{CLIENT_HEADER}: bench\r\n"
        f"Cookie: {SESSION_COOKIE}={token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def always(request: bytes, expected: bytes) -> Next:
    """The same request again and again, of which every answer is the same, byte by byte."""

    def following(answer: bytes | None) -> bytes:
        if answer is not None and answer != expected:
            raise WrongAnswer(f"{answer[:600]!r} instead of {expected[:600]!r}")
        return request

    return following


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds so far: of the server, and of each process of the database."""

    server: float = 0.0
    database: Mapping[int, float] = field(default_factory=dict)

    def database_since(self, before: "Spent") -> float:
        """What the processes that live now have used since then."""
        return sum(spent - before.database.get(pid, 0.0) for pid, spent in self.database.items())


@dataclass
class Sample:
    """What one contender did in one stretch of time. Latencies are in seconds, sorted."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0
    database_cpu_seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, following: Next) -> None:
        self.following = following
        self.latencies: list[float] = []
        self.stopping = False
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._parts: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask(None)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_exception(error or WrongAnswer("The server closed the connection."))

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        self.latencies.append(time.perf_counter() - self._asked)
        answer = b"".join(self._parts)
        self._parts.clear()
        status = self._parser.get_status_code()
        self._parser = httptools.HttpResponseParser(self)
        if status != 200:
            self._end(WrongAnswer(f"{status}: {answer[:600]!r}"))
        elif self.stopping:
            self._end(None)
        else:
            self._ask(answer)

    def _ask(self, answer: bytes | None) -> None:
        try:
            request = self.following(answer)
        except Enough:
            self._end(None)
            return
        except WrongAnswer as wrong:
            self._end(wrong)
            return
        self._asked = time.perf_counter()
        self._transport.write(request)

    def _end(self, wrong: WrongAnswer | None) -> None:
        if not self.closed.done():
            if wrong is None:
                self.closed.set_result(None)
            else:
                self.closed.set_exception(wrong)
        self._transport.close()


async def driven(
    port: int,
    asking: Sequence[Next],
    *,
    warm: float,
    seconds: float | None,
    cpu: Callable[[], Awaitable[Spent]] | None = None,
) -> Sample:
    """Ask on one connection for each of `asking`, first to warm up, then for the sample: so many
    seconds, or until every connection has stopped asking.

    `cpu` gives what the server and the database have used so far.
    """
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(partial(Connection, following), HOST, port)
        for following in asking
    ]
    connections: list[Connection] = [connection for _, connection in made]
    gc.collect()
    gc.disable()
    try:
        await _while_open(connections, warm)
        for connection in connections:
            connection.latencies.clear()
        before = await cpu() if cpu else Spent()
        started = time.perf_counter()
        await _while_open(connections, seconds)
        while sum(len(connection.latencies) for connection in connections) < FEWEST:
            await _while_open(connections, 0.1)
        taken = time.perf_counter() - started
        latencies = sorted(each for c in connections for each in c.latencies)
        after = await cpu() if cpu else Spent()
        for connection in connections:
            connection.stopping = True
        await asyncio.gather(*(connection.closed for connection in connections))
    finally:
        gc.enable()
    return Sample(taken, latencies, after.server - before.server, after.database_since(before))


async def _while_open(connections: Sequence[Connection], seconds: float | None) -> None:
    """Wait, and stop at once when an answer was wrong."""
    done, _ = await asyncio.wait(
        [connection.closed for connection in connections],
        timeout=seconds,
        return_when=asyncio.FIRST_EXCEPTION,
    )
    for finished in done:
        finished.result()


async def asked_once(port: int, request: bytes) -> tuple[bytes, float]:
    """The answer of one request on a connection of its own, and the seconds it took."""
    answers, latencies = await asked_in_turn(port, [request])
    return answers[0], latencies[0]


async def asked_in_turn(port: int, requests: Sequence[bytes]) -> tuple[list[bytes], list[float]]:
    """The answers of requests on one connection, one after the other, and their seconds."""
    answers: list[bytes] = []
    left = iter(requests)

    def following(answer: bytes | None) -> bytes:
        if answer is not None:
            answers.append(answer)
        request = next(left, None)
        if request is None:
            raise Enough
        return request

    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(partial(Connection, following), HOST, port)
    await connection.closed
    return answers, connection.latencies
