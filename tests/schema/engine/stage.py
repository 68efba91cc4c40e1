"""What operations are run on: two organizations with everything in them, and who asks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from identity import assignments, groups, members
from identity.access.bounds import BoundResource, Bounds, bounded
from identity.access.builtin_roles import held
from identity.access.compiled import compile_access, narrowed
from identity.access.decision import Grant
from identity.access.entitlements import plans
from identity.access.permissions import ALL_MASK, GROUPS, Permission, mask_of
from identity.api_keys.wanted import Limits
from identity.assignments import Principal, Scope
from identity.groups import DirectoryGroup
from identity.members import Person
from identity.subject import Origin, Subject
from identity.webhooks import managing
from identity.webhooks.managing import Filter, Settings
from models import (
    ApiKey,
    ApiKeyEnd,
    Assignment,
    BuiltinRole,
    Campaign,
    CampaignStatus,
    DeliveryStatus,
    Group,
    Job,
    JobKind,
    MailingList,
    Member,
    MemberStatus,
    Organization,
    Outcome,
    Plan,
    PrincipalType,
    Role,
    ScopeType,
    SendingServer,
    Webhook,
    WebhookDelivery,
    Workspace,
    WorkspaceState,
)
from models.clock import now
from models.document_mode import DocumentMode
from schema.connection import cursor_of
from schema.ids import global_id
from tests.keys import personal_key, service_key
from tests.schema.engine.choices import Choices
from tests.schema.engine.documents import Pool
from tests.world import UNKNOWN_ID, World, at_campaign, at_workspace, new_world

NODES = {
    "Campaign": Campaign,
    "Workspace": Workspace,
    "MailingList": MailingList,
    "SendingServer": SendingServer,
    "Member": Member,
    "Group": Group,
    "Role": Role,
    "ApiKey": ApiKey,
    "Assignment": Assignment,
    "Organization": Organization,
    "Webhook": Webhook,
    "WebhookDelivery": WebhookDelivery,
    "Job": Job,
}
ATTEMPT = {
    "at": "2030-01-01T00:00:00+00:00",
    "status": 500,
    "milliseconds": 7,
    "error": None,
    "response": "down",
}
ORIGIN = Origin(request_id="test", ip="192.0.2.1")
LEAST = [p for p in Permission if p.action in ("read", "results", "use", "dashboard")]


@dataclass(frozen=True, slots=True)
class Stage:
    """`callers` are members with roles at scopes of every kind; what the roles hold, each run
    decides anew.
    """

    world: World
    pool: Pool
    callers: Sequence[Subject]
    resources: Sequence[BoundResource]
    """Campaigns that an API key may be limited to."""
    signed_in: Sequence[str]
    """Tokens of their sessions, but for who is suspended."""
    askers: int = 4
    """Subjects that ask each document: to validate one takes longer than to answer it."""

    def subject(self, choices: Choices) -> Subject:
        """A caller whose roles hold what the choices say, on a plan that they say."""
        if choices.once_in(15):
            return self.world.operator
        return self._holding(choices, choices.of(self.callers), lambda: _mask(choices))

    def able(self, choices: Choices) -> Subject:
        """Mostly a caller who may do everything in the organization."""
        if choices.once_in(4):
            return self.subject(choices)
        owners = [caller for caller in self.callers if caller.access.organization_mask]
        return self._holding(choices, choices.of(owners), lambda: ALL_MASK)

    def _holding(self, choices: Choices, caller: Subject, mask: Callable[[], int]) -> Subject:
        plan = choices.of([Plan.ENTERPRISE, Plan.PREMIUM, Plan.STARTER])
        masks: dict[UUID, int] = {}
        for grant in caller.access.grants:
            if grant.role_id not in masks:
                masks[grant.role_id] = mask()
        grants = [self._granted(grant, masks[grant.role_id]) for grant in caller.access.grants]
        access = compile_access(
            caller.organization_id,
            grants,
            archived_workspaces=caller.access.archived_workspaces,
            plan_cut=plans.cut_mask(plan),
        )
        if choices.once_in(6):
            access = bounded(access, self._bounds(choices))
        return replace(caller, plan=plan, access=access)

    def _bounds(self, choices: Choices) -> Bounds:
        """Those of some API key."""
        mask, world = choices.of([ALL_MASK, _mask(choices)]), self.world
        match choices.below(4):
            case 0:
                return Bounds(mask, workspaces=frozenset({world.a.id}))
            case 1:
                return Bounds(mask, resources=tuple(choices.subset(self.resources, most=4)))
        return Bounds(mask)

    @staticmethod
    def _granted(grant: Grant, mask: int) -> Grant:
        return grant._replace(mask=narrowed(mask, grant.scope_type))


def _mask(choices: Choices) -> int:
    """All, a built-in role's, what only reads, or a few."""
    match choices.below(6):
        case 0:
            return ALL_MASK
        case 1:
            return mask_of(held(choices.of(list(BuiltinRole)), []))
        case 2:
            return mask_of(choices.subset(LEAST, most=8))
        case 3:
            return mask_of(choices.of(GROUPS).permissions)
        case 4:
            return 0
    return mask_of(choices.subset(list(Permission), most=30))


