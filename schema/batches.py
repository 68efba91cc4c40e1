"""Loading for many objects at once what each of them asks for: no query per row."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from models.record import Record


async def rows_by_id(model: type[Record], ids: Sequence[UUID]) -> list[Record | None]:
    """The row of each id, in the order asked for."""
    found = await model.in_bulk(list(set(ids)), "id")
    return [found.get(row_id) for row_id in ids]


async def rows_with(
    model: type[Record], column: str, organization_id: UUID, values: Sequence[UUID]
) -> list[list[Any]]:
    """The organization's rows with each value in the column, oldest first."""
    rows = await model.filter(
        **{"organization_id": organization_id, f"{column}__in": list(set(values))}
    ).order_by("id")
    by_value: dict[UUID, list[Any]] = {}
    for row in rows:
        by_value.setdefault(getattr(row, column), []).append(row)
    return [by_value.get(value, []) for value in values]
