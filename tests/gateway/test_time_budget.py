"""An operation has so much time; then, or when its client is gone, its statements are cancelled."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
import pytest

from gateway.app import application
from gateway.authenticate import CLIENT_HEADER, SESSION_COOKIE
from gateway.settings import Settings
from models import AuditEvent, Role
from tests.door import PUBLIC_URL, Person, http_client, sign_in
from tests.world import World

on_postgres = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
SLOW = "{ workspaces { campaigns(first: 1) { nodes { name } } } }"
MAKE_ROLE = 'mutation { createRole(input: {name: "X"}) { role { id } } }'
OTHER = "somebody else"


@pytest.fixture
async def hurried(database: str, world: World) -> AsyncIterator[Person]:
    """The owner, where an operation has 0.3 seconds."""
    async with http_client(database, operation_seconds=0.3) as http:
        yield await sign_in(http, world, world.owner)


@pytest.fixture
async def stuck(database: str) -> AsyncIterator[None]:
    """A statement that reads campaigns waits: somebody else has the whole table."""
    other = await asyncpg.connect(database, server_settings={"application_name": OTHER})
    async with other.transaction():
        await other.execute("LOCK TABLE campaigns IN ACCESS EXCLUSIVE MODE")
        yield
    await other.close()


async def at_work(url: str) -> list[str]:
    """The statements that the database is running, or holds a transaction open for."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(
        "SELECT query FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'"
        " AND application_name <> $1",
        OTHER,
    )
    await connection.close()
    return [row["query"] for row in rows]


async def until(at_work_as: Callable[[list[str]], bool], url: str) -> None:
    """Wait for what the database is doing; nothing tells of a change of that."""
    async with asyncio.timeout(5):
        while not at_work_as(await at_work(url)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def until_idle(url: str) -> None:
    await until(lambda queries: queries == [], url)


@on_postgres
@pytest.mark.parametrize("met_before", [False, True])
async def test_a_query_that_takes_too_long_is_cancelled(
    hurried: Person, stuck: None, database: str, met_before: bool
) -> None:
    """Also when its caller is known, and authenticated by the statement that reads the data."""
    if met_before:
        await hurried.post({"query": "{ viewer { name } }"})
    start = time.monotonic()
    response = await hurried.post({"query": SLOW})
    assert time.monotonic() - start < 5
    assert response.status_code == 503
    assert response.json() == {
        "errors": [
            {
                "message": "This took longer than 0.3 seconds and was stopped. What was not"
                " finished is undone. Ask for less, or for smaller pages.",
                "extensions": {"code": "TIMED_OUT", "seconds": 0.3},
            }
        ]
    }
    await until_idle(database)
    for _ in range(30):  # more than the pool has connections
        assert (await hurried.post({"query": "{ viewer { name } }"})).status_code == 200


@asynccontextmanager
async def slow_inserts(url: str) -> AsyncIterator[None]:
    """PostgreSQL sleeps half a minute after each new role."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "CREATE FUNCTION sleepy() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_sleep(30); RETURN NULL; END';"
        "CREATE TRIGGER sleepy AFTER INSERT ON roles FOR EACH ROW EXECUTE FUNCTION sleepy()"
    )
    try:
        yield
    finally:
        await connection.execute("DROP TRIGGER sleepy ON roles; DROP FUNCTION sleepy()")
        await connection.close()


@on_postgres
async def test_a_mutation_that_takes_too_long_is_undone_whole(
    hurried: Person, database: str
) -> None:
    before = (await Role.all().count(), await AuditEvent.all().count())
    async with slow_inserts(database):
        response = await hurried.post({"query": MAKE_ROLE})
        assert response.status_code == 503
        assert response.json()["errors"][0]["extensions"]["code"] == "TIMED_OUT"
        await until_idle(database)
        assert (await Role.all().count(), await AuditEvent.all().count()) == before
    made = await hurried.post({"query": MAKE_ROLE})
    assert made.json()["data"]["createRole"] is not None
    assert (await Role.all().count(), await AuditEvent.all().count()) == (
        before[0] + 1,
        before[1] + 1,
    )


@on_postgres
async def test_a_client_that_goes_away_takes_its_statement_along(
    database: str, world: World, stuck: None
) -> None:
    settings = Settings(database_url=database, public_url=PUBLIC_URL, secret_keys=("unused",))
    token = await world.session(world.owner)
    gone = asyncio.Event()
    body = orjson.dumps({"query": SLOW})
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])
    sent: list[Any] = []

    async def receive() -> Any:
        if (message := next(messages, None)) is not None:
            return message
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = {
        "content-type": "application/json",
        "cookie": f"{SESSION_COOKIE}={token}",
        CLIENT_HEADER: "tests",
    }
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("192.0.2.1", 1),
        "state": {},
    }
    request = asyncio.create_task(application(settings)(scope, receive, send))
    await until(lambda queries: any("campaigns" in query for query in queries), database)
    gone.set()
    async with asyncio.timeout(5):
        await request
    await until_idle(database)
    assert sent[0]["status"] == 503
