"""Following the audit log."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from identity.access.permissions import Permission
from identity.audit.tail import tail
from schema.audit.filters import Narrowed, asked_for
from schema.audit.types import AuditEvent
from schema.context import ContextInfo
from schema.directives import subscription
from schema.ids import optional_row_id

OfWorkspace = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only what concerns this workspace.")
]
AfterEvent = Annotated[
    strawberry.ID | None, strawberry.argument(description="The event that was seen last.")
]


@strawberry.type
class AuditSubscription:
    @subscription(
        "The audit log as it grows: each event once, in order. With `workspaceId` only those of "
        "that workspace, otherwise all of the organization; with `filter` only what that asks for. "
        "With `after`, the id of an event, "
        "first those that came after it: nothing is lost over a reconnect.",
        requires=[Permission.AUDIT_READ],
        at="workspaceId",
    )
    async def audit_events(
        self,
        info: ContextInfo,
        workspace_id: OfWorkspace = None,
        after: AfterEvent = None,
        narrowed: Narrowed = None,
    ) -> AsyncGenerator[AuditEvent | None, None]:
        rows = tail(
            info.context.subject.organization_id,
            workspace_id=optional_row_id(workspace_id, "Workspace", field="workspaceId"),
            after=optional_row_id(after, "AuditEvent", field="after"),
            asked=asked_for(narrowed),
        )
        async with aclosing(rows):
            async for row in rows:
                yield AuditEvent(row=row)
