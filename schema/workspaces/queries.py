"""Reading workspaces."""

import strawberry

from identity import workspaces
from identity.access import targets
from schema.arguments import GlobalId
from schema.context import ContextInfo
from schema.directives import public
from schema.ids import row_id
from schema.workspaces.types import Workspace


@strawberry.type
class WorkspaceQuery:
    @public("A workspace in which the viewer holds anything; NOT_FOUND otherwise.")
    async def workspace(self, info: ContextInfo, id: GlobalId) -> Workspace | None:
        row = await targets.visible_workspace(
            info.context.access, row_id(id, "Workspace", field="id")
        )
        return Workspace(row=row)

    @public("The workspaces in which the viewer holds anything, by name.")
    async def workspaces(self, info: ContextInfo) -> list[Workspace]:
        return [Workspace(row=row) for row in await workspaces.visible(info.context.access)]
