"""Subscriptions as the schema runs them: for whom, how long, and with what in each event."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from identity import assignments
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.record import record
from identity.credentials import sessions
from identity.credentials.limits import SessionLimits
from identity.facts import board, hearing
from identity.presence import Presence, Standing
from identity.refusals import Unauthenticated
from identity.subject import Origin, Subject
from models import Assignment, BuiltinRole, Campaign, Member, Role
from models.database import transaction
from schema.execution import Answer, Request, prepared
from schema.ids import global_id
from schema.streams import answers
from tests.door import Person
from tests.uses import noting
from tests.world import UNKNOWN_ID, World, at_workspace, new_world

SECONDS = 10
LIMITS = SessionLimits()

ACCESS = "subscription { accessChanged { accessRevision differences { scopeId gained lost } } }"
AUDIT = """
subscription Tail($in: ID, $after: ID) {
  auditEvents(workspaceId: $in, after: $after) { id action reason }
}
"""

Answers = AsyncGenerator[Answer, None]


async def asked(request: Request, presence: Presence) -> Answers:
    ready = prepared(request, request_id=None)
    if isinstance(ready, Answer):
        yield ready
        return
    async for each in answers(ready, presence, seconds=SECONDS):
        yield each


class Viewer:
    """Somebody who subscribes."""

    def __init__(self, world: World, presence: Presence) -> None:
        self.world = world
        self.presence = presence

    def ask(self, query: str, **variables: Any) -> Answers:
        return asked(Request(query, variables, None), self.presence)

    async def only(self, query: str, **variables: Any) -> Mapping[str, Any]:
        """The body of the one answer to what is refused, or answered once."""
        async with asyncio.timeout(SECONDS):
            found = [each async for each in self.ask(query, **variables)]
        assert len(found) == 1
        return found[0].body


async def following(events: Answers) -> Any:
    async with asyncio.timeout(SECONDS):
        answer = await anext(events)
    assert answer.executed, answer.body
    assert "errors" not in answer.body, answer.body
    return answer.body["data"]


async def last(events: Answers) -> Any:
    """The errors of the answer that ends the stream."""
    async with asyncio.timeout(SECONDS):
        answer = await anext(events)
        assert not answer.executed
        with pytest.raises(StopAsyncIteration):
            await anext(events)
    return answer.body["errors"]


@asynccontextmanager
async def viewing(world: World, member: Member) -> AsyncIterator[Viewer]:
    async def renew(subject: Subject, *, used: bool) -> Standing:
        return await sessions.standing(subject, limits=LIMITS, used=used)

    token = await world.session(member)
    subject = await sessions.authenticate(token, limits=LIMITS, origin=Origin(request_id="r"))
    presence = Presence(await renew(subject, used=False), renew)
    async with hearing():
        staying = asyncio.create_task(presence.stay())
        yield Viewer(world, presence)
        staying.cancel()
        await asyncio.wait({staying})
    assert board._watches == {}


async def with_role(world: World, role: Role | BuiltinRole, *, at_a: bool = False) -> Member:
    member = await world.member("Mia")
    await world.give(member, role, at_workspace(world.a) if at_a else world.everywhere)
    return member


@pytest.fixture
async def mia(world: World) -> AsyncIterator[Viewer]:
    """Holds `audit:read` and nothing else, at the organization."""
    member = await with_role(world, await world.custom_role("Log", Permission.AUDIT_READ))
    async with viewing(world, member) as viewer:
        yield viewer


@pytest.fixture
async def campaign(world: World) -> Campaign:
    return await world.campaign(world.a)


async def add(world: World, reason: str, campaign: Campaign | None = None) -> None:
    async with transaction():
        await record(
            Action.CAMPAIGN_UPDATE,
            subject=world.operator,
            target=None,
            reason=reason,
            workspace_id=campaign.workspace_id if campaign else None,
        )


async def newest(world: World) -> str:
    return global_id("AuditEvent", (await world.events())[-1].id)


async def test_access_says_where_it_stands_and_then_what_changed(world: World) -> None:
    member = await with_role(world, BuiltinRole.AUDITOR)
    async with viewing(world, member) as viewer, aclosing(viewer.ask(ACCESS)) as events:
        first = (await following(events))["accessChanged"]
        assert first["differences"] == []
        role = await world.custom_role("Sender", Permission.CAMPAIGNS_SEND)
        await world.give(member, role, at_workspace(world.a))
        second = (await following(events))["accessChanged"]
        assert second == {
            "accessRevision": first["accessRevision"] + 1,
            "differences": [
                {
                    "scopeId": global_id("Workspace", world.a.id),
                    "gained": ["CAMPAIGNS_SEND"],
                    "lost": [],
                }
            ],
        }
        await world.give(world.owner, role, world.everywhere)
        third = (await following(events))["accessChanged"]
        assert third == {"accessRevision": first["accessRevision"] + 2, "differences": []}


async def test_the_log_comes_as_audit_events(world: World, mia: Viewer) -> None:
    async with aclosing(mia.ask(AUDIT, after=await newest(world))) as events:
        await add(world, "one")
        await add(world, "two")
        found = [(await following(events))["auditEvents"] for _ in range(2)]
    rows = (await world.events())[-2:]
    assert [each["reason"] for each in found] == ["one", "two"]
    assert [each["id"] for each in found] == [global_id("AuditEvent", row.id) for row in rows]


async def test_a_filter_lets_through_what_it_asks_for(world: World, mia: Viewer) -> None:
    query = """
        subscription Tail($after: ID, $filter: AuditEventFilter) {
          auditEvents(after: $after, filter: $filter) { reason }
        }
    """
    asked = {"action": ["role.*"], "outcome": ["SUCCESS"], "text": "wanted"}
    async with aclosing(mia.ask(query, after=await newest(world), filter=asked)) as events:
        waiting = asyncio.create_task(following(events))
        for action, reason in (
            (Action.GROUP_CREATE, "wanted"),
            (Action.ROLE_CREATE, "other"),
            (Action.ROLE_CREATE, "wanted"),
        ):
            async with transaction():
                await record(action, subject=world.operator, target=None, reason=reason)
        assert await waiting == {"auditEvents": {"reason": "wanted"}}
    body = await mia.only(query, filter={"action": ["nothing"]})
    assert body["errors"][0]["extensions"]["field"] == "filter.action"


async def test_following_uses_what_the_field_and_those_of_each_event_take(
    world: World, mia: Viewer
) -> None:
    async with aclosing(mia.ask(AUDIT, after=await newest(world))) as events:
        coming = asyncio.create_task(anext(events))
        with noting() as noted:
            await asyncio.wait({coming}, timeout=0.5)
        assert noted.permissions == {Permission.AUDIT_READ}
        with noting() as noted:
            await add(world, "one")
            await coming
        assert noted.permissions == {Permission.AUDIT_READ}


async def test_each_event_is_decided_field_by_field(
    world: World, mia: Viewer, campaign: Campaign
) -> None:
    query = AUDIT.replace("reason", "reason diff")
    async with aclosing(mia.ask(query, after=await newest(world))) as events:
        await add(world, "one", campaign)
        async with asyncio.timeout(SECONDS):
            answer = await anext(events)
    assert answer.body["data"]["auditEvents"]["reason"] == "one"
    assert answer.body["data"]["auditEvents"]["diff"] is None
    assert [e["path"] for e in answer.body["errors"]] == [["auditEvents", "diff"]]
    assert answer.body["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("role", [BuiltinRole.OPERATOR, BuiltinRole.VIEWER])
async def test_a_lesser_role_gets_nothing(world: World, role: BuiltinRole) -> None:
    start = await newest(world)
    await add(world, "secret")
    async with viewing(world, await with_role(world, role)) as viewer:
        body = await viewer.only(AUDIT, after=start)
    assert "data" not in body
    error = body["errors"][0]
    assert (error["path"], error["extensions"]["code"]) == (["auditEvents"], "FORBIDDEN")
    assert error["extensions"]["missing"] == ["AUDIT_READ"]


async def test_of_a_workspace_by_who_may_read_only_there(world: World, campaign: Campaign) -> None:
    role = await world.custom_role("Log", Permission.AUDIT_READ)
    member = await with_role(world, role, at_a=True)
    start = await newest(world)
    here, there = (global_id("Workspace", each.id) for each in (world.a, world.b))
    async with viewing(world, member) as viewer:
        for variables, code in (
            ({}, "FORBIDDEN"),
            ({"in": there}, "NOT_FOUND"),
            ({"in": global_id("Workspace", UNKNOWN_ID)}, "NOT_FOUND"),
            ({"in": global_id("Role", role.id)}, "NOT_FOUND"),
            ({"in": "nonsense"}, "BAD_INPUT"),
            ({"in": here, "after": here}, "BAD_INPUT"),
        ):
            body = await viewer.only(AUDIT, **variables)
            assert body["errors"][0]["extensions"]["code"] == code, variables
            assert "data" not in body
        async with aclosing(viewer.ask(AUDIT, **{"in": here, "after": start})) as events:
            await add(world, "elsewhere")
            await add(world, "here", campaign)
            assert (await anext(events)).body["data"]["auditEvents"]["reason"] == "here"


async def test_another_tenant_is_not_found_and_not_heard(world: World, mia: Viewer) -> None:
    foreign = await new_world("globex")
    theirs = global_id("Workspace", foreign.a.id)
    body = await mia.only(AUDIT, **{"in": theirs})
    assert body["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    async with aclosing(mia.ask(AUDIT, after=await newest(world))) as events:
        await add(foreign, "theirs")
        await add(world, "ours")
        assert (await following(events))["auditEvents"]["reason"] == "ours"


async def test_a_role_that_is_taken_away_ends_it_without_an_event(
    world: World, mia: Viewer
) -> None:
    await add(world, "one")
    start = global_id("AuditEvent", (await world.events())[-2].id)
    async with aclosing(mia.ask(AUDIT, after=start)) as events:
        assert (await following(events))["auditEvents"]["reason"] == "one"
        waiting = asyncio.create_task(last(events))
        assignment = mia.presence.subject.access.grants[0].assignment_id
        await assignments.unassign(world.operator, assignment)
        async with asyncio.timeout(1):
            errors = await waiting
    assert errors[0]["path"] == ["auditEvents"]
    assert errors[0]["extensions"]["code"] == "FORBIDDEN"


async def test_the_event_of_the_revocation_itself_is_not_delivered(
    world: World, mia: Viewer
) -> None:
    """It is committed together with it: whichever is heard first, the access is read again."""
    start = await newest(world)
    async with aclosing(mia.ask(AUDIT, after=start)) as events:
        assignment = mia.presence.subject.access.grants[0].assignment_id
        await assignments.unassign(world.operator, assignment)
        errors = await last(events)
    assert errors[0]["extensions"]["code"] == "FORBIDDEN"
    assert not await Assignment.exists(id=assignment)


async def test_the_end_of_the_session_ends_it(world: World) -> None:
    member = await with_role(world, BuiltinRole.AUDITOR)
    async with viewing(world, member) as viewer, aclosing(viewer.ask(ACCESS)) as events:
        await following(events)
        await sessions.sign_out(viewer.presence.subject)
        with pytest.raises(Unauthenticated):
            await anext(viewer.ask(ACCESS))


async def test_queries_and_mutations_are_answered_once(world: World, mia: Viewer) -> None:
    body = await mia.only("{ viewer { name } }")
    assert body == {"data": {"viewer": {"name": "Mia"}}}


@pytest.mark.parametrize(
    "query",
    [
        "subscription { nothing }",
        "subscription { accessChanged { accessRevision } auditEvents { id } }",
        "subscription { accessChanged { accessRevision }",
        "subscription ($a: ID!) { auditEvents(after: $a) { id } }",
        "subscription A { accessChanged { accessRevision } } query B { viewer { name } }",
    ],
)
async def test_a_wrong_request_is_said_to_be_wrong(mia: Viewer, query: str) -> None:
    body = await mia.only(query)
    assert "data" not in body
    assert {error["extensions"]["code"] for error in body["errors"]} == {"BAD_INPUT"}


async def test_the_other_door_says_where_the_stream_is(olga: Person) -> None:
    body = await olga.ask(ACCESS)
    assert "data" not in body
    assert body["errors"][0]["message"] == (
        "A subscription needs a stream: ask for it at /graphql/stream."
    )
