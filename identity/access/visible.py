"""The visible set of a list, as SQL: the same rule as `Access.allows_any`, one page at a time.

Where the subject holds the permission in the whole workspace, the page is one walk of the index
(workspace_id, id). Otherwise it is a union of one walk per principal over its assignments at single
resources; each walk is bounded by the page, so that the cost does not grow with rows or grants.
Ids are time-sortable: descending is newest first.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from identity.access.compiled import Access, Within
from identity.access.decision import Target
from identity.access.kinds import ResourceKind
from models.clock import now
from models.listing import Values
from models.record import Record
from models.sql import Statement, as_uuid
from models.window import COUNT_CAP, Window


@dataclass(frozen=True, slots=True)
class VisibleResources:
    """The resources of a kind in a workspace at which the subject holds a permission of `mask`."""

    access: Access
    kind: ResourceKind[Any]
    mask: int
    workspace_id: UUID
    order: str = "t.id DESC"

    @property
    def model(self) -> type[Record]:
        return self.kind.model

    def rows(self, values: Values, window: Window | None) -> str | None:
        """A SELECT of the whole rows of the window, which is required: lists of resources are
        long. See `models.listing.Listing`.
        """
        assert window is not None  # noqa: S101 - a list of resources is always read by pages
        if self._everywhere():
            return self._walk("*", values, window)
        ids = self._ids(values, window)
        if ids is None:
            return None
        return f"SELECT r.* FROM ({ids}) AS v JOIN {self.kind.table} AS r ON r.id = v.id"  # noqa: S608

    def ids(self, values: Values, window: Window) -> str | None:
        """A SELECT of the ids alone, in the order of the window."""
        return self._walk("id", values, window) if self._everywhere() else self._ids(values, window)

    def _everywhere(self) -> bool:
        return self.access.allows_any(self.mask, Target(self.workspace_id))

    def _walk(self, columns: str, values: Values, window: Window) -> str:
        """All of the workspace's. Who holds it at the organization holds it in every workspace of
        that, and in no other: where no grant names the workspace, the statement asks whose it is.
        """
        workspace = values.add(self.workspace_id)
        own = ""
        if self.workspace_id not in self.access.workspace_masks:
            organization = values.add(self.access.organization_id)
            own = (
                f" AND EXISTS (SELECT 1 FROM workspaces WHERE id = {workspace}"  # noqa: S608
                f" AND organization_id = {organization})"
            )
        return (
            f"SELECT {columns} FROM {self.kind.table} WHERE workspace_id = {workspace}{own}"  # noqa: S608
            + values.range("id", window)
        )

    def _ids(self, values: Values, window: Window) -> str | None:
        branches = list(self._branches(values, window))
        if not branches:
            return None
        order = "ASC" if window.backwards else "DESC"
        union = " UNION ".join(
            f"SELECT id FROM ({branch}) AS b{n}"  # noqa: S608
            for n, branch in enumerate(branches)
        )
        return f"SELECT id FROM ({union}) AS u ORDER BY id {order} LIMIT {window.limit}"  # noqa: S608

    def _branches(self, values: Values, window: Window) -> Iterator[str]:
        """One walk for each principal over its assignments at single resources."""
        effective = self.access.after_cuts(self.mask, self.workspace_id)
        if self.access.listed is not None:
            yield from self._listed(self.access.listed, effective, values, window)
            return
        roles_of: dict[UUID, set[UUID]] = {}
        within = self.access.roles_within.get((self.kind.scope_type, self.workspace_id), {})
        for (principal_id, role_id), mask in within.items():
            if mask & effective:
                roles_of.setdefault(principal_id, set()).add(role_id)
        moment = now()
        for principal_id, role_ids in roles_of.items():
            yield (
                "SELECT DISTINCT scope_id AS id FROM assignments"  # noqa: S608
                f" WHERE principal_id = {values.add(principal_id)}"
                f" AND scope_type = {values.add(self.kind.scope_type.value)}"
                f" AND workspace_id = {values.add(self.workspace_id)}"
                f" AND role_id IN ({values.add_all(sorted(role_ids))})"
                f" AND (expires_at IS NULL OR expires_at > {values.add(moment)})"
                + values.range("scope_id", window)
            )

    def _listed(
        self, listed: Mapping[Within, Mapping[UUID, int]], mask: int, values: Values, window: Window
    ) -> Iterator[str]:
        """One walk over the resources that an API key is limited to."""
        within = listed.get((self.kind.scope_type, self.workspace_id), {})
        ids = sorted(resource_id for resource_id, held in within.items() if held & mask)
        if ids:
            yield (
                f"SELECT id FROM {self.kind.table}"  # noqa: S608
                f" WHERE workspace_id = {values.add(self.workspace_id)}"
                f" AND id IN ({values.add_all(ids)})" + values.range("id", window)
            )


async def visible_ids(
    access: Access, kind: ResourceKind[Any], mask: int, workspace_id: UUID, window: Window
) -> list[UUID]:
    """The ids in a workspace at which the subject holds a permission of `mask`, newest first."""
    values = Values()
    sql = VisibleResources(access, kind, mask, workspace_id).ids(values, window)
    if sql is None:
        return []
    ids = [as_uuid(row["id"]) for row in await Statement(sql).rows(*values.given)]
    return ids[::-1] if window.backwards else ids


async def count_visible(
    access: Access, kind: ResourceKind[Any], mask: int, workspace_id: UUID
) -> int:
    """How many there are, counted no further than `COUNT_CAP`."""
    ids = await visible_ids(access, kind, mask, workspace_id, Window(limit=COUNT_CAP))
    return len(ids)
