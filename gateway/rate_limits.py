"""How much a caller may ask for in a minute: the cost of operations, by person, by API key and by
organization, and credentials that are not accepted, by address.

The minute slides (`sliding_window`). With Redis, all processes share the counters. When Redis does
not answer in time, each process goes on with counters of its own: an outage of Redis must neither
shut everybody out nor let anybody do anything.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from starlette.requests import HTTPConnection

from gateway.settings import Settings
from gateway.sliding_window import Counters, InMemory, InRedis, Window
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


class RateLimits:
    """The limits of one application; those that are set to 0 do not exist."""

    def __init__(self, settings: Settings) -> None:
        self._member = _per_minute(settings.rate_limit_member)
        self._organization = _per_minute(settings.rate_limit_organization)
        self._api_key = _per_minute(settings.rate_limit_api_key)
        self._failures = _per_minute(settings.rate_limit_failures)
        self._own = InMemory()
        url = settings.redis_url
        self._shared = InRedis(url, answering_within=REDIS_ANSWERS_WITHIN) if url else None
        self._left_alone_until = 0.0

    async def aclose(self) -> None:
        """Let go of the connections to Redis."""
        if self._shared is not None:
            await self._shared.aclose()

    async def spend(self, subject: Subject, cost: int) -> Standing | None:
        """Count an operation before it runs, and tell where its caller stands now.

        Raises `RateLimited` when the person, the key or the organization has spent too much; then
        nothing is counted for that one. `None` when such callers are not limited.
        """
        name, own, caller = self._own_limit(subject)
        if own is not None:
            await self._count(name, own, caller, cost)
        if self._organization is not None:
            organization = str(subject.organization_id)
            await self._count("organization", self._organization, organization, cost)
        if own is None:
            return None
        return _standing(name, own, await self._window(name, own, caller))

    def _own_limit(self, subject: Subject) -> tuple[str, RateLimitItem | None, str]:
        """What limits the caller alone, and as whom: each API key by itself, by the lower of the
        operator's limit and its own.
        """
        if subject.terms is None:
            return "member", self._member, str(subject.actor_id)
        limit = self._api_key
        if subject.terms.rate_limit is not None:
            amounts = [subject.terms.rate_limit, *([limit.amount] if limit else [])]
            limit = _per_minute(min(amounts))
        return "api_key", limit, str(subject.via_id)

    async def refused_credential(self, ip: str | None) -> None:
        """Count a credential that was not accepted. Raises `RateLimited` after too many.

        Whoever has a good one is served nevertheless: people share addresses, with each other and
        behind proxies, and tokens are too long to be guessed at any speed.
        """
        if self._failures is not None:
            await self._count("failures", self._failures, ip or "unknown", 1)

    async def _count(self, name: str, item: RateLimitItem, who: str, cost: int) -> None:
        if await self._with_counters(lambda counters: counters.spend(item, name, who, cost)):
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

    async def _window(self, name: str, item: RateLimitItem, who: str) -> Window:
        return await self._with_counters(lambda counters: counters.window(item, name, who))

    async def _with_counters(self, work: Callable[[Counters], Awaitable[Result]]) -> Result:
        if self._shared is not None and time.monotonic() >= self._left_alone_until:
            try:
                async with asyncio.timeout(REDIS_ANSWERS_WITHIN):
                    return await work(self._shared)
            except (StorageError, TimeoutError) as error:
                self._left_alone_until = time.monotonic() + REDIS_IS_LEFT_ALONE_FOR
                log.warning("Redis does not answer; each process counts by itself: %s", error)
        return await work(self._own)


def _standing(name: str, item: RateLimitItem, window: Window) -> Standing:
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
