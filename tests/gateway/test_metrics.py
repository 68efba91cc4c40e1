"""`/metrics`: what executed operations, for whoever has the operator's token."""

import ast
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.door import Person, http_client, sign_in
from tests.world import World

TOKEN = "a-token-of-the-operator"
AUTHORIZED = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def measured(database: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application where the operator has set a token."""
    async with http_client(database, metrics_token=TOKEN) as client:
        yield client


async def counts(http: httpx.AsyncClient) -> dict[str, float]:
    """The value of each of our counters, by the value of its label."""
    response = await http.get("/metrics", headers=AUTHORIZED)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    return {
        next(iter(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
        if sample.name.startswith("gatepost_") and sample.name.endswith("_total")
    }


async def grown(person: Person, query: str) -> dict[str, float]:
    before = await counts(person.http)
    await person.ask(query)
    after = await counts(person.http)
    return {
        label: value - before.get(label, 0)
        for label, value in after.items()
        if value != before.get(label, 0)
    }


async def test_each_operation_counts_once(measured: httpx.AsyncClient, world: World) -> None:
    """The second time too, when the statement that reads the data authenticates."""
    olga = await sign_in(measured, world, world.owner)
    for _ in range(2):
        assert await grown(olga, "{ viewer { name } }") == {"engine": 1}
        assert await grown(olga, "{ _service { __typename } }") == {
            "graphql-core": 1,
            "a root field with a resolver": 1,
        }
        assert await grown(olga, "{ __schema { queryType { name } } }") == {
            "graphql-core": 1,
            "introspection": 1,
        }
    assert await grown(olga, "{ nothing }") == {}


@pytest.mark.parametrize("authorization", [None, "", TOKEN, "Bearer ", "Bearer é", "Bearer wrong"])
async def test_it_wants_the_token(
    measured: httpx.AsyncClient, world: World, authorization: str | None
) -> None:
    given = [] if authorization is None else [(b"authorization", authorization.encode())]
    response = await measured.get("/metrics", headers=given)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "gatepost_" not in response.text


async def test_without_a_token_nothing_is_there(http: httpx.AsyncClient, olga: Person) -> None:
    for headers in ({}, AUTHORIZED, {"authorization": "Bearer None"}, {"authorization": "Bearer "}):
        assert (await http.get("/metrics", headers=headers)).status_code == 404


def test_reasons_are_texts_of_the_code() -> None:
    """So that nothing that a client sends becomes a label."""
    found = [
        call.args[0]
        for path in Path("schema").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("NotCompiled", "Unusual")
    ]
    others = [ast.unparse(each) for each in found if not isinstance(each, ast.Constant)]
    assert others == ["plan", "variant"]  # what an earlier `NotCompiled` of the document said
    assert len(found) > 10
