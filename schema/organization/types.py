"""The organization of the viewer."""

from typing import ClassVar

import strawberry

from identity import groups, members, roles, workspaces
from identity.access.permissions import Permission
from identity.audit import read as audit_log
from models.organization import Organization as OrganizationRow
from models.organization import Plan
from schema.audit.types import AuditEvent
from schema.connection import Connection, connection_field
from schema.context import ContextInfo
from schema.directives import At, auth, column, public, public_column
from schema.groups.types import Group
from schema.members.types import Member
from schema.node import Node
from schema.roles.types import Role
from schema.workspaces.types import Workspace


@strawberry.type(description="The customer: people, roles and workspaces belong to it.")
class Organization(Node):
    row: strawberry.Private[OrganizationRow]
    own_groups: ClassVar[frozenset[str]] = frozenset(
        {"organization", "identity", "members", "roles", "audit", "workspace"}
    )

    name: str = public_column("name", "What it is called.")
    slug: str = public_column("slug", "Its name in addresses.")
    plan: Plan | None = column(
        "plan",
        "What it has bought.",
        requires=[Permission.ORGANIZATION_READ],
        at=At.ORGANIZATION,
    )

    @public("The workspaces in which the viewer holds anything, by name.")
    async def workspaces(self, info: ContextInfo) -> list[Workspace]:
        return [Workspace(row=row) for row in await workspaces.visible(info.context.access)]

    members: Connection[Member] | None = connection_field(
        "The people in it, newest first.",
        requires=[Permission.MEMBERS_READ],
        at=At.ORGANIZATION,
        wrap=Member,
        rows=lambda access, row, window: members.visible(access, window),
        count=lambda access, row: members.count(access),
    )
    audit_events: Connection[AuditEvent] | None = connection_field(
        "What was done, newest first.",
        requires=[Permission.AUDIT_READ],
        at=At.ORGANIZATION,
        wrap=AuditEvent,
        rows=lambda access, row, window: audit_log.visible(access, window),
        count=lambda access, row: audit_log.count(access),
    )

    @auth("The groups, by name.", requires=[Permission.MEMBERS_READ], at=At.ORGANIZATION)
    async def groups(self, info: ContextInfo) -> list[Group] | None:
        return [Group(row=row) for row in await groups.visible(info.context.access)]

    @auth("Every role, the built-in ones first.", requires=[Permission.ROLES_READ], at=At.ANYWHERE)
    async def roles(self, info: ContextInfo) -> list[Role] | None:
        return [Role(row=row) for row in await roles.visible(info.context.access)]
