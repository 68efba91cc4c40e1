"""Assignments: who has which role where.

Giving and taking a role both need `members:assign` at the scope and every permission of the role
there, so that nobody hands out, or takes from others, more than they hold.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from identity import moments, roles, text
from identity.access import targets
from identity.access.compiled import Access, narrowed
from identity.access.lookup import Lookup, Place
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.refusals import Conflict, NotFound
from identity.subject import Subject
from identity.writing import writing
from models.assignment import Assignment, PrincipalType, ScopeType
from models.clock import now
from models.group import Group
from models.member import Member
from models.role import Role


class Principal(NamedTuple):
    """Who gets a role."""

    type: PrincipalType
    id: UUID


class Scope(NamedTuple):
    """Where a role is given."""

    type: ScopeType
    id: UUID


async def assign(
    subject: Subject,
    *,
    role_id: UUID,
    principal: Principal,
    scope: Scope,
    expires_at: datetime | None = None,
    reason: str | None = None,
) -> Assignment:
    """Give a role at a scope, until `expires_at` if given.

    Raises `NotFound` for a role, principal or scope that is not visible, `Forbidden`, `Escalation`,
    `BadInput` for a past expiry, and `Conflict` when it is held there already.
    """
    if expires_at is not None:
        expires_at = moments.future(expires_at, what="expiry", field="expiresAt")
    if reason is not None:
        reason = text.prose(reason, field="reason", longest=500)
    async with writing(subject, Action.ROLE_ASSIGN, changes_access=True) as write:
        at = await targets.scope(write.access, scope.type, scope.id)
        write.access.require(Permission.MEMBERS_ASSIGN, at)
        role = await roles.found(write.access, role_id)
        holder = await _principal(write.organization_id, principal)
        write.about(target(holder), workspace_id=at.workspace_id)
        mask = narrowed(roles.mask_of_role(role), scope.type)
        write.access.require_holding(mask, at, until=expires_at)
        await roles.drop_ended(role, principal_id=principal.id)
        if await Assignment.exists(
            role=role, principal_id=principal.id, scope_type=scope.type, scope_id=scope.id
        ):
            raise Conflict(f"{holder.name} has the role {role.name} there already.")
        assignment = await Assignment.create(
            organization_id=write.organization_id,
            role=role,
            principal_type=principal.type,
            principal_id=principal.id,
            scope_type=scope.type,
            scope_id=scope.id,
            workspace_id=at.workspace_id,
            expires_at=expires_at,
            reason=reason,
            assigned_by_id=write.subject.member_id,
        )
        await write.record(
            target(holder),
            changes({}, _facts(assignment, role)),
            workspace_id=at.workspace_id,
            reason=reason,
        )
    return assignment


ASSIGNMENT = Lookup(
    Assignment,
    "assignment",
    Place.SCOPE,
    lambda access, target: access.allows(Permission.MEMBERS_READ, target),
)


async def found(access: Access, assignment_id: UUID) -> Assignment:
    """The assignment with its role, if the subject may read members at its scope.

    Raises `NotFound`.
    """
    assignment = await ASSIGNMENT.find(access, assignment_id)
    await assignment.fetch_related("role")
    return assignment


async def unassign(subject: Subject, assignment_id: UUID) -> Assignment:
    """Take a role away. Raises `NotFound`, `Forbidden`, `Escalation`, `LastOwner`."""
    async with writing(subject, Action.ROLE_UNASSIGN, changes_access=True) as write:
        assignment = await found(write.access, assignment_id)
        role, at = assignment.role, roles.scope_of(assignment)
        holder = await _principal(
            write.organization_id, Principal(assignment.principal_type, assignment.principal_id)
        )
        write.about(target(holder), workspace_id=assignment.workspace_id)
        write.access.require(Permission.MEMBERS_ASSIGN, at)
        mask = narrowed(roles.mask_of_role(role), assignment.scope_type)
        write.access.require_holding(mask, at, until=now())
        await assignment.delete()
        await write.record(
            target(holder),
            changes(_facts(assignment, role), {}),
            workspace_id=assignment.workspace_id,
        )
    return assignment


async def delete_of_principal(organization_id: UUID, principal_id: UUID) -> None:
    """Drop what a member or group that is going away was assigned, in the caller's transaction."""
    await Assignment.filter(organization_id=organization_id, principal_id=principal_id).delete()


async def delete_at_resource(organization_id: UUID, scope: Scope) -> int:
    """Drop what was assigned at a resource that is going away; how many it were."""
    return await Assignment.filter(
        organization_id=organization_id, scope_type=scope.type, scope_id=scope.id
    ).delete()


async def _principal(organization_id: UUID, principal: Principal) -> Member | Group:
    model: type[Member] | type[Group] = Member if principal.type is PrincipalType.MEMBER else Group
    row = await model.get_or_none(id=principal.id, organization_id=organization_id)
    if row is None:
        raise NotFound(principal.type.value)
    return row


def _facts(assignment: Assignment, role: Role) -> dict[str, object]:
    return {
        "role": role.name,
        "scope": f"{assignment.scope_type.value}:{assignment.scope_id}",
        "expiresAt": assignment.expires_at,
    }
