"""Workspaces and the lists in them."""

from typing import Any, ClassVar

import strawberry

from identity import audit_export as export
from identity.access.kinds import CAMPAIGN, MAILING_LIST, SENDING_SERVER, ResourceKind
from identity.access.lookup import Place
from identity.access.permissions import GROUPS, ORGANIZATION_ONLY_GROUPS, Permission
from identity.access.visible import VisibleResources
from identity.access_reviews import reading as access_reviews
from identity.audit import read as audit_log
from models.assignment import ScopeType
from models.workspace import Workspace as WorkspaceRow
from models.workspace import WorkspaceState
from schema.access_reviews.types import AccessReview
from schema.audit.filters import AuditEventFilter, Narrowed, asked_for
from schema.audit.types import AuditEvent, AuditExportEstimate
from schema.campaigns.types import Campaign
from schema.connection import Connection
from schema.context import ContextInfo
from schema.directives import At, auth, public_column
from schema.fields import filtered_page_of, page_of
from schema.mailing_lists.types import MailingList
from schema.members.types import Assignment, assignments_at
from schema.node import Node
from schema.sending_servers.types import SendingServer


def resources_of(kind: ResourceKind[Any], description: str) -> Any:
    """The resources of a kind in the workspace: exactly those that the viewer may see."""
    return page_of(
        lambda access, workspace_id: VisibleResources(access, kind, kind.seen_mask, workspace_id),
        description,
        requires=kind.seen_with,
        at=At.EACH,
    )


@strawberry.type(description="Where resources live. It exists for whoever holds anything in it.")
class Workspace(Node):
    row: strawberry.Private[WorkspaceRow]
    place = Place.WORKSPACE
    own_groups: ClassVar[frozenset[str]] = frozenset(
        group.name for group in GROUPS if group.name not in ORGANIZATION_ONLY_GROUPS
    )

    name: str = public_column("name", "What it is called.")
    slug: str = public_column("slug", "Its name in addresses.")
    state: WorkspaceState = public_column("state", "Whether it can be changed.")

    campaigns: Connection[Campaign] = resources_of(
        CAMPAIGN, "The campaigns that the viewer may see."
    )
    mailing_lists: Connection[MailingList] = resources_of(
        MAILING_LIST, "The mailing lists that the viewer may see."
    )
    sending_servers: Connection[SendingServer] = resources_of(
        SENDING_SERVER, "The sending servers that the viewer may see."
    )
    audit_events: Connection[AuditEvent] | None = filtered_page_of(
        lambda access, workspace_id, narrowed: audit_log.listing(
            access, workspace_id=workspace_id, asked=asked_for(narrowed)
        ),
        AuditEventFilter,
        "What was done in it, newest first.",
        requires=[Permission.AUDIT_READ],
    )
    access_reviews: Connection[AccessReview] | None = page_of(
        lambda access, workspace_id: access_reviews.listing(access, workspace_id=workspace_id),
        "The access reviews of it, newest first.",
        requires=[Permission.MEMBERS_READ],
    )
    assignments: Connection[Assignment] | None = assignments_at(ScopeType.WORKSPACE)

    @auth(
        "How many events an export would have, for showing how far one is.",
        requires=[Permission.AUDIT_EXPORT],
        at=At.SELF,
    )
    async def audit_export_estimate(
        self, info: ContextInfo, narrowed: Narrowed = None
    ) -> AuditExportEstimate | None:
        size = await export.estimate_of(
            info.context.access, workspace_id=self.row.id, asked=asked_for(narrowed)
        )
        return AuditExportEstimate(row=size)
