"""Ariadne as its documentation shows it: the schema as text, a resolver for each field that needs
one, and a DataLoader for each relation; over asyncpg, one statement a level.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from aiodataloader import DataLoader
from ariadne import MutationType, ObjectType, QueryType, make_executable_schema
from ariadne.asgi import GraphQL
from graphql import GraphQLError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from uuid_utils.compat import uuid7

from benchmarks.graphql.peers.python.given import (
    SETTINGS,
    Access,
    Grant,
    cursor_of,
    global_id,
    held,
    row_id,
)

TYPE_DEFS = (Path(__file__).parents[1] / "schema.graphql").read_text()

SESSION = """
    SELECT s.id, s.organization_id, s.member_id, m.name, m.email, o.access_revision,
           s.last_seen_at < now() - interval '1 minute' AS stale
    FROM sessions s JOIN members m ON m.id = s.member_id
    JOIN organizations o ON o.id = s.organization_id
    WHERE s.token_hash = $1 AND s.ended_at IS NULL AND s.expires_at > now()
      AND s.last_seen_at > now() - interval '8 hours' AND m.status = 'active'
"""
TOUCH = "UPDATE sessions SET last_seen_at = now() WHERE id = $1"
GRANTS = """
    SELECT r.builtin, r.permissions, a.scope_type, a.scope_id, a.workspace_id
    FROM assignments a JOIN roles r ON r.id = a.role_id
    WHERE a.organization_id = $1 AND a.principal_id = ANY (ARRAY(
        SELECT $2::uuid UNION ALL SELECT group_id FROM group_members WHERE member_id = $2))
      AND (a.expires_at IS NULL OR a.expires_at > now())
"""
WORKSPACE = "SELECT id, name FROM workspaces WHERE id = $1 AND organization_id = $2"
CAMPAIGNS = """
    SELECT * FROM campaigns WHERE workspace_id = $1 AND ($3::uuid[] IS NULL OR id = ANY ($3))
    ORDER BY id DESC LIMIT $2
"""
LISTS = "SELECT id, workspace_id, name FROM mailing_lists WHERE id = ANY ($1)"
MEMBERS = "SELECT id, name FROM members WHERE id = ANY ($1)"
MEMBER_PAGE = "SELECT id, name FROM members WHERE organization_id = $1 ORDER BY id DESC LIMIT $2"
ASSIGNMENTS = "SELECT * FROM assignments WHERE principal_id = ANY ($1) ORDER BY id"
LOCK = "SELECT access_revision FROM organizations WHERE id = $1 FOR SHARE"
CAMPAIGN = """
    SELECT c.* FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id
    WHERE c.id = $1 AND w.organization_id = $2 FOR UPDATE OF c
"""
UPDATE = """
    UPDATE campaigns SET name = $2, version = version + 1, updated_at = now() WHERE id = $1
"""
AUDIT = """
    INSERT INTO audit_events (id, created_at, organization_id, workspace_id, actor_type, actor_id,
        actor_name, via, via_id, action, target_type, target_id, target_name, outcome, diff,
        operation, ip, user_agent)
    VALUES ($1, now(), $2, $3, 'member', $4, $5, 'session', $6, 'campaign.update', 'campaign',
        $7, $8, 'success', $9, $10, $11, $12)
