"""Members, the groups they are in, and what both are assigned.

Members and groups name each other, so that both stand here.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Optional
from uuid import UUID

import strawberry
from strawberry.types.base import StrawberryObjectDefinition

from identity import assignment_listing, groups
from identity.access import targets
from identity.access.compiled import Access
from identity.access.kinds import KINDS
from identity.access.lookup import Place
from identity.access.permissions import Permission
from identity.api_keys.reading import API_KEY
from identity.assignment_listing import AssignmentsAt
from identity.assignments import Scope
from identity.holders import PRINCIPALS
from models.api_key import ApiKey as ApiKeyRow
from models.assignment import Assignment as AssignmentRow
from models.assignment import PrincipalType, ScopeType
from models.group import Group as GroupRow
from models.group import GroupSource
from models.member import Member as MemberRow
from models.member import MemberStatus
from models.organization import Organization as OrganizationRow
from models.record import Record
from models.workspace import Workspace as WorkspaceRow
from schema.connection import Connection
from schema.context import ContextInfo
from schema.directives import PUBLIC, At, column, public, public_column
from schema.fields import all_of, computed, filtered_page_of, page_of, to_many, to_one
from schema.filters import filter_by
from schema.ids import PRINCIPAL_NODES, SCOPE_NODES, global_id, optional_row_id, parse_id
from schema.node import Node
from schema.roles.types import Role

READ = (Permission.MEMBERS_READ,)
SCOPES: Mapping[ScopeType, type[Record]] = {
    ScopeType.ORGANIZATION: OrganizationRow,
    ScopeType.WORKSPACE: WorkspaceRow,
    **{scope_type: kind.model for scope_type, kind in KINDS.items()},
}
"""The table of each kind of place."""


@strawberry.type(description="That a member, a group or a service key has a role at a scope.")
class Assignment(Node):
    row: strawberry.Private[AssignmentRow]
    place = Place.SCOPE
    own_groups: ClassVar[frozenset[str]] = frozenset({"members"})

    scope_type: ScopeType = public_column("scope_type", "The kind of place.")
    principal_type: PrincipalType = public_column("principal_type", "What has it.")
    given_at: datetime = public_column("created_at", "When it was given.")
    expires_at: datetime | None = public_column("expires_at", "When it ends by itself.")
    reason: str | None = public_column("reason", "Why it was given, in the giver's words.")

    scope_id: strawberry.ID = computed(
        lambda access, row: global_id(SCOPE_NODES[row.scope_type], row.scope_id),
        "The place: the id of the organization, a workspace, or a resource.",
        reads=("scope_type", "scope_id"),
        requires=PUBLIC,
    )
    principal_id: strawberry.ID = computed(
        lambda access, row: global_id(PRINCIPAL_NODES[row.principal_type], row.principal_id),
        "The id of who has it.",
        reads=("principal_type", "principal_id"),
        requires=PUBLIC,
    )
    role_id: strawberry.ID = computed(
        lambda access, row: global_id("Role", row.role_id),
        "The id of the role.",
        reads=("role_id",),
        requires=PUBLIC,
    )
    role: Role = to_one("role", "The role.", requires=PUBLIC)
    given_by: Optional["Member"] = to_one(
        "assigned_by",
        "The member who gave it; null for the operator, a directory or a service key, and where "
        "the member is gone.",
        requires=PUBLIC,
    )

    @public("Who has it; null for a service key that the viewer may not see.")
    async def principal(self, info: ContextInfo) -> Node | None:
        kind = self.row.principal_type
        row = await info.context.row(PRINCIPALS[kind], self.row.principal_id)
        if isinstance(row, ApiKeyRow):
            at = API_KEY.place.target_of(row)
            row = row if API_KEY.seen(info.context.access, at) else None
        return _node(info, PRINCIPAL_NODES[kind], row)

    @public("The place; null where the viewer may not see it.")
    async def scope(self, info: ContextInfo) -> Node | None:
        scope_type = self.row.scope_type
        if not targets.sees_scope(info.context.access, scope_type, self.access_target()):
            return None
        row = await info.context.row(SCOPES[scope_type], self.row.scope_id)
        return _node(info, SCOPE_NODES[scope_type], row)


def _node(info: ContextInfo, type_name: str, row: Record | None) -> Node | None:
    """The object of a type that stands on the row; the type may refer to this one."""
    definition = info.schema.get_type_by_name(type_name)
    if row is None or not isinstance(definition, StrawberryObjectDefinition):
        return None
    node: Node = definition.origin(row=row)
    return node


@strawberry.input(description="Which assignments: all of what is given holds of each.")
class AssignmentFilter:
    principal_type: PrincipalType | None = filter_by(
        Assignment, "principal_type", "What has the role."
    )
    principal_id: strawberry.ID | None = filter_by(Assignment, "principal_id", "Who has the role.")
    role_id: strawberry.ID | None = filter_by(Assignment, "role_id", "The role.")

    def asked(self) -> assignment_listing.AssignmentFilter:
        """Raises `BadInput` with the path to what is wrong."""
        principal_id = None
        if self.principal_id is not None:
            _, principal_id = parse_id(
                self.principal_id,
                field="filter.principalId",
                types=frozenset(PRINCIPAL_NODES.values()),
            )
        return assignment_listing.AssignmentFilter(
            principal_type=self.principal_type,
            principal_id=principal_id,
            role_id=optional_row_id(self.role_id, "Role", field="filter.roleId"),
        )


def assignments_at(scope_type: ScopeType, *, at: str = At.SELF) -> Any:
    """The assignments at the place that the field is on, and at no other."""

    def listing(access: Access, row_id: UUID, narrowed: AssignmentFilter | None) -> AssignmentsAt:
        asked = assignment_listing.ALL if narrowed is None else narrowed.asked()
        return AssignmentsAt(access.organization_id, Scope(scope_type, row_id), asked)

    return filtered_page_of(
        listing,
        AssignmentFilter,
        "Who was given which role at this very place, the newest first: without what has ended, "
        "and without what reaches it from above.",
        requires=READ,
        at=at,
    )


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
    version: int | None = column(
        "version",
        "Grows with each change; give it back as `expectedVersion`.",
        requires=READ,
        at=At.ORGANIZATION,
    )

    assignments: list[Assignment] | None = to_many(
        AssignmentRow,
        "principal_id",
        "The roles they were given directly.",
        requires=READ,
        at=At.ORGANIZATION,
    )
    groups: list["Group"] | None = all_of(
        lambda access, member_id: groups.of_member(access, member_id),
        "The groups they are in, by name.",
        requires=READ,
        at=At.ORGANIZATION,
    )


@strawberry.type(description="A set of members. A role given to a group holds for all of them.")
class Group(Node):
    row: strawberry.Private[GroupRow]
    own_groups: ClassVar[frozenset[str]] = frozenset({"members"})

    name: str = public_column("name", "What it is called.")
    source: GroupSource | None = column(
        "source", "Who keeps its members.", requires=READ, at=At.ORGANIZATION
    )
    version: int | None = column(
        "version",
        "Grows with each change; give it back as `expectedVersion`.",
        requires=READ,
        at=At.ORGANIZATION,
    )

    assignments: list[Assignment] | None = to_many(
        AssignmentRow,
        "principal_id",
        "The roles it was given.",
        requires=READ,
        at=At.ORGANIZATION,
    )
    members: Connection[Member] | None = page_of(
        lambda access, group_id: groups.members_of(access, group_id),
        "Who is in it, newest members of the organization first.",
        requires=READ,
        at=At.ORGANIZATION,
    )
