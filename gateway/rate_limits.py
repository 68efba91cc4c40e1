"""How much a caller may ask for in a minute: the cost of operations, by person and by organization,
and credentials that are not accepted, by address.

The window slides: what was spent in the last minute counts, approximated by two counters (`limits`,
sliding window counter), so that an operation of any cost is one step. With Redis, all processes
share the counters. When Redis does not answer in time, each process goes on with counters of its
own: an outage of Redis must neither shut everybody out nor let anybody do anything.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from redis.asyncio import ConnectionPool
from starlette.requests import HTTPConnection

from gateway.settings import Settings
from identity.refusals import RateLimited, Unauthenticated
from identity.subject import Subject

log = logging.getLogger("gatepost.rate_limits")

REDIS_ANSWERS_WITHIN = 0.25
"""Seconds."""
REDIS_IS_LEFT_ALONE_FOR = 5.0
"""Seconds, after it did not answer: otherwise every request would wait for it."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands: `window` and `resets_in` are seconds."""

    name: str
    limit: int
    remaining: int
    window: int
    resets_in: int

    @property
    def headers(self) -> Mapping[str, str]:
        """As the draft says it (draft-ietf-httpapi-ratelimit-headers-10), and as most clients read
        it.
        """
        return {
            "RateLimit-Policy": f'"{self.name}";q={self.limit};w={self.window}',
            "RateLimit": f'"{self.name}";r={self.remaining};t={self.resets_in}',
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.resets_in),
        }


@dataclass(frozen=True, slots=True)
class _Window:
    """The two counters, and in how many seconds each is over."""

    previous: int
    previous_ends: float
    current: int
    current_ends: float

    def spent(self, item: RateLimitItem) -> int:
        return math.floor(self.previous * self.previous_ends / item.get_expiry()) + self.current

    def wait(self, item: RateLimitItem, cost: int) -> int:
        """Whole seconds, at least one, after which this much can be spent if nothing else is."""
        length, free = item.get_expiry(), item.amount - cost
        if self.previous and self.current <= free:
            seconds = self.previous_ends - (free - self.current) * length / self.previous
        else:  # only once the current counter has become the previous one, and shrinks
            turn = self.current_ends - length
            seconds = turn + length * (1 - free / self.current) if self.current else 0
        return max(1, math.ceil(seconds))


class RateLimits:
    """The limits of one application; those that are set to 0 do not exist."""

    def __init__(self, settings: Settings) -> None:
        self._member = _per_minute(settings.rate_limit_member)
        self._organization = _per_minute(settings.rate_limit_organization)
        self._failures = _per_minute(settings.rate_limit_failures)
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._pool = _pool(settings.redis_url) if settings.redis_url else None
        self._shared = _on_redis(self._pool) if self._pool is not None else None
        self._left_alone_until = 0.0

    async def aclose(self) -> None:
        """Let go of the connections to Redis."""
        if self._pool is not None:
            await self._pool.aclose()

    async def spend(self, subject: Subject, cost: int) -> Standing | None:
        """Count an operation before it runs, and tell where its caller stands now.

        Raises `RateLimited` when the person or the organization has spent too much; then nothing is
        counted for that one. `None` when persons are not limited.
        """
        person = str(subject.actor_id)
        if self._member is not None:
            await self._count("member", self._member, person, cost)
        if self._organization is not None:
            organization = str(subject.organization_id)
            await self._count("organization", self._organization, organization, cost)
        if self._member is None:
            return None
        return _standing("member", self._member, await self._window("member", self._member, person))

    async def refused_credential(self, ip: str | None) -> None:
        """Count a credential that was not accepted. Raises `RateLimited` after too many.

        Whoever has a good one is served nevertheless: people share addresses, with each other and
        behind proxies, and tokens are too long to be guessed at any speed.
        """
        if self._failures is not None:
            await self._count("failures", self._failures, ip or "unknown", 1)

    async def _count(self, name: str, item: RateLimitItem, who: str, cost: int) -> None:
        if await self._with_storage(lambda limiter: limiter.hit(item, name, who, cost=cost)):
            return
        window = await self._window(name, item, who)
        standing = _standing(name, item, window)
        raise RateLimited(
            limit=item.amount,
            remaining=standing.remaining,
            cost=cost,
            retry_after=window.wait(item, cost),
            headers=standing.headers,
        )

    async def _window(self, name: str, item: RateLimitItem, who: str) -> _Window:
        async def counters(limiter: SlidingWindowCounterRateLimiter) -> _Window:
            storage = limiter.storage
            assert isinstance(storage, MemoryStorage | RedisStorage)  # noqa: S101 - made here
            found = await storage.get_sliding_window(item.key_for(name, who), item.get_expiry())
            return _Window(*found)

        return await self._with_storage(counters)

    async def _with_storage(
        self, work: Callable[[SlidingWindowCounterRateLimiter], Awaitable[Result]]
    ) -> Result:
        if self._shared is not None and time.monotonic() >= self._left_alone_until:
            try:
                async with asyncio.timeout(REDIS_ANSWERS_WITHIN):
                    return await work(self._shared)
            except (StorageError, TimeoutError) as error:
                self._left_alone_until = time.monotonic() + REDIS_IS_LEFT_ALONE_FOR
                log.warning("Redis does not answer; each process counts by itself: %s", error)
        return await work(self._own)


def _standing(name: str, item: RateLimitItem, window: _Window) -> Standing:
    ends = window.current_ends if window.current else window.previous_ends
    return Standing(
        name=name,
        limit=item.amount,
        remaining=max(0, item.amount - window.spent(item)),
        window=item.get_expiry(),
        resets_in=math.ceil(ends),
    )


def _per_minute(amount: int) -> RateLimitItem | None:
    return RateLimitItemPerMinute(amount) if amount else None


def _pool(url: str) -> ConnectionPool:
    return ConnectionPool.from_url(
        url, socket_timeout=REDIS_ANSWERS_WITHIN, socket_connect_timeout=REDIS_ANSWERS_WITHIN
    )


def _on_redis(pool: ConnectionPool) -> SlidingWindowCounterRateLimiter:
    storage = RedisStorage(
        "async+redis://",  # where it is, the pool knows
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix="gatepost:rate",
        connection_pool=pool,  # type: ignore[arg-type]
    )
    return SlidingWindowCounterRateLimiter(storage)


async def counting_refusals(
    request: HTTPConnection, caller_of: Callable[[HTTPConnection], Awaitable[Result]]
) -> Result:
    """Who calls. A credential that is refused is counted against its address."""
    try:
        return await caller_of(request)
    except Unauthenticated:
        if "cookie" in request.headers or "authorization" in request.headers:
            rate_limits: RateLimits = request.app.state.rate_limits
            await rate_limits.refused_credential(request.client.host if request.client else None)
        raise
