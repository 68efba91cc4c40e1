"""What is kept of documents: bounded, and those that the operator stored are not pushed out."""

import gc
from collections import OrderedDict

import pytest

from schema import execution
from schema.execution import TOKENS_KEPT, Request
from schema.ids import global_id
from schema.limits import MOST_TOKENS
from schema.schema import engine
from tests.schema.asking import answered
from tests.world import World


async def test_a_trusted_document_stays_however_many_others_are_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "_sent", execution._Documents(1_000))
    subject = await world.subject(world.owner)
    stored = Request("query Stored { viewer { name } }", {}, None, trusted=True)
    await answered(stored, subject)
    read = execution._pinned.kept[stored.query]
    for number in range(50):
        sent = Request(f"query Sent{number} {{ viewer {{ name }} }}", {}, None)
        assert (await answered(sent, subject)).body["data"] == {
            "viewer": {"name": world.owner.name}
        }
    await answered(stored, subject)
    assert execution._pinned.kept[stored.query] is read
    text = "".join(execution._sent.kept)
    assert 900 < len(text) <= 1_000
    assert "Sent49 " in text


@pytest.mark.parametrize("filler", ["x", " "], ids=["refused for its size", "white space"])
def test_large_documents_are_kept_in_smaller_numbers(
    monkeypatch: pytest.MonkeyPatch, filler: str
) -> None:
    """What is kept is bounded in what it takes, not in how many it are."""
    sent = execution._Documents(TOKENS_KEPT)
    monkeypatch.setattr(execution, "_sent", sent)
    for number in range(TOKENS_KEPT // MOST_TOKENS + 5):
        execution.document_errors(f"query Large{number} {{ id {filler * MOST_TOKENS} }}")
    assert len(sent.kept) == TOKENS_KEPT // MOST_TOKENS


async def test_what_leaves_the_cache_waits_for_no_garbage_collector(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks through old objects so seldom that very many documents would pile up."""
    subject = await world.subject(world.owner)
    sent = execution._Documents(TOKENS_KEPT)
    monkeypatch.setattr(execution, "_sent", sent)
    monkeypatch.setattr(engine, "_plans", OrderedDict())
    document = "query ($id: ID!) { workspace(id: $id) { campaigns(first: 2) { nodes { id } } } }"
    variables = {"id": global_id("Workspace", world.a.id)}
    await answered(Request(document, variables, None), subject)
    assert len(sent.kept) == len(engine._plans) == 1
    gc.collect()
    sent.kept.clear()
    engine._plans.clear()
    assert gc.collect() == 0
