"""A small organization for the tests, made through the product's own use cases."""

from dataclasses import dataclass
from uuid import UUID

from identity import assignments, groups, organizations, roles, workspaces
from identity.access.load import read_access
from identity.access.permissions import Permission
from identity.assignments import Principal, Scope
from identity.credentials import sessions
from identity.credentials.limits import SessionLimits
from identity.groups import DirectoryGroup
from identity.subject import Origin, Subject, operator
from models import (
    ActorType,
    Assignment,
    AuditEvent,
    BuiltinRole,
    Campaign,
    Group,
    MailingList,
    Member,
    Organization,
    Plan,
    PrincipalType,
    Role,
    ScopeType,
    SendingServer,
    ViaType,
    Workspace,
)
from models.ids import new_id


@dataclass(frozen=True, slots=True)
class World:
    """`a` and `b` are the organization's two workspaces, `owner` its first member."""

    organization: Organization
    a: Workspace
    b: Workspace
    owner: Member

    @property
    def operator(self) -> Subject:
        return operator(self.organization.id, self.organization.plan)

    @property
    def everywhere(self) -> Scope:
        return Scope(ScopeType.ORGANIZATION, self.organization.id)

    async def member(self, name: str) -> Member:
        """A new member without any role."""
        return await organizations.add_member(
            self.organization.id,
            email=f"{name.lower()}@{self.organization.slug}.example",
            name=name,
        )

    async def role(self, builtin: BuiltinRole) -> Role:
        return await Role.get(organization=self.organization, builtin=builtin)

    async def custom_role(self, name: str, *permissions: Permission) -> Role:
        return await roles.create(self.operator, name=name, permissions=permissions)

    async def give(self, member: Member, role: Role | BuiltinRole, scope: Scope) -> Assignment:
        row = role if isinstance(role, Role) else await self.role(role)
        return await assignments.assign(
            self.operator,
            role_id=row.id,
            principal=Principal(PrincipalType.MEMBER, member.id),
            scope=scope,
        )

    async def directory_group(self, name: str, role: Role, scope: Scope) -> Group:
        """A new group of a directory, mapped to a role."""
        group = await groups.create(
            self.operator, DirectoryGroup(name=name, external_id=None, scim={})
        )
        await assignments.assign(
            self.operator,
            role_id=role.id,
            principal=Principal(PrincipalType.GROUP, group.id),
            scope=scope,
        )
        return group

    async def someone(self, name: str, role: Role | BuiltinRole, scope: Scope) -> Subject:
        """A new member with one role, as a subject."""
        member = await self.member(name)
        await self.give(member, role, scope)
        return await self.subject(member)

    async def subject(self, member: Member) -> Subject:
        """The member as a caller, with the access that holds now."""
        organization = await Organization.get(id=self.organization.id)
        return Subject(
            actor_type=ActorType.MEMBER,
            actor_id=member.id,
            actor_name=member.name,
            via=ViaType.SESSION,
            via_id=new_id(),
            organization_id=organization.id,
            plan=organization.plan,
            revision=organization.access_revision,
            access=await read_access(organization.id, member.id, organization.plan),
            origin=Origin(request_id="test", ip="192.0.2.1"),
        )

    async def session(self, member: Member) -> str:
        """The token of a new session of the member."""
        _, token = await sessions.start(
            member, connection_id=None, limits=SessionLimits(), origin=Origin()
        )
        return token

    async def campaign(self, workspace: Workspace, name: str = "Spring") -> Campaign:
        """A complete draft, with a list and a server of the same workspace."""
        mailing_list = await MailingList.create(
            workspace=workspace, name=f"{name} list", subscriber_count=120
        )
        server = SendingServer(workspace=workspace, name=f"{name} server", host="smtp.acme.example")
        server.set_password("hunter2-hunter2")
        await server.save()
        return await Campaign.create(
            workspace=workspace,
            owner=self.owner,
            mailing_list=mailing_list,
            sending_server=server,
            name=name,
            subject="Hello",
            body="Hello, spring.",
        )

    async def events(self) -> list[AuditEvent]:
        """The audit log of the organization, oldest first."""
        return await AuditEvent.filter(organization_id=self.organization.id).order_by("id")


def at_workspace(workspace: Workspace) -> Scope:
    return Scope(ScopeType.WORKSPACE, workspace.id)


def at_campaign(campaign: Campaign) -> Scope:
    return Scope(ScopeType.CAMPAIGN, campaign.id)


async def new_world(slug: str, *, plan: Plan = Plan.ENTERPRISE) -> World:
    opened = await organizations.create(
        slug=slug, name=slug.capitalize(), plan=plan, owner_email=f"olga@{slug}.example"
    )
    system = operator(opened.organization.id, plan)
    second = await workspaces.create(system, slug="second", name="Second")
    return World(opened.organization, opened.workspace, second, opened.owner)


UNKNOWN_ID = UUID("00000000-0000-7000-8000-000000000000")
