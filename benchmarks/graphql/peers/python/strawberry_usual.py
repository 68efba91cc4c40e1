"""Strawberry as its documentation shows it: Tortoise's models, a permission class on each guarded
field, a DataLoader for each relation, and the ASGI application that comes with it.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar, cast
from uuid import UUID

import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.exceptions import StrawberryGraphQLError
from strawberry.permission import BasePermission

from benchmarks.graphql.peers.python.given import (
    SETTINGS,
    Access,
    Grant,
    cursor_of,
    global_id,
    held,
    row_id,
)
from models import (
    ActorType,
    Assignment,
    AuditEvent,
    Campaign,
    CampaignStatus,
    GroupMember,
    MailingList,
    Member,
    MemberStatus,
    Organization,
    Outcome,
    ScopeType,
    Session,
    ViaType,
    Workspace,
)
from models.clock import now
from models.database import opened, transaction
from models.secret import token_hash

strawberry.enum(CampaignStatus)
strawberry.enum(ScopeType)

ResolverT = TypeVar("ResolverT", bound=Callable[..., Any])
COOKIE = "__Host-gatepost_session"


def refused(code: str, message: str) -> StrawberryGraphQLError:
    return StrawberryGraphQLError(message, extensions={"code": code})


class Caller:
    """Who is calling, what they may do, and the loaders of this one request."""

    def __init__(self, request: Request, session: Session, access: Access) -> None:
        self.request = request
        self.session = session
        self.access = access
        self.lists = DataLoader(load_fn=load_lists)
        self.members = DataLoader(load_fn=load_members)
        self.assignments = DataLoader(load_fn=load_assignments)


Info = strawberry.Info[Caller, None]


async def load_lists(ids: list[UUID]) -> list[MailingList | None]:
    rows = {row.id: row for row in await MailingList.filter(id__in=ids)}
    return [rows.get(each) for each in ids]


async def load_members(ids: list[UUID]) -> list[Member | None]:
    rows = {row.id: row for row in await Member.filter(id__in=ids)}
    return [rows.get(each) for each in ids]


async def load_assignments(ids: list[UUID]) -> list[list[Assignment]]:
    by_member: dict[UUID, list[Assignment]] = {each: [] for each in ids}
    for row in await Assignment.filter(principal_id__in=ids).order_by("id"):
        by_member[row.principal_id].append(row)
    return [by_member[each] for each in ids]


async def access_of(member: Member) -> Access:
    groups = await GroupMember.filter(member_id=member.id).values_list("group_id", flat=True)
    rows = await Assignment.filter(
        organization_id=member.organization_id, principal_id__in=[member.id, *groups]
    ).select_related("role")
    moment = now()
    return Access(
        [
            Grant(
                held(row.role.builtin, row.role.permissions),
                row.scope_type.value,
                row.scope_id,
                row.workspace_id,
            )
            for row in rows
            if row.expires_at is None or row.expires_at > moment
        ]
    )


async def caller_of(request: Request) -> Caller:
    token = request.cookies.get(COOKIE)
    if not token or "x-gatepost-client" not in request.headers:
        raise refused("UNAUTHENTICATED", "Sign in.")
    moment = now()
    session = await Session.get_or_none(
        token_hash=token_hash(token),
        ended_at=None,
        expires_at__gt=moment,
        last_seen_at__gt=moment - timedelta(hours=8),
        member__status=MemberStatus.ACTIVE,
    ).select_related("member", "organization")
    if session is None:
        raise refused("UNAUTHENTICATED", "Sign in.")
    if session.last_seen_at <= moment - timedelta(minutes=1):
        await Session.filter(id=session.id).update(last_seen_at=moment)
    return Caller(request, session, await access_of(session.member))


def requires(permission: str) -> type[BasePermission]:
    """A permission class: the permission is held at the row that the field is on."""

    class Requires(BasePermission):
        message = f"You lack {permission} here."
        error_extensions = {"code": "FORBIDDEN"}  # noqa: RUF012 - Strawberry's own form

        async def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
            access: Access = info.context.access
            workspace = getattr(source, "workspace_id", None)
            return access.holds(permission, workspace, getattr(source, "id", None))

    return Requires


def guarded(permission: str) -> Callable[[ResolverT], ResolverT]:
    """A field with a resolver that needs the permission."""
    field = strawberry.field(permission_classes=[requires(permission)])
    return cast("Callable[[ResolverT], ResolverT]", field)


@strawberry.type(name="MailingList")
class ListType:
    name: str | None = strawberry.field(permission_classes=[requires("lists:read")])

    @strawberry.field
    def id(self: Any) -> strawberry.ID:
        return strawberry.ID(global_id("MailingList", self.id))


@strawberry.type(name="Assignment")
class AssignmentType:
    scope_type: ScopeType
    reason: str | None

    @strawberry.field
    def id(self: Any) -> strawberry.ID:
        return strawberry.ID(global_id("Assignment", self.id))


@strawberry.type(name="Member")
class MemberType:
    name: str

    @strawberry.field
    def id(self: Any) -> strawberry.ID:
        return strawberry.ID(global_id("Member", self.id))

    @guarded("members:read")
    async def assignments(self: Any, info: Info) -> list[AssignmentType] | None:
        rows: Any = await info.context.assignments.load(self.id)
        return list(rows)


@strawberry.type
class CampaignResults:
    delivered: int
    opened: int
    clicked: int


@strawberry.type(name="Campaign")
class CampaignType:
    name: str | None
    status: CampaignStatus | None
    version: int | None
    subject: str | None = strawberry.field(permission_classes=[requires("campaigns:read")])

    @strawberry.field
    def id(self: Any) -> strawberry.ID:
        return strawberry.ID(global_id("Campaign", self.id))

    @guarded("campaigns:results")
    async def results(self: Any) -> CampaignResults | None:
        return CampaignResults(delivered=self.delivered, opened=self.opened, clicked=self.clicked)

    @guarded("campaigns:read")
    async def mailing_list(self: Any, info: Info) -> ListType | None:
        row: Any = await info.context.lists.load(self.mailing_list_id)
        return row  # type: ignore[no-any-return]

    @strawberry.field
    async def owner(self: Any, info: Info) -> MemberType | None:
        row: Any = await info.context.members.load(self.owner_id)
        return row  # type: ignore[no-any-return]


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class CampaignConnection:
    nodes: list[CampaignType]
    page_info: PageInfo


@strawberry.type
class MemberConnection:
    nodes: list[MemberType]
    page_info: PageInfo


def page(connection: Any, rows: list[Any], first: int) -> Any:
    nodes = rows[:first]
    end = cursor_of(nodes[-1].id) if nodes else None
    return connection(
        nodes=nodes, page_info=PageInfo(has_next_page=len(rows) > first, end_cursor=end)
    )


@strawberry.type(name="Workspace")
class WorkspaceType:
    name: str

    @strawberry.field
    def id(self: Any) -> strawberry.ID:
        return strawberry.ID(global_id("Workspace", self.id))

    @strawberry.field
    async def campaigns(self: Any, info: Info, first: int = 25) -> CampaignConnection:
        query = Campaign.filter(workspace_id=self.id)
        visible = info.context.access.visible(self.id)
        if visible is not None:
            query = query.filter(id__in=visible)
        rows = await query.order_by("-id").limit(first + 1)
        return page(CampaignConnection, rows, first)  # type: ignore[no-any-return]


@strawberry.type(name="Organization")
class OrganizationType:
    @guarded("members:read")
    async def members(self, info: Info, first: int = 25) -> MemberConnection | None:
        organization_id = info.context.session.organization_id
        query = Member.filter(organization_id=organization_id).order_by("-id")
        return page(MemberConnection, await query.limit(first + 1), first)  # type: ignore[no-any-return]


@strawberry.type
class Viewer:
    name: str
    email: str


@strawberry.type
class Query:
    @strawberry.field
    async def viewer(self, info: Info) -> Viewer | None:
        member: Any = info.context.session.member
        return member  # type: ignore[no-any-return]

    @strawberry.field
    async def workspace(self, info: Info, id: strawberry.ID) -> WorkspaceType | None:
        caller = info.context
        row: Any = await Workspace.get_or_none(
            id=row_id("Workspace", id), organization_id=caller.session.organization_id
        )
        if row is None or not caller.access.enters(row.id):
            raise refused("NOT_FOUND", "There is no such workspace.")
        return row  # type: ignore[no-any-return]

    @strawberry.field
    async def organization(self) -> OrganizationType:
        return OrganizationType()


@strawberry.input
class UpdateCampaignInput:
    campaign_id: strawberry.ID
    expected_version: int
    name: str


@strawberry.type
class CampaignPayload:
    campaign: CampaignType


async def rename(caller: Caller, input: UpdateCampaignInput) -> Campaign:
    session = caller.session
    async with transaction():
        organization: Any = await Organization.raw(
            f"SELECT * FROM organizations WHERE id = '{session.organization_id}' FOR SHARE"  # noqa: S608
        )
        if organization[0].access_revision != session.organization.access_revision:
            caller.access = await access_of(session.member)
        row = (
            await Campaign.filter(
                id=row_id("Campaign", input.campaign_id),
                workspace__organization_id=session.organization_id,
            )
            .select_for_update(of=("campaigns",))
            .first()
        )
        if row is None:
            raise refused("NOT_FOUND", "There is no such campaign.")
        if not caller.access.holds("campaigns:draft", row.workspace_id, row.id):
            raise refused("FORBIDDEN", "You lack campaigns:draft here.")
        if row.version != input.expected_version or row.status is not CampaignStatus.DRAFT:
            raise refused("CONFLICT", "It was changed meanwhile.")
        before, row.name = row.name, input.name.strip()
        row.touch()
        await row.save(update_fields=["name", "version", "updated_at"])
        await audit(caller, row, before)
    return row


async def audit(caller: Caller, row: Campaign, before: str) -> None:
    session, request = caller.session, caller.request
    await AuditEvent.create(
        organization_id=session.organization_id,
        workspace_id=row.workspace_id,
        actor_type=ActorType.MEMBER,
        actor_id=session.member_id,
        actor_name=session.member.name,
        via=ViaType.SESSION,
        via_id=session.id,
        action="campaign.update",
        target_type="campaign",
        target_id=row.id,
        target_name=row.name,
        outcome=Outcome.SUCCESS,
        diff=[{"path": "name", "before": before, "after": row.name}],
        operation="Rename",
        ip=request.client.host if request.client else None,
        user_agent=request.headers.get("user-agent"),
    )


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def update_campaign(
        self, info: Info, input: UpdateCampaignInput
    ) -> CampaignPayload | None:
        row: Any = await rename(info.context, input)
        return CampaignPayload(campaign=row)


class Endpoint(GraphQL[Caller, None]):
    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Caller:
        assert isinstance(request, Request)
        return await caller_of(request)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with opened(SETTINGS["database_url"], SETTINGS["secret_keys"]):
        yield


endpoint = Endpoint(strawberry.Schema(Query, Mutation), graphql_ide=None)
app = Starlette(routes=[Route("/graphql", endpoint)], lifespan=lifespan)