async def new_stage() -> Stage:
    """The same in every database, but for ids."""
    world, other = await new_world("acme"), await new_world("umbrella")
    old = await Workspace.create(organization=world.organization, slug="old", name="Älteres 老")
    empty = await Workspace.create(organization=world.organization, slug="empty", name="")
    for workspace, many in ((world.a, 6), (world.b, 3), (old, 2)):
        await _resources(world, workspace, many)
    await _resources(other, other.a, 2)
    await _webhooks(world)
    await _webhooks(other)
    await _people(world)
    await _grants(world, old, empty)
    await _keys(world)
    await Workspace.filter(id=old.id).update(state=WorkspaceState.ARCHIVED)
    tenants = (world.organization.id, other.organization.id)
    own, foreign = [await _ids(tenant) for tenant in tenants]
    strange = [row for rows in foreign.values() for row in rows]
    strange += [global_id(name, UNKNOWN_ID) for name in (*NODES, "AuditEvent")]
    pool = Pool(own, [*strange, "x", "", "Campaign", "=", "é"], await _cursors(world))
    people = await Member.filter(organization=world.organization).order_by("id")
    callers = [await world.subject(each) for each in people]
    tokens = [await world.session(m) for m in people if m.status is MemberStatus.ACTIVE]
    return Stage(world, pool, callers, await _bound_campaigns(world), tokens)


async def _resources(world: World, workspace: Workspace, many: int) -> None:
    """Campaigns of every status, with and without what they may lack."""
    author = await Member.filter(organization=world.organization).first()
    for number in range(many):
        made = await world.campaign(workspace, f"Campaign {number} of {workspace.slug}")
        made.status = list(CampaignStatus)[number % len(CampaignStatus)]
        made.recipients, made.opened, made.version = number * 1000, number, number + 1
        made.owner = None if number % 3 == 1 else author
        if number % 2:
            made.scheduled_at = now() + timedelta(days=number, microseconds=number)
            made.started_at = now() - timedelta(hours=number)
            made.sending_server = None
        if number % 3 == 2:
            made.mailing_list, made.subject, made.body = None, "", 'Gruß "an"\n\\ alle €'
        await made.save()
    await SendingServer.create(workspace=workspace, name="bare", host="10.0.0.1", port=25)


async def _webhooks(world: World) -> None:
    """One of everything and one of a workspace, with messages of every kind, and a job."""
    for name, of in (("SIEM", None), ("Zweiter", world.a.id)):
        chosen = Filter(workspace_id=of, outcome=Outcome.SUCCESS if of else None)
        settings = Settings(name, "https://hooks.example/in?k=1", chosen)
        webhook, _ = await managing.create(world.operator, settings)
        for number, status in enumerate(DeliveryStatus):
            await WebhookDelivery.create(
                organization=world.organization,
                webhook=webhook,
                event_id=UUID(int=number) if number else None,
                action="role.create",
                position=number,
                status=status,
                log=[ATTEMPT] * number,
            )
    await Job.create(
        organization=world.organization,
        kind=JobKind.WEBHOOK_REDELIVERY,
        about_id=UNKNOWN_ID,
        asked_by_name="ada",
        total=3,
    )


async def _people(world: World) -> None:
    """Members of a directory, one of them suspended, and groups, one of them empty."""
    joined = []
    for name, active in (("ada", True), ("bob", False), ("cleo", None)):
        joined.append(await members.provision(world.operator, _person(name, active)))
    for name, ids in (("Zeta", [m.id for m in joined]), ("alpha", [joined[0].id]), ("Empty", [])):
        group = DirectoryGroup(name, f"ext-{name}", {"displayName": name})
        await groups.create(world.operator, group, member_ids=ids)
    for name in ("Dora", "Emil", "Finn", "Gita"):
        await world.member(name)


def _person(name: str, active: bool | None) -> Person:
    return Person(name, f"{name}@acme.example", name.title(), active, None, {"title": "Dr"}, {})


