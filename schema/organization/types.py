"""The organization of the viewer."""

from typing import ClassVar

import strawberry

from identity import audit_export as export
from identity import (
    groups,
    invitations,
    jobs,
    members,
    retention,
    role_versions,
    roles,
    workspaces,
)
from identity.access.permissions import Permission
from identity.access_reviews import reading as access_reviews
from identity.api_keys import reading as keys
from identity.audit import read as audit_log
from identity.webhooks import managing as webhooks
from models.assignment import ScopeType
from models.organization import Organization as OrganizationRow
from models.organization import Plan
from schema.access_reviews.types import AccessReview
from schema.api_keys.filters import ApiKeyFilter
from schema.api_keys.filters import asked_for as keys_asked_for
from schema.api_keys.types import ApiKey
from schema.audit.filters import AuditEventFilter, Narrowed, asked_for
from schema.audit.types import AuditEvent, AuditExportEstimate, AuditRetention
from schema.connection import Connection
from schema.context import ContextInfo
from schema.directives import PUBLIC, At, auth, column, public_column
from schema.fields import all_of, filtered_page_of, page_of
from schema.invitations.types import Invitation
from schema.jobs.types import Job
from schema.members.types import Assignment, Group, Member, assignments_at
from schema.node import Node
from schema.roles.types import Role, RoleVersion
from schema.webhooks.types import Webhook
from schema.workspaces.types import Workspace


@strawberry.type(description="The customer: people, roles and workspaces belong to it.")
class Organization(Node):
    row: strawberry.Private[OrganizationRow]
    own_groups: ClassVar[frozenset[str]] = frozenset(
        {"organization", "identity", "members", "roles", "api_keys", "audit", "workspace"}
    )

    name: str = public_column("name", "What it is called.")
    slug: str = public_column("slug", "Its name in addresses.")
    plan: Plan | None = column(
        "plan",
        "What it has bought.",
        requires=[Permission.ORGANIZATION_READ],
        at=At.ORGANIZATION,
    )

    workspaces: list[Workspace] = all_of(
        lambda access, organization_id: workspaces.listing(access),
        "The workspaces in which the viewer holds anything, by name.",
        requires=PUBLIC,
    )
    members: Connection[Member] | None = page_of(
        lambda access, organization_id: members.listing(access),
        "The people in it, newest first.",
        requires=[Permission.MEMBERS_READ],
        at=At.ORGANIZATION,
    )
    invitations: Connection[Invitation] | None = page_of(
        lambda access, organization_id: invitations.listing(access),
        "Who was invited, newest first.",
        requires=[Permission.MEMBERS_READ],
        at=At.ORGANIZATION,
    )
    audit_events: Connection[AuditEvent] | None = filtered_page_of(
        lambda access, organization_id, narrowed: audit_log.listing(
            access, asked=asked_for(narrowed)
        ),
        AuditEventFilter,
        "What was done, newest first.",
        requires=[Permission.AUDIT_READ],
        at=At.ORGANIZATION,
    )
    webhooks: list[Webhook] | None = all_of(
        lambda access, organization_id: webhooks.listing(access),
        "Where audit events are delivered to, by name.",
        requires=[Permission.AUDIT_EXPORT],
        at=At.ORGANIZATION,
    )
    jobs: Connection[Job] | None = page_of(
        lambda access, organization_id: jobs.listing(access),
        "What takes long and was asked for, newest first.",
        requires=[Permission.AUDIT_EXPORT],
        at=At.ORGANIZATION,
    )
    groups: list[Group] | None = all_of(
        lambda access, organization_id: groups.listing(access),
        "The groups, by name.",
        requires=[Permission.MEMBERS_READ],
        at=At.ORGANIZATION,
    )
    roles: list[Role] | None = all_of(
        lambda access, organization_id: roles.listing(access),
        "Every role, the built-in ones first.",
        requires=[Permission.ROLES_READ],
        at=At.ANYWHERE,
    )
    deleted_roles: Connection[RoleVersion] | None = page_of(
        lambda access, organization_id: role_versions.deleted(access),
        "The last version of each role that was deleted, the one deleted last first.",
        requires=[Permission.ROLES_READ],
        at=At.ANYWHERE,
    )
    access_reviews: Connection[AccessReview] | None = page_of(
        lambda access, organization_id: access_reviews.listing(access),
        "The access reviews of it and its workspaces, newest first.",
        requires=[Permission.MEMBERS_READ],
        at=At.ORGANIZATION,
    )
    assignments: Connection[Assignment] | None = assignments_at(
        ScopeType.ORGANIZATION, at=At.ORGANIZATION
    )
    api_keys: Connection[ApiKey] | None = filtered_page_of(
        lambda access, organization_id, narrowed: keys.listing(access, keys_asked_for(narrowed)),
        ApiKeyFilter,
        "The API keys, newest first, those included that are over.",
        requires=[Permission.API_KEYS_READ],
        at=At.ORGANIZATION,
    )

    @auth(
        "How many events an export would have, for showing how far one is.",
        requires=[Permission.AUDIT_EXPORT],
        at=At.ORGANIZATION,
    )
    async def audit_export_estimate(
        self, info: ContextInfo, narrowed: Narrowed = None
    ) -> AuditExportEstimate | None:
        size = await export.estimate_of(
            info.context.access, workspace_id=None, asked=asked_for(narrowed)
        )
        return AuditExportEstimate(row=size)

    @auth(
        "For how long audit events are kept.", requires=[Permission.AUDIT_READ], at=At.ORGANIZATION
    )
    async def audit_retention(self, info: ContextInfo) -> AuditRetention | None:
        return AuditRetention(row=await retention.of(info.context.subject))
