"""The organization of the viewer."""

from typing import ClassVar

import strawberry

from identity import groups, members, roles, workspaces
from identity.access.permissions import Permission
from identity.audit import read as audit_log
from models.organization import Organization as OrganizationRow
from models.organization import Plan
from schema.audit.types import AuditEvent
from schema.connection import Connection
from schema.directives import PUBLIC, At, column, public_column
from schema.fields import all_of, page_of
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

    workspaces: list[Workspace] = all_of(
        lambda access, organization_id: workspaces.listing(access),
        "The workspaces in which the viewer holds anything, by name.",
        requires=PUBLIC,
    )
    members: Connection[Member] | None = page_of(
        lambda access, organization_id: members.listing(access),
        "The people in it, newest first.",
        requires=[Permission.MEMBERS_READ],
        at=At.ORGANIZATION,
    )
    audit_events: Connection[AuditEvent] | None = page_of(
        lambda access, organization_id: audit_log.listing(access),
        "What was done, newest first.",
        requires=[Permission.AUDIT_READ],
        at=At.ORGANIZATION,
    )
    groups: list[Group] | None = all_of(
        lambda access, organization_id: groups.listing(access),
        "The groups, by name.",
        requires=[Permission.MEMBERS_READ],
        at=At.ORGANIZATION,
    )
    roles: list[Role] | None = all_of(
        lambda access, organization_id: roles.listing(access),
        "Every role, the built-in ones first.",
        requires=[Permission.ROLES_READ],
        at=At.ANYWHERE,
    )
