"""The fields of a type that stands on a row, each declared by its source (`schema.mapping`).

What graphql-core needs, a resolver, is made here from the same declaration; what the engine needs
it reads there.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Annotated, Any, cast
from uuid import UUID

import strawberry
from strawberry.types.base import StrawberryContainer, get_object_definition
from tortoise.models import Model

from identity.access.compiled import Access
from identity.access.lookup import Lookup
from identity.access.permissions import Permission
from identity.refusals import BadInput, Forbidden, Refusal, Unauthenticated
from identity.subject import Subject
from models.listing import Listing, count_up_to_cap, page
from models.record import Record
from schema.arguments import After, Before, First, Last
from schema.arguments import GlobalId as GlobalIdArgument
from schema.arguments import GlobalIds as GlobalIdsArgument
from schema.connection import paged, window_of
from schema.context import ContextInfo
from schema.directives import At, mapped
from schema.ids import global_id, parse_id, require_few, row_id
from schema.mapping import (
    NARROWED,
    All,
    AnyNode,
    Computed,
    Decided,
    Embedded,
    Found,
    GlobalId,
    Own,
    Page,
    ToMany,
    ToOne,
)

ListingOf = Callable[[Access, UUID], Listing]


def own_id(
    description: str, *, requires: Sequence[Permission], type_name: str | None = None
) -> Any:
    """The global id of the row, as one of `type_name` if given; null where there is no row."""

    def resolve(root: Any) -> Any:
        if root.row is None:
            return None
        return global_id(type_name or type(root).__name__, root.row.id)

    return mapped(GlobalId(type_name), resolve, description, requires, At.SELF)


def embedded(description: str, *, requires: Sequence[Permission], at: str = At.SELF) -> Any:
    """An object that is made of the same row; null where there is none."""

    def resolve(root: Any, info: ContextInfo) -> Any:
        return None if root.row is None else _type_of(info)(row=root.row)

    return mapped(Embedded(), resolve, description, requires, at)


def to_one(
    relation: str, description: str, *, requires: Sequence[Permission], at: str = At.SELF
) -> Any:
    """The row that a foreign key of the row points at."""

    async def resolve(root: Any, info: ContextInfo) -> Any:
        row = getattr(root.row, relation)
        if row is not None and not isinstance(row, Model):
            row = await info.context.related(root.row, relation)
        return None if row is None else _type_of(info)(row=row)

    return mapped(ToOne(relation), resolve, description, requires, at)


def to_many(
    model: type[Record],
    column: str,
    description: str,
    *,
    requires: Sequence[Permission],
    at: str = At.SELF,
) -> Any:
    """The rows of another table whose `column` holds the id of the row, oldest first."""

    async def resolve(root: Any, info: ContextInfo) -> Any:
        rows = await info.context.rows_with(model, column, root.row.id)
        info.context.spend(len(rows))
        return [_type_of(info)(row=row) for row in rows]

    return mapped(ToMany(model, column), resolve, description, requires, at)


def all_of(
    listing: ListingOf, description: str, *, requires: Sequence[Permission], at: str = At.SELF
) -> Any:
    """Every row of a listing, which gets the id of the row that the field is on."""

    async def resolve(root: Any, info: ContextInfo) -> Any:
        access = info.context.access
        base = access.organization_id if root is None else root.row.id
        rows = await page(listing(access, base))
        info.context.spend(len(rows))
        return [_type_of(info)(row=row) for row in rows]

    return mapped(All(listing), resolve, description, requires, at)


def page_of(
    listing: ListingOf, description: str, *, requires: Sequence[Permission], at: str = At.SELF
) -> Any:
    """A connection: a listing by pages, newest first."""

    async def resolve(
        root: Any,
        info: ContextInfo,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        window = window_of(first, after, last, before)
        info.context.spend(window.limit)
        rows_seen = listing(info.context.access, root.row.id)
        rows = await page(rows_seen, window)
        return paged(rows, window, _type_of(info), lambda: count_up_to_cap(rows_seen))

    return mapped(Page(listing), resolve, description, requires, at)


def filtered_page_of(
    listing: Callable[[Access, UUID, Any], Listing],
    filter_type: type,
    description: str,
    *,
    requires: Sequence[Permission],
    at: str = At.SELF,
) -> Any:
    """The same of what an input of this type asks for, which may be left out."""
    source = Page(listing, filtered=True)

    async def resolve(
        root: Any,
        info: ContextInfo,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        narrowed: Any = None,
    ) -> Any:
        window = window_of(first, after, last, before)
        info.context.spend(window.limit)
        rows_seen = source.of(info.context.access, root.row.id, {NARROWED: narrowed})
        rows = await page(rows_seen, window)
        return paged(rows, window, _type_of(info), lambda: count_up_to_cap(rows_seen))

    argument = strawberry.argument(name="filter", description="Only what this asks for.")
    resolve.__annotations__[NARROWED] = Annotated[filter_type | None, argument]
    return mapped(source, resolve, description, requires, at)


def computed(
    value: Callable[[Access, Any], Any],
    description: str,
    *,
    reads: Sequence[str],
    requires: Sequence[Permission],
    at: str = At.SELF,
) -> Any:
    """`value(access, row)`, of a row that has the columns `reads` as attributes."""

    def resolve(root: Any, info: ContextInfo) -> Any:
        return value(info.context.access, root.row)

    return mapped(Computed(tuple(reads), value), resolve, description, requires, at)


def computed_list(
    values: Callable[[Access, Any], Sequence[Any]],
    description: str,
    *,
    reads: Sequence[str],
    requires: Sequence[Permission],
    at: str = At.SELF,
) -> Any:
    """Objects that stand on `values(access, row)`, of a row that has the columns `reads`."""

    def resolve(root: Any, info: ContextInfo) -> Any:
        return [_type_of(info)(row=each) for each in values(info.context.access, root.row)]

    return mapped(Computed(tuple(reads), values), resolve, description, requires, at)


def nobody(access: Access) -> Refusal:
    """Why there is no row of the caller's own: a service key is no person."""
    if access.whole is None:
        return Unauthenticated()
    return Forbidden(
        "A service key is no person. Ask for viewerApiKey.", reason="SERVICE_KEY", missing=[]
    )


