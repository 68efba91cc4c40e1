"""Reading the audit log, newest first."""

from collections.abc import Mapping
from uuid import UUID

from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION, Target
from identity.access.permissions import Permission
from identity.audit.diff import Change
from identity.audit.filters import EVERYTHING, EventFilter, Events
from models.audit_event import AuditEvent
from models.listing import Listing, Rows

READ_BY: Mapping[str, Permission] = {
    "access_review": Permission.MEMBERS_READ,
    "api_key": Permission.API_KEYS_READ,
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
    "webhook": Permission.AUDIT_EXPORT,
    "webhook_delivery": Permission.AUDIT_EXPORT,
    "workspace": Permission.WORKSPACE_READ,
}
"""For each kind of target, the permission that reads it."""


def listing(
    access: Access, *, workspace_id: UUID | None = None, asked: EventFilter = EVERYTHING
) -> Listing:
    """The events of the whole organization, or of one workspace, that a filter asks for, newest
    first.

    Raises `Forbidden` without `audit:read` there.
    """
    access.require(Permission.AUDIT_READ, place_of(workspace_id))
    within = asked.within(workspace_id)
    if within is None:
        return Rows(AuditEvent, {}, ids=frozenset())
    return Events(access.organization_id, within)


def place_of(workspace_id: UUID | None) -> Target:
    """Where the log of a workspace, or of the whole organization, is read."""
    return ORGANIZATION if workspace_id is None else Target(workspace_id)


def needed_for_diff(event: AuditEvent) -> Permission:
    """What reads the diff of an event, at its workspace or else at the organization; a kind of
    target that is not known here needs `audit:export`.
    """
    return READ_BY.get(event.target_type or "", Permission.AUDIT_EXPORT)


def may_read_diff(access: Access, event: AuditEvent) -> bool:
    """Whether `diff_of` would not refuse."""
    return access.allows(needed_for_diff(event), Target(event.workspace_id))


def diff_of(access: Access, event: AuditEvent) -> list[Change]:
    """What an event changed, for who may also read what it was done to: the log is no way around
    the permissions on campaigns, servers or people. Raises `Forbidden` otherwise.
    """
    access.require(needed_for_diff(event), Target(event.workspace_id))
    return event.diff
