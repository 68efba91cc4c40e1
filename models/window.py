"""Keyset pages over time-sortable ids, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

COUNT_CAP = 1000


class Identified(Protocol):
    @property
    def id(self) -> UUID: ...


ItemT = TypeVar("ItemT", bound=Identified)


@dataclass(frozen=True, slots=True)
class Window:
    """`limit` rows after (older than) one id, or before (newer than) one."""

    limit: int
    after: UUID | None = None
    before: UUID | None = None
    backwards: bool = False
    """Take the last `limit` rows of the range instead of the first."""

    def of(self, items: Sequence[ItemT]) -> Sequence[ItemT]:
        """What lies in the window of a list that is read already, newest first."""
        within = [
            item
            for item in items
            if (self.after is None or item.id < self.after)
            and (self.before is None or item.id > self.before)
        ]
        return within[-self.limit :] if self.backwards else within[: self.limit]
