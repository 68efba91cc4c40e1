"""Documents asked for by identifier: trusted ones, and Apollo's automatic ones."""

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.graphql import documents
from gateway.graphql.documents import SentBefore
from identity import trusted_documents
from identity.subject import Origin
from models import AuditEvent, Role, TrustedDocument
from models.ids import new_id
from schema.manifests import documents_in, require_fitting
from tests.clock import MovableClock
from tests.door import Person, http_client, sign_in
from tests.world import World, new_world

MANIFESTS = {
    path.stem: json.loads(path.read_bytes())
    for path in sorted((Path(__file__).parent / "manifests").glob("*.json"))
}
MODERN = "application/graphql-response+json"
WHO = "query WhoAmI { viewer { name } }"
MAKE = 'mutation Make { createRole(input: {name: "X"}) { role { id } } }'
OLGA = {"viewer": {"name": "olga@acme.example"}}

Served = Callable[..., Awaitable[Person]]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def apollo(text: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256(text)}}}


async def trust(*texts: str) -> None:
    by_identifier = {f"sha256:{sha256(text)}": text for text in texts}
    await trusted_documents.add(by_identifier, origin=Origin())


def test_a_manifest_of_each_tool_is_there() -> None:
    assert list(MANIFESTS) == ["apollo", "graphql-codegen", "relay-md5", "relay-sha256"]


async def counts() -> tuple[int, int]:
    return await Role.all().count(), await AuditEvent.all().count()


@pytest.fixture
async def served(database: str, world: World) -> AsyncIterator[Served]:
    """The owner at an application with other settings."""
    async with AsyncExitStack() as stack:

        async def owner(**settings: Any) -> Person:
            http = await stack.enter_async_context(http_client(database, **settings))
            return await sign_in(http, world, world.owner)

        yield owner


@pytest.mark.parametrize("mode", ["allowed", "required"])
async def test_a_trusted_document_runs_by_its_identifier(served: Served, mode: str) -> None:
    olga = await served(graphql_trusted_documents=mode)
    text = "query ($name: String!) { __type(name: $name) { name } }"
    await trust(text, WHO)
    body = {"documentId": f"sha256:{sha256(text)}", "variables": {"name": "Viewer"}}
    assert (await olga.post(body)).json()["data"] == {"__type": {"name": "Viewer"}}
    assert (await olga.get({"documentId": f"sha256:{sha256(WHO)}"})).json()["data"] == OLGA


@pytest.mark.parametrize("tool", MANIFESTS)
async def test_what_the_tools_write_runs_by_the_identifiers_that_they_gave(
    served: Served, tool: str
) -> None:
    olga = await served(graphql_trusted_documents="required")
    written = MANIFESTS[tool]
    documents = documents_in(written)
    require_fitting(documents)
    await trusted_documents.add(documents, origin=Origin())
    entries = written.get("operations") or [{"id": i, "body": t} for i, t in written.items()]
    assert len(entries) == 2

    for entry in entries:
        is_digest = len(entry["id"]) == 64
        body = {
            "documentId": f"sha256:{entry['id']}" if is_digest else entry["id"],
            "variables": {"name": "Made"} if "mutation" in entry["body"] else {},
        }
        response = await olga.post(body)
        assert "errors" not in response.json()
    assert await Role.filter(name="Made").count() == 1


async def test_a_name_of_a_build_tool_is_an_identifier_too(olga: Person) -> None:
    await trusted_documents.add({"who-v1": WHO}, origin=Origin())
    assert (await olga.post({"documentId": "who-v1"})).json()["data"] == OLGA


async def test_a_trusted_mutation_changes_things_by_post_only(olga: Person) -> None:
    await trust(MAKE)
    before = await counts()
    asked = {"documentId": f"sha256:{sha256(MAKE)}"}
    refused = await olga.get(asked)
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert await counts() == before
    made = await olga.post(asked)
    assert "errors" not in made.json()
    assert await counts() == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize(
    "identifier",
    ["sha256:" + "0" * 64, "sha256:", "nothing", "", "a" * 10_000, "x-y:z", "'; --", "\x00", "ü"],
)
async def test_an_unknown_identifier_is_one_error_and_no_data(
    olga: Person, identifier: str
) -> None:
    await trust(WHO)
    modern = await olga.post({"documentId": identifier}, accept=MODERN)
    legacy = await olga.post({"documentId": identifier})
    assert (modern.status_code, legacy.status_code) == (400, 200)
    assert modern.json() == legacy.json()
    assert modern.json() == {
        "errors": [
            {
                "message": "There is no trusted document with this identifier.",
                "extensions": {"code": "NOT_FOUND"},
            }
        ]
    }


@pytest.mark.parametrize("value", [1, ["a"], {"a": 1}, False])
async def test_an_identifier_is_a_text(olga: Person, value: object) -> None:
    response = await olga.post({"documentId": value})
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["field"] == "documentId"


async def test_a_request_brings_a_document_or_names_one(olga: Person) -> None:
    await trust(WHO)
    response = await olga.post({"documentId": f"sha256:{sha256(WHO)}", "query": WHO})
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == "Send `query` or `documentId`, not both."


async def test_where_they_are_required_nothing_else_runs(served: Served) -> None:
    olga = await served(graphql_trusted_documents="required", graphql_automatic_documents=True)
    await trust(WHO)
    before = await counts()
    for body in (
        {"query": MAKE},
        {"query": WHO},
        {"query": "{ __schema { types { name } } }"},
        {"query": MAKE, **apollo(MAKE)},
    ):
        for accept in (MODERN, "application/json"):
            response = await olga.post(body, accept=accept)
            assert response.status_code == 403
            assert response.json()["errors"][0]["extensions"] == {
                "code": "FORBIDDEN",
                "reason": "DOCUMENT_NOT_TRUSTED",
                "missing": [],
            }
    by_address = await olga.get({"query": WHO})
    assert by_address.status_code == 403
    assert await counts() == before
    unknown = (await olga.post(apollo(MAKE))).json()
    assert unknown["errors"][0]["message"] == "PersistedQueryNotFound"


