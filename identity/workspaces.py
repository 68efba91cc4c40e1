"""Workspaces: opening and archiving one, and seeing those one has something in."""

from uuid import UUID

from identity import text
from identity.access import targets
from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION, Target
from identity.access.entitlements import plans
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.refusals import Conflict, NotFound
from identity.subject import Subject
from identity.writing import Write, taken, writing
from models.listing import Listing, Rows
from models.workspace import Workspace, WorkspaceState


async def create(subject: Subject, *, slug: str, name: str) -> Workspace:
    """Open a workspace. Raises `Forbidden`, `BadInput`, `Conflict`, or `PlanRequired` when the plan
    has no further one.
    """
    slug, name = text.slug(slug, field="slug"), text.label(name, field="name")
    async with writing(subject, Action.WORKSPACE_CREATE, exclusive=True) as write:
        write.access.require(Permission.WORKSPACE_CREATE, ORGANIZATION)
        existing = await Workspace.filter(organization_id=write.organization_id).count()
        plans.require_room(write.subject.plan, workspaces=existing)
        with taken(Conflict(f"There is a workspace {slug!r} already. Choose another slug.")):
            workspace = await Workspace.create(
                organization_id=write.organization_id, slug=slug, name=name
            )
        await write.record(
            target(workspace), changes({}, {"slug": slug, "name": name}), workspace_id=workspace.id
        )
    return workspace


async def archive(subject: Subject, workspace_id: UUID) -> Workspace:
    """Leave a workspace to be read only, until it is restored. Nothing in it is deleted.

    Raises `NotFound`, `Forbidden`, and `Conflict` for one that is archived.
    """
    async with writing(subject, Action.WORKSPACE_ARCHIVE, changes_access=True) as write:
        return await _put(write, workspace_id, WorkspaceState.ARCHIVED)


async def restore(subject: Subject, workspace_id: UUID) -> Workspace:
    """Bring an archived workspace back, with what everybody has in it.

    Raises `NotFound`, `Forbidden`, and `Conflict` for one that is not archived.
    """
    async with writing(subject, Action.WORKSPACE_RESTORE, changes_access=True) as write:
        return await _put(write, workspace_id, WorkspaceState.ACTIVE)


async def _put(write: Write, workspace_id: UUID, state: WorkspaceState) -> Workspace:
    workspace = await targets.visible_workspace(write.access, workspace_id)
    write.about(target(workspace), workspace_id=workspace_id)
    write.access.require(Permission.WORKSPACE_DELETE, Target(workspace_id))
    before = workspace.state
    if before is state:
        raise Conflict(f"The workspace {workspace.name} is {state.value} already.")
    workspace.state = state
    workspace.touch()
    await workspace.save(update_fields=["state", "version", "updated_at"])
    diff = changes({"state": before}, {"state": state})
    await write.record(target(workspace), diff, workspace_id=workspace_id)
    return workspace


async def by_slug(access: Access, slug: str) -> Workspace:
    """The workspace of that slug, if the subject holds anything in it. Raises `NotFound`."""
    workspace = await Workspace.get_or_none(organization_id=access.organization_id, slug=slug)
    if workspace is None or not access.enters(workspace.id):
        raise NotFound("workspace")
    return workspace


def listing(access: Access) -> Listing:
    """The workspaces in which the subject holds anything, by name."""
    return Rows(
        Workspace,
        {"organization_id": access.organization_id},
        order="t.name, t.id",
        ids=access.entered(),
    )
