"""Giving and taking roles."""

from datetime import datetime
from functools import partial
from typing import TypeVar

import strawberry

from identity import assignments
from identity.access.permissions import Permission
from identity.access.touched import Touched
from identity.assignments import KEPT, Kept, Principal, Scope
from identity.audit.actions import Action
from identity.refusals import BadInput
from identity.rehearsal import Change
from models.assignment import Assignment as AssignmentRow
from schema.context import ContextInfo
from schema.directives import PUBLIC, auth
from schema.fields import embedded, own_id
from schema.ids import PRINCIPAL_NODES, SCOPE_NODES, parse_id, row_id
from schema.members.types import Assignment
from schema.previews import Rehearsed, carried_out, dry_run_field

GivenT = TypeVar("GivenT")
SCOPES_BY_NODE = {name: scope_type for scope_type, name in SCOPE_NODES.items()}
PRINCIPALS_BY_NODE = {name: type_ for type_, name in PRINCIPAL_NODES.items()}


@strawberry.input(description="A role to give.")
class AssignRoleInput:
    role_id: strawberry.ID = strawberry.field(description="The role.")
    principal_id: strawberry.ID = strawberry.field(description="The member or the group.")
    scope_id: strawberry.ID = strawberry.field(
        description="Where: the organization, a workspace, or one resource."
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description="When it ends by itself."
    )
    reason: str | None = strawberry.field(default=None, description="Why, in your words.")
    dry_run: bool = dry_run_field()

    def change(self) -> Change[AssignmentRow]:
        principal = _principal(self.principal_id)
        carry_out = partial(
            assignments.assign,
            role_id=row_id(self.role_id, "Role", field="input.roleId"),
            principal=principal,
            scope=scope_of(self.scope_id),
            expires_at=self.expires_at,
            reason=self.reason,
        )
        return Change(carry_out, Touched(principal_ids=(principal.id,)))


@strawberry.input(description="A change of an assignment. What is left out stays as it is.")
class UpdateAssignmentInput:
    assignment_id: strawberry.ID = strawberry.field(description="The assignment.")
    expires_at: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="When it ends by itself; null for never."
    )
    reason: str | None = strawberry.field(
        default=strawberry.UNSET, description="Why, in your words; null for none."
    )
    dry_run: bool = dry_run_field()

    def change(self) -> Change[AssignmentRow]:
        assignment_id = row_id(self.assignment_id, "Assignment", field="input.assignmentId")
        carry_out = partial(
            assignments.update,
            assignment_id=assignment_id,
            expires_at=_given(self.expires_at),
            reason=_given(self.reason),
        )
        touched = Touched(assignment_ids=(assignment_id,))
        return Change(carry_out, touched, moves_end_of=assignment_id)


@strawberry.input(description="A role to take away.")
class UnassignRoleInput:
    assignment_id: strawberry.ID = strawberry.field(description="The assignment.")
    dry_run: bool = dry_run_field()

    def change(self) -> Change[AssignmentRow]:
        assignment_id = row_id(self.assignment_id, "Assignment", field="input.assignmentId")
        carry_out = partial(assignments.unassign, assignment_id=assignment_id)
        return Change(carry_out, Touched(assignment_ids=(assignment_id,)))


@strawberry.type(description="The assignment that was made.")
class AssignRolePayload(Rehearsed):
    row: strawberry.Private[AssignmentRow | None]

    assignment: Assignment | None = embedded("The assignment.", requires=PUBLIC)


@strawberry.type(description="The assignment as it is now.")
class UpdateAssignmentPayload(Rehearsed):
    row: strawberry.Private[AssignmentRow | None]

    assignment: Assignment | None = embedded("The assignment.", requires=PUBLIC)


@strawberry.type(description="What was taken away.")
class UnassignRolePayload(Rehearsed):
    row: strawberry.Private[AssignmentRow | None]

    deleted_assignment_id: strawberry.ID | None = own_id(
        "The id that the assignment had.", requires=PUBLIC, type_name="Assignment"
    )


@strawberry.type
class AssignmentMutation:
    @auth(
        "Give a role to a member or a group.",
        requires=[Permission.MEMBERS_ASSIGN],
        at="input.scopeId",
        audits=Action.ROLE_ASSIGN,
    )
    async def assign_role(
        self, info: ContextInfo, input: AssignRoleInput
    ) -> AssignRolePayload | None:
        return await carried_out(info, input, AssignRolePayload)

    @auth(
        "Have a role end at another moment, or change why it was given. Who lets it last longer "
        "needs all of it for as long.",
        requires=[Permission.MEMBERS_ASSIGN],
        at="input.assignmentId",
        audits=Action.ASSIGNMENT_UPDATE,
    )
    async def update_assignment(
        self, info: ContextInfo, input: UpdateAssignmentInput
    ) -> UpdateAssignmentPayload | None:
        return await carried_out(info, input, UpdateAssignmentPayload)

    @auth(
        "Take a role away.",
        requires=[Permission.MEMBERS_ASSIGN],
        at="input.assignmentId",
        audits=Action.ROLE_UNASSIGN,
    )
    async def unassign_role(
        self, info: ContextInfo, input: UnassignRoleInput
    ) -> UnassignRolePayload | None:
        return await carried_out(info, input, UnassignRolePayload)


def _given(value: GivenT | None) -> GivenT | Kept | None:
    """What an input has, which may be null; `KEPT` if it was left out."""
    return KEPT if value is strawberry.UNSET else value


def _principal(value: str) -> Principal:
    type_name, principal_id = parse_id(value, field="input.principalId")
    if type_name not in PRINCIPALS_BY_NODE:
        raise BadInput("Give the id of a member or a group.", field="input.principalId")
    return Principal(PRINCIPALS_BY_NODE[type_name], principal_id)


def scope_of(value: str) -> Scope:
    """The scope that the input's `scopeId` names. Raises `BadInput`."""
    type_name, scope_id = parse_id(value, field="input.scopeId")
    if type_name not in SCOPES_BY_NODE:
        raise BadInput(
            "Give the id of the organization, a workspace, or a resource.", field="input.scopeId"
        )
    return Scope(SCOPES_BY_NODE[type_name], scope_id)
