"""What is kept of documents: bounded, and those that the operator stored are not pushed out."""

from schema import execution
from schema.execution import CACHED_DOCUMENTS, Request, answer
from tests.world import World


async def test_a_trusted_document_stays_however_many_others_are_sent(world: World) -> None:
    subject = await world.subject(world.owner)
    stored = Request("query Stored { viewer { name } }", {}, None, trusted=True)
    await answer(stored, subject)
    read = execution._pinned.kept[stored.query]
    for number in range(CACHED_DOCUMENTS + 1):
        sent = Request(f"query Sent{number} {{ viewer {{ name }} }}", {}, None)
        assert (await answer(sent, subject)).body["data"] == {"viewer": {"name": world.owner.name}}
    await answer(stored, subject)
    assert execution._pinned.kept[stored.query] is read
    assert len(execution._sent.kept) == CACHED_DOCUMENTS
