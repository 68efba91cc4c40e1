"""How a resource is deleted: with what was assigned at it, in one transaction."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic
from uuid import UUID

from identity import assignments
from identity.access import targets
from identity.access.kinds import ResourceKind, ResourceT
from identity.access.permissions import Permission
from identity.assignments import Scope
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.subject import Subject
from identity.writing import writing


@dataclass(frozen=True, slots=True)
class Deletion(Generic[ResourceT]):
    """What deleting resources of a kind comes to.

    `permission` is what it needs, and `facts` are what the audit log says of the resource. `spare`
    raises the refusal of a resource that has to stay, and frees those that only mention it.
    """

    action: Action
    kind: ResourceKind[ResourceT]
    permission: Permission
    facts: Callable[[ResourceT], dict[str, object]]
    spare: Callable[[ResourceT], Awaitable[None]]


async def deleted(subject: Subject, row_id: UUID, deletion: Deletion[ResourceT]) -> ResourceT:
    """The resource as it was. Raises `NotFound`, `Forbidden`, and what `spare` raises."""
    kind = deletion.kind
    async with writing(subject, deletion.action, changes_access=True) as write:
        row = await targets.resource(write.access, kind.model, row_id, deletion.permission)
        write.about(target(row), workspace_id=row.workspace_id)
        await deletion.spare(row)
        scope = Scope(kind.scope_type, row.id)
        reason = f"The {kind.label} was deleted."
        dropped = await assignments.delete_at_resource(write, scope, reason=reason)
        write.changes_access = dropped > 0
        await row.delete()
        await write.record(
            target(row), changes(deletion.facts(row), {}), workspace_id=row.workspace_id
        )
    return row
