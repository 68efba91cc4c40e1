"""The data: one organization that is asked about, among others that are not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from identity import organizations, roles, workspaces
from identity.access.permissions import Permission
from identity.credentials import sessions
from identity.credentials.limits import SessionLimits
from identity.subject import Origin, Subject, operator
from models import (
    Assignment,
    BuiltinRole,
    Campaign,
    CampaignStatus,
    MailingList,
    Member,
    Organization,
    Plan,
    PrincipalType,
    Role,
    ScopeType,
    Workspace,
)
from models.sql import Statement

CAMPAIGNS = 60
HIDDEN_EVERY = 6
LISTS = 10
DRAFTS = 64
CREW = 50
ASSIGNMENTS = 20
OTHER_ORGANIZATIONS = 40
STATUSES = (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED, CampaignStatus.SENT)


@dataclass(frozen=True, slots=True)
class Seeded:
    """What a benchmark needs to know of the data. `tokens` are sessions by first name."""

    workspace_id: UUID
    draft_ids: Sequence[UUID]
    tokens: Mapping[str, str]


async def seed() -> Seeded:
    """Fill the open, empty database.

    Otto is an Operator at 50 single campaigns and reads the lists, Mona an Operator at both
    workspaces, Rita sees only results, Olga owns everything.
    """
    for number in range(OTHER_ORGANIZATIONS):
        await _other(number)
    acme = await organizations.create(
        slug="acme", name="Acme", plan=Plan.ENTERPRISE, owner_email="olga@acme.example"
    )
    system = operator(acme.organization.id, Plan.ENTERPRISE)
    main = acme.workspace
    drafts_in = await workspaces.create(system, slug="drafts", name="Drafts")
    otto, mona, rita = [await _member(acme.organization, n) for n in ("Otto", "Mona", "Rita")]
    crew = [await _member(acme.organization, f"Crew member {n}") for n in range(CREW)]
    campaigns = await _campaigns(main, crew)
    drafts = [
        Campaign(workspace=drafts_in, owner=mona, name=f"Draft {n:014}") for n in range(DRAFTS)
    ]
    await Campaign.bulk_create(drafts)

    runs = await Role.get(organization=acme.organization, builtin=BuiltinRole.OPERATOR)
    views = await Role.get(organization=acme.organization, builtin=BuiltinRole.VIEWER)
    reads_lists = await _role(system, "List reader", Permission.LISTS_READ)
    sees_results = await _role(system, "Results only", Permission.CAMPAIGNS_RESULTS)
    seen = [c for n, c in enumerate(campaigns) if n % HIDDEN_EVERY]
    given = [_at_campaign(otto, runs, campaign) for campaign in seen]
    given += [
        _at_campaign(member, views, campaign)
        for member in crew
        for campaign in campaigns[:ASSIGNMENTS]
    ]
    given += [
        _at_workspace(otto, reads_lists, main),
        _at_workspace(mona, runs, main),
        _at_workspace(mona, runs, drafts_in),
        _at_workspace(rita, sees_results, main),
    ]
    await Assignment.bulk_create(given)
    people = {"olga": acme.owner, "otto": otto, "mona": mona, "rita": rita}
    tokens = {name: await _session(member) for name, member in people.items()}
    await Statement("ANALYZE").execute()
    return Seeded(main.id, [draft.id for draft in drafts], tokens)


async def _other(number: int) -> None:
    opened = await organizations.create(
        slug=f"other-{number}",
        name=f"Other {number}",
        plan=Plan.STARTER,
        owner_email=f"owner@other-{number}.example",
    )
    await _campaigns(opened.workspace, [opened.owner])


async def _campaigns(workspace: Workspace, owners: Sequence[Member]) -> list[Campaign]:
    lists = [
        MailingList(workspace=workspace, name=f"List {n} of {workspace.name}") for n in range(LISTS)
    ]
    await MailingList.bulk_create(lists)
    campaigns = [
        Campaign(
            workspace=workspace,
            owner=owners[n % len(owners)],
            mailing_list_id=lists[n % LISTS].id,
            name=f'Campaign {n} "Q{n % 4 + 1}" launch',
            status=STATUSES[n % len(STATUSES)],
            subject=f"Subject line of campaign {n} — hello from {workspace.name}",
            body="Hello.",
            recipients=1000 * n,
            delivered=990 * n,
            opened=400 * n,
            clicked=70 * n,
        )
        for n in range(CAMPAIGNS)
    ]
    await Campaign.bulk_create(campaigns)
    return campaigns


async def _member(organization: Organization, name: str) -> Member:
    email = f"{name.lower().replace(' ', '.')}@acme.example"
    return await organizations.add_member(organization.id, email=email, name=name)


async def _role(system: Subject, name: str, permission: Permission) -> Role:
    return await roles.create(system, name=name, permissions=(permission,))


def _at_campaign(member: Member, role: Role, campaign: Campaign) -> Assignment:
    return Assignment(
        organization_id=member.organization_id,
        role=role,
        principal_type=PrincipalType.MEMBER,
        principal_id=member.id,
        scope_type=ScopeType.CAMPAIGN,
        scope_id=campaign.id,
        workspace_id=campaign.workspace_id,
        reason="Works on this campaign.",
    )


def _at_workspace(member: Member, role: Role, workspace: Workspace) -> Assignment:
    return Assignment(
        organization_id=member.organization_id,
        role=role,
        principal_type=PrincipalType.MEMBER,
        principal_id=member.id,
        scope_type=ScopeType.WORKSPACE,
        scope_id=workspace.id,
        workspace=workspace,
    )


async def _session(member: Member) -> str:
    _, token = await sessions.start(
        member, connection_id=None, limits=SessionLimits(), origin=Origin()
    )
    return token
