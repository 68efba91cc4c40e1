"""Opening workspaces."""

import strawberry

from identity import workspaces
from identity.access.permissions import Permission
from identity.audit.actions import Action
from models.workspace import Workspace as WorkspaceRow
from schema.context import ContextInfo
from schema.directives import PUBLIC, At, auth
from schema.fields import embedded
from schema.workspaces.types import Workspace


@strawberry.input(description="A workspace to open.")
class CreateWorkspaceInput:
    slug: str = strawberry.field(description="Its name in addresses; unique in the organization.")
    name: str = strawberry.field(description="What it is called.")


@strawberry.type(description="The workspace as it is now.")
class WorkspacePayload:
    row: strawberry.Private[WorkspaceRow]

    workspace: Workspace = embedded("The workspace.", requires=PUBLIC)


@strawberry.type
class WorkspaceMutation:
    @auth(
        "Open a workspace.",
        requires=[Permission.WORKSPACE_CREATE],
        at=At.ORGANIZATION,
        audits=Action.WORKSPACE_CREATE,
    )
    async def create_workspace(
        self, info: ContextInfo, input: CreateWorkspaceInput
    ) -> WorkspacePayload | None:
        row = await workspaces.create(info.context.subject, slug=input.slug, name=input.name)
        return WorkspacePayload(row=row)
