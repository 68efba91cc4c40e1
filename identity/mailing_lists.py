"""Mailing lists: whom campaigns go to."""

from uuid import UUID

from identity import campaigns, creators, text
from identity.access import targets
from identity.access.kinds import MAILING_LIST
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.deleting import Deletion, deleted
from identity.subject import Subject
from identity.writing import writing
from models.mailing_list import MailingList


async def create(subject: Subject, workspace_id: UUID, *, name: str) -> MailingList:
    """Start an empty list. Raises `NotFound`, `Forbidden`, `BadInput`."""
    adding = creators.adding(MAILING_LIST, workspace_id)
    async with writing(subject, Action.MAILING_LIST_CREATE, changes_access=adding) as write:
        workspace = await targets.workspace(write.access, workspace_id, Permission.LISTS_WRITE)
        mailing_list = await MailingList.create(
            workspace=workspace, name=text.label(name, field="name")
        )
        await write.record(
            target(mailing_list), changes({}, _facts(mailing_list)), workspace_id=workspace.id
        )
        await creators.give(write, MAILING_LIST, mailing_list, by=Permission.LISTS_WRITE)
    return mailing_list


async def delete(subject: Subject, list_id: UUID) -> MailingList:
    """Delete a list with its addresses and what was assigned at it.

    Raises `NotFound`, `Forbidden`, and `InUse` while a campaign that is not over goes to it.
    """
    deletion = Deletion(
        Action.MAILING_LIST_DELETE,
        MAILING_LIST,
        Permission.LISTS_DELETE,
        _facts,
        lambda row: campaigns.let_go(mailing_list_id=row.id),
    )
    return await deleted(subject, list_id, deletion)


def _facts(mailing_list: MailingList) -> dict[str, object]:
    return {"name": mailing_list.name}
