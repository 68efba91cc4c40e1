"""Workspaces and the lists in them."""

from typing import ClassVar

import strawberry

from identity.access.decision import Target
from identity.access.kinds import CAMPAIGN, MAILING_LIST, SENDING_SERVER
from identity.access.permissions import GROUPS, ORGANIZATION_ONLY_GROUPS, Permission
from identity.audit import read as audit_log
from models.workspace import Workspace as WorkspaceRow
from models.workspace import WorkspaceState
from schema.audit.types import AuditEvent
from schema.campaigns.types import RELATED, Campaign
from schema.connection import Connection, connection_field
from schema.directives import At, public_column
from schema.mailing_lists.types import MailingList
from schema.node import Node
from schema.sending_servers.types import SendingServer
from schema.visible import visible_resources


@strawberry.type(description="Where resources live. It exists for whoever holds anything in it.")
class Workspace(Node):
    row: strawberry.Private[WorkspaceRow]
    own_groups: ClassVar[frozenset[str]] = frozenset(
        group.name for group in GROUPS if group.name not in ORGANIZATION_ONLY_GROUPS
    )

    name: str = public_column("name", "What it is called.")
    slug: str = public_column("slug", "Its name in addresses.")
    state: WorkspaceState = public_column("state", "Whether it can be changed.")

    campaigns: Connection[Campaign] = visible_resources(
        CAMPAIGN,
        "The campaigns that the viewer may see.",
        wrap=Campaign,
        related=RELATED,
    )
    mailing_lists: Connection[MailingList] = visible_resources(
        MAILING_LIST, "The mailing lists that the viewer may see.", wrap=MailingList
    )
    sending_servers: Connection[SendingServer] = visible_resources(
        SENDING_SERVER, "The sending servers that the viewer may see.", wrap=SendingServer
    )

    audit_events: Connection[AuditEvent] | None = connection_field(
        "What was done in it, newest first.",
        requires=[Permission.AUDIT_READ],
        at=At.SELF,
        wrap=AuditEvent,
        rows=lambda access, row, window: audit_log.visible(access, window, workspace_id=row.id),
        count=lambda access, row: audit_log.count(access, workspace_id=row.id),
    )

    def access_target(self) -> Target:
        return Target(self.row.id)
