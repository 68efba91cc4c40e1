"""Timing two ways of doing the same thing, interleaved, so that the machine's mood cancels out.

What counts is the CPU time of this process: others may be busy meanwhile.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 15


@dataclass(frozen=True, slots=True)
class Pair:
    """Median CPU seconds of one call each, and how many times longer the second takes."""

    first: float
    second: float

    @property
    def ratio(self) -> float:
        return self.second / self.first


def timed(first: Callable[[], object], second: Callable[[], object], *, calls: int) -> Pair:
    """Both ways, in alternating rounds of `calls` calls each."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for way, taken in zip((first, second), times, strict=True):
            start = time.process_time()
            for _ in range(calls):
                way()
            taken.append((time.process_time() - start) / calls)
    return Pair(statistics.median(times[0]), statistics.median(times[1]))