async def test_where_they_are_required_each_request_of_a_batch_is_held_to_it(
    served: Served,
) -> None:
    olga = await served(graphql_trusted_documents="required", graphql_batch_limit=2)
    await trust(WHO)
    before = await counts()
    refused, answered = (
        await olga.post([{"query": MAKE}, {"documentId": f"sha256:{sha256(WHO)}"}])
    ).json()
    assert refused["errors"][0]["extensions"]["reason"] == "DOCUMENT_NOT_TRUSTED"
    assert answered["data"] == OLGA
    assert await counts() == before


async def test_where_they_are_off_none_is_known(served: Served) -> None:
    olga = await served(graphql_trusted_documents="off")
    await trust(WHO)
    response = await olga.post({"documentId": f"sha256:{sha256(WHO)}"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == (
        "Send `query`: no document is known by an identifier."
    )
    by_hash = (await olga.post(apollo(WHO))).json()
    assert by_hash["errors"][0]["message"] == "PersistedQueryNotSupported"
    assert (await olga.post({"query": WHO})).json()["data"] == OLGA


async def test_a_document_that_is_taken_away_stops_running_within_a_minute(
    database: str, movable_clock: MovableClock
) -> None:
    identifier = f"sha256:{sha256(WHO)}"
    await trust(WHO)
    assert await trusted_documents.text_of(identifier) == WHO
    await TrustedDocument.all().delete()
    movable_clock.move(timedelta(seconds=59))
    assert await trusted_documents.text_of(identifier) == WHO
    movable_clock.move(timedelta(seconds=1))
    assert await trusted_documents.text_of(identifier) is None


async def test_apollos_clients_find_trusted_documents_by_their_hash(olga: Person) -> None:
    await trust(WHO)
    assert (await olga.post(apollo(WHO))).json()["data"] == OLGA


async def test_an_automatic_document_is_sent_once(served: Served) -> None:
    olga = await served(graphql_automatic_documents=True)
    first = await olga.post(apollo(WHO))
    assert (first.status_code, first.json()["errors"]) == (
        200,
        [
            {
                "message": "PersistedQueryNotFound",
                "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"},
            }
        ],
    )
    assert (await olga.post({"query": WHO, **apollo(WHO)})).json()["data"] == OLGA
    assert (await olga.post(apollo(WHO))).json()["data"] == OLGA
    by_address = {"extensions": json.dumps(apollo(WHO)["extensions"])}
    assert (await olga.get(by_address)).json()["data"] == OLGA


async def test_without_automatic_documents_a_sent_one_runs_and_is_not_kept(olga: Person) -> None:
    assert (await olga.post({"query": WHO, **apollo(WHO)})).json()["data"] == OLGA
    again = (await olga.post(apollo(WHO))).json()
    assert again["errors"][0]["message"] == "PersistedQueryNotFound"


async def test_a_hash_that_is_not_of_the_document_is_refused_and_not_kept(served: Served) -> None:
    olga = await served(graphql_automatic_documents=True)
    before = await counts()
    response = await olga.post({"query": MAKE, **apollo(WHO)})
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == "This is not the SHA-256 of `query`."
    assert await counts() == before
    asked = (await olga.post(apollo(WHO))).json()
    assert asked["errors"][0]["message"] == "PersistedQueryNotFound"


@pytest.mark.parametrize(
    "value", [None, 1, [], {}, {"version": 2, "sha256Hash": "a"}, {"version": 1, "sha256Hash": 1}]
)
async def test_another_protocol_is_refused(olga: Person, value: object) -> None:
    response = await olga.post({"query": WHO, "extensions": {"persistedQuery": value}})
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["field"] == "extensions.persistedQuery"


async def test_an_organization_never_meets_what_another_sent(served: Served, database: str) -> None:
    """Not even whether somebody sent it."""
    olga = await served(graphql_automatic_documents=True)
    other = await new_world("other")
    stranger = await sign_in(olga.http, other, other.owner)
    await olga.post({"query": WHO, **apollo(WHO)})
    assert (await olga.post(apollo(WHO))).json()["data"] == OLGA
    asked = (await stranger.post(apollo(WHO))).json()
    assert asked["errors"][0]["message"] == "PersistedQueryNotFound"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_ORGANIZATIONS", 2)
    monkeypatch.setattr(documents, "MOST_DOCUMENTS", 3)
    monkeypatch.setattr(documents, "MOST_CHARACTERS", 10)
    first, second, third = new_id(), new_id(), new_id()
    sent = SentBefore()
    for name in "abcd":
        sent.keep(first, name, name)
    assert [sent.get(first, name) for name in "abcd"] == [None, "b", "c", "d"]
    sent.keep(first, "long", "x" * 8)
    assert [sent.get(first, name) for name in ("b", "c", "d", "long")] == [
        None,
        "c",
        "d",
        "x" * 8,
    ]
    sent.keep(first, "longer", "x" * 11)
    assert sent.get(first, "longer") is None
    sent.keep(second, "a", "a")
    assert sent.get(first, "c") == "c"
    sent.keep(third, "a", "a")
    assert (sent.get(second, "a"), sent.get(first, "c")) == (None, "c")
