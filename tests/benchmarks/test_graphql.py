"""The operations of the benchmark, answered by Gatepost, and the comparison of answers."""

import json
from importlib import import_module
from pathlib import Path
from uuid import UUID

import httpx
import orjson
import pytest

from benchmarks.graphql.answers import difference, facts_of
from benchmarks.graphql.operations import MUTATION, operations, rename
from benchmarks.graphql.seed import Seeded, seed
from benchmarks.graphql.servers import settings_of_peers
from models.audit_event import AuditEvent
from schema.ids import TAGS, global_id
from tests.door import Person

ROW = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


@pytest.fixture
async def seeded(database: str) -> Seeded:
    return await seed()


async def test_every_operation_is_answered_in_full(seeded: Seeded, http: httpx.AsyncClient) -> None:
    counted = {}
    for operation in operations(seeded).values():
        if operation.name == MUTATION:
            continue
        person = Person(http, seeded.tokens[operation.caller])
        body = await person.ask(operation.document, operation.variables)
        facts = facts_of(orjson.dumps(body))
        assert len(facts["errors"]) == operation.errors
        assert all(error["code"] == "FORBIDDEN" for error in facts["errors"])
        shown = facts["data"].get("workspace") or facts["data"].get("organization") or {}
        for connection in shown.values():
            if isinstance(connection, dict):
                counted[operation.name] = len(connection["nodes"])
        if operation.name == "nested":
            assert {len(m["assignments"]) for m in shown["members"]["nodes"]} == {20}
        if operation.name == "page":
            assert shown["campaigns"]["pageInfo"]["hasNextPage"] is False
            assert None not in shown["campaigns"]["nodes"][0].values()
    assert counted == {"page": 50, "page-whole": 50, "nested": 50, "denied": 50}


async def test_a_rename_changes_one_draft_and_is_recorded(
    seeded: Seeded, http: httpx.AsyncClient
) -> None:
    operation = operations(seeded)[MUTATION]
    draft = global_id("Campaign", seeded.draft_ids[0])
    person = Person(http, seeded.tokens[operation.caller])
    data = await person.data(operation.document, rename(draft, 1))
    campaign = {"id": draft, "name": "Draft renamed 000001", "version": 2}
    assert data == {"updateCampaign": {"campaign": campaign}}
    event = await AuditEvent.get(action="campaign.update")
    assert event.diff == [
        {"path": "name", "before": "Draft 00000000000000", "after": "Draft renamed 000001"}
    ]


def test_the_peers_write_ids_as_gatepost_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of_peers("postgres://postgres@127.0.0.1/bench", ["key"], tmp_path)
    monkeypatch.setenv("BENCH_SETTINGS", str(settings))
    given = import_module("benchmarks.graphql.peers.python.given")
    for type_name in TAGS:
        assert given.global_id(type_name, ROW) == global_id(type_name, ROW)
        assert given.row_id(type_name, global_id(type_name, ROW)) == ROW
    with pytest.raises(ValueError, match="not the id of a Member"):
        given.row_id("Member", global_id("Campaign", ROW))


def test_errors_are_compared_by_path_and_code() -> None:
    errors = [
        {"message": "b", "path": ["b", 1], "extensions": {"code": "FORBIDDEN"}},
        {"message": "a", "path": ["a"], "extensions": {"code": "FORBIDDEN", "reason": "x"}},
    ]
    assert facts_of(json.dumps({"data": None, "errors": errors}).encode()) == {
        "data": None,
        "errors": [
            {"path": "a", "code": "FORBIDDEN"},
            {"path": "b.1", "code": "FORBIDDEN"},
        ],
    }


def test_the_first_difference_is_named() -> None:
    expected = {"data": {"nodes": [{"id": 1}, {"id": 2}]}}
    given = {"data": {"nodes": [{"id": 1}, {"id": 3}]}}
    assert difference(expected, given) == "3 instead of 2 at .data.nodes[1].id"
    assert difference({"data": [1]}, {"data": [1, 2]}) == "[1, 2] instead of [1] at .data"
