"""Counting one operation: what the rate limits add to a request, beside reading its session.

Prints microseconds: counted in memory, and in the Redis of GATEPOST_TEST_REDIS_URL; beside it, in
the same rounds, a coroutine that does nothing.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable

from redis.exceptions import RedisError

from gateway.rate_limits import RateLimits
from gateway.settings import Settings
from identity.subject import Subject, operator
from models.ids import new_id
from models.organization import Plan

ROUNDS, CALLS = 15, 300
REDIS_URL = os.environ.get("GATEPOST_TEST_REDIS_URL", "redis://127.0.0.1:6379/13")


def rate_limits(redis_url: str | None) -> RateLimits:
    settings = {
        "redis_url": redis_url,
        "rate_limit_member": 10**9,
        "rate_limit_organization": 10**9,
    }
    return RateLimits(Settings.model_validate(settings))


async def nothing() -> None:
    pass


async def measure(ways: dict[str, Callable[[], Awaitable[object]]]) -> None:
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            start = time.perf_counter()
            for _ in range(CALLS):
                await way()
            taken[name].append((time.perf_counter() - start) / CALLS * 1e6)
    for name, values in taken.items():
        print(f"{name:>10}: {statistics.median(values):7.1f} µs")


async def main() -> None:
    subject: Subject = operator(new_id(), Plan.ENTERPRISE)
    memory, redis = rate_limits(None), rate_limits(REDIS_URL)
    try:
        await measure(
            {
                "nothing": nothing,
                "memory": lambda: memory.spend(subject, 100),
                "redis": lambda: redis.spend(subject, 100),
            }
        )
    except RedisError as error:
        print(f"Redis does not answer: {error}")
    finally:
        await redis.aclose()


if __name__ == "__main__":
    asyncio.run(main())
