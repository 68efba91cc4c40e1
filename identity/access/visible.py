"""The visible set of a list, as SQL: the same rule as `Access.allows_any`, one page at a time.

Where the subject holds the permission in the whole workspace, the page is one walk of the index
(workspace_id, id). Otherwise it is a union of one walk per principal over its assignments at single
resources; each walk is bounded by the page, so that the cost does not grow with rows or grants.
Ids are time-sortable: descending is newest first.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from identity.access.compiled import Access
from identity.access.decision import Grant, Target
from identity.access.kinds import ResourceKind
from identity.access.permissions import ARCHIVED_MASK
from models.clock import now
from models.sql import Statement, as_uuid
from models.window import COUNT_CAP, Window


class _Query:
    """SQL text under construction, with its numbered values."""

    def __init__(self) -> None:
        self.values: list[object] = []

    def value(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"

    def range(self, column: str, window: Window) -> str:
        """The keyset condition of a window, and its order and limit."""
        conditions = ""
        if window.after is not None:
            conditions += f" AND {column} < {self.value(window.after)}"
        if window.before is not None:
            conditions += f" AND {column} > {self.value(window.before)}"
        order = "ASC" if window.backwards else "DESC"
        return f"{conditions} ORDER BY {column} {order} LIMIT {window.limit}"


async def visible_ids(
    access: Access, kind: ResourceKind[Any], mask: int, workspace_id: UUID, window: Window
) -> list[UUID]:
    """The ids in a workspace at which the subject holds a permission of `mask`, newest first."""
    query = _Query()
    branches = list(_branches(query, access, kind, mask, workspace_id, window))
    if not branches:
        return []
    order = "ASC" if window.backwards else "DESC"
    union = " UNION ".join(
        f"SELECT id FROM ({branch}) AS b{n}"  # noqa: S608
        for n, branch in enumerate(branches)
    )
    sql = f"SELECT id FROM ({union}) AS v ORDER BY id {order} LIMIT {window.limit}"  # noqa: S608
    ids = [as_uuid(row["id"]) for row in await Statement(sql).rows(*query.values)]
    return ids[::-1] if window.backwards else ids


async def count_visible(
    access: Access, kind: ResourceKind[Any], mask: int, workspace_id: UUID
) -> int:
    """How many there are, counted no further than `COUNT_CAP`."""
    ids = await visible_ids(access, kind, mask, workspace_id, Window(limit=COUNT_CAP))
    return len(ids)


def _branches(
    query: _Query,
    access: Access,
    kind: ResourceKind[Any],
    mask: int,
    workspace_id: UUID,
    window: Window,
) -> Iterator[str]:
    if access.allows_any(mask, Target(workspace_id)):
        yield (
            f"SELECT id FROM {kind.table} WHERE workspace_id = {query.value(workspace_id)}"  # noqa: S608
            + query.range("id", window)
        )
        return
    effective = mask & ~access.plan_cut
    if workspace_id in access.archived_workspaces:
        effective &= ARCHIVED_MASK
    roles_of: dict[UUID, set[UUID]] = {}
    for grant in _grants_within(access, kind, workspace_id):
        if grant.mask & effective:
            roles_of.setdefault(grant.principal_id, set()).add(grant.role_id)
    moment = now()
    for principal_id, role_ids in roles_of.items():
        roles = ", ".join(query.value(role_id) for role_id in sorted(role_ids))
        yield (
            "SELECT DISTINCT scope_id AS id FROM assignments"  # noqa: S608
            f" WHERE principal_id = {query.value(principal_id)}"
            f" AND scope_type = {query.value(kind.scope_type.value)}"
            f" AND workspace_id = {query.value(workspace_id)} AND role_id IN ({roles})"
            f" AND (expires_at IS NULL OR expires_at > {query.value(moment)})"
            + query.range("scope_id", window)
        )


def _grants_within(access: Access, kind: ResourceKind[Any], workspace_id: UUID) -> Iterator[Grant]:
    return (
        grant
        for grant in access.grants
        if grant.scope_type is kind.scope_type and grant.workspace_id == workspace_id
    )
