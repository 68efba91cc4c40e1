"""What the audit log tells of roles that are given and taken: an event for each assignment.

That holds also where many go with something larger, such as a member, a group or a resource, so
that the log says of everybody since when and until when they had which role where.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from identity.audit.actions import Action
from identity.audit.diff import Change, changes
from identity.audit.record import AuditTarget, new_event, record_all, target
from identity.holders import PRINCIPALS
from identity.subject import Subject
from models import rows
from models.assignment import Assignment
from models.audit_event import AuditEvent
from models.role import Role

Holders = Mapping[UUID, AuditTarget]
"""Members and groups by their ids."""


def facts(assignment: Assignment, role: Role) -> dict[str, object]:
    """What the audit log tells of an assignment, beside its holder and its workspace."""
    return {
        "role": role.name,
        "roleId": role.id,
        "scope": f"{assignment.scope_type.value}:{assignment.scope_id}",
        "expiresAt": assignment.expires_at,
        "assignmentId": assignment.id,
    }


def terms(assignment: Assignment) -> dict[str, object]:
    """What of an assignment can change while it stays the same one."""
    return {"expiresAt": assignment.expires_at, "reason": assignment.reason}


def naming(assignment: Assignment, role: Role) -> list[Change]:
    """Which assignment changed, in an event about its terms: what stays the same of it."""
    same = {path: value for path, value in facts(assignment, role).items() if path != "expiresAt"}
    return [{**each, "before": each["after"]} for each in changes({}, same)]


def given(
    subject: Subject, assignments: Iterable[Assignment], holders: Holders, *, reason: str
) -> list[AuditEvent]:
    """The events of assignments that are there now, with their roles; not saved yet."""
    return [
        new_event(
            Action.ROLE_ASSIGN,
            subject=subject,
            target=holders[assignment.principal_id],
            diff=changes({}, facts(assignment, assignment.role)),
            workspace_id=assignment.workspace_id,
            reason=reason,
        )
        for assignment in assignments
    ]


def taken(
    subject: Subject, assignments: Iterable[Assignment], holders: Holders, *, reason: str
) -> list[AuditEvent]:
    """The events of assignments that are there no longer, with their roles; not saved yet."""
    return [
        new_event(
            Action.ROLE_UNASSIGN,
            subject=subject,
            target=holders[assignment.principal_id],
            diff=changes(facts(assignment, assignment.role), {}),
            workspace_id=assignment.workspace_id,
            reason=reason,
        )
        for assignment in assignments
    ]


async def delete(subject: Subject, assignments: Sequence[Assignment], *, reason: str) -> None:
    """Delete assignments that came with their roles, as a part of the caller's change, while their
    holders are still there. The number of statements does not grow with the assignments.
    """
    if not assignments:
        return
    holders = await holders_of(subject.organization_id, assignments)
    for some in rows.batches([assignment.id for assignment in assignments]):
        await Assignment.filter(organization_id=subject.organization_id, id__in=some).delete()
    await record_all(taken(subject, assignments, holders, reason=reason))


async def holders_of(organization_id: UUID, assignments: Sequence[Assignment]) -> Holders:
    """Who holds these assignments, in a statement for each kind of principal among them."""
    found: dict[UUID, AuditTarget] = {}
    for kind, model in PRINCIPALS.items():
        ids = {each.principal_id for each in assignments if each.principal_type is kind}
        for some in rows.batches(sorted(ids)):
            principals = await model.filter(id__in=some, organization_id=organization_id)
            found.update((principal.id, target(principal)) for principal in principals)
    return found
