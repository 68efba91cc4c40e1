"""What was spent in the last minute, or in any other window that slides along.

Two counters approximate it (the sliding window counter of `limits`): what was spent since the turn
of the minute, and of what was spent in the minute before that, the share that the window still
covers. So an operation of any cost is one step.
"""

import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit, urlunsplit

from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge

REDIS_PORT = 6379


class Window(NamedTuple):
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


class Counters(Protocol):
    """The counters of callers, by the name of the limit and by who they are."""

    async def spend(self, item: RateLimitItem, name: str, who: str, cost: int) -> bool:
        """Count it, unless it is more than is left of the limit; whether it was counted."""

    async def window(self, item: RateLimitItem, name: str, who: str) -> Window: ...


class InRedis:
    """Counters that all processes share. Raises `limits.errors.StorageError`.

    `limits` loads the client when this is made, and so only for those who have a Redis: it takes
    13 MB.
    """

    def __init__(self, url: str, *, answering_within: float) -> None:
        self._storage = RedisStorage(
            f"async+{_with_port(url)}",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix="gatepost:rate",
            socket_timeout=answering_within,
            socket_connect_timeout=answering_within,
        )

    async def aclose(self) -> None:
        """Let go of the connections."""
        bridge = self._storage.bridge
        assert isinstance(bridge, RedispyBridge)  # noqa: S101 - as named above
        await bridge.storage.aclose()

    async def spend(self, item: RateLimitItem, name: str, who: str, cost: int) -> bool:
        key, length = item.key_for(name, who), item.get_expiry()
        return await self._storage.acquire_sliding_window_entry(key, item.amount, length, cost)

    async def window(self, item: RateLimitItem, name: str, who: str) -> Window:
        key, length = item.key_for(name, who), item.get_expiry()
        return Window(*await self._storage.get_sliding_window(key, length))


def _with_port(url: str) -> str:
    """The address with the port that Redis usually has, if it names none: `limits` wants one."""
    parts = urlsplit(url)
    if parts.hostname is None or parts.port is not None:
        return url
    return urlunsplit(parts._replace(netloc=f"{parts.netloc}:{REDIS_PORT}"))


@dataclass(slots=True)
class _Counted:
    """Of one caller. `turn` is how many windows had begun since the epoch when it was counted, and
    `over` the moment from which none of it counts any more.
    """

    turn: int
    previous: int
    current: int
    over: float


class InMemory:
    """Counters of this process. A step takes the same time however many callers there are; the
    storage in memory that comes with `limits` looks through all of them in each.
    """

    def __init__(self) -> None:
        self._callers: OrderedDict[tuple[str, str], _Counted] = OrderedDict()
        """In the order in which they will be over."""

    def __len__(self) -> int:
        return len(self._callers)

    async def spend(self, item: RateLimitItem, name: str, who: str, cost: int) -> bool:
        moment = time.time()
        counted = self._counted(item, name, who, moment)
        if _window(counted, item, moment).spent(item) + cost > item.amount:
            return False
        counted.current += cost
        return True

    async def window(self, item: RateLimitItem, name: str, who: str) -> Window:
        moment = time.time()
        return _window(self._counted(item, name, who, moment), item, moment)

    def _counted(self, item: RateLimitItem, name: str, who: str, moment: float) -> _Counted:
        """What was counted of a caller until now, in the turns that these counters are now in."""
        length = item.get_expiry()
        turn = int(moment // length)
        counted = self._callers.get((name, who))
        if counted is not None and counted.turn == turn:
            return counted
        previous = counted.current if counted is not None and counted.turn == turn - 1 else 0
        self._forget(moment)
        counted = _Counted(turn, previous, 0, (turn + 2) * length)
        self._callers[name, who] = counted
        self._callers.move_to_end((name, who))
        return counted

    def _forget(self, moment: float) -> None:
        """Let go of the callers of whom nothing counts any more."""
        while self._callers:
            caller, counted = next(iter(self._callers.items()))
            if counted.over > moment:
                return
            del self._callers[caller]


def _window(counted: _Counted, item: RateLimitItem, moment: float) -> Window:
    length = item.get_expiry()
    left = length - moment % length
    return Window(
        counted.previous, left if counted.previous else 0.0, counted.current, left + length
    )
