"""What a generator chooses by: Hypothesis, whose examples shrink, or the numbers of a seed."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Choices:
    """`below(n)` gives a number from 0 up to `n`, without it. What shrinks goes towards 0, so that
    the plainest option stands first.
    """

    below: Callable[[int], int]

    def of(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def once_in(self, times: int) -> bool:
        return self.below(times) == times - 1

    def subset(self, options: Sequence[T], *, most: int) -> list[T]:
        """Up to `most` of the options, in any order, some perhaps twice."""
        return [self.of(options) for _ in range(self.below(most + 1))]


def seeded(seed: int) -> Choices:
    return Choices(random.Random(seed).randrange)  # noqa: S311 - no secret
