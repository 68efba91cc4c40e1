"""The example organization, made once, by the product's own use cases.

Only what has no use case yet is written as rows: how many subscribe, and what became of campaigns
that went out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from gateway.demo.people import ADA, ADAM, BOB, DOMAIN, GUS, OLGA, PEOPLE, VERA, DemoPerson
from identity import (
    assignments,
    campaigns,
    groups,
    mailing_lists,
    members,
    organizations,
    roles,
    sending_servers,
    workspaces,
)
from identity.access.permissions import Permission
from identity.assignments import Principal, Scope
from identity.campaigns import Content
from identity.credentials import scim_tokens, sessions
from identity.credentials.limits import SessionLimits
from identity.groups import DirectoryGroup
from identity.members import Person
from identity.sso import domains
from identity.subject import Origin, Subject, operator
from identity.writing import one_transaction
from models.assignment import PrincipalType, ScopeType
from models.campaign import Campaign, CampaignStatus
from models.clock import now
from models.group import Group
from models.mailing_list import MailingList
from models.member import Member
from models.organization import Organization, Plan
from models.role import BuiltinRole, Role
from models.sending_server import SendingServer
from models.workspace import Workspace

SLUG = "acme"
FIRST_WORKSPACE = "main"
SUBSCRIBERS = 12480
ORIGIN = Origin(operation="gatepost demo")


@dataclass(frozen=True, slots=True)
class Example:
    """A campaign: its name and subject, how far it is, and what became of it so far."""

    name: str
    subject: str
    status: CampaignStatus = CampaignStatus.DRAFT
    results: Sequence[int] = ()
    """Recipients, delivered, opened, clicked, bounced, complained."""


SENT, SENDING, PAUSED = CampaignStatus.SENT, CampaignStatus.SENDING, CampaignStatus.PAUSED
SCHEDULED = CampaignStatus.SCHEDULED

ACME_MAIL = (
    Example("Spring sale", "A fifth off this week", SENT, (12480, 12391, 5102, 871, 89, 4)),
    Example("Product news", "What is new in May", SENDING, (9400, 4120, 612, 58, 31, 1)),
    Example("Loyalty programme", "Your points", PAUSED, (8000, 1290, 344, 20, 212, 9)),
    Example("Summer preview", "A first look at summer", SCHEDULED),
    Example("Autumn newsletter", "Three things for autumn"),
    Example("Win-back", "We have missed you"),
)
ACME_LABS = (
    Example("Beta invitation", "You are in", SENT, (310, 309, 240, 122, 1, 0)),
    Example("Lab notes", "Notes from the lab"),
)
GUEST_OF = "Loyalty programme"


async def seed() -> str | None:
    """Make the example organization; the SCIM token of its directory, which is shown this once.

    `None`, and nothing is done, when it is there already. All or nothing.
    """
    if await Organization.exists(slug=SLUG):
        return None
    async with one_transaction():
        new = await organizations.create(
            slug=SLUG,
            name="Acme Mail",
            plan=Plan.ENTERPRISE,
            owner_email=OLGA.email,
            owner_name=OLGA.name,
            origin=ORIGIN,
        )
        system = operator(new.organization.id, new.organization.plan, origin=ORIGIN)
        labs = await workspaces.create(system, slug="labs", name="Acme Labs")
        await domains.verify_by_operator(system, DOMAIN)
        people = {who.key: await _provisioned(system, who) for who in PEOPLE if who is not OLGA}
        await _assign_roles(system, new.organization, new.workspace, people)
        author = await _acting(people[ADAM.key])
        await _fill(author, new.workspace, "Main SMTP", ACME_MAIL)
        await _fill(author, labs, "Labs SMTP", ACME_LABS)
        await sessions.sign_out(author)
        await _invite_guest(system, people[GUS.key])
        _, token = await scim_tokens.create(system, name="Demo directory")
    return token


async def _provisioned(system: Subject, who: DemoPerson) -> Member:
    return await members.provision(
        system,
        Person(
            user_name=who.email,
            email=who.email,
            name=who.name,
            active=True,
            external_id=None,
            scim={},
            scim_keys={},
        ),
    )


async def _assign_roles(
    system: Subject,
    organization: Organization,
    workspace: Workspace,
    people: Mapping[str, Member],
) -> None:
    everywhere = Scope(ScopeType.ORGANIZATION, organization.id)
    here = Scope(ScopeType.WORKSPACE, workspace.id)
    crew = await groups.create(
        system,
        DirectoryGroup(name="Campaign crew", external_id=None, scim={}),
        member_ids=[people[BOB.key].id],
    )
    await _assign(system, BuiltinRole.ADMIN, people[ADAM.key], everywhere)
    await _assign(system, BuiltinRole.AUDITOR, people[ADA.key], everywhere)
    await _assign(system, BuiltinRole.OPERATOR, crew, here)
    await _assign(system, BuiltinRole.VIEWER, people[VERA.key], here)


async def _assign(
    system: Subject, builtin: BuiltinRole, holder: Member | Group, scope: Scope
) -> None:
    role = await Role.get(organization_id=system.organization_id, builtin=builtin)
    kind = PrincipalType.MEMBER if isinstance(holder, Member) else PrincipalType.GROUP
    await assignments.assign(
        system, role_id=role.id, principal=Principal(kind, holder.id), scope=scope
    )


async def _invite_guest(system: Subject, guest: Member) -> None:
    """One campaign and nothing else: the narrowest scope there is."""
    role = await roles.create(
        system,
        name="Campaign guest",
        description="Drafts, and sees the results. Meant for a single campaign.",
        permissions=(Permission.CAMPAIGNS_DRAFT, Permission.CAMPAIGNS_RESULTS),
    )
    campaign = await Campaign.get(workspace__organization_id=system.organization_id, name=GUEST_OF)
    await assignments.assign(
        system,
        role_id=role.id,
        principal=Principal(PrincipalType.MEMBER, guest.id),
        scope=Scope(ScopeType.CAMPAIGN, campaign.id),
        reason="Helps out with this campaign.",
    )


async def _acting(member: Member) -> Subject:
    """The member as a caller, signed in."""
    limits = SessionLimits()
    _, token = await sessions.start(member, connection_id=None, limits=limits, origin=ORIGIN)
    return await sessions.authenticate(token, limits=limits, origin=ORIGIN)


async def _fill(
    author: Subject, workspace: Workspace, server_name: str, examples: Sequence[Example]
) -> None:
    """A list, a server with credentials, and the campaigns of a workspace."""
    readers = await mailing_lists.create(author, workspace.id, name=f"{workspace.name} readers")
    readers.subscriber_count = SUBSCRIBERS
    await readers.save()
    server = await sending_servers.create(
        author,
        workspace.id,
        sending_servers.Settings(name=server_name, host=f"smtp.{workspace.slug}.{DOMAIN}"),
    )
    await sending_servers.set_credentials(
        author,
        server.id,
        username="acme",
        password=f"only-a-demo-{workspace.slug}",
        expected_version=server.version,
    )
    for example in examples:
        await _campaign(author, workspace, example, readers, server)


async def _campaign(
    author: Subject,
    workspace: Workspace,
    example: Example,
    readers: MailingList,
    server: SendingServer,
) -> None:
    campaign = await campaigns.draft(
        author,
        workspace.id,
        Content(
            name=example.name,
            subject=example.subject,
            body=f"Hello,\n\n{example.subject}.\n\nYours, {workspace.name}",
            mailing_list_id=readers.id,
            sending_server_id=server.id,
        ),
    )
    if example.status is CampaignStatus.DRAFT:
        return
    later = now() + timedelta(days=30)
    at = later if example.status is CampaignStatus.SCHEDULED else None
    campaign = await campaigns.send(author, campaign.id, expected_version=campaign.version, at=at)
    if example.results:
        await _went_out(campaign, example)


async def _went_out(campaign: Campaign, example: Example) -> None:
    columns = ("recipients", "delivered", "opened", "clicked", "bounced", "complained")
    campaign.update_from_dict(dict(zip(columns, example.results, strict=True)))
    campaign.status = example.status
    campaign.touch()
    await campaign.save()
