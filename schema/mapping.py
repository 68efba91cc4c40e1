"""Where the value of a field comes from, said once in its declaration.

A type that stands on a row declares each field by one of these. Both ways of executing read the
declaration: the resolver that Strawberry gets is made from it, and the engine compiles it into SQL.
A field without a source has a resolver of its own, and the engine leaves its operation to
graphql-core.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from identity.access.compiled import Access
from identity.access.lookup import Lookup
from identity.subject import Subject
from models.listing import Listing
from models.record import Record

SOURCE = "source"
"""The key in a field's metadata under which its source stands."""
NARROWED = "narrowed"
"""What the argument `filter` of a connection is called in Python."""


@dataclass(frozen=True, slots=True)
class Column:
    """The value of this column of the row."""

    name: str


@dataclass(frozen=True, slots=True)
class GlobalId:
    """The global id of the row; of another type than the field's own if one is named."""

    type_name: str | None = None


@dataclass(frozen=True, slots=True)
class Embedded:
    """An object that is made of the same row."""


@dataclass(frozen=True, slots=True)
class ToOne:
    """The row that this foreign key of the row points at, or null."""

    relation: str


@dataclass(frozen=True, slots=True)
class ToMany:
    """The rows of another table whose `column` holds the id of the row, oldest first.

    A row of another organization than the subject's is never among them.
    """

    model: type[Record]
    column: str


@dataclass(frozen=True, slots=True)
class All:
    """Every row of a listing. `listing` gets the id of the row that the field is on."""

    listing: Callable[[Access, UUID], Listing]


@dataclass(frozen=True, slots=True)
class Page:
    """A connection: the rows of a listing by pages. One that is `filtered` gets the argument
    `filter` as well, which may be null.
    """

    listing: Callable[..., Listing]
    filtered: bool = False

    def of(self, access: Access, row_id: UUID, arguments: Mapping[str, Any]) -> Listing:
        """The listing of a row, with the arguments as Strawberry hands them to a resolver."""
        if self.filtered:
            return self.listing(access, row_id, arguments.get(NARROWED))
        return self.listing(access, row_id)


@dataclass(frozen=True, slots=True)
class Computed:
    """`value(access, row)`, of a row that has these columns as attributes. It may refuse. Of a list
    of objects it gives what they stand on, in memory.
    """

    reads: tuple[str, ...]
    value: Callable[[Access, Any], Any]


@dataclass(frozen=True, slots=True)
class Decided:
    """`value(type, access, target, **arguments)`: what the access says about the row, of which
    only the type and the place are given.
    """

    value: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Own:
    """The one row that belongs to the subject itself. `row_id` says which; without one, or without
    the row, the field is UNAUTHENTICATED.
    """

    model: type[Record]
    row_id: Callable[[Subject], UUID | None]


@dataclass(frozen=True, slots=True)
class Found:
    """The row that the argument `id` names, by the rule of its type."""

    type_name: str
    lookup: Lookup[Any]


@dataclass(frozen=True, slots=True)
class AnyNode:
    """The rows that the argument `id`, or `ids`, names, of any type with global ids."""

    lookups: Mapping[str, Lookup[Any]]


Source = (
    Column
    | GlobalId
    | Embedded
    | ToOne
    | ToMany
    | All
    | Page
    | Computed
    | Decided
    | Own
    | Found
    | AnyNode
)
