"""Opening an organization: for the operator, since nobody is in it yet."""

from dataclasses import dataclass

from identity import text
from identity.access.builtin_roles import DESCRIPTIONS
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import record, target
from identity.refusals import Conflict, NotFound
from identity.subject import Origin, Subject, operator
from models.assignment import Assignment, PrincipalType, ScopeType
from models.database import transaction
from models.member import Member
from models.organization import Organization, Plan
from models.role import BuiltinRole, Role
from models.user import User
from models.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Opened:
    """A new organization with its first workspace and its first owner."""

    organization: Organization
    workspace: Workspace
    owner: Member


async def create(
    *, slug: str, name: str, plan: Plan, owner_email: str, origin: Origin | None = None
) -> Opened:
    """Open an organization with the built-in roles, one workspace and one active owner.

    Raises `BadInput`, and `Conflict` when the slug is taken. Nothing is left behind then.
    """
    slug, name = text.slug(slug, field="slug"), text.label(name, field="name")
    address = text.email(owner_email, field="owner")
    async with transaction():
        if await Organization.exists(slug=slug):
            raise Conflict(f"There is an organization {slug!r} already. Choose another slug.")
        organization = await Organization.create(slug=slug, name=name, plan=plan)
        roles = {
            builtin: await Role.create(
                organization=organization,
                name=builtin.value.capitalize(),
                name_key=text.key(builtin.value),
                description=DESCRIPTIONS[builtin],
                builtin=builtin,
            )
            for builtin in BuiltinRole
        }
        workspace = await Workspace.create(organization=organization, slug="main", name=name)
        owner = await add_member(organization, email=address, name=address)
        await Assignment.create(
            organization=organization,
            role=roles[BuiltinRole.OWNER],
            principal_type=PrincipalType.MEMBER,
            principal_id=owner.id,
            scope_type=ScopeType.ORGANIZATION,
            scope_id=organization.id,
        )
        subject = operator(organization.id, plan, origin=origin)
        await record(
            Action.ORGANIZATION_CREATE,
            subject=subject,
            target=target(organization),
            diff=changes({}, {"slug": slug, "plan": plan, "owner": address}),
        )
    return Opened(organization, workspace, owner)


async def add_member(organization: Organization, *, email: str, name: str) -> Member:
    """A new account and its active membership. The caller holds the transaction and records it."""
    user = await User.create(email=email, name=name)
    return await Member.create(
        organization=organization,
        user=user,
        user_name=email,
        user_name_key=text.key(email),
        email=email,
        email_key=text.key(email),
        name=name,
    )


async def operator_of(slug: str, *, origin: Origin | None = None) -> Subject:
    """The operator, acting in the organization of that slug. Raises `NotFound`."""
    organization = await Organization.get_or_none(slug=slug)
    if organization is None:
        raise NotFound("organization")
    return operator(organization.id, organization.plan, origin=origin)
