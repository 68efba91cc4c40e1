"""Several requests in one JSON array: off until the operator allows them, and bounded then."""

from collections.abc import AsyncIterator

import pytest

from gateway.graphql import door
from models import Assignment, AuditEvent, BuiltinRole, Role
from schema.ids import global_id
from tests.door import Person, http_client, sign_in
from tests.world import World

VIEWER = {"query": "{ viewer { name } }"}
OLGA = {
    "data": {"viewer": {"name": "olga@acme.example"}},
    "extensions": {"cost": {"requestedQueryCost": 2, "maximumQueryCost": 25_000}},
}


def make_role(name: str) -> dict[str, str]:
    return {"query": f'mutation {{ createRole(input: {{name: "{name}"}}) {{ role {{ name }} }} }}'}


async def counts() -> tuple[int, int]:
    return await Role.all().count(), await AuditEvent.all().count()


@pytest.fixture
async def batching(database: str, world: World) -> AsyncIterator[Person]:
    """The owner, where a batch may have three requests."""
    async with http_client(database, graphql_batch_limit=3) as http:
        yield await sign_in(http, world, world.owner)


async def test_arrays_are_refused_until_the_operator_allows_them(olga: Person) -> None:
    before = await counts()
    for body in ([], [make_role("A")], [make_role("A"), make_role("B")]):
        response = await olga.post(body)
        assert response.status_code == 400
        assert response.json()["errors"][0]["message"] == (
            "Send one request, a JSON object. "
            "The operator allows several with GATEPOST_GRAPHQL_BATCH_LIMIT."
        )
    assert await counts() == before


@pytest.mark.parametrize("media_type", ["application/graphql-response+json", "application/json"])
async def test_each_request_has_its_answer_in_its_place(batching: Person, media_type: str) -> None:
    response = await batching.post(
        [VIEWER, {"query": "{ nothing }"}, {"notquery": 1}], accept=media_type
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    first, wrong, malformed = response.json()
    assert first == OLGA
    assert wrong["errors"][0]["message"] == "Cannot query field 'nothing' on type 'Query'."
    assert malformed["errors"][0]["extensions"] == {"code": "BAD_INPUT", "field": "notquery"}
    assert set(wrong) == set(malformed) == {"errors"}


async def test_they_run_in_order(batching: Person) -> None:
    response = await batching.post([make_role("A"), make_role("A"), make_role("B")])
    made, again, other = response.json()
    assert made["data"] == {"createRole": {"role": {"name": "A"}}}
    assert again["errors"][0]["extensions"]["code"] == "CONFLICT"
    assert other["data"] == {"createRole": {"role": {"name": "B"}}}


@pytest.mark.parametrize("body", [[], [make_role("A")] * 4, [make_role("A"), "text"], [[VIEWER]]])
async def test_an_empty_a_long_and_a_mixed_array_run_nothing(
    batching: Person, body: list[object]
) -> None:
    before = await counts()
    response = await batching.post(body)
    assert response.status_code == 400
    assert response.json()["errors"] == [
        {
            "message": "Send one request, a JSON object, or an array of 1 to 3 of them.",
            "extensions": {"code": "BAD_INPUT", "field": "body"},
        }
    ]
    assert await counts() == before


async def test_without_a_credential_the_whole_batch_is_refused(batching: Person) -> None:
    before = await counts()
    response = await Person(batching.http, "forged").post([make_role("A"), VIEWER])
    assert response.status_code == 401
    assert list(response.json()) == ["errors"]
    assert await counts() == before


async def test_a_request_sees_what_the_one_before_it_took_away(
    batching: Person, world: World
) -> None:
    """A batch is no way to go on with access that was just lost."""
    other = await world.member("Otto")
    await world.give(other, BuiltinRole.OWNER, world.everywhere)
    mine = await Assignment.get(principal_id=world.owner.id)
    leave = {
        "query": "mutation ($id: ID!) { unassignRole(input: {assignmentId: $id}) { __typename } }",
        "variables": {"id": global_id("Assignment", mine.id)},
    }
    look = {"query": "{ organization { auditEvents(first: 1) { nodes { id } } } }"}

    seen, left, denied = (await batching.post([look, leave, look])).json()

    assert "errors" not in seen
    assert "errors" not in left
    assert denied["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_large_batch_is_bounded_as_one_body(
    batching: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "LARGEST_BODY", 1000)
    response = await batching.post([{"query": "{ viewer { name } }" + " " * 600}] * 2)
    assert response.status_code == 413
