"""Giving and taking roles."""

from datetime import datetime

import strawberry

from identity import assignments
from identity.access.permissions import Permission
from identity.assignments import Principal, Scope
from identity.audit.actions import Action
from identity.refusals import BadInput
from models.assignment import Assignment as AssignmentRow
from models.assignment import PrincipalType
from schema.context import ContextInfo
from schema.directives import PUBLIC, auth
from schema.fields import embedded, own_id
from schema.ids import parse_id, row_id
from schema.members.types import SCOPE_NODES, Assignment

SCOPES_BY_NODE = {name: scope_type for scope_type, name in SCOPE_NODES.items()}
PRINCIPALS_BY_NODE = {"Member": PrincipalType.MEMBER, "Group": PrincipalType.GROUP}


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


@strawberry.input(description="A role to take away.")
class UnassignRoleInput:
    assignment_id: strawberry.ID = strawberry.field(description="The assignment.")


@strawberry.type(description="The assignment that was made.")
class AssignRolePayload:
    row: strawberry.Private[AssignmentRow]

    assignment: Assignment = embedded("The assignment.", requires=PUBLIC)


@strawberry.type(description="What was taken away.")
class UnassignRolePayload:
    row: strawberry.Private[AssignmentRow]

    deleted_assignment_id: strawberry.ID = own_id(
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
        row = await assignments.assign(
            info.context.subject,
            role_id=row_id(input.role_id, "Role", field="input.roleId"),
            principal=_principal(input.principal_id),
            scope=_scope(input.scope_id),
            expires_at=input.expires_at,
            reason=input.reason,
        )
        return AssignRolePayload(row=row)

    @auth(
        "Take a role away.",
        requires=[Permission.MEMBERS_ASSIGN],
        at="input.assignmentId",
        audits=Action.ROLE_UNASSIGN,
    )
    async def unassign_role(
        self, info: ContextInfo, input: UnassignRoleInput
    ) -> UnassignRolePayload | None:
        assignment_id = row_id(input.assignment_id, "Assignment", field="input.assignmentId")
        return UnassignRolePayload(
            row=await assignments.unassign(info.context.subject, assignment_id)
        )


def _principal(value: str) -> Principal:
    type_name, principal_id = parse_id(value, field="input.principalId")
    if type_name not in PRINCIPALS_BY_NODE:
        raise BadInput("Give the id of a member or a group.", field="input.principalId")
    return Principal(PRINCIPALS_BY_NODE[type_name], principal_id)


def _scope(value: str) -> Scope:
    type_name, scope_id = parse_id(value, field="input.scopeId")
    if type_name not in SCOPES_BY_NODE:
        raise BadInput(
            "Give the id of the organization, a workspace, or a resource.", field="input.scopeId"
        )
    return Scope(SCOPES_BY_NODE[type_name], scope_id)
