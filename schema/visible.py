"""Connections of resources: exactly those items on which the viewer holds a permission."""

from collections.abc import Callable, Sequence
from typing import Any

import strawberry

from identity.access.kinds import Resource, ResourceKind
from identity.access.visible import count_visible, visible_ids
from models.workspace import Workspace
from schema.connection import PageArguments, paged
from schema.context import ContextInfo
from schema.directives import EACH, Auth, needs


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

    async def resolve(
        root: Any,
        info: ContextInfo,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Any:
        workspace: Workspace = root.row
        window = PageArguments(first, after, last, before).window()
        access = info.context.access
        ids = await visible_ids(access, kind, kind.seen_mask, workspace.id, window)
        rows: Sequence[Resource] = []
        if ids:
            query = kind.model.filter(id__in=ids, workspace_id=workspace.id)
            rows = await query.order_by("-id").select_related(*related)
        return paged(
            rows,
            window,
            lambda row: wrap(row=row),
            lambda: count_visible(access, kind, kind.seen_mask, workspace.id),
        )

    del resolve.__annotations__["return"]  # the GraphQL type is the annotation of the field
    return strawberry.field(
        resolver=resolve,
        description=f"{description} {needs(kind.seen_with, EACH)}",
        directives=[Auth(requires=list(kind.seen_with), at=EACH)],
    )
