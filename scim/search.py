"""One page of a search: filtered, sorted and counted by the database."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from scim2_models import InvalidPathException, Resource, ScimFilter, SearchRequest

from models.sql import Statement, as_uuid
from scim.columns import Entries, Kind, Layout, Scalar
from scim.filter import Condition, Parameters

EVERYTHING = 2**62


class Found(NamedTuple):
    """A resource of the page, still to be loaded."""

    resource_type: str
    id: UUID


class Searched(NamedTuple):
    """A resource type that is searched, and its model."""

    layout: Layout
    model: type[Resource[Any]]


async def page(
    organization_id: UUID, searched: Sequence[Searched], request: SearchRequest[Any]
) -> tuple[int, list[Found]]:
    """How many resources match, and which stand on the page, in order.

    Without a sort they come in the order they were created. Raises `InvalidFilterException` and
    `InvalidPathException` for what the database cannot decide.
    """
    parameters = Parameters(organization_id)
    union = " UNION ALL ".join(_matching(each, request, parameters) for each in searched)
    offset, count = request.start_index_0 or 0, request.count
    values = tuple(parameters.values)
    found: list[Found] = []
    if count != 0:
        order = _order(request)
        limit = EVERYTHING if count is None else count
        sql = f"SELECT * FROM ({union}) AS found ORDER BY {order} LIMIT {limit} OFFSET {offset}"  # noqa: S608 - SQL of our own
        rows = await Statement(sql).rows(*values)
        found = [Found(row["type"], as_uuid(row["id"])) for row in rows]
    on_last_page = count is None or len(found) < count
    if on_last_page and (found or not offset):
        return offset + len(found), found
    total = await Statement(f"SELECT COUNT(*) AS total FROM ({union}) AS found").row(*values)  # noqa: S608
    return int(total["total"]) if total else 0, found


def _matching(each: Searched, request: SearchRequest[Any], parameters: Parameters) -> str:
    layout = each.layout
    condition = layout.condition
    if request.filter is not None:
        bound: ScimFilter[Any] = ScimFilter[each.model](str(request.filter))  # type: ignore[name-defined]
        condition += f" AND {Condition(bound, layout, parameters).visit(bound.ast)}"
    return (
        f"SELECT '{layout.resource_type}' AS type, {layout.alias}.id AS id, "  # noqa: S608 - SQL of our own
        f"{_sort_key(each, request)} AS sort_key FROM {layout.source} WHERE {condition}"
    )


def _order(request: SearchRequest[Any]) -> str:
    """Resources without a value come last, and first when descending (RFC 7644 section 3.4.2.3)."""
    if request.sort_by is None:
        return "id"
    way = "DESC" if request.sort_order is SearchRequest.SortOrder.descending else "ASC"
    return f"(sort_key IS NULL) {way}, sort_key {way}, id {way}"


def _sort_key(each: Searched, request: SearchRequest[Any]) -> str:
    binding = request.sort_binding(each.model)
    if binding is None:
        return "NULL"
    layout = each.layout
    entries = layout.entries(binding) if binding.is_multivalued else None
    scalar = entries.scalar(binding) if entries else layout.scalar(binding)
    if scalar is None or (entries and entries.ordered is None):
        raise InvalidPathException(detail=f"'{binding.urn}' cannot be sorted on.")
    sql = _by_code_point(scalar, postgres=layout.postgres)
    return _of_the_first(entries, sql, postgres=layout.postgres) if entries else sql


def _by_code_point(scalar: Scalar, *, postgres: bool) -> str:
    return f'{scalar.sql} COLLATE "C"' if postgres and scalar.kind is Kind.TEXT else scalar.sql


def _of_the_first(entries: Entries, sql: str, *, postgres: bool) -> str:
    """The value of the primary entry, or else of the first."""
    primary = (
        "COALESCE(e.value ->> 'primary', 'false') = 'true'"
        if postgres
        else "COALESCE(json_extract(e.value, '$.primary'), 0) = 1"
    )
    return (
        f"(SELECT {sql} FROM {entries.source} WHERE {entries.condition}"  # noqa: S608 - SQL of our own
        f" ORDER BY {primary} DESC, {entries.ordered} LIMIT 1)"
    )
