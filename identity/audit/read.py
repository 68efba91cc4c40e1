"""Reading the audit log, newest first."""

from collections.abc import Mapping
from uuid import UUID

from tortoise.queryset import QuerySet

from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION, Target
from identity.access.permissions import Permission
from identity.audit.diff import Change
from models.audit_event import AuditEvent
from models.window import Window, count_up_to_cap, rows_in

READ_BY: Mapping[str, Permission] = {
    "campaign": Permission.CAMPAIGNS_READ,
    "connection": Permission.IDENTITY_READ,
    "federated_identity": Permission.MEMBERS_READ,
    "group": Permission.MEMBERS_READ,
    "mailing_list": Permission.LISTS_READ,
    "member": Permission.MEMBERS_READ,
    "organization": Permission.ORGANIZATION_READ,
    "role": Permission.ROLES_READ,
    "scim_token": Permission.IDENTITY_READ,
    "sending_server": Permission.SERVERS_READ,
    "session": Permission.MEMBERS_READ,
    "verified_domain": Permission.IDENTITY_READ,
    "workspace": Permission.WORKSPACE_READ,
}
"""For each kind of target, the permission that reads it."""


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


def diff_of(access: Access, event: AuditEvent) -> list[Change]:
    """What an event changed, for who may also read what it was done to: the log is no way around
    the permissions on campaigns, servers or people.

    Raises `Forbidden` otherwise; a kind of target that is not known here needs `audit:export`.
    """
    needed = READ_BY.get(event.target_type or "", Permission.AUDIT_EXPORT)
    access.require(needed, Target(event.workspace_id))
    return event.diff


def _events(access: Access, workspace_id: UUID | None) -> QuerySet[AuditEvent]:
    at = ORGANIZATION if workspace_id is None else Target(workspace_id)
    access.require(Permission.AUDIT_READ, at)
    events = AuditEvent.filter(organization_id=access.organization_id)
    return events if workspace_id is None else events.filter(workspace_id=workspace_id)
