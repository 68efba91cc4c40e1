"""What is answered about access."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

import strawberry
from strawberry.dataloader import DataLoader

from identity import answers
from identity.access.decision import DeniedBy, Target
from identity.access.permissions import Permission
from identity.answers import (
    MOST_GRANTORS,
    MOST_SUGGESTIONS,
    Explanation,
    Grantors,
    GrantSource,
    HeldGrant,
    Suggestion,
)
from identity.least_privilege import HeldRole, Smaller
from identity.least_privilege import MemberUse as MemberUseOfRoles
from identity.refusals import NotFound
from identity.subject import Subject
from models.assignment import PrincipalType, ScopeType
from models.group import Group as GroupRow
from models.member import Member as MemberRow
from models.organization import Plan
from models.record import Record
from models.role import Role as RoleRow
from schema.context import ContextInfo
from schema.directives import At, auth, public, public_column
from schema.enums import describe
from schema.ids import SCOPE_NODES, global_id
from schema.members.types import Group, Member
from schema.node import Node
from schema.roles.types import Role, RoleUse

describe(
    GrantSource,
    "How a grant comes to who holds it.",
    {
        GrantSource.DIRECT: "It was given to them.",
        GrantSource.GROUP: "It was given to a group that they are in.",
    },
)
describe(
    DeniedBy,
    "What stands in the way of a permission.",
    {
        DeniedBy.NOT_ACTIVE: "The member is suspended, and holds nothing until active.",
        DeniedBy.MISSING_PERMISSION: "No role of theirs holds it there.",
        DeniedBy.MISSING_SCOPE: "The API key does not carry it; what is behind the key holds it.",
        DeniedBy.OUT_OF_BOUNDS: "The API key is limited to other places.",
        DeniedBy.PLAN: "The plan of the organization does not include it.",
        DeniedBy.WORKSPACE_ARCHIVED: "The workspace is archived, and so can only be read.",
    },
)

NODES: Mapping[PrincipalType, tuple[Callable[..., Node], type[Record]]] = {
    PrincipalType.MEMBER: (Member, MemberRow),
    PrincipalType.GROUP: (Group, GroupRow),
}


@strawberry.type(description="A role that somebody was given at a scope, and what it comes to.")
class AccessGrant:
    row: strawberry.Private[HeldGrant]

    scope_type: ScopeType = public_column("grant.scope_type", "The kind of place.")
    source: GrantSource = public_column("source", "How it comes to them.")
    expires_at: datetime | None = public_column("grant.expires_at", "When it ends by itself.")

    @public("The assignment that it is.")
    def assignment_id(self) -> strawberry.ID:
        return global_id("Assignment", self.row.id)

    @public("The place; null where the viewer may not see it.")
    def scope_id(self) -> strawberry.ID | None:
        if not self.row.names_scope:
            return None
        return global_id(SCOPE_NODES[self.row.grant.scope_type], self.row.grant.scope_id)

    @public("The role; null about others for who may not read roles, and if it is gone since.")
    async def role(self, info: ContextInfo) -> Role | None:
        if not self.row.names_role:
            return None
        row = await info.context.row(RoleRow, self.row.grant.role_id)
        return None if row is None else Role(row=row)

    @public("What the role is or was called; null about others for who may not read roles.")
    def role_name(self) -> str | None:
        return self.row.grant.role_name if self.row.names_role else None

    @public("The version of the role that counts; null where the name is.")
    def role_version(self) -> int | None:
        return self.row.grant.role_version if self.row.names_role else None

    @public(
        "What it gives there, now or at the moment that was asked about: without what the plan, an "
        "archived workspace or a suspension takes away. Null where the name is."
    )
    def permissions(self) -> list[Permission] | None:
        return list(self.row.permissions) if self.row.names_role else None

    @public("What the group that it comes through is or was called.")
    def group_name(self) -> str | None:
        return None if self.row.group_id is None else self.row.grant.principal_name

    @public("The group that it comes through; null if it is gone since.")
    async def group(self, info: ContextInfo) -> Group | None:
        if self.row.group_id is None:
            return None
        row = await info.context.row(GroupRow, self.row.group_id)
        return None if row is None else Group(row=row)


@strawberry.type(description="Who could give a role.")
class AccessGrantors:
    row: strawberry.Private[Grantors]

    total_count: int = public_column(
        "count", "How many they are, of the first thousand who give roles there at all."
    )

    @public(f"The first {MOST_GRANTORS} of them, by name.")
    def members(self) -> list[Member]:
        return [Member(row=row) for row in self.row.members]


@strawberry.type(description="A role that would give what is missing, at the narrowest scope.")
class AccessSuggestion:
    row: strawberry.Private[Suggestion]
    asked_at: strawberry.Private[Target]
    grantors_of: strawberry.Private[DataLoader[int, Grantors]]
    place: strawberry.Private[int]

    scope_type: ScopeType = public_column("scope.type", "The kind of place.")

    @public("Where it would have to be given.")
    def scope_id(self) -> strawberry.ID:
        return global_id(SCOPE_NODES[self.row.scope.type], self.row.scope.id)

    @public("The role.")
    def role(self) -> Role:
        return Role(row=self.row.role)

    @public("Everything that would come with it there, what is missing included.")
    def gains(self) -> list[Permission]:
        return list(self.row.gains)

    @auth(
        "The members who could give it.",
        requires=[Permission.MEMBERS_READ],
        at=At.SELF,
    )
    async def grantors(self) -> AccessGrantors | None:
        return AccessGrantors(row=await self.grantors_of.load(self.place))

    def access_target(self) -> Target:
        """Where the permission was asked about."""
        return self.asked_at


@strawberry.type(description="Whether somebody holds a permission at a place, and why.")
class AccessExplanation:
    row: strawberry.Private[Explanation]

    permission: Permission = public_column(
        "decision.permission", "The permission that is asked about."
    )
    allowed: bool = public_column("decision.allowed", "Whether they hold it there.")
    reason: str = public_column("reason", "What allows it, or what is missing, in one sentence.")
    denied_by: DeniedBy | None = public_column(
        "decision.denied_by", "What stands in the way first."
    )
    required_plan: Plan | None = public_column(
        "required_plan", "The smallest plan that includes it, if the present one does not."
    )

    @public("The member or the group.")
    async def subject(self, info: ContextInfo) -> Node:
        return await _node(info, self.row)

    @public("The grants that hold the permission there, also where something else denies it.")
    def grants(self) -> list[AccessGrant]:
        return [AccessGrant(row=grant) for grant in self.row.grants]

    @public("Everything that stands in the way; with more than one, a role alone allows nothing.")
    def obstacles(self) -> list[DeniedBy]:
        return list(self.row.decision.obstacles)

    @public("What would allow it, a sentence for each obstacle; all of it is needed.")
    def advice(self) -> list[str]:
        return self.row.advice

    @auth(
        f"At most {MOST_SUGGESTIONS} roles that would give what is missing, those that add "
        "least first; none where no role is missing.",
        requires=[Permission.ROLES_READ],
        at=At.ANYWHERE,
    )
    async def suggestions(self, info: ContextInfo) -> list[AccessSuggestion] | None:
        subject = info.context.subject
        found = await answers.suggestions(subject, self.row)
        loader = DataLoader(partial(_grantors, subject, self.row, found))
        target = self.row.decision.target
        return [
            AccessSuggestion(row=each, asked_at=target, grantors_of=loader, place=place)
            for place, each in enumerate(found)
        ]


@strawberry.type(description="Somebody who holds a permission at a place.")
class AccessHolder:
    row: strawberry.Private[Explanation]

    name: str = public_column("holder.name", "What people call them.")
    reason: str = public_column("reason", "What allows it, in one sentence.")

    @public("The member.")
    async def subject(self, info: ContextInfo) -> Node:
        return await _node(info, self.row)

    @public("The grants that hold the permission there.")
    def grants(self) -> list[AccessGrant]:
        return [AccessGrant(row=grant) for grant in self.row.grants]


@strawberry.type(description="What would do instead of a role, of which not all is used.")
class SmallerRole:
    row: strawberry.Private[Smaller]

    @public("What is needed of it. Nothing: the role could be taken away.")
    def permissions(self) -> list[Permission]:
        return list(self.row.permissions)

    @public("The smallest role there is that has all of that, and nothing that the role has not.")
    def role(self) -> Role | None:
        return None if self.row.role is None else Role(row=self.row.role)


@strawberry.type(description="A role that a member holds, and how much of it they use.")
class HeldRoleUse:
    row: strawberry.Private[HeldRole]

    @public("The role.")
    def role(self) -> Role:
        return Role(row=self.row.role)

    @public("What the member used of it, wherever they used it.")
    def use(self) -> RoleUse:
        return RoleUse(row=self.row.use)

    @public("What would do; null if all is used, or it was not observed for all of the days.")
    def smaller(self) -> SmallerRole | None:
        return None if self.row.smaller is None else SmallerRole(row=self.row.smaller)


@strawberry.type(description="An active member, and how much they use of the roles they hold.")
class MemberUse:
    row: strawberry.Private[MemberUseOfRoles]

    @public("The member.")
    def member(self) -> Member:
        return Member(row=self.row.member)

    @public("Each role that they hold, directly or through groups, by name.")
    def roles(self) -> list[HeldRoleUse]:
        return [HeldRoleUse(row=each) for each in self.row.roles]


async def _node(info: ContextInfo, explanation: Explanation) -> Node:
    node, model = NODES[explanation.holder.type]
    row = await info.context.row(model, explanation.holder.id)
    if row is None:
        raise NotFound(explanation.holder.type.value)
    return node(row=row)


async def _grantors(
    subject: Subject, explanation: Explanation, suggested: Sequence[Suggestion], places: list[int]
) -> list[Grantors]:
    """Of all suggestions at once, in the order of their places."""
    return await answers.grantors(subject, explanation, [suggested[place] for place in places])