async def _grants(world: World, old: Workspace, empty: Workspace) -> None:
    """Assignments at every kind of scope, to members and groups, some of them over or ending."""
    roles = [
        await world.custom_role(f"Role {n}", *list(Permission)[n * 9 : n * 9 + 5]) for n in range(5)
    ]
    campaigns = await Campaign.filter(workspace_id__in=[world.a.id, world.b.id]).order_by("id")
    lists = await MailingList.filter(workspace=world.a).order_by("id")
    servers = await SendingServer.filter(workspace=world.b).order_by("id")
    stale = await Campaign.filter(workspace=old).first()
    assert stale is not None
    scopes = {
        "ada": [world.everywhere, at_workspace(world.a)],
        "Dora": [at_workspace(world.a), at_workspace(old), at_campaign(campaigns[7])],
        "Emil": [*map(at_campaign, campaigns[:4]), *map(_at_list, lists[:3])],
        "Finn": [*map(_at_server, servers), at_campaign(stale), at_workspace(empty)],
    }
    for name, places in scopes.items():
        member = await Member.get(organization=world.organization, email__startswith=name.lower())
        for number, scope in enumerate(places):
            await _give(world, roles[number % 5], Principal(PrincipalType.MEMBER, member.id), scope)
            if number % 2:
                role = roles[(number + 1) % 5]
                await _give(world, role, Principal(PrincipalType.MEMBER, member.id), scope)
    group = await Group.get(name="Zeta")
    for number, scope in enumerate([at_workspace(world.b), *map(at_campaign, campaigns[1:3])]):
        await _give(world, roles[number], Principal(PrincipalType.GROUP, group.id), scope)


async def _keys(world: World) -> None:
    """Personal and service keys, with and without limits, one of them over."""
    read = (Permission.CAMPAIGNS_READ, Permission.LISTS_READ)
    await personal_key(world, world.owner, *read)
    limits = Limits(workspaces=[world.a.id], networks=["192.0.2.0/24"], rate_limit=500)
    await personal_key(world, world.owner, Permission.CAMPAIGNS_SEND, limits=limits)
    everything = world.everywhere
    robot, _ = await service_key(world, *read, role=BuiltinRole.VIEWER, at=everything)
    await ApiKey.filter(id=robot.id).update(member_id=None, last_used_at=now())
    over, _ = await service_key(world, *read, limits=Limits(document_mode=DocumentMode.REQUIRED))
    await ApiKey.filter(id=over.id).update(revoked_at=now(), end_reason=ApiKeyEnd.REVOKED)


async def _bound_campaigns(world: World) -> list[BoundResource]:
    rows = await Campaign.filter(workspace_id__in=[world.a.id, world.b.id]).order_by("id")
    return [BoundResource(ScopeType.CAMPAIGN, row.id, row.workspace_id) for row in rows]


async def _give(world: World, role: Role, principal: Principal, scope: Scope) -> None:
    """For good, for a day, or until a moment ago."""
    ends = now() + timedelta(days=1) if scope.type is ScopeType.CAMPAIGN else None
    given = await assignments.assign(
        world.operator,
        role_id=role.id,
        principal=principal,
        scope=scope,
        expires_at=ends,
        reason="for the fair" if ends else None,
    )
    if ends and role.name == "Role 2":
        over: datetime = now() - timedelta(seconds=1)
        await Assignment.filter(id=given.id).update(expires_at=over)


def _at_list(row: MailingList) -> Scope:
    return Scope(ScopeType.MAILING_LIST, row.id)


def _at_server(row: SendingServer) -> Scope:
    return Scope(ScopeType.SENDING_SERVER, row.id)


async def _ids(organization_id: UUID) -> dict[str, list[str]]:
    """The global ids of everything in an organization, by type."""
    found: dict[str, list[str]] = {}
    for name, model in NODES.items():
        columns = model._meta.fields_db_projection
        if "organization_id" in columns:
            rows = model.filter(organization_id=organization_id)
        elif "workspace_id" in columns:
            rows = model.filter(workspace__organization_id=organization_id)
        else:
            rows = model.filter(id=organization_id)
        found[name] = [str(global_id(name, row.id)) for row in await rows.order_by("id")]
    return found


async def _cursors(world: World) -> list[str]:
    """Places in the lists: at rows of several kinds, and before and after all."""
    events = await world.events()
    campaigns = await Campaign.filter(workspace=world.a).order_by("id")
    people = await Member.filter(organization=world.organization).order_by("id")
    rows = [*campaigns, *people[::2], *events[::9]]
    return [
        cursor_of(each) for each in (*(row.id for row in rows), UUID(int=0), UUID(int=2**128 - 1))
    ]
