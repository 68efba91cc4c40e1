"""Changing mailing lists."""

import strawberry

from identity import mailing_lists
from identity.access.permissions import Permission
from identity.audit.actions import Action
from models.mailing_list import MailingList as MailingListRow
from schema.context import ContextInfo
from schema.directives import PUBLIC, auth
from schema.fields import embedded
from schema.ids import row_id
from schema.mailing_lists.types import MailingList


@strawberry.input(description="A mailing list to start.")
class CreateMailingListInput:
    workspace_id: strawberry.ID = strawberry.field(description="Where it will live.")
    name: str = strawberry.field(description="What it is called.")


@strawberry.type(description="The list as it is now.")
class MailingListPayload:
    row: strawberry.Private[MailingListRow]

    mailing_list: MailingList = embedded("The list.", requires=PUBLIC)


@strawberry.type
class MailingListMutation:
    @auth(
        "Start an empty mailing list.",
        requires=[Permission.LISTS_WRITE],
        at="input.workspaceId",
        audits=Action.MAILING_LIST_CREATE,
    )
    async def create_mailing_list(
        self, info: ContextInfo, input: CreateMailingListInput
    ) -> MailingListPayload | None:
        workspace_id = row_id(input.workspace_id, "Workspace", field="input.workspaceId")
        row = await mailing_lists.create(info.context.subject, workspace_id, name=input.name)
        return MailingListPayload(row=row)
