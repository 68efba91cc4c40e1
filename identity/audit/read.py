"""Reading the audit log, newest first."""

from uuid import UUID

from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION, Target
from identity.access.permissions import Permission
from models.audit_event import AuditEvent


async def visible(
    access: Access, *, limit: int, older_than: UUID | None = None, workspace_id: UUID | None = None
) -> list[AuditEvent]:
    """Events the subject may read: of the whole organization, or of one workspace.

    Raises `Forbidden` without `audit:read` there.
    """
    at = ORGANIZATION if workspace_id is None else Target(workspace_id)
    access.require(Permission.AUDIT_READ, at)
    rows = AuditEvent.filter(organization_id=access.organization_id)
    if workspace_id is not None:
        rows = rows.filter(workspace_id=workspace_id)
    if older_than is not None:
        rows = rows.filter(id__lt=older_than)
    return await rows.order_by("-id").limit(limit)
