"""Opening and archiving workspaces."""

from collections.abc import Awaitable, Callable
from functools import partial

import strawberry

from identity import workspaces
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.rehearsal import Change
from models.workspace import Workspace as WorkspaceRow
from schema.context import ContextInfo
from schema.directives import PUBLIC, At, auth
from schema.fields import embedded
from schema.ids import row_id
from schema.previews import Rehearsed, carried_out, dry_run_field
from schema.workspaces.types import Workspace


@strawberry.input(description="A workspace to open.")
class CreateWorkspaceInput:
    slug: str = strawberry.field(description="Its name in addresses; unique in the organization.")
    name: str = strawberry.field(description="What it is called.")


@strawberry.input(description="A workspace to archive.")
class ArchiveWorkspaceInput:
    workspace_id: strawberry.ID = strawberry.field(description="The workspace.")
    dry_run: bool = dry_run_field()

    def change(self) -> Change[WorkspaceRow]:
        return _change_of(self.workspace_id, workspaces.archive)


@strawberry.input(description="An archived workspace to bring back.")
class RestoreWorkspaceInput:
    workspace_id: strawberry.ID = strawberry.field(description="The workspace.")
    dry_run: bool = dry_run_field()

    def change(self) -> Change[WorkspaceRow]:
        return _change_of(self.workspace_id, workspaces.restore)


def _change_of(
    workspace_id: str, use_case: Callable[..., Awaitable[WorkspaceRow]]
) -> Change[WorkspaceRow]:
    found = row_id(workspace_id, "Workspace", field="input.workspaceId")
    return Change(partial(use_case, workspace_id=found))


@strawberry.type(description="The workspace as it is now.")
class WorkspaceStatePayload(Rehearsed):
    row: strawberry.Private[WorkspaceRow | None]

    workspace: Workspace | None = embedded("The workspace.", requires=PUBLIC)


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

    @auth(
        "Leave a workspace to be read only: nothing in it is changed or deleted until it is "
        "restored.",
        requires=[Permission.WORKSPACE_DELETE],
        at="input.workspaceId",
        audits=Action.WORKSPACE_ARCHIVE,
    )
    async def archive_workspace(
        self, info: ContextInfo, input: ArchiveWorkspaceInput
    ) -> WorkspaceStatePayload | None:
        return await carried_out(info, input, WorkspaceStatePayload)

    @auth(
        "Bring an archived workspace back, with what everybody has in it.",
        requires=[Permission.WORKSPACE_DELETE],
        at="input.workspaceId",
        audits=Action.WORKSPACE_RESTORE,
    )
    async def restore_workspace(
        self, info: ContextInfo, input: RestoreWorkspaceInput
    ) -> WorkspaceStatePayload | None:
        return await carried_out(info, input, WorkspaceStatePayload)
