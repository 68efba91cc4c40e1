"""What was found lately, by key: a bounded memory, of which what was put in first goes first."""

from collections import OrderedDict
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT")
FoundT = TypeVar("FoundT")

MOST_KNOWN = 10_000


class Lately(Generic[KeyT, FoundT]):
    """Whoever asks decides what of it is still true."""

    def __init__(self, most: int = MOST_KNOWN) -> None:
        self._most = most
        self._found: OrderedDict[KeyT, FoundT] = OrderedDict()

    def get(self, key: KeyT) -> FoundT | None:
        return self._found.get(key)

    def put(self, key: KeyT, found: FoundT) -> None:
        self._found[key] = found
        self._found.move_to_end(key)
        if len(self._found) > self._most:
            self._found.popitem(last=False)

    def forget(self, key: KeyT) -> None:
        self._found.pop(key, None)
