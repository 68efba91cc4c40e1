"""Relay connections: keyset pages over time-sortable ids, newest first."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

import strawberry

from identity.refusals import BadInput
from models.window import COUNT_CAP, Window
from schema.directives import public, public_column
from schema.opaque import decoded, encoded

DEFAULT_PAGE = 25
LARGEST_PAGE = 100

NodeT = TypeVar("NodeT")
RowT = TypeVar("RowT")
Count = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page lies in its list."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="Where a page lies in its list (Relay).")
class PageInfo:
    row: strawberry.Private[Page]

    has_next_page: bool = public_column("has_next_page", "Whether there are items after this page.")
    has_previous_page: bool = public_column(
        "has_previous_page", "Whether there are items before this page."
    )
    start_cursor: str | None = public_column("start_cursor", "The cursor of the first item.")
    end_cursor: str | None = public_column("end_cursor", "The cursor of the last item.")


@strawberry.type(description="An item of a list with its place in it (Relay).")
class Edge(Generic[NodeT]):
    item: strawberry.Private[Any]

    @public("The item.")
    def node(self) -> NodeT:
        item: NodeT = self.item
        return item

    @public("Its place in the list, for `after` and `before`.")
    def cursor(self) -> str:
        return cursor_of(self.item.row.id)


@strawberry.type(description="A page of a list, newest first (Relay).")
class Connection(Generic[NodeT]):
    items: strawberry.Private[Sequence[Any]]
    page: strawberry.Private[Page]
    count: strawberry.Private[Count]

    @public("The items of the page with their places.")
    def edges(self) -> list[Edge[NodeT]]:
        return [Edge[NodeT](item=item) for item in self.items]

    @public("The items of the page.")
    def nodes(self) -> list[NodeT]:
        return list(self.items)

    @public("Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        return PageInfo(row=self.page)

    @public(f"How many there are, counted no further than {COUNT_CAP}: ask only if needed.")
    async def total_count(self) -> int:
        return await self.count()


def window_of(
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Window:
    """One row more than asked for, which tells whether there is a further page.

    Raises `BadInput` for a page size or a cursor that cannot be.
    """
    if first is not None and last is not None:
        raise BadInput("Give `first` or `last`, not both.", field="last")
    size = first if last is None else last
    size = DEFAULT_PAGE if size is None else size
    if not 0 <= size <= LARGEST_PAGE:
        field = "first" if last is None else "last"
        raise BadInput(f"A page has 0 to {LARGEST_PAGE} items.", field=field)
    return Window(
        limit=size + 1,
        after=_position(after, field="after"),
        before=_position(before, field="before"),
        backwards=last is not None,
    )


def paged(
    rows: Sequence[Any], window: Window, wrap: Callable[..., NodeT], count: Count
) -> Connection[NodeT]:
    """The connection of the rows that a window gave, of which one may be over the page."""
    kept, further = page_of_rows(rows, window)
    page = Page(
        has_next_page=window.before is not None if window.backwards else further,
        has_previous_page=further if window.backwards else window.after is not None,
        start_cursor=cursor_of(kept[0].id) if kept else None,
        end_cursor=cursor_of(kept[-1].id) if kept else None,
    )
    return Connection(items=[wrap(row=row) for row in kept], page=page, count=count)


def page_of_rows(rows: Sequence[RowT], window: Window) -> tuple[Sequence[RowT], bool]:
    """The rows of the page itself, and whether there was one over it."""
    size = window.limit - 1
    return rows[-size:] if window.backwards and size else rows[:size], len(rows) > size


def cursor_of(row_id: UUID) -> str:
    return encoded(row_id.bytes)


def _position(cursor: str | None, *, field: str) -> UUID | None:
    if cursor is None:
        return None
    try:
        return UUID(bytes=decoded(cursor))
    except ValueError as error:
        raise BadInput("This is not a cursor that this API gave out.", field=field) from error
