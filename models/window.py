"""Keyset pages over time-sortable ids, newest first."""

from dataclasses import dataclass
from uuid import UUID

COUNT_CAP = 1000


@dataclass(frozen=True, slots=True)
class Window:
    """`limit` rows after (older than) one id, or before (newer than) one."""

    limit: int
    after: UUID | None = None
    before: UUID | None = None
    backwards: bool = False
    """Take the last `limit` rows of the range instead of the first."""
