"""Workspaces: opening one, and seeing those one has something in."""

from identity import text
from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION
from identity.access.entitlements import plans
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.refusals import Conflict, NotFound
from identity.subject import Subject
from identity.writing import taken, writing
from models.listing import Listing, Rows
from models.workspace import Workspace


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