"""

Row = Mapping[str, Any]
Connection = Any


def refused(code: str, message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code})


class Caller:
    """Who is calling, what they may do, and the loaders of this one request."""

    def __init__(self, request: Request, session: Row, access: Access) -> None:
        self.request = request
        self.session = session
        self.access = access
        self.pool = request.app.state.pool
        self.lists: Any = DataLoader(partial(self._rows, LISTS))
        self.members: Any = DataLoader(partial(self._rows, MEMBERS))
        self.assignments: Any = DataLoader(self._assignments)

    def need(self, permission: str, at: Row | None = None) -> None:
        place = (at["workspace_id"], at["id"]) if at is not None else ()
        if not self.access.holds(permission, *place):
            raise refused("FORBIDDEN", f"You lack {permission} here.")

    async def fetched(self, sql: str, *values: object) -> list[Row]:
        """The rows as dictionaries, which the default resolver reads."""
        return [dict(row) for row in await self.pool.fetch(sql, *values)]

    async def _rows(self, sql: str, ids: Sequence[UUID]) -> list[Row | None]:
        rows = {row["id"]: row for row in await self.fetched(sql, ids)}
        return [rows.get(each) for each in ids]

    async def _assignments(self, ids: Sequence[UUID]) -> list[list[Row]]:
        by_member: dict[UUID, list[Row]] = {each: [] for each in ids}
        for row in await self.fetched(ASSIGNMENTS, ids):
            by_member[row["principal_id"]].append(row)
        return [by_member[each] for each in ids]


async def access_of(connection: Connection, session: Row) -> Access:
    rows = await connection.fetch(GRANTS, session["organization_id"], session["member_id"])
    return Access(
        [
            Grant(
                held(row["builtin"], json.loads(row["permissions"])),
                row["scope_type"],
                row["scope_id"],
                row["workspace_id"],
            )
            for row in rows
        ]
    )


async def context_of(request: Request, body: object) -> Caller:
    token = request.cookies.get("__Host-gatepost_session")
    if not token or "x-gatepost-client" not in request.headers:
        raise refused("UNAUTHENTICATED", "Sign in.")
    pool = request.app.state.pool
    session = await pool.fetchrow(SESSION, hashlib.sha256(token.encode()).hexdigest())
    if session is None:
        raise refused("UNAUTHENTICATED", "Sign in.")
    if session["stale"]:
        await pool.execute(TOUCH, session["id"])
    return Caller(request, dict(session), await access_of(pool, session))


def page(rows: Sequence[Row], first: int) -> Row:
    nodes = rows[:first]
    end = cursor_of(nodes[-1]["id"]) if nodes else None
    return {"nodes": nodes, "pageInfo": {"hasNextPage": len(rows) > first, "endCursor": end}}


def viewer(_: None, info: Any) -> Row:
    session: Row = info.context.session
    return session


async def workspace(_: None, info: Any, *, id: str) -> Row:
    caller: Caller = info.context
    organization_id = caller.session["organization_id"]
    rows = await caller.fetched(WORKSPACE, row_id("Workspace", id), organization_id)
    if not rows or not caller.access.enters(rows[0]["id"]):
        raise refused("NOT_FOUND", "There is no such workspace.")
    return rows[0]


def organization(_: None, info: Any) -> Row:
    return {}


async def campaigns(workspace: Row, info: Any, *, first: int) -> Row:
    caller: Caller = info.context
    visible = caller.access.visible(workspace["id"])
    return page(
        await caller.fetched(CAMPAIGNS, workspace["id"], first + 1, visible),
        first,
    )


async def members(_: Row, info: Any, *, first: int) -> Row:
    caller: Caller = info.context
    caller.need("members:read")
    rows = await caller.fetched(MEMBER_PAGE, caller.session["organization_id"], first + 1)
    return page(rows, first)


async def assignments(member: Row, info: Any) -> Any:
    info.context.need("members:read")
    return await info.context.assignments.load(member["id"])


def status(row: Row, info: Any) -> str:
    return str(row["status"]).upper()


def subject(row: Row, info: Any) -> Any:
    info.context.need("campaigns:read", row)
    return row["subject"]


def results(row: Row, info: Any) -> Row:
    info.context.need("campaigns:results", row)
    return row


async def mailing_list(row: Row, info: Any) -> Any:
    info.context.need("campaigns:read", row)
    return await info.context.lists.load(row["mailing_list_id"])


async def owner(row: Row, info: Any) -> Any:
    return await info.context.members.load(row["owner_id"])


def list_name(row: Row, info: Any) -> Any:
    info.context.need("lists:read", row)
    return row["name"]


def scope_type(row: Row, info: Any) -> str:
    return str(row["scope_type"]).upper()


async def update_campaign(_: None, info: Any, *, input: Row) -> Row:
    caller: Caller = info.context
    async with caller.pool.acquire() as connection, connection.transaction():
        return {"campaign": await rename(connection, caller, input, info.operation.name)}


async def rename(connection: Connection, caller: Caller, input: Row, operation: Any) -> Row:
    session = caller.session
    revision = await connection.fetchval(LOCK, session["organization_id"])
    if revision != session["access_revision"]:
        caller.access = await access_of(connection, session)
    campaign_id = row_id("Campaign", input["campaignId"])
    row = await connection.fetchrow(CAMPAIGN, campaign_id, session["organization_id"])
    if row is None:
        raise refused("NOT_FOUND", "There is no such campaign.")
    caller.need("campaigns:draft", row)
    if row["version"] != input["expectedVersion"] or row["status"] != "draft":
        raise refused("CONFLICT", "It was changed meanwhile.")
    name = input["name"].strip()
    await connection.execute(UPDATE, campaign_id, name)
    request = caller.request
    await connection.execute(
        AUDIT,
        uuid7(),
        session["organization_id"],
        row["workspace_id"],
        session["member_id"],
        session["name"],
        session["id"],
        campaign_id,
        name,
        json.dumps([{"path": "name", "before": row["name"], "after": name}]),
        operation.value if operation else None,
        request.client.host if request.client else None,
        request.headers.get("user-agent"),
    )
    return {"id": campaign_id, "name": name, "version": row["version"] + 1}


def schema() -> Any:
    query = QueryType()
    query.set_field("viewer", viewer)
    query.set_field("workspace", workspace)
    query.set_field("organization", organization)
    mutation = MutationType()
    mutation.set_field("updateCampaign", update_campaign)
    resolvers: dict[str, dict[str, Any]] = {
        "Organization": {"members": members},
        "Workspace": {"campaigns": campaigns},
        "Member": {"assignments": assignments},
        "MailingList": {"name": list_name},
        "Assignment": {"scopeType": scope_type},
        "Campaign": {
            "status": status,
            "subject": subject,
            "results": results,
            "mailingList": mailing_list,
            "owner": owner,
        },
    }
    types = []
    for type_name, fields in resolvers.items():
        described = ObjectType(type_name)
        for name, resolve in fields.items():
            described.set_field(name, resolve)
        if type_name != "Organization":
            described.set_field("id", id_resolver(type_name))
        types.append(described)
    return make_executable_schema(TYPE_DEFS, query, mutation, *types)


def id_resolver(type_name: str) -> Any:
    return lambda row, info: global_id(type_name, row["id"])


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with asyncpg.create_pool(**SETTINGS["database"]) as pool:
        app.state.pool = pool
        yield


app = Starlette(
    routes=[Route("/graphql", GraphQL(schema(), context_value=context_of))], lifespan=lifespan
)
