"""Opening an organization, for the operator, since nobody is in it yet; and its plan."""

from dataclasses import dataclass
from uuid import UUID

from identity import assignment_events, text
from identity.access.builtin_roles import DESCRIPTIONS
from identity.access.decision import Target
from identity.access.load import read_access
from identity.access.lookup import Lookup, Place, Seen
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import record, record_all, target
from identity.refusals import Conflict, Forbidden, NotFound
from identity.subject import Origin, Subject, operator
from identity.writing import Write, taken, writing
from models.assignment import Assignment, PrincipalType, ScopeType
from models.audit_event import ActorType, ViaType
from models.database import transaction
from models.member import Member, MemberStatus, SuspendedBy
from models.organization import Organization, Plan
from models.role import BuiltinRole, Role
from models.user import User
from models.workspace import Workspace

ORGANIZATION = Lookup(
    Organization, "organization", Place.ORGANIZATION, Seen(lambda access, target: True)
)
"""Whoever is in an organization may know that it is there; it finds no other."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A new organization with its first workspace and its first owner."""

    organization: Organization
    workspace: Workspace
    owner: Member


async def create(
    *,
    slug: str,
    name: str,
    plan: Plan,
    owner_email: str,
    owner_name: str | None = None,
    origin: Origin | None = None,
) -> Opened:
    """Open an organization with the built-in roles, one workspace and one active owner, who is
    called by the address unless a name is given.

    Raises `BadInput`, and `Conflict` when the slug is taken. Nothing is left behind then.
    """
    slug, name = text.slug(slug, field="slug"), text.label(name, field="name")
    address = text.email(owner_email, field="owner")
    called = address if owner_name is None else text.label(owner_name, field="owner_name")
    async with transaction():
        with taken(Conflict(f"There is an organization {slug!r} already. Choose another slug.")):
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
        owner = await add_member(organization.id, email=address, name=called)
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


async def add_member(organization_id: UUID, *, email: str, name: str) -> Member:
    """A new account and its active membership. The caller holds the transaction and records it."""
    user = await User.create(email=email, name=name)
    return await Member.create(
        organization_id=organization_id,
        user=user,
        user_name=email,
        user_name_key=text.key(email),
        email=email,
        email_key=text.key(email),
        name=name,
    )


async def recover_owner(subject: Subject, *, email: str) -> Member:
    """Make the member of that address an active owner for good, whoever suspended them.

    The operator's last resort when no owner gets in. Raises `Forbidden` for anybody else,
    `NotFound`, and `Conflict` when several members have the address.
    """
    async with writing(subject, Action.OWNER_RECOVER, changes_access=True) as write:
        write.require_operator("Only the operator recovers an owner.")
        member = await member_with_address(write.organization_id, email)
        before = member.status
        member.lift(*SuspendedBy)
        member.touch()
        await member.save()
        await _own(write, member)
        await write.record(
            target(member),
            changes({"status": before}, {"status": member.status, "role": BuiltinRole.OWNER}),
        )
    return member


async def change_plan(subject: Subject, plan: Plan) -> Organization:
    """Put the organization on a plan. Nothing is deleted: what a smaller plan does not include is
    refused, and is there again with a larger one. The plan that it has already changes nothing.

    Raises `Forbidden`.
    """
    async with writing(subject, Action.ORGANIZATION_PLAN, changes_access=True) as write:
        organization = await ORGANIZATION.find(write.access, write.organization_id)
        write.about(target(organization))
        write.access.require(Permission.ORGANIZATION_PLAN, Target())
        before = organization.plan
        if before is plan:
            write.changes_access = False
            return organization
        organization.plan = plan
        organization.touch()
        await organization.save(update_fields=["plan", "version", "updated_at"])
        await write.record(target(organization), changes({"plan": before}, {"plan": plan}))
    return organization


async def member_with_address(organization_id: UUID, email: str) -> Member:
    """The member of an address. Raises `NotFound`, and `Conflict` when several have it."""
    found = await Member.filter(organization_id=organization_id, email_key=text.key(email.strip()))
    if not found:
        raise NotFound("member")
    if len(found) > 1:
        raise Conflict(f"{len(found)} members have the address {email.strip()}.")
    return found[0]


async def _own(write: Write, member: Member) -> None:
    """Assign Owner at the organization without an end, or take the end away."""
    organization_id = write.organization_id
    role = await Role.get(organization_id=organization_id, builtin=BuiltinRole.OWNER)
    assignment = await Assignment.get_or_none(
        role=role, principal_id=member.id, scope_id=organization_id
    ).select_related("role")
    if assignment is not None and assignment.expires_at is None:
        return
    holders, reason = {member.id: target(member)}, "The operator recovered the owner."
    events = []
    if assignment is None:
        assignment = Assignment(
            organization_id=organization_id,
            role=role,
            principal_type=PrincipalType.MEMBER,
            principal_id=member.id,
            scope_type=ScopeType.ORGANIZATION,
            scope_id=organization_id,
        )
    else:
        events += assignment_events.taken(write.subject, [assignment], holders, reason=reason)
    assignment.expires_at = None
    await assignment.save()
    events += assignment_events.given(write.subject, [assignment], holders, reason=reason)
    await record_all(events)


async def operator_of(slug: str, *, origin: Origin | None = None) -> Subject:
    """The operator, acting in the organization of that slug. Raises `NotFound`."""
    organization = await Organization.get_or_none(slug=slug)
    if organization is None:
        raise NotFound("organization")
    return operator(organization.id, organization.plan, origin=origin)


async def as_member(slug: str, email: str, *, origin: Origin) -> Subject:
    """An active member as a caller, for the operator to see what the member would see.

    For reading only: nobody has signed in. Raises `NotFound`, `Conflict` when several members have
    the address, and `Forbidden` for a member who is not active.
    """
    organization = await Organization.get_or_none(slug=slug)
    if organization is None:
        raise NotFound("organization")
    member = await member_with_address(organization.id, email)
    if member.status is not MemberStatus.ACTIVE:
        raise Forbidden(f"{email.strip()} is not active.", reason="NOT_ACTIVE", missing=[])
    return Subject(
        actor_type=ActorType.MEMBER,
        actor_id=member.id,
        actor_name=member.name,
        via=ViaType.CLI,
        via_id=None,
        organization_id=organization.id,
        plan=organization.plan,
        revision=organization.access_revision,
        access=await read_access(organization.id, member.id, organization.plan),
        origin=origin,
    )
