"""Reading the audit log, newest first."""

from collections.abc import Mapping
from uuid import UUID

from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION, Target
from identity.access.permissions import Permission
from identity.audit.diff import Change
from models.audit_event import AuditEvent
from models.listing import Listing, Rows

READ_BY: Mapping[str, Permission] = {
    "access_review": Permission.MEMBERS_READ,
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


def listing(access: Access, *, workspace_id: UUID | None = None) -> Listing:
    """The events of the whole organization, or of one workspace, newest first.

    Raises `Forbidden` without `audit:read` there.
    """
    at = ORGANIZATION if workspace_id is None else Target(workspace_id)
    access.require(Permission.AUDIT_READ, at)
    where: dict[str, object] = {"organization_id": access.organization_id}
    if workspace_id is not None:
        where["workspace_id"] = workspace_id
    return Rows(AuditEvent, where)


def diff_of(access: Access, event: AuditEvent) -> list[Change]:
    """What an event changed, for who may also read what it was done to: the log is no way around
    the permissions on campaigns, servers or people.

    Raises `Forbidden` otherwise; a kind of target that is not known here needs `audit:export`.
    """
    needed = READ_BY.get(event.target_type or "", Permission.AUDIT_EXPORT)
    access.require(needed, Target(event.workspace_id))
    return event.diff
