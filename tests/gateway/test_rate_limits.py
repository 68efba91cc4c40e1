"""What a caller may spend in a minute, counted in memory and in a real Redis."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from limits import RateLimitItemPerSecond
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import rate_limits
from gateway.app import application
from gateway.authenticate import CLIENT_HEADER, SESSION_COOKIE
from gateway.rate_limits import RateLimits
from gateway.settings import Settings
from identity.credentials import sessions
from identity.credentials.limits import SessionLimits
from identity.refusals import Busy, RateLimited
from identity.subject import Origin, Subject
from models import AuditEvent, Role
from tests.door import Person, http_client, sign_in
from tests.world import World

REDIS_URL = os.environ.get("GATEPOST_TEST_REDIS_URL", "redis://127.0.0.1:6379/13")
NOBODY_LISTENS = "redis://127.0.0.1:1/0"
VIEWER = "{ viewer { name } }"
MAKE_ROLE = 'mutation { createRole(input: {name: "X"}) { role { id } } }'


class Limits:
    """Makes limits with some settings, and closes them all."""

    def __init__(self) -> None:
        self.made: list[RateLimits] = []

    def __call__(self, **differences: object) -> RateLimits:
        settings = Settings.model_validate({"secret_keys": ("unused",), **differences})
        self.made.append(RateLimits(settings))
        return self.made[-1]


@pytest.fixture
async def limits() -> AsyncIterator[Limits]:
    factory = Limits()
    yield factory
    for made in factory.made:
        await made.aclose()


@pytest.fixture(params=[None, REDIS_URL, NOBODY_LISTENS], ids=["memory", "redis", "redis down"])
def redis_url(request: pytest.FixtureRequest) -> str | None:
    url: str | None = request.param
    return url


@pytest.fixture
async def member(world: World) -> Subject:
    return await world.subject(world.owner)


async def spent(counting: RateLimits, subject: Subject, *costs: int) -> list[int]:
    """What remains after each."""
    standings = [await counting.spend(subject, cost) for cost in costs]
    return [standing.remaining for standing in standings if standing is not None]


async def test_a_person_spends_until_the_limit(
    member: Subject, redis_url: str | None, limits: Limits
) -> None:
    counting = limits(rate_limit_member=100, redis_url=redis_url)
    assert await spent(counting, member, 60, 39) == [40, 1]
    with pytest.raises(RateLimited) as refused:
        await counting.spend(member, 2)
    error = refused.value
    assert (error.code, error.status) == ("RATE_LIMITED", 429)
    assert error.details["limit"] == 100
    assert error.details["remaining"] == 1
    assert error.details["cost"] == 2
    assert error.retry_after == error.details["retryAfter"]
    assert 1 <= error.details["retryAfter"] <= 120
    assert await spent(counting, member, 1) == [0]


async def test_people_are_counted_apart_and_their_organization_together(
    member: Subject, world: World, redis_url: str | None, limits: Limits
) -> None:
    other = await world.subject(await world.member("Otto"))
    counting = limits(rate_limit_member=100, rate_limit_organization=150, redis_url=redis_url)
    assert await spent(counting, member, 90) == [10]
    assert await spent(counting, other, 50) == [50]
    with pytest.raises(RateLimited) as refused:
        await counting.spend(other, 20)
    assert refused.value.details["limit"] == 150
    assert refused.value.headers["RateLimit-Policy"] == '"organization";q=150;w=60'


async def test_a_limit_of_0_does_not_exist(member: Subject, limits: Limits) -> None:
    counting = limits(rate_limit_member=0, rate_limit_organization=0, rate_limit_failures=0)
    assert await counting.spend(member, 10**9) is None
    for _ in range(1_000):
        await counting.refused_credential("192.0.2.1")


async def test_processes_share_what_redis_counts(member: Subject, limits: Limits) -> None:
    first, second = (limits(rate_limit_member=100, redis_url=REDIS_URL) for _ in range(2))
    assert await spent(first, member, 60) == [40]
    assert await spent(second, member, 30) == [10]
    with pytest.raises(RateLimited):
        await first.spend(member, 20)


async def test_after_the_wait_it_told_the_same_passes(
    member: Subject, redis_url: str | None, monkeypatch: pytest.MonkeyPatch, limits: Limits
) -> None:
    monkeypatch.setattr(
        rate_limits, "_per_minute", lambda amount: RateLimitItemPerSecond(amount, 2)
    )
    counting = limits(rate_limit_member=100, redis_url=redis_url)
    await counting.spend(member, 100)
    with pytest.raises(RateLimited) as refused:
        await counting.spend(member, 50)
    assert refused.value.retry_after is not None
    await asyncio.sleep(refused.value.retry_after)
    assert await counting.spend(member, 50) is not None


async def test_while_redis_is_away_requests_neither_wait_nor_go_uncounted(
    member: Subject, caplog: pytest.LogCaptureFixture, limits: Limits
) -> None:
    counting = limits(rate_limit_member=100, redis_url="redis://192.0.2.1:6379/0")
    start = time.monotonic()
    assert await spent(counting, member, 10) == [90]
    assert time.monotonic() - start < 2
    start = time.monotonic()
    assert await spent(counting, member, *[1] * 90) == [*range(89, -1, -1)]
    assert time.monotonic() - start < 1
    with pytest.raises(RateLimited):
        await counting.spend(member, 1)
    assert len([r for r in caplog.records if r.name == "gatepost.rate_limits"]) == 1


async def test_an_address_that_sends_bad_credentials_is_told_to_stop(
    redis_url: str | None, limits: Limits
) -> None:
    address = str(uuid4())
    counting = limits(rate_limit_failures=3, redis_url=redis_url)
    for _ in range(3):
        await counting.refused_credential(address)
    with pytest.raises(RateLimited):
        await counting.refused_credential(address)
    await counting.refused_credential(str(uuid4()))


@pytest.fixture
async def frugal(database: str, world: World) -> AsyncIterator[Person]:
    """The owner, where a person may spend 5 a minute, and an address may fail twice."""
    async with http_client(database, rate_limit_member=5, rate_limit_failures=2) as http:
        yield await sign_in(http, world, world.owner)


async def test_each_answer_says_what_remains(frugal: Person) -> None:
    response = await frugal.post({"query": VIEWER})
    headers = response.headers
    assert headers["ratelimit-policy"] == '"member";q=5;w=60'
    assert headers["ratelimit"] == f'"member";r=3;t={headers["ratelimit-reset"]}'
    assert (headers["ratelimit-limit"], headers["ratelimit-remaining"]) == ("5", "3")
    assert 1 <= int(headers["ratelimit-reset"]) <= 120
    wrong = await frugal.post({"query": "{ nothing }"})
    assert wrong.headers["ratelimit-remaining"] == "2"


async def test_beyond_the_limit_it_is_429_and_nothing_runs(frugal: Person) -> None:
    before = (await Role.all().count(), await AuditEvent.all().count())
    response = await frugal.post({"query": MAKE_ROLE})
    assert response.status_code == 429
    error = response.json()["errors"][0]["extensions"]
    assert (error["code"], error["limit"], error["cost"]) == ("RATE_LIMITED", 5, 12)
    assert response.headers["retry-after"] == str(error["retryAfter"])
    assert response.headers["ratelimit-remaining"] == "5"
    assert (await Role.all().count(), await AuditEvent.all().count()) == before


@pytest.mark.parametrize(("document", "remaining"), [(VIEWER, [3, 1]), ("{ nothing }", [4, 3])])
async def test_a_request_is_counted_once_however_it_is_answered(
    frugal: Person, document: str, remaining: list[int]
) -> None:
    """Its caller is authenticated before it, or by the statement that reads the data."""
    counted = []
    for _ in range(2):
        headers = (await frugal.post({"query": document})).headers
        counted.append(int(headers["ratelimit-remaining"]))
    assert counted == remaining


async def test_an_ended_session_spends_of_its_member_no_more_than_once(
    world: World, database: str
) -> None:
    """Until it was asked for again, it is presumed to be what it was."""
    async with http_client(database, rate_limit_member=20) as http:
        ended, other = [await sign_in(http, world, world.owner) for _ in range(2)]
        await ended.data(VIEWER)
        subject = await sessions.authenticate(ended.token, limits=SessionLimits(), origin=Origin())
        await sessions.sign_out(subject)
        answers = [await ended.post({"query": VIEWER}) for _ in range(4)]
        assert [each.status_code for each in answers] == [401] * 4
        remaining = (await other.post({"query": VIEWER})).headers["ratelimit-remaining"]
        assert int(remaining) == 20 - 3 * 2


async def test_an_ended_session_is_not_told_what_its_member_has_spent(
    world: World, database: str
) -> None:
    async with http_client(database, rate_limit_member=3) as http:
        person = await sign_in(http, world, world.owner)
        await person.data(VIEWER)
        assert (await person.post({"query": VIEWER})).status_code == 429
        subject = await sessions.authenticate(person.token, limits=SessionLimits(), origin=Origin())
        await sessions.sign_out(subject)
        refused = await person.post({"query": VIEWER})
        assert refused.status_code == 401
        assert not [name for name in refused.headers if name.startswith("ratelimit")]


@pytest.mark.parametrize("door", ["/graphql", "/graphql/stream"])
async def test_a_mutation_that_a_get_brings_is_counted(
    world: World, database: str, door: str
) -> None:
    """It is read, which is work, and then refused."""
    before = await Role.all().count()
    async with http_client(database, rate_limit_member=30) as http:
        person = await sign_in(http, world, world.owner)
        statuses = [(await person.get({"query": MAKE_ROLE}, door=door)).status_code for _ in "1234"]
        assert statuses == [405, 405, 429, 429]
    assert await Role.all().count() == before


async def test_bad_credentials_are_429_and_a_good_one_is_served(frugal: Person) -> None:
    forged = Person(frugal.http, "forged")
    statuses = [(await forged.post({"query": VIEWER})).status_code for _ in range(4)]
    assert statuses == [401, 401, 429, 429]
    assert (await frugal.post({"query": VIEWER})).status_code == 200


@pytest.mark.parametrize("door", ["/graphql", "/graphql/stream"])
@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"query": 1}'])
async def test_what_a_bad_credential_brings_is_not_read(
    frugal: Person, door: str, body: bytes
) -> None:
    """So that it is counted, and nothing is told of what it says."""
    headers = {
        CLIENT_HEADER: "tests",
        "cookie": f"{SESSION_COOKIE}=forged",
        "content-type": "application/json",
    }
    statuses = [
        (await frugal.http.post(door, content=body, headers=headers)).status_code for _ in range(3)
    ]
    assert statuses == [401, 401, 429]


async def test_who_sends_no_credential_is_not_counted(frugal: Person) -> None:
    for _ in range(4):
        response = await frugal.http.post(
            "/graphql", json={"query": VIEWER}, headers={CLIENT_HEADER: "tests"}
        )
        assert response.status_code == 401


async def test_who_meets_a_busy_service_is_told_when_to_come_again() -> None:
    async def busy(request: Request) -> Response:
        raise Busy

    settings = Settings.model_validate({"secret_keys": ("unused",)})
    app = application(settings, more_routes=(Route("/busy", busy),))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000"
    ) as client:
        response = await client.get("/busy")
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
