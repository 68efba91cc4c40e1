"""Changing one resource in place: found, decided, saved and recorded.

    return await edited(subject, campaign_id, Edit(Action.CAMPAIGN_UPDATE, ...), seen=row)

What is decided is written once, in the `Edit`. Where it rests on the row and the subject's access
alone, it is tried as a single statement first; what that does not carry out goes through `writing`,
which decides again and gives the refusals.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic
from uuid import UUID

from identity import single_write
from identity.access import targets
from identity.access.compiled import Access
from identity.access.kinds import ResourceT
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import new_event, target
from identity.refusals import Refusal
from identity.single_write import SingleWrite
from identity.subject import Subject
from identity.writing import database_refusals, require_version, writing
from models import rows
from models.audit_event import AuditEvent


@dataclass(frozen=True, slots=True)
class Edit(Generic[ResourceT]):
    """`decide` changes the row as it was loaded, or raises why not. `facts` are what the audit log
    tells of a row.
    """

    action: Action
    model: type[ResourceT]
    permission: Permission
    expected_version: int
    facts: Callable[[ResourceT], Mapping[str, object]]
    decide: Callable[[Access, ResourceT], Awaitable[None]]
    rests_on: tuple[str, ...] | None = None
    """The columns, besides the version, that the decision rests on; `None` if it rests on other
    rows, too."""


async def edited(
    subject: Subject, row_id: UUID, edit: Edit[ResourceT], *, seen: ResourceT | None = None
) -> ResourceT:
    """The row as it is now. `seen` is the row as it was found just now, for nobody else's use.

    Raises `NotFound`, `Forbidden`, `VersionConflict` and what the decision raises.
    """
    if edit.rests_on is not None and single_write.possible(subject):
        row = await _at_once(subject, row_id, edit, edit.rests_on, seen)
        if row is not None:
            return row
    async with writing(subject, edit.action) as write:
        row = await targets.resource(write.access, edit.model, row_id, edit.permission)
        write.about(target(row), workspace_id=row.workspace_id)
        since, before = rows.contents(row), edit.facts(row)
        await _decide(edit, write.access, row)
        row.touch()
        await rows.update(row, since)
        await write.record(
            target(row), changes(before, edit.facts(row)), workspace_id=row.workspace_id
        )
    return row


async def _decide(edit: Edit[ResourceT], access: Access, row: ResourceT) -> None:
    require_version(row, edit.expected_version)
    await edit.decide(access, row)


async def _at_once(
    subject: Subject,
    row_id: UUID,
    edit: Edit[ResourceT],
    rests_on: tuple[str, ...],
    seen: ResourceT | None,
) -> ResourceT | None:
    """The row as it is now; `None`, with nothing changed, for whatever speaks against it."""
    try:
        row = seen or await targets.unlocked(subject.access, edit.model, row_id)
        targets.require(subject.access, row, edit.permission)
        since, before = rows.contents(row), edit.facts(row)
        await _decide(edit, subject.access, row)
    except Refusal:
        return None

    def event() -> AuditEvent:
        return new_event(
            edit.action,
            subject=subject,
            target=target(row),
            diff=changes(before, edit.facts(row)),
            workspace_id=row.workspace_id,
        )

    with database_refusals():
        return await single_write.written(subject, SingleWrite(row, since, rests_on, event))