def own(
    model: type[Record],
    whose: Callable[[Subject], UUID | None],
    description: str,
    *,
    requires: Sequence[Permission],
) -> Any:
    """The one row that belongs to the subject itself."""

    async def resolve(info: ContextInfo) -> Any:
        subject = info.context.subject
        found = whose(subject)
        row = None if found is None else await model.get_or_none(id=found)
        if row is None:
            raise nobody(subject.access)
        return _type_of(info)(row=row)

    return mapped(Own(model, whose), resolve, description, requires, At.SELF)


def found(
    type_name: str,
    lookup: Lookup[Any],
    description: str,
    *,
    requires: Sequence[Permission],
    at: str = At.VALUE,
) -> Any:
    """The object of this type that the argument `id` names. NOT_FOUND if it is not to be seen."""

    async def resolve(info: ContextInfo, id: GlobalIdArgument) -> Any:
        row = await lookup.find(info.context.access, row_id(id, type_name, field="id"))
        return _type_of(info)(row=row)

    return mapped(Found(type_name, lookup), resolve, description, requires, at)


def any_node(
    types: Mapping[str, tuple[type, Lookup[Any]]],
    description: str,
    *,
    requires: Sequence[Permission],
) -> Any:
    """The object that the argument `id` names, of whichever type it is."""

    async def resolve(info: ContextInfo, id: GlobalIdArgument) -> Any:
        type_name, node_id = parse_id(id, field="id", types=types)
        node, lookup = types[type_name]
        return node(row=await lookup.find(info.context.access, node_id))

    lookups = {name: lookup for name, (_, lookup) in types.items()}
    return mapped(AnyNode(lookups), resolve, description, requires, At.SELF)


def any_nodes(
    types: Mapping[str, tuple[type, Lookup[Any]]],
    description: str,
    *,
    requires: Sequence[Permission],
) -> Any:
    """The objects that the argument `ids` names, in that order; a refusal takes the place of each
    that is not to be seen.
    """

    async def resolve(info: ContextInfo, ids: GlobalIdsArgument) -> Any:
        require_few(ids)
        named = [_named(types, each, field=f"ids.{index}") for index, each in enumerate(ids)]
        return await objects_named(types, info.context.access, named)

    lookups = {name: lookup for name, (_, lookup) in types.items()}
    return mapped(AnyNode(lookups), resolve, description, requires, At.SELF)


Named = tuple[str, UUID]
"""The type of an object and the id of its row."""


async def objects_named(
    types: Mapping[str, tuple[type, Lookup[Any]]], access: Access, named: Sequence[Named | Refusal]
) -> list[Any]:
    """The object of each name, in one statement a type; a refusal takes the place of each that is
    not to be seen, and stays where it is given.
    """
    asked = dict.fromkeys(each for each in named if isinstance(each, tuple))
    objects: dict[Named, Any] = {}
    for type_name in dict.fromkeys(name for name, _ in asked):
        node, lookup = types[type_name]
        wanted = [row for name, row in asked if name == type_name]
        rows = await lookup.find_all(access, wanted)
        for each in wanted:
            seen = each in rows
            objects[type_name, each] = node(row=rows[each]) if seen else lookup.absent(access)
    return [objects[each] if isinstance(each, tuple) else each for each in named]


def _named(types: Container[str], node_id: str, *, field: str) -> Named | BadInput:
    """The type and the row of an id, or why it is none."""
    try:
        return parse_id(node_id, field=field, types=types)
    except BadInput as refusal:
        return refusal


def decided(value: Callable[..., Any], resolver: Callable[..., Any], description: str) -> Any:
    """What the access says about a row, of which only the type and the place count."""
    return mapped(Decided(value), resolver, description, (), At.SELF)


def _type_of(info: ContextInfo) -> Callable[..., Any]:
    """The class of the objects that the field gives, through lists and connections."""
    annotation: Any = info.return_type
    while isinstance(annotation, StrawberryContainer):
        annotation = annotation.of_type
    definition = get_object_definition(annotation, strict=True)
    items = definition.type_var_map
    return cast("Callable[..., Any]", next(iter(items.values()), annotation))
