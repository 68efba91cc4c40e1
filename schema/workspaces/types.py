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
from schema.campaigns.types import Campaign
from schema.connection import Connection, PageArguments, paged
from schema.context import ContextInfo
from schema.directives import SELF, auth, public_column
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
        related=("owner", "mailing_list", "sending_server"),
    )
    mailing_lists: Connection[MailingList] = visible_resources(
        MAILING_LIST, "The mailing lists that the viewer may see.", wrap=MailingList
    )
    sending_servers: Connection[SendingServer] = visible_resources(
        SENDING_SERVER, "The sending servers that the viewer may see.", wrap=SendingServer
    )

    @auth("What was done in it, newest first.", requires=[Permission.AUDIT_READ], at=SELF)
    async def audit_events(
        self,
        info: ContextInfo,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Connection[AuditEvent] | None:
        window = PageArguments(first, after, last, before).window()
        access, workspace_id = info.context.access, self.row.id
        rows = await audit_log.visible(access, window, workspace_id=workspace_id)
        return paged(
            rows,
            window,
            lambda row: AuditEvent(row=row),
            lambda: audit_log.count(access, workspace_id=workspace_id),
        )

    def access_target(self) -> Target:
        return Target(self.row.id)
