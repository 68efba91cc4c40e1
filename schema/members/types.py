"""Members and what they are assigned."""

from datetime import datetime
from typing import ClassVar

import strawberry

from identity.access.permissions import Permission
from models.assignment import Assignment as AssignmentRow
from models.assignment import ScopeType
from models.member import Member as MemberRow
from models.member import MemberStatus
from schema.context import ContextInfo
from schema.directives import At, auth, column, public, public_column
from schema.ids import global_id
from schema.node import Node
from schema.roles.types import Role

READ = (Permission.MEMBERS_READ,)

SCOPE_NODES = {
    ScopeType.ORGANIZATION: "Organization",
    ScopeType.WORKSPACE: "Workspace",
    ScopeType.CAMPAIGN: "Campaign",
    ScopeType.MAILING_LIST: "MailingList",
    ScopeType.SENDING_SERVER: "SendingServer",
}
"""The GraphQL type whose global ids name a scope."""


@strawberry.type(description="That a member or a group has a role at a scope.")
class Assignment(Node):
    row: strawberry.Private[AssignmentRow]
    own_groups: ClassVar[frozenset[str]] = frozenset({"members"})

    scope_type: ScopeType = public_column("scope_type", "The kind of place.")
    expires_at: datetime | None = public_column("expires_at", "When it ends by itself.")
    reason: str | None = public_column("reason", "Why it was given, in the giver's words.")

    @public("The place: the id of the organization, a workspace, or a resource.")
    def scope_id(self) -> strawberry.ID:
        return global_id(SCOPE_NODES[self.row.scope_type], self.row.scope_id)

    @public("The role.")
    def role(self) -> Role:
        return Role(row=self.row.role)


@strawberry.type(description="A person in the organization.")
class Member(Node):
    row: strawberry.Private[MemberRow]
    own_groups: ClassVar[frozenset[str]] = frozenset({"members"})

    name: str = public_column("name", "What people call them.")
    email: str | None = column("email", "Their address.", requires=READ, at=At.ORGANIZATION)
    user_name: str | None = column(
        "user_name", "Their name at the directory.", requires=READ, at=At.ORGANIZATION
    )
    status: MemberStatus | None = column(
        "status", "Whether they can sign in.", requires=READ, at=At.ORGANIZATION
    )
    created_at: datetime | None = column(
        "created_at", "When they joined.", requires=READ, at=At.ORGANIZATION
    )

    @auth("The roles they were given directly.", requires=READ, at=At.ORGANIZATION)
    async def assignments(self, info: ContextInfo) -> list[Assignment] | None:
        rows = await info.context.assignments.load(self.row.id)
        return [Assignment(row=row) for row in rows]
