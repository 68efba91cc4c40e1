"""Loading for many objects at once what each of them asks for: no query per row."""

from collections.abc import Sequence
from uuid import UUID

from models.assignment import Assignment


async def assignments_of(
    organization_id: UUID, principal_ids: Sequence[UUID]
) -> list[list[Assignment]]:
    """The assignments of each principal with their roles, in the order asked for."""
    rows = (
        await Assignment.filter(
            organization_id=organization_id, principal_id__in=list(set(principal_ids))
        )
        .order_by("id")
        .select_related("role")
    )
    by_principal: dict[UUID, list[Assignment]] = {}
    for row in rows:
        by_principal.setdefault(row.principal_id, []).append(row)
    return [by_principal.get(principal_id, []) for principal_id in principal_ids]
