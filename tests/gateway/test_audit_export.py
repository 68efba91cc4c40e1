"""Exports over HTTP: who gets the file, and who cannot take a part for the whole."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from gateway import audit_export
from gateway.app import application
from gateway.authenticate import CLIENT_HEADER, SESSION_COOKIE
from gateway.settings import Settings
from gateway.streams.bounds import StreamBounds
from identity import assignments, roles
from identity import audit_export as export
from identity.access.permissions import Permission
from identity.credentials.key_uses import key_uses
from models import ApiKey, Assignment, BuiltinRole, Outcome
from models.audit_event import ViaType
from schema.ids import global_id
from tests.door import PUBLIC_URL, Person, sign_in
from tests.keys import personal_key
from tests.world import World, at_workspace

EXPORT = "/audit/export"


@pytest.fixture
async def olga(http: httpx.AsyncClient, world: World) -> Person:
    """The owner."""
    return await sign_in(http, world, world.owner)


def headers(person: Person, **more: str) -> dict[str, str]:
    return {CLIENT_HEADER: "tests", "cookie": f"{SESSION_COOKIE}={person.token}", **more}


async def post(person: Person, body: Any, **more: str) -> httpx.Response:
    return await person.http.post(EXPORT, json=body, headers=headers(person, **more))


async def test_the_file_is_what_the_filter_asks_for(olga: Person, world: World) -> None:
    owner = await world.subject(world.owner)
    for name in ("Shift", "=Night"):
        await roles.create(owner, name=name)
    asked = {"action": ["role.create"], "actorId": global_id("Member", world.owner.id)}
    response = await post(olga, {"format": "CSV", "filter": asked})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-gatepost-total-estimate"] == "2"
    lines = response.text.splitlines()
    assert len(lines) == 3
    assert '"Shift"' in lines[1]
    assert '"\'=Night"' in lines[2]
    begin, end = (await world.events())[-2:]
    assert [begin.action, end.action] == ["audit.export", "audit.export_end"]
    assert (begin.operation, begin.ip) == ("POST /audit/export", "127.0.0.1")
    assert begin.request_id == end.request_id == response.headers["x-request-id"]


async def test_a_workspace_and_json_lines(olga: Person, world: World) -> None:
    await world.give(world.owner, BuiltinRole.VIEWER, at_workspace(world.b))
    workspace = global_id("Workspace", world.b.id)
    response = await post(olga, {"format": "JSONL", "workspaceId": workspace})
    assert response.headers["content-type"] == "application/jsonl"
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert [line["action"] for line in lines] == ["workspace.create", "role.assign"]
    of_siem = await post(olga, {"format": "OCSF", "workspaceId": workspace})
    assert [json.loads(line)["class_uid"] for line in of_siem.text.splitlines()][:2] == [3004, 3005]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({}, "format"),
        ({"format": "csv"}, "format"),
        ({"format": "CSV", "fliter": {}}, "fliter"),
        ({"format": "CSV", "workspaceId": 7}, "workspaceId"),
        ({"format": "CSV", "workspaceId": "x"}, "workspaceId"),
        ({"format": "CSV", "filter": []}, "filter"),
        ({"format": "CSV", "filter": {"actor": "x"}}, "filter"),
        ({"format": "CSV", "filter": {"outcome": ["GOOD"]}}, "filter.outcome.0"),
        ({"format": "CSV", "filter": {"fromAt": "yesterday"}}, "filter.fromAt"),
        ({"format": "CSV", "filter": {"action": ["nothing"]}}, "filter.action"),
    ],
)
async def test_what_cannot_be_is_refused(olga: Person, world: World, body: Any, field: str) -> None:
    log = len(await world.events())
    response = await post(olga, body)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "BAD_INPUT"
    assert response.json()["error"]["field"] == field
    assert len(await world.events()) == log


async def test_other_sites_and_strangers_get_nothing(olga: Person, world: World) -> None:
    log = len(await world.events())
    body = {"format": "CSV"}
    cross = await post(olga, body, **{"sec-fetch-site": "cross-site"})
    foreign = await post(olga, body, origin="https://evil.example")
    plain = await olga.http.post(
        EXPORT, json=body, headers={"cookie": f"{SESSION_COOKIE}={olga.token}"}
    )
    form = await olga.http.post(EXPORT, data={"format": "CSV"}, headers=headers(olga))
    nobody = await olga.http.post(EXPORT, json=body, headers={CLIENT_HEADER: "tests"})
    get = await olga.http.get(EXPORT, headers=headers(olga))
    found = [each.status_code for each in (cross, foreign, plain, form, nobody, get)]
    assert found == [403, 403, 403, 415, 401, 405]
    assert len(await world.events()) == log


async def test_who_may_not_export_is_refused_and_recorded(olga: Person, world: World) -> None:
    member = await world.member("Mia")
    await world.give(member, BuiltinRole.MEMBER, world.everywhere)
    mia = await sign_in(olga.http, world, member)
    response = await post(mia, {"format": "CSV"})
    assert response.status_code == 403
    assert response.json()["error"]["missing"] == ["AUDIT_EXPORT"]
    event = (await world.events())[-1]
    assert (event.action, event.outcome, event.actor_name) == (
        "audit.export",
        Outcome.DENIED,
        "Mia",
    )


async def by_key(http: httpx.AsyncClient, clear: str, **more: str) -> httpx.Response:
    sent = {"authorization": f"Bearer {clear}", **more}
    return await http.post(EXPORT, json={"format": "JSONL"}, headers=sent)


async def test_a_key_exports_what_it_may_and_its_use_is_known(olga: Person, world: World) -> None:
    key, clear = await personal_key(world, world.owner, Permission.AUDIT_EXPORT)
    response = await by_key(olga.http, clear)
    assert response.status_code == 200
    assert json.loads(response.text.splitlines()[0])["action"] == "organization.create"
    begin = (await world.events())[-2]
    assert (begin.action, begin.via, begin.via_id) == ("audit.export", ViaType.API_KEY, key.id)
    await key_uses.write()
    used = await ApiKey.get(id=key.id)
    assert used.last_used_operation == "POST /audit/export"


async def test_a_key_without_the_scope_exports_nothing(olga: Person, world: World) -> None:
    _, clear = await personal_key(world, world.owner, Permission.AUDIT_READ)
    response = await by_key(olga.http, clear)
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "SCOPE_MISSING"
    event = (await world.events())[-1]
    assert (event.action, event.outcome) == ("audit.export", Outcome.DENIED)


async def test_a_key_beside_a_session_exports_nothing(olga: Person, world: World) -> None:
    _, clear = await personal_key(world, world.owner, Permission.AUDIT_EXPORT)
    before = len(await world.events())
    response = await by_key(olga.http, clear, **headers(olga))
    assert response.status_code == 400
    assert len(await world.events()) == before


async def test_an_export_is_one_of_few_at_a_time(
    olga: Person, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, let_go = asyncio.Semaphore(0), asyncio.Event()
    real = export.begin

    async def slow(*given: Any, **named: Any) -> export.Export:
        both.release()
        await let_go.wait()
        return await real(*given, **named)

    monkeypatch.setattr(export, "begin", slow)
    first = [asyncio.create_task(post(olga, {"format": "CSV"})) for _ in range(2)]
    async with asyncio.timeout(10):
        await both.acquire()
        await both.acquire()
        refused = await post(olga, {"format": "CSV"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "RATE_LIMITED")
    let_go.set()
    assert [(await each).status_code for each in first] == [200, 200]
    assert (await post(olga, {"format": "CSV"})).status_code == 200


class Wire:
    """An ASGI server's side of one request, which keeps what was sent and leaves when told to."""

    def __init__(self, body: bytes) -> None:
        self.sent: list[dict[str, Any]] = []
        self.left = asyncio.Event()
        self._requests = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive(self) -> dict[str, Any]:
        if self._requests:
            return self._requests.pop()
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    @property
    def is_whole(self) -> bool:
        return bool(self.sent) and self.sent[-1].get("more_body") is False

    @property
    def lines(self) -> int:
        return sum(message.get("body", b"").count(b"\n") for message in self.sent)


