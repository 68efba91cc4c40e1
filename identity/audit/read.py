"""Reading the audit log, newest first."""

from uuid import UUID

from tortoise.queryset import QuerySet

from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION, Target
from identity.access.permissions import Permission
from models.audit_event import AuditEvent
from models.window import Window, count_up_to_cap, rows_in


async def visible(
    access: Access, window: Window, *, workspace_id: UUID | None = None
) -> list[AuditEvent]:
    """Events of the whole organization, or of one workspace.

    Raises `Forbidden` without `audit:read` there.
    """
    return await rows_in(_events(access, workspace_id), window)


async def count(access: Access, *, workspace_id: UUID | None = None) -> int:
    """How many events there are, up to the cap. Raises `Forbidden`."""
    return await count_up_to_cap(_events(access, workspace_id))


def _events(access: Access, workspace_id: UUID | None) -> QuerySet[AuditEvent]:
    at = ORGANIZATION if workspace_id is None else Target(workspace_id)
    access.require(Permission.AUDIT_READ, at)
    events = AuditEvent.filter(organization_id=access.organization_id)
    return events if workspace_id is None else events.filter(workspace_id=workspace_id)
