"""A mutation with an `Idempotency-Key` is carried out once, however often it is sent."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from gateway.authenticate import CLIENT_HEADER, SESSION_COOKIE
from gateway.graphql import idempotency as header
from gateway.graphql.idempotency import changed_something
from identity import assignments, idempotency, roles
from identity.access.permissions import Permission
from models import (
    Assignment,
    AuditEvent,
    BuiltinRole,
    IdempotentRequest,
    Member,
    MemberStatus,
    Plan,
    Role,
    SendingServer,
)
from models.secret import keyring
from models.sql import is_postgres
from schema.execution import Answer, Request, answer
from schema.ids import global_id
from tests.clock import MovableClock
from tests.conftest import SECRET_KEYS
from tests.door import Person, http_client, sign_in
from tests.gateway.program import Program, free_port, running
from tests.world import World, new_world

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
MAKE = "mutation Make($name: String!) { createRole(input: {name: $name}) { role { id name } } }"


def make(name: str = "X") -> dict[str, Any]:
    return {"query": MAKE, "variables": {"name": name}}


async def send(person: Person, body: Any, key: str = KEY, **headers: str) -> httpx.Response:
    return await person.post(body, **{"idempotency-key": key, **headers})


async def counts() -> tuple[int, int]:
    return await Role.all().count(), await AuditEvent.all().count()


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["extensions"]["code"]


async def test_the_answer_is_given_again_and_nothing_is_done_again(olga: Person) -> None:
    first = await send(olga, make())
    assert first.json()["data"]["createRole"]["role"]["name"] == "X"
    assert "idempotent-replayed" not in first.headers
    before = await counts()

    again = await send(olga, make())
    modern = await send(olga, make(), accept="application/graphql-response+json")

    for response in (again, modern):
        assert response.status_code == 200
        assert response.headers["idempotent-replayed"] == "true"
        assert response.json() == first.json()
    assert modern.headers["content-type"].startswith("application/graphql-response+json")
    assert await counts() == before


async def test_a_key_may_be_quoted_as_the_draft_wants_it(olga: Person) -> None:
    await send(olga, make())
    again = await send(olga, make(), f'"{KEY}"')
    assert again.headers["idempotent-replayed"] == "true"
    escaped = await send(olga, make("Y"), r'"a \"b\" \\c"')
    assert "errors" not in escaped.json()
    assert (await send(olga, make("Y"), r'"a \"b\" \\c"')).headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("key", ["", '""', '"a', 'a"b', "a b", "é", "\x7f", "a" * 256, '"\\n"'])
async def test_a_malformed_key_is_refused_and_nothing_is_done(olga: Person, key: str) -> None:
    before = await counts()
    headers = [(b"idempotency-key", key.encode()), (b"x-gatepost-client", b"tests")]
    cookie = (b"cookie", f"{SESSION_COOKIE}={olga.token}".encode())
    response = await olga.http.post("/graphql", json=make(), headers=[*headers, cookie])
    assert code(response) == (400, "BAD_INPUT")
    assert response.json()["errors"][0]["extensions"]["field"] == "Idempotency-Key"
    assert await counts() == before


async def test_a_malformed_key_is_refused_whoever_has_asked_before(olga: Person) -> None:
    query = {"query": "{ viewer { name } }"}
    assert "errors" not in (await olga.post(query)).json()
    response = await olga.post(query, **{"idempotency-key": "two words"})
    assert code(response) == (400, "BAD_INPUT")
    assert response.json()["errors"][0]["extensions"]["field"] == "Idempotency-Key"


async def test_two_keys_are_refused(olga: Person) -> None:
    before = await counts()
    headers = [("idempotency-key", "a"), ("idempotency-key", "b"), (CLIENT_HEADER, "tests")]
    cookie = ("cookie", f"{SESSION_COOKIE}={olga.token}")
    response = await olga.http.post("/graphql", json=make(), headers=[*headers, cookie])
    assert code(response) == (400, "BAD_INPUT")
    assert await counts() == before


@pytest.mark.parametrize(
    "other",
    [
        make("Y"),
        {**make(), "query": MAKE.replace("id name", "name")},
        {**make(), "query": f"{MAKE} {MAKE.replace('Make', 'Other', 1)}", "operationName": "Other"},
    ],
)
async def test_the_same_key_with_another_request_is_422(
    olga: Person, other: Mapping[str, Any]
) -> None:
    await send(olga, make())
    before = await counts()
    response = await send(olga, other)
    assert code(response) == (422, "BAD_INPUT")
    assert response.json()["errors"][0]["message"] == (
        "This key came with another request before. Send this one with a key of its own."
    )
    assert await counts() == before


async def test_a_key_belongs_to_one_subject(olga: Person, world: World) -> None:
    """Another member, even of the same rights, and another organization have keys of their own."""
    otto = await world.member("Otto")
    await world.give(otto, BuiltinRole.OWNER, world.everywhere)
    elsewhere = await new_world("other")
    mine = await send(olga, make("Mine"))

    for stranger in (
        await sign_in(olga.http, world, otto),
        await sign_in(olga.http, elsewhere, elsewhere.owner),
    ):
        same = await send(stranger, make("Mine"))
        assert "idempotent-replayed" not in same.headers
        assert same.json().get("data") != mine.json()["data"]
        other = await send(stranger, make("Yours"))
        assert "idempotent-replayed" not in other.headers
    assert await Role.filter(name="Mine").count() == 2  # of two organizations


async def test_another_session_of_the_same_member_has_the_same_keys(
    olga: Person, world: World
) -> None:
    first = await send(olga, make())
    again = await send(await sign_in(olga.http, world, world.owner), make())
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()


async def test_a_request_that_is_under_way_is_409(
    olga: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(*args: Any) -> Answer:
        arrived.set()
        await go_on.wait()
        return await answer(*args)

    monkeypatch.setattr(header, "answer", slow)
    first = asyncio.create_task(send(olga, make()))
    await arrived.wait()
    before = await counts()

    meanwhile = await send(olga, make())
    other = await send(olga, make("Y"))

    assert code(meanwhile) == (409, "CONFLICT")
    assert meanwhile.json()["errors"][0]["extensions"]["reason"] == "UNDER_WAY"
    assert code(other) == (422, "BAD_INPUT")
    assert await counts() == before
    go_on.set()
    assert "errors" not in (await first).json()
    assert (await send(olga, make())).headers["idempotent-replayed"] == "true"
    assert await Role.filter(name="X").count() == 1


async def test_what_was_cut_off_is_not_done_again(
    world: World, olga: Person, movable_clock: MovableClock
) -> None:
    """Nobody knows how far it came, until a day is over."""
    olga = await sign_in(olga.http, world, world.owner)
    asked = Request(MAKE, {"name": "X"}, None)
    await idempotency.begin(await world.subject(world.owner), KEY, header._digest(asked))
    before = await counts()
    movable_clock.move(timedelta(hours=23))
    olga = await sign_in(olga.http, world, world.owner)
    assert code(await send(olga, make())) == (409, "CONFLICT")
    assert await counts() == before
    movable_clock.move(timedelta(hours=1))
    assert "errors" not in (await send(olga, make())).json()


async def test_of_equal_requests_at_once_one_is_carried_out(olga: Person) -> None:
    responses = await asyncio.gather(*(send(olga, make()) for _ in range(10)))
    await assert_once(responses)


async def test_of_equal_requests_at_once_to_two_replicas_one_is_carried_out(
    world: World, database: str, tmp_path: Path
) -> None:
    token = await world.session(world.owner)
    async with AsyncExitStack() as stack:
        ports = [free_port(), free_port()]
        starting = [serving(port, database, tmp_path) for port in ports]
        programs = [await stack.enter_async_context(program) for program in starting]
        for program in programs:
            await program.line_starting("INFO:     Application startup complete.")
        replicas = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60)
            )
            for port in ports
        ]
        responses = await asyncio.gather(
            *(send(Person(replica, token), make()) for _ in range(10) for replica in replicas)
        )
        assert [(await program.interrupted())[0] for program in programs] == [0, 0]
    await assert_once(responses)


def serving(port: int, database: str, folder: Path) -> AbstractAsyncContextManager[Program]:
    """`gatepost serve` at that port."""
    return running(
        *("serve", "--port", str(port)),
        folder=folder,
        GATEPOST_DATABASE_URL=database,
        GATEPOST_PUBLIC_URL=f"http://127.0.0.1:{port}",
        GATEPOST_SECRET_KEYS=",".join(SECRET_KEYS),
    )


async def assert_once(responses: list[httpx.Response]) -> None:
    """One did it; the others were told that it is under way, or given its answer."""
    done = [r for r in responses if r.status_code == 200 and "idempotent-replayed" not in r.headers]
    assert len(done) == 1
    assert "errors" not in done[0].json()
    for response in responses:
        if response.status_code == 200:
            assert response.json() == done[0].json()
        else:
            assert code(response) == (409, "CONFLICT")
    assert await Role.filter(name="X").count() == 1
    assert await AuditEvent.filter(action="role.create").count() == 1
    assert await IdempotentRequest.all().count() == 1


async def test_a_key_counts_for_a_day(
    world: World, olga: Person, movable_clock: MovableClock
) -> None:
    await send(await sign_in(olga.http, world, world.owner), make())
    movable_clock.move(timedelta(hours=24) - timedelta(seconds=1))
    later = await sign_in(olga.http, world, world.owner)
    assert (await send(later, make())).headers["idempotent-replayed"] == "true"
    movable_clock.move(timedelta(seconds=1))

    anew = await send(later, make("Y"))

    assert "idempotent-replayed" not in anew.headers
    assert anew.json()["data"]["createRole"]["role"]["name"] == "Y"
    assert await IdempotentRequest.all().count() == 1


async def test_old_rows_are_removed_in_small_batches(
    world: World, olga: Person, movable_clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "REMOVED_AT_ONCE", 2)
    subject = await world.subject(world.owner)
    for number in range(5):
        await idempotency.begin(subject, f"old-{number}", "request")
    movable_clock.move(timedelta(hours=24))
    left = []
    for number in range(4):
        await idempotency.begin(subject, f"new-{number}", "request")
        left.append(await IdempotentRequest.all().count() - number - 1)
    assert left == [3, 1, 0, 0]


async def test_our_fault_is_not_kept_and_the_request_may_come_again(
    olga: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await counts()

    async def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("inside")

    with monkeypatch.context() as during:
        during.setattr(roles, "create", broken)
        failed = await send(olga, make())
    assert code(failed) == (200, "INTERNAL")
    assert await counts() == before
    assert await IdempotentRequest.all().count() == 0

    again = await send(olga, make())

    assert "idempotent-replayed" not in again.headers
    assert again.json()["data"]["createRole"]["role"]["name"] == "X"


async def test_what_was_refused_may_come_again_when_it_is_allowed(
    olga: Person, world: World
) -> None:
    vera = await world.member("Vera")
    viewer = await world.give(vera, BuiltinRole.VIEWER, world.everywhere)
    person = await sign_in(olga.http, world, vera)
    refused = await send(person, make())
    assert code(refused) == (200, "FORBIDDEN")
    assert await IdempotentRequest.all().count() == 0
    await assignments.unassign(world.operator, viewer.id)
    await world.give(vera, BuiltinRole.OWNER, world.everywhere)

    allowed = await send(person, make())

    assert allowed.json()["data"]["createRole"]["role"]["name"] == "X"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"query": "mutation {"}, "Syntax Error"),
        ({"query": MAKE}, "$name"),
        ({"query": MAKE, "variables": {"name": ""}}, "must not be empty"),
    ],
)
async def test_what_is_wrong_is_not_kept(olga: Person, body: dict[str, Any], said: str) -> None:
    wrong = await send(olga, body)
    assert said in wrong.json()["errors"][0]["message"]
    assert await IdempotentRequest.all().count() == 0
    assert "errors" not in (await send(olga, make())).json()


@pytest.mark.parametrize("depth", [11, 500])
async def test_variables_that_are_too_deep_are_refused_and_claim_no_key(
    olga: Person, depth: int
) -> None:
    """Deeper than what can be written down again, too, as a digest of them would be of."""
    before = await counts()
    deep: list[Any] = []
    for _ in range(depth):
        deep = [deep]
    refused = await send(olga, {"query": MAKE, "variables": {"name": "X", "more": deep}})
    assert code(refused) == (200, "TOO_EXPENSIVE")
    assert await IdempotentRequest.all().count() == 0
    assert await counts() == before


async def test_a_change_that_was_made_in_part_is_kept_with_its_errors(olga: Person) -> None:
    query = """mutation {
        a: createRole(input: {name: "A"}) { role { name } }
        b: createRole(input: {name: "A"}) { role { name } }
    }"""
    first = await send(olga, {"query": query})
    assert first.json()["data"] == {"a": {"role": {"name": "A"}}, "b": None}
    before = await counts()
    again = await send(olga, {"query": query})
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert await counts() == before


async def test_nothing_is_stored_in_clear(olga: Person, world: World) -> None:
    server = await SendingServer.create(workspace=world.a, name="Main", host="smtp.acme.example")
    query = """mutation ($input: SetSendingServerCredentialsInput!) {
        setSendingServerCredentials(input: $input) { sendingServer { name host } }
    }"""
    variables = {
        "input": {
            "sendingServerId": global_id("SendingServer", server.id),
            "username": "postmaster",
            "password": "hunter2-hunter2",
            "expectedVersion": 1,
        }
    }
    response = await send(olga, {"query": query, "variables": variables})
    assert response.json()["data"]["setSendingServerCredentials"] is not None
    (row,) = await IdempotentRequest.all()
    asked = Request(query, variables, None)
    stored = f"{row.key_hash} {row.request_encrypted} {row.answer_encrypted}"
    for clear in (KEY, "hunter2", "postmaster", "smtp.acme.example", header._digest(asked)):
        assert clear not in stored
    assert keyring.decrypt(row.request_encrypted) == header._digest(asked)
    assert row.key_hash == hashlib.sha256(KEY.encode()).hexdigest()


async def test_a_suspended_member_is_given_nothing(olga: Person, world: World) -> None:
    otto = await world.member("Otto")
    await world.give(otto, BuiltinRole.OWNER, world.everywhere)
    person = await sign_in(olga.http, world, otto)
    await send(person, make())
    await Member.filter(id=otto.id).update(status=MemberStatus.SUSPENDED)
    before = await counts()
    response = await send(person, make())
    assert code(response) == (401, "UNAUTHENTICATED")
    assert "data" not in response.json()
    assert await counts() == before


async def test_an_answer_is_withheld_while_the_access_is_another(
    olga: Person, world: World
) -> None:
    """Also when there is more of it: what it would show then was never looked at."""
    otto = await world.member("Otto")
    writer = await world.custom_role("Writer", Permission.ROLES_READ, Permission.ROLES_WRITE)
    reader = await world.custom_role("Reader", Permission.MEMBERS_READ)
    given = await world.give(otto, writer, world.everywhere)
    person = await sign_in(olga.http, world, otto)
    bare = {"query": 'mutation { createRole(input: {name: "X"}) { role { name } } }'}
    first = await send(person, bare)
    assert first.json()["data"] == {"createRole": {"role": {"name": "X"}}}

    async def assert_withheld() -> None:
        before = await counts()
        response = await send(person, bare)
        assert code(response) == (409, "CONFLICT")
        assert response.json()["errors"][0]["extensions"]["reason"] == "CARRIED_OUT_BEFORE"
        assert list(response.json()) == ["errors"]
        assert await counts() == before

    more = await world.give(otto, reader, world.everywhere)
    await assert_withheld()
    await assignments.unassign(world.operator, more.id)
    assert (await send(person, bare)).json() == first.json()
    await assignments.unassign(world.operator, given.id)
    await assert_withheld()
    assert not await Assignment.exists(principal_id=otto.id)


async def test_changes_of_other_peoples_access_do_not_matter(olga: Person, world: World) -> None:
    first = await send(olga, make())
    await world.give(await world.member("Otto"), BuiltinRole.VIEWER, world.everywhere)
    assert (await send(olga, make())).json() == first.json()


async def test_a_lower_plan_withholds_what_the_higher_one_showed(
    olga: Person, world: World
) -> None:
    await send(olga, make())
    world.organization.plan = Plan.STARTER
    await world.organization.save()
    response = await send(olga, make())
    assert code(response) == (409, "CONFLICT")
    assert "data" not in response.json()


async def test_a_long_answer_is_known_to_have_been_given(
    olga: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "LARGEST_KEPT", 10)
    await send(olga, make())
    before = await counts()
    response = await send(olga, make())
    assert code(response) == (409, "CONFLICT")
    assert "too long to be kept" in response.json()["errors"][0]["message"]
    assert await counts() == before


async def test_a_query_needs_no_key_and_keeps_no_answer(olga: Person) -> None:
    for _ in range(2):
        response = await send(olga, {"query": "{ viewer { name } }"})
        assert response.json()["data"] == {"viewer": {"name": "olga@acme.example"}}
        assert "idempotent-replayed" not in response.headers
    by_address = await olga.get({"query": "{ viewer { name } }"}, **{"idempotency-key": KEY})
    assert by_address.status_code == 200
    assert await IdempotentRequest.all().count() == 0


async def test_a_batch_has_no_key(database: str, world: World) -> None:
    async with http_client(database, graphql_batch_limit=2) as http:
        olga = await sign_in(http, world, world.owner)
        before = await counts()
        response = await send(olga, [make("A"), make("B")])
        assert code(response) == (400, "BAD_INPUT")
        assert await counts() == before


async def test_without_a_key_nothing_is_remembered(olga: Person) -> None:
    outcomes = Counter(["errors" in (await olga.post(make())).json() for _ in range(2)])
    assert outcomes == {False: 1, True: 1}  # the second meets the name of the first
    assert await IdempotentRequest.all().count() == 0


@pytest.mark.parametrize(
    ("data", "paths", "changed"),
    [
        ({"a": {}}, [], True),
        ({"a": None}, [], True),
        ({"a": None}, [["a"]], False),
        (None, [["a"], ["b"]], False),
        ({"a": None, "b": {}}, [["a"]], True),
        ({"a": None}, [["a", "role"]], True),
        (None, [["a", "role", "id"]], True),
        ({}, [], False),
    ],
)
def test_what_was_changed_is_read_off_the_root_fields(
    data: dict[str, Any] | None, paths: list[list[str]], changed: bool
) -> None:
    errors = [{"message": "", "path": path} for path in paths]
    body = {"data": data, "errors": errors}
    assert changed_something(Answer(body, executed=True), {"a", "b"}) is changed
    assert not changed_something(Answer(body, executed=False), {"a", "b"})
    assert not changed_something(Answer(body, executed=True), ())


async def test_a_dry_run_is_not_kept_and_its_key_is_free(olga: Person, world: World) -> None:
    role = await world.custom_role("Fresh")
    update = """
        mutation ($id: ID!, $dry: Boolean!) {
          updateRole(input: {roleId: $id, expectedVersion: 1, name: "New", dryRun: $dry}) {
            role { name } preview { membersAffected }
          }
        }
    """
    for dry, answered in ((True, None), (True, None), (False, {"name": "New"})):
        variables = {"id": global_id("Role", role.id), "dry": dry}
        response = await send(olga, {"query": update, "variables": variables})
        assert header.REPLAYED not in response.headers
        assert response.json()["data"]["updateRole"]["role"] == answered
        assert await IdempotentRequest.all().count() == (0 if dry else 1)


async def test_what_nobody_knows_to_have_been_done_is_not_done_again(
    olga: Person, database_url: str
) -> None:
    """The database goes away while it commits: a trigger that the commit fires waits for it."""
    if not is_postgres():
        pytest.skip("SQLite is not at the other end of a connection.")
    other = await asyncpg.connect(database_url)
    await other.execute("""
        CREATE FUNCTION wait_long() RETURNS trigger LANGUAGE plpgsql
            AS 'BEGIN PERFORM pg_sleep(60); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON roles
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_long();
    """)
    before = await counts()
    sending = asyncio.create_task(send(olga, make()))
    waiting = "wait_event = 'PgSleep' AND datname = current_database()"
    ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {waiting}"
    while not await other.fetch(ended):
        pass

    lost = await sending

    assert code(lost) == (200, "INTERNAL")
    assert lost.json()["errors"][0]["extensions"]["reason"] == "OUTCOME_UNKNOWN"
    assert await IdempotentRequest.all().count() == 1
    again = code(lost)
    while again[1] == "INTERNAL":  # the pool may not know yet that the connection is gone
        again = code(await send(olga, make()))
    assert again == (409, "CONFLICT")
    assert await counts() == before
    await other.execute("DROP FUNCTION wait_long CASCADE")
    await other.close()
