"""Keyset pages over time-sortable ids, newest first."""

from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from tortoise.queryset import QuerySet

from models.record import Record

RecordT = TypeVar("RecordT", bound=Record)

COUNT_CAP = 1000


@dataclass(frozen=True, slots=True)
class Window:
    """`limit` rows after (older than) one id, or before (newer than) one."""

    limit: int
    after: UUID | None = None
    before: UUID | None = None
    backwards: bool = False
    """Take the last `limit` rows of the range instead of the first."""


async def rows_in(query: QuerySet[RecordT], window: Window) -> list[RecordT]:
    """The rows of a query that lie in the window, newest first."""
    if window.after is not None:
        query = query.filter(id__lt=window.after)
    if window.before is not None:
        query = query.filter(id__gt=window.before)
    rows = await query.order_by("id" if window.backwards else "-id").limit(window.limit)
    return rows[::-1] if window.backwards else rows


async def count_up_to_cap(query: QuerySet[RecordT]) -> int:
    """How many rows a query has, counted no further than `COUNT_CAP`."""
    return len(await query.limit(COUNT_CAP).values_list("id", flat=True))
