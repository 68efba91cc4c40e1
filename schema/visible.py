"""Connections of resources: exactly those items on which the viewer holds a permission."""

from collections.abc import Callable, Sequence
from typing import Any

from identity.access.compiled import Access
from identity.access.kinds import Resource, ResourceKind
from identity.access.visible import count_visible, visible_ids
from models.window import Window
from models.workspace import Workspace
from schema.connection import connection_field
from schema.directives import At


def visible_resources(
    kind: ResourceKind[Any],
    description: str,
    *,
    wrap: Callable[..., Any],
    related: Sequence[str] = (),
) -> Any:
    """A field on Workspace: the visible resources of a kind in it, in two statements a page.

    `wrap` is the GraphQL type; `related` are the to-one relations that its fields read.
    """

    async def rows(access: Access, workspace: Workspace, window: Window) -> Sequence[Resource]:
        ids = await visible_ids(access, kind, kind.seen_mask, workspace.id, window)
        if not ids:
            return []
        query = kind.model.filter(id__in=ids, workspace_id=workspace.id)
        found: Sequence[Resource] = await query.order_by("-id").select_related(*related)
        return found

    async def count(access: Access, workspace: Workspace) -> int:
        return await count_visible(access, kind, kind.seen_mask, workspace.id)

    return connection_field(
        description, requires=kind.seen_with, at=At.EACH, wrap=wrap, rows=rows, count=count
    )
