"""Reading workspaces."""

import strawberry

from identity import workspaces
from identity.access.targets import WORKSPACE
from schema.directives import PUBLIC
from schema.fields import all_of, found
from schema.workspaces.types import Workspace


@strawberry.type
class WorkspaceQuery:
    workspace: Workspace | None = found(
        "Workspace",
        WORKSPACE,
        "A workspace in which the viewer holds anything; NOT_FOUND otherwise.",
        requires=PUBLIC,
    )
    workspaces: list[Workspace] = all_of(
        lambda access, organization_id: workspaces.listing(access),
        "The workspaces in which the viewer holds anything, by name.",
        requires=PUBLIC,
    )
