"""The counters in memory: what they count is what the library counts, for as long as it counts.
And where those in Redis are.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.storage.redis.redispy import RedispyBridge

from gateway.sliding_window import InMemory, InRedis
from tests.examples import examples

LIMIT = RateLimitItemPerMinute(10)
START = 1_800_000_000.123
"""No step leads from here to a moment at which rounding decides."""
STEPS = st.lists(
    st.tuples(st.integers(0, 150), st.sampled_from(["ada", "bob"]), st.integers(1, 12)),
    max_size=25,
)
"""Seconds that pass, and who then spends how much."""


@examples(300, at_length=10_000)
@given(STEPS)
def test_it_counts_as_the_library_does(steps: Sequence[tuple[int, str, int]]) -> None:
    asyncio.run(_count_in_both(steps))


async def _count_in_both(steps: Sequence[tuple[int, str, int]]) -> None:
    ours, theirs = InMemory(), MemoryStorage()
    moment = START
    for seconds, who, cost in steps:
        moment += seconds
        key, length = LIMIT.key_for("member", who), LIMIT.get_expiry()
        with patch.object(time, "time", lambda now=moment: now):
            counted = await ours.spend(LIMIT, "member", who, cost)
            assert counted == await theirs.acquire_sliding_window_entry(
                key, LIMIT.amount, length, cost
            )
            expected = await theirs.get_sliding_window(key, length)
            assert tuple(await ours.window(LIMIT, "member", who)) == pytest.approx(
                expected, abs=1e-3
            )


async def test_a_caller_is_forgotten_when_nothing_counts_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counters = InMemory()
    moment = START
    monkeypatch.setattr(time, "time", lambda: moment)
    for number in range(100):
        await counters.spend(LIMIT, "failures", str(number), 1)
    moment += 60
    await counters.spend(LIMIT, "failures", "1", 1)
    assert len(counters) == 100
    moment += 60
    await counters.spend(LIMIT, "failures", "new", 1)
    assert len(counters) == 2
    assert (await counters.window(LIMIT, "failures", "1")).previous == 1


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("redis://counts.example/4", "counts.example", 6379),
        ("rediss://gate:p%40ss@counts.example/4", "counts.example", 6379),
        ("redis://[2001:db8::1]:7000/4", "2001:db8::1", 7000),
    ],
)
def test_the_address_of_redis_needs_no_port(url: str, host: str, port: int) -> None:
    bridge = InRedis(url, answering_within=0.25)._storage.bridge
    assert isinstance(bridge, RedispyBridge)
    to = bridge.storage.connection_pool.connection_kwargs
    assert (to["host"], to["port"], to["db"]) == (host, port, 4)
    assert to.get("password") == ("p@ss" if "@" in url else None)
    assert to["socket_timeout"] == to["socket_connect_timeout"] == 0.25


def test_without_redis_its_client_is_not_loaded() -> None:
    loaded = "import sys, gateway.cli.serve; print(sorted({'redis', 'limits'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", loaded], capture_output=True, check=True)
    assert told.stdout == b"['limits']\n"