async def over(wire: Wire, person: Person, app: Any) -> None:
    given = headers(person, **{"content-type": "application/json"})
    scope = {
        "type": "http",
        "method": "POST",
        "path": EXPORT,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": ("192.0.2.7", 1),
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
    }
    await app(scope, wire.receive, wire.send)


@pytest.fixture
def app(database: str) -> Any:
    return application(
        Settings(database_url=database, public_url=PUBLIC_URL, secret_keys=("unused",))
    )


async def test_who_loses_the_right_gets_a_file_that_is_not_whole(
    olga: Person, world: World, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "BATCH", 1)
    member = await world.member("Aud")
    given = await world.give(member, BuiltinRole.AUDITOR, world.everywhere)
    auditor = await sign_in(olga.http, world, member)
    wire = Wire(b'{"format": "JSONL"}')
    real = wire.send

    async def send(message: dict[str, Any]) -> None:
        await real(message)
        if wire.lines == 2 and await Assignment.exists(id=given.id):
            await assignments.unassign(await world.subject(world.owner), given.id)

    wire.send = send  # type: ignore[method-assign]
    await over(wire, auditor, app)
    assert (wire.lines, wire.is_whole) == (2, False)
    event = (await world.events())[-1]
    assert (event.action, event.outcome) == ("audit.export_end", Outcome.DENIED)
    assert [c["after"] for c in event.diff] == ["jsonl", 2, False]


async def test_who_leaves_ends_it(
    olga: Person, world: World, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "BATCH", 1)
    wire = Wire(b'{"format": "JSONL"}')

    async def send(message: dict[str, Any]) -> None:
        wire.sent.append(message)
        if wire.lines == 1:
            wire.left.set()
            await asyncio.Event().wait()

    wire.send = send  # type: ignore[method-assign]
    async with asyncio.timeout(10):
        await over(wire, olga, app)
    assert not wire.is_whole
    event = (await world.events())[-1]
    assert (event.action, event.reason) == ("audit.export_end", "The receiver left.")
    assert [c["after"] for c in event.diff] == ["jsonl", 1, False]
    assert len(app.state.export_places) == 0


async def test_who_does_not_take_it_is_left(
    olga: Person, world: World, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = StreamBounds(to_take=0.05)
    monkeypatch.setattr(audit_export, "BOUNDS", bounds)
    wire = Wire(b'{"format": "CSV"}')

    async def send(message: dict[str, Any]) -> None:
        wire.sent.append(message)
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    wire.send = send  # type: ignore[method-assign]
    async with asyncio.timeout(10):
        await over(wire, olga, app)
    assert not wire.is_whole
    assert (await world.events())[-1].reason == "The receiver left."
