"""Mailing lists: whom campaigns go to."""

from uuid import UUID

from identity import text
from identity.access import targets
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.subject import Subject
from identity.writing import writing
from models.mailing_list import MailingList


async def create(subject: Subject, workspace_id: UUID, *, name: str) -> MailingList:
    """Start an empty list. Raises `NotFound`, `Forbidden`, `BadInput`."""
    async with writing(subject, Action.MAILING_LIST_CREATE) as write:
        workspace = await targets.workspace(write.access, workspace_id, Permission.LISTS_WRITE)
        mailing_list = await MailingList.create(
            workspace=workspace, name=text.label(name, field="name")
        )
        await write.record(
            target(mailing_list),
            changes({}, {"name": mailing_list.name}),
            workspace_id=workspace.id,
        )
    return mailing_list
