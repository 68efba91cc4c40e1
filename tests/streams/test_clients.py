"""The real clients against the real program: what they get, and when they get no more."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest

from identity import assignments, jobs, members
from identity.access.permissions import Permission
from identity.assignments import Principal
from identity.credentials import sessions
from identity.credentials.limits import SessionLimits
from identity.jobs import Asked
from identity.members import Person
from identity.subject import Origin
from models import BuiltinRole, Job, JobKind, Member, PrincipalType, Role, Workspace
from models.clock import now
from schema.ids import global_id
from tests.peers.graphql_streams import Operation, StreamClients
from tests.streams.installation import Installation
from tests.world import UNKNOWN_ID, World, at_workspace, new_world

KINDS = ["ws", "sse", "sse-single"]
WITHIN_SECONDS = 1.0
"""How soon a stream ends after what it rests on is gone, on every replica."""

VIEWER = "{ viewer { name } }"
ACCESS = "subscription { accessChanged { accessRevision differences { scopeId gained lost } } }"
AUDIT = """
subscription Tail($in: ID, $after: ID) {
  auditEvents(workspaceId: $in, after: $after) { id action targetName reason }
}
"""
JOB = "subscription ($id: ID!) { jobProgress(jobId: $id) { status done } }"
CREATE = """
mutation ($input: CreateWorkspaceInput!) { createWorkspace(input: $input) { workspace { id } } }
"""
UNASSIGN = """
mutation ($input: UnassignRoleInput!) { unassignRole(input: $input) { __typename } }
"""


@dataclass
class Scene:
    """An organization with an owner, and clients of people in it."""

    installation: Installation
    world: World
    clients: StreamClients
    owner_token: str

    async def connect(self, member: Member, kind: str, *, replica: int = 0) -> tuple[str, str]:
        """The name of a client of a new session of theirs, and its token."""
        token = await self.world.session(member)
        name = f"{kind} of {member.name} at {replica}"
        url = self.installation.stream(replica)
        self.clients.connect(name, kind, url, self.installation.headers(token))
        return name, token

    async def open_workspace(self, name: str, *, replica: int = 0) -> str:
        """Something that the audit log tells of."""
        data = await self.installation.ask(
            self.owner_token, CREATE, replica=replica, input={"name": name, "slug": name.lower()}
        )
        return str(data["createWorkspace"]["workspace"]["id"])

    async def newest(self) -> str:
        return global_id("AuditEvent", (await self.world.events())[-1].id)

    async def with_role(self, name: str, role: Role | BuiltinRole) -> Member:
        member = await self.world.member(name)
        await self.world.give(member, role, self.world.everywhere)
        return member


@pytest.fixture
async def scene(installation: Installation, acme: World, clients: StreamClients) -> Scene:
    return Scene(installation, acme, clients, await acme.session(acme.owner))


async def names(operation: Operation, count: int) -> list[str]:
    return [(await operation.data())["auditEvents"]["targetName"] for _ in range(count)]


@pytest.mark.parametrize("kind", KINDS)
async def test_all_operations_are_answered(scene: Scene, kind: str) -> None:
    name, _ = await scene.connect(scene.world.owner, kind)
    query = scene.clients.subscribe(name, VIEWER)
    assert await query.data() == {"viewer": {"name": scene.world.owner.name}}
    assert await query.happens() == {"complete": True}

    values = {"name": "Over a stream", "slug": f"over-{kind}"}
    mutation = scene.clients.subscribe(name, CREATE, input=values)
    created = (await mutation.data())["createWorkspace"]["workspace"]["id"]
    assert await mutation.happens() == {"complete": True}
    row = await Workspace.get(organization=scene.world.organization, slug=f"over-{kind}")
    assert created == global_id("Workspace", row.id)

    wrong = scene.clients.subscribe(name, "{ nothing }")
    if kind == "sse-single":  # graphql-sse gives the client the refused request itself
        assert await wrong.end() == ["400"]
    else:
        assert await wrong.end() == ["BAD_INPUT"]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_log_is_followed_over_replicas(scene: Scene, kind: str) -> None:
    name, _ = await scene.connect(scene.world.owner, kind)
    start = await scene.newest()
    await scene.open_workspace("One")
    tail = scene.clients.subscribe(name, AUDIT, after=start)
    assert await names(tail, 1) == ["One"]
    last = len(scene.installation.replicas) - 1
    for number in range(6):
        await scene.open_workspace(f"Two-{number}", replica=number % (last + 1))
    assert await names(tail, 6) == [f"Two-{number}" for number in range(6)]
    await scene.world.campaign(scene.world.a)
    await scene.open_workspace("Three", replica=last)
    assert await names(tail, 1) == ["Three"]

    tail.stop()
    again = scene.clients.subscribe(name, AUDIT, after=start)
    assert (await names(again, 8))[0] == "One"
    assert tail.said_nothing_more() or await tail.happens() == {"complete": True}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_job_that_another_process_carries_out_is_followed_to_its_end(
    scene: Scene, kind: str
) -> None:
    asked = Asked(JobKind.WEBHOOK_REDELIVERY, UNKNOWN_ID, {}, total=3)
    job = await jobs.put(scene.world.operator, asked)
    replica = len(scene.installation.replicas) - 1
    name, _ = await scene.connect(scene.world.owner, kind, replica=replica)
    progress = scene.clients.subscribe(name, JOB, id=global_id("Job", job.id))
    assert await progress.data() == {"jobProgress": {"status": "QUEUED", "done": 0}}
    steps = [2, 1, 0]

    async def step(_: Job) -> int:
        return steps.pop(0)

    since = monotonic()
    await jobs.carry_out(job.id, step)
    seen = {"status": "QUEUED", "done": 0}
    while seen["status"] != "DONE":
        seen = (await progress.data())["jobProgress"]
    assert monotonic() - since < WITHIN_SECONDS
    assert seen["done"] == 3
    assert await progress.happens() == {"complete": True}


@pytest.mark.parametrize("kind", KINDS)
async def test_access_is_followed_over_replicas(scene: Scene, kind: str) -> None:
    member = await scene.with_role("Mia", BuiltinRole.AUDITOR)
    replica = len(scene.installation.replicas) - 1
    name, _ = await scene.connect(member, kind, replica=replica)
    access = scene.clients.subscribe(name, ACCESS)
    first = (await access.data())["accessChanged"]
    role = await scene.world.custom_role("Sender", Permission.CAMPAIGNS_SEND)
    await scene.world.give(member, role, at_workspace(scene.world.a))
    assert (await access.data())["accessChanged"] == {
        "accessRevision": first["accessRevision"] + 1,
        "differences": [
            {
                "scopeId": global_id("Workspace", scene.world.a.id),
                "gained": ["CAMPAIGNS_SEND"],
                "lost": [],
            }
        ],
    }


async def ended_within(operation: Operation, since: float) -> list[str]:
    codes = await operation.end()
    assert monotonic() - since <= WITHIN_SECONDS
    return codes


async def sign_out(scene: Scene, member: Member, token: str) -> None:
    subject = await sessions.authenticate(token, limits=SessionLimits(), origin=Origin())
    await sessions.sign_out(subject)


async def suspend(scene: Scene, member: Member, token: str) -> None:
    person = Person(
        user_name=member.user_name,
        email=member.email,
        name=member.name,
        active=False,
        external_id=None,
        scim={},
        scim_keys={},
    )
    await members.update(scene.world.operator, member.id, person)


async def remove(scene: Scene, member: Member, token: str) -> None:
    await members.remove(scene.world.operator, member.id)


@pytest.mark.parametrize("end", [sign_out, suspend, remove])
@pytest.mark.parametrize("kind", KINDS)
async def test_the_end_of_a_session_closes_its_streams_on_every_replica(
    scene: Scene, kind: str, end: Any
) -> None:
    member = await scene.with_role("Mia", BuiltinRole.AUDITOR)
    token = await scene.world.session(member)
    operations = []
    for number in range(len(scene.installation.replicas)):
        url, headers = scene.installation.stream(number), scene.installation.headers(token)
        scene.clients.connect(f"client {number}", kind, url, headers)
        access = scene.clients.subscribe(f"client {number}", ACCESS)
        await access.data()
        operations.append(access)
    other, _ = await scene.connect(scene.world.owner, kind)
    untouched = scene.clients.subscribe(other, ACCESS)
    await untouched.data()

    since = monotonic()
    await end(scene, member, token)
    done = await asyncio.gather(*(ended_within(each, since) for each in operations))
    expected = "4401" if kind == "ws" else "UNAUTHENTICATED"
    assert done == [[expected]] * len(operations)
    if kind == "ws":
        assert (await scene.clients.close_of())["reason"] == "Unauthorized"
    assert all(each.said_nothing_more() for each in operations)
    assert untouched.said_nothing_more() or "next" in await untouched.happens()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_role_taken_away_closes_what_needs_it_and_nothing_else(
    scene: Scene, kind: str
) -> None:
    member = await scene.with_role("Mia", BuiltinRole.AUDITOR)
    replica = len(scene.installation.replicas) - 1
    name, _ = await scene.connect(member, kind, replica=replica)
    start = await scene.newest()
    await scene.open_workspace("Before")
    access, tail = (
        scene.clients.subscribe(name, ACCESS),
        scene.clients.subscribe(name, AUDIT, after=start),
    )
    await access.data()
    assert await names(tail, 1) == ["Before"]
    given = (await scene.world.subject(member)).access.grants[0].assignment_id

    since = monotonic()
    await scene.installation.ask(
        scene.owner_token, UNASSIGN, input={"assignmentId": global_id("Assignment", given)}
    )
    assert await ended_within(tail, since) == ["FORBIDDEN"]
    lost = (await access.data())["accessChanged"]["differences"][0]["lost"]
    assert "AUDIT_READ" in lost
    await scene.open_workspace("After")
    assert tail.said_nothing_more()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_role_for_a_time_closes_when_it_ends(scene: Scene, kind: str) -> None:
    member = await scene.world.member("Mia")
    auditor = await scene.world.role(BuiltinRole.AUDITOR)
    await assignments.assign(
        scene.world.operator,
        role_id=auditor.id,
        principal=Principal(PrincipalType.MEMBER, member.id),
        scope=scene.world.everywhere,
        expires_at=(until := now() + timedelta(seconds=4)),
    )
    name, _ = await scene.connect(member, kind)
    start = await scene.newest()
    await scene.open_workspace("Before")
    tail = scene.clients.subscribe(name, AUDIT, after=start)
    assert await names(tail, 1) == ["Before"]

    assert await tail.end() == ["FORBIDDEN"]
    assert timedelta(0) <= now() - until <= timedelta(seconds=WITHIN_SECONDS)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_lesser_role_and_another_tenant_get_nothing(scene: Scene, kind: str) -> None:
    start = await scene.newest()
    await scene.open_workspace("Secret")
    viewer = await scene.with_role("Vic", BuiltinRole.VIEWER)
    name, _ = await scene.connect(viewer, kind)
    refused = scene.clients.subscribe(name, AUDIT, after=start)
    assert await refused.end() == ["FORBIDDEN"]
    assert refused.said_nothing_more()

    foreign = await new_world(f"globex-{scene.world.organization.slug}")
    token = await foreign.session(foreign.owner)
    url = scene.installation.stream()
    scene.clients.connect("foreign", kind, url, scene.installation.headers(token))
    inside = scene.clients.subscribe(
        "foreign", AUDIT, **{"in": global_id("Workspace", scene.world.a.id)}
    )
    assert await inside.end() == ["NOT_FOUND"]
    theirs = global_id("AuditEvent", (await foreign.events())[-1].id)
    tail = scene.clients.subscribe("foreign", AUDIT, after=theirs)
    await scene.open_workspace("Ours")
    await foreign.give(foreign.owner, BuiltinRole.VIEWER, foreign.everywhere)
    event = (await tail.data())["auditEvents"]
    assert event["action"] == "role.assign"
    assert tail.said_nothing_more()
