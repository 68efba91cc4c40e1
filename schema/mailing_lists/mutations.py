"""Changing mailing lists."""

import strawberry

from identity import mailing_lists
from identity.access.permissions import Permission
from identity.audit.actions import Action
from models.mailing_list import MailingList as MailingListRow
from schema.context import ContextInfo
from schema.directives import PUBLIC, auth
from schema.fields import embedded, own_id
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


@strawberry.input(description="A mailing list to delete.")
class DeleteMailingListInput:
    mailing_list_id: strawberry.ID = strawberry.field(description="The list.")


@strawberry.type(description="What was deleted.")
class DeleteMailingListPayload:
    row: strawberry.Private[MailingListRow]

    deleted_mailing_list_id: strawberry.ID = own_id(
        "The id that the list had.", requires=PUBLIC, type_name="MailingList"
    )


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

    @auth(
        "Delete a mailing list that no campaign needs any more.",
        requires=[Permission.LISTS_DELETE],
        at="input.mailingListId",
        audits=Action.MAILING_LIST_DELETE,
    )
    async def delete_mailing_list(
        self, info: ContextInfo, input: DeleteMailingListInput
    ) -> DeleteMailingListPayload | None:
        list_id = row_id(input.mailing_list_id, "MailingList", field="input.mailingListId")
        row = await mailing_lists.delete(info.context.subject, list_id)
        return DeleteMailingListPayload(row=row)
