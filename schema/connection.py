"""Relay connections: keyset pages over time-sortable ids, newest first."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

import strawberry

from identity.access.compiled import Access
from identity.access.permissions import Permission
from identity.refusals import BadInput
from models.window import COUNT_CAP, Window
from schema.arguments import After, Before, First, Last
from schema.context import ContextInfo
from schema.directives import Auth, needs, public, public_column
from schema.opaque import decoded, encoded

DEFAULT_PAGE = 25
LARGEST_PAGE = 100

NodeT = TypeVar("NodeT")
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


def connection_field(
    description: str,
    *,
    requires: Sequence[Permission],
    at: str,
    wrap: Callable[..., Any],
    rows: Callable[[Access, Any, Window], Awaitable[Sequence[Any]]],
    count: Callable[[Access, Any], Awaitable[int]],
) -> Any:
    """A guarded field that is a connection of `wrap` objects.

    `rows` gives the rows of a window, newest first, and `count` how many there are, of an access
    and of the row that the field is on.
    """

    async def resolve(
        root: Any,
        info: ContextInfo,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        window = _window(first, after, last, before)
        access = info.context.access
        found = await rows(access, root.row, window)
        return _paged(found, window, wrap, lambda: count(access, root.row))

    del resolve.__annotations__["return"]  # the GraphQL type is the annotation of the field
    return strawberry.field(
        resolver=resolve,
        description=f"{description} {needs(requires, at)}",
        directives=[Auth(requires=list(requires), at=at)],
    )


def _window(first: int | None, after: str | None, last: int | None, before: str | None) -> Window:
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


def _paged(
    rows: Sequence[Any], window: Window, wrap: Callable[..., NodeT], count: Count
) -> Connection[NodeT]:
    """The connection of the rows that a window gave, of which one may be over the page."""
    size = window.limit - 1
    further = len(rows) > size
    kept = list(rows[-size:] if window.backwards and size else rows[:size])
    page = Page(
        has_next_page=window.before is not None if window.backwards else further,
        has_previous_page=further if window.backwards else window.after is not None,
        start_cursor=cursor_of(kept[0].id) if kept else None,
        end_cursor=cursor_of(kept[-1].id) if kept else None,
    )
    return Connection(items=[wrap(row=row) for row in kept], page=page, count=count)


def cursor_of(row_id: UUID) -> str:
    return encoded(row_id.bytes)


def _position(cursor: str | None, *, field: str) -> UUID | None:
    if cursor is None:
        return None
    try:
        return UUID(bytes=decoded(cursor))
    except ValueError as error:
        raise BadInput("This is not a cursor that this API gave out.", field=field) from error
