"""A sealed export proves itself to whoever has the public key, and to nobody who changed a byte."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from identity.access.permissions import Permission
from identity.audit import chain, sealed_file, sealing, signing
from identity.audit.canonical import canonical_bytes, document
from identity.audit.chain import PublicKeys
from identity.audit.finding import Tampering
from identity.audit.sealed_file import Choose, SealsGone
from identity.audit.sealed_file_check import check
from identity.subject import Origin, deployment_operator
from models import AuditEvent
from models.clock import now
from models.ids import new_id
from tests.tampering import past_triggers
from tests.world import World

EVENTS = 9
Lines = list[bytes]


@pytest.fixture
async def written(world: World) -> World:
    """Nine events, sealed in batches of which the last has not been signed before."""
    await sealing.seal(world.organization.id)
    while len(await world.events()) < EVENTS:
        await world.custom_role(f"Role {new_id()}", Permission.CAMPAIGNS_READ)
        if len(await world.events()) == EVENTS - 2:
            await sealing.seal(world.organization.id)
    return world


async def everything(ids: Sequence[UUID]) -> Mapping[UUID, bool]:
    return dict.fromkeys(ids, True)


async def exported(world: World, choose: Choose = everything) -> Lines:
    given = {"action": "role.*"}
    lines = sealed_file.sealed_lines(world.organization.id, filter=given, choose=choose)
    return [line async for line in lines]


def only(wanted: set[UUID], *, with_diff: bool = True) -> Choose:
    async def choose(ids: Sequence[UUID]) -> Mapping[UUID, bool]:
        return {id_: with_diff for id_ in ids if id_ in wanted}

    return choose


async def keys() -> PublicKeys:
    """As somebody has them who has nothing else."""
    return PublicKeys.of(await signing.public_keys())


def types(lines: Lines) -> list[str]:
    return [orjson.loads(line)["type"].rpartition(".")[2] for line in lines]


async def test_an_export_of_everything_holds_each_event_as_its_document(written: World) -> None:
    lines = await exported(written)
    events = await written.events()
    report = check(lines, await keys())
    assert report.finding is None
    assert (report.organization_id, report.filter) == (
        written.organization.id,
        {"action": "role.*"},
    )
    assert (report.first, report.last, report.events) == (1, EVENTS, EVENTS)
    held = [orjson.loads(line)["event"] for line in lines if b'"type":"event"' in line]
    assert held == [orjson.loads(canonical_bytes(document(event))) for event in events]
    assert types(lines)[0] == "export"
    assert types(lines)[-2:] == ["checkpoint", "end"]


async def test_what_the_filter_leaves_out_is_there_as_digests_and_whole_batches_are_skipped(
    written: World,
) -> None:
    events = await written.events()
    lines = await exported(written, only({events[-1].id}))
    report = check(lines, await keys())
    assert (report.finding, report.events, report.last) == (None, 1, EVENTS)
    assert types(lines) == [
        *("export", "skipped", "checkpoint"),
        *("omitted", "event", "checkpoint", "end"),
    ]
    text = b"".join(lines).decode()
    assert str(events[-1].id) in text
    assert not any(str(event.id) in text for event in events[:-1])

    alternate = await exported(written, only({event.id for event in events[::2]}))
    assert (check(alternate, await keys()).finding, types(alternate).count("event")) == (None, 5)

    nothing = await exported(written, only(set()))
    assert types(nothing) == ["export", "skipped", "checkpoint", "end"]
    assert check(nothing, await keys()).finding is None


async def test_an_event_is_checked_without_the_diff_that_its_reader_may_not_have(
    written: World,
) -> None:
    events = await written.events()
    lines = await exported(written, only({each.id for each in events}, with_diff=False))
    assert check(lines, await keys()).finding is None
    values = [orjson.loads(line) for line in lines]
    assert {json.dumps(v["event"]["diff"]) for v in values if v["type"] == "event"} == {"null"}
    assert not any("salt" in value for value in values)

    index = types(lines).index("event")
    forged = {**values[index], "event": {**values[index]["event"], "diff": []}}
    finding = check(replaced(lines, index, forged), await keys()).finding
    assert (finding and finding.kind) is Tampering.ALTERED


async def test_no_events_at_all(written: World) -> None:
    nobody = new_id()
    lines = [line async for line in sealed_file.sealed_lines(nobody, filter={}, choose=everything)]
    report = check(lines, await keys())
    assert (report.finding, report.events, types(lines)) == (None, 0, ["export", "end"])


async def test_a_key_that_was_rotated_away_is_still_needed(written: World) -> None:
    old = await keys()
    await signing.rotate(deployment_operator(Origin()))
    lines = await exported(written)
    assert check(lines, await keys()).finding is None
    finding = check(lines, old).finding
    assert (finding and finding.kind) is Tampering.FORGED
    assert "is by a key not given" in str(finding)


def replaced(lines: Lines, index: int, value: Mapping[str, Any]) -> Lines:
    return [*lines[:index], canonical_bytes(value) + b"\n", *lines[index + 1 :]]


def place_of(lines: Lines, number: int) -> int:
    """The index of the line of the event with that number."""
    found: list[int] = [
        index
        for index, line in enumerate(lines)
        if b'"type":"event"' in line and orjson.loads(line)["sequence"] == number
    ]
    return found[0]


def altered(lines: Lines) -> Lines:
    index = place_of(lines, 4)
    value = orjson.loads(lines[index])
    value["event"]["actor"]["name"] = "nobody"
    return replaced(lines, index, value)


def altered_diff(lines: Lines) -> Lines:
    index = place_of(lines, 4)
    value = orjson.loads(lines[index])
    value["event"]["diff"] = []
    return replaced(lines, index, value)


def written_otherwise(lines: Lines) -> Lines:
    index = place_of(lines, 4)
    return [*lines[:index], lines[index].replace(b",", b", ", 1), *lines[index + 1 :]]


def said_twice(lines: Lines) -> Lines:
    """Whoever reads the first of two members of one name is told something else."""
    index = place_of(lines, 4)
    twice = lines[index].replace(b'{"action"', b'{"action":"nothing","action"', 1)
    return [*lines[:index], twice, *lines[index + 1 :]]


def annotated(lines: Lines) -> Lines:
    index = place_of(lines, 4)
    return replaced(lines, index, {**orjson.loads(lines[index]), "note": "all is well"})


def removed(lines: Lines) -> Lines:
    index = place_of(lines, 4)
    return lines[:index] + lines[index + 1 :]


def removed_and_renumbered(lines: Lines) -> Lines:
    return [renumbered(line, above=4, by=-1) for line in removed(lines)]


def renumbered(line: bytes, *, above: int, by: int) -> bytes:
    value = orjson.loads(line)
    if value["type"] == "event" and value["sequence"] > above:
        value["sequence"] += by
    return canonical_bytes(value) + b"\n"


def forged_event(lines: Lines) -> bytes:
    """At number 4, with a hash that fits there."""
    value = orjson.loads(lines[place_of(lines, 4)])
    before = orjson.loads(lines[place_of(lines, 3)])
    value["event"]["id"] = str(FORGED_ID)
    stands_for = chain.commitment(value["event"]["diff"], bytes.fromhex(value["salt"]))
    digest = chain.digest(value["event"], stands_for)
    value["hash"] = chain.link(bytes.fromhex(before["hash"]), 5, digest).hex()
    return canonical_bytes(value) + b"\n"


FORGED_ID = new_id()


def inserted(lines: Lines) -> Lines:
    index = place_of(lines, 4)
    return [*lines[:index], forged_event(lines), *lines[index:]]


def inserted_and_renumbered(lines: Lines) -> Lines:
    index = place_of(lines, 4)
    behind = [renumbered(line, above=3, by=1) for line in lines[index:]]
    return [*lines[:index], forged_event(lines), *behind]


def inserted_again(lines: Lines) -> Lines:
    return [*lines[: place_of(lines, 5)], lines[place_of(lines, 4)], *lines[place_of(lines, 5) :]]


def reordered(lines: Lines) -> Lines:
    one, two = place_of(lines, 4), place_of(lines, 5)
    return [*lines[:one], lines[two], lines[one], *lines[two + 1 :]]


def reordered_and_renumbered(lines: Lines) -> Lines:
    one, two = (orjson.loads(lines[place_of(lines, number)]) for number in (4, 5))
    first = replaced(lines, place_of(lines, 4), {**two, "sequence": 4})
    return replaced(first, place_of(lines, 5), {**one, "sequence": 5})


def truncated(lines: Lines) -> Lines:
    return lines[: place_of(lines, 6)]


def without_its_end(lines: Lines) -> Lines:
    return lines[:-1]


def cut_before_its_end(lines: Lines) -> Lines:
    """At a checkpoint, with the last line put back."""
    return [*lines[: types(lines).index("checkpoint") + 1], lines[-1]]


def continued(lines: Lines) -> Lines:
    return [*lines, lines[-1]]


def without_a_checkpoint(lines: Lines) -> Lines:
    index = types(lines).index("checkpoint")
    return lines[:index] + lines[index + 1 :]


def another_filter(lines: Lines) -> Lines:
    return replaced(lines, 0, {**orjson.loads(lines[0]), "filter": {}})


def moved_signature(lines: Lines) -> Lines:
    """The second checkpoint, with the signature of the first."""
    one, two = [index for index, name in enumerate(types(lines)) if name == "checkpoint"][:2]
    signature = orjson.loads(lines[one])["signature"]
    return replaced(lines, two, {**orjson.loads(lines[two]), "signature": signature})


def skipped_instead(lines: Lines) -> Lines:
    """The events up to a checkpoint are gone, and are said to have been left out."""
    end = types(lines).index("checkpoint")
    last = orjson.loads(lines[end])["sequence"]
    run = canonical_bytes({"type": "skipped", "first": 1, "last": last}) + b"\n"
    return [lines[0], run, *lines[end:]]


def rewritten(lines: Lines) -> Lines:
    """An event and every hash behind it, anew: only the signature is out of reach."""
    result = altered(lines)
    previous = bytes.fromhex(orjson.loads(result[place_of(result, 3)])["hash"])
    for number in range(4, EVENTS + 1):
        index = place_of(result, number)
        value = orjson.loads(result[index])
        stands_for = chain.commitment(value["event"]["diff"], bytes.fromhex(value["salt"]))
        previous = chain.link(previous, number, chain.digest(value["event"], stands_for))
        result = replaced(result, index, {**value, "hash": previous.hex()})
    return result


ALTERED, REMOVED = Tampering.ALTERED, Tampering.REMOVED
INSERTED, REORDERED = Tampering.INSERTED, Tampering.REORDERED


@pytest.mark.parametrize(
    ("tamper", "kind", "sequence", "event"),
    [
        (altered, ALTERED, 4, 3),
        (altered_diff, ALTERED, 4, 3),
        (written_otherwise, ALTERED, 4, 3),
        (said_twice, ALTERED, 4, 3),
        (annotated, ALTERED, 4, None),
        (removed, REMOVED, 4, None),
        (removed_and_renumbered, REMOVED, 4, 4),
        (inserted, INSERTED, 4, "forged"),
        (inserted_and_renumbered, INSERTED, 4, "forged"),
        (inserted_again, INSERTED, 4, 3),
        (reordered, REORDERED, 4, 4),
        (reordered_and_renumbered, REORDERED, 4, 4),
        (truncated, Tampering.TRUNCATED, 6, None),
        (without_its_end, Tampering.TRUNCATED, EVENTS + 1, None),
        (continued, INSERTED, None, None),
        (without_a_checkpoint, ALTERED, None, None),
        (another_filter, ALTERED, None, None),
        (moved_signature, Tampering.FORGED, EVENTS - 2, None),
        (skipped_instead, ALTERED, None, None),
    ],
)
async def test_the_first_event_that_was_touched_is_named(
    written: World,
    tamper: Callable[[Lines], Lines],
    kind: Tampering,
    sequence: int | None,
    event: int | str | None,
) -> None:
    lines = await exported(written)
    events = await written.events()
    finding = check(tamper(lines), await keys()).finding
    assert finding is not None
    named = events[event].id if isinstance(event, int) else FORGED_ID if event else None
    assert (finding.kind, finding.sequence, finding.event_id) == (kind, sequence, named)


async def test_who_writes_every_hash_anew_is_found_out_by_the_signature(written: World) -> None:
    lines = rewritten(await exported(written))
    finding = check(lines, await keys()).finding
    assert finding is not None
    assert finding.kind is Tampering.ALTERED
    assert "are not those of the log" in finding.sentence
    first = finding.sequence
    assert first is not None
    assert first <= 4


async def test_an_export_that_was_cut_at_a_checkpoint_ends_too_early(written: World) -> None:
    lines = cut_before_its_end(await exported(written))
    finding = check(lines, await keys()).finding
    assert finding is not None
    assert finding.kind is Tampering.REMOVED
    assert f"the export went on to number {EVENTS}" in finding.sentence


async def test_without_the_key_nothing_is_believed(written: World) -> None:
    lines = await exported(written)
    finding = check(lines, PublicKeys({})).finding
    assert finding is not None
    assert finding.kind is Tampering.FORGED
    assert "is by a key not given" in finding.sentence


async def test_an_event_that_was_put_in_long_after_it_says_is_found(written: World) -> None:
    first = (await written.events())[0]
    values = {name: getattr(first, name) for name in first._meta.fields_map}
    long_ago = {"id": new_id(), "created_at": now() - timedelta(days=3)}
    forged = await AuditEvent.create(**{**values, **long_ago})
    finding = check(await exported(written), await keys()).finding
    assert finding is not None
    assert (finding.kind, finding.event_id) == (Tampering.INSERTED, forged.id)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"no json\n",
        b"[]\n",
        b'"' + b"[" * 100_000 + b"\n",
        b"[" * 900 + b"]" * 900 + b"\n",
        b'{"a":' * 900 + b"1" + b"}" * 900 + b"\n",
        b'{"type":[]}\n',
        b'{"type":"event"}\n',
        b'{"event":[],"hash":"","salt":"","sequence":4,"type":"event"}\n',
        b'{"digests":["zz"],"hash":"","sequence":4,"type":"omitted"}\n',
        b'{"first":-1,"type":"skipped"}\n',
        b'{"key":[],"signature":"","type":"gatepost.audit.checkpoint"}\n',
        b"\xff\xfe\n",
    ],
)
async def test_whatever_stands_in_a_file_is_a_finding_and_no_failure(
    written: World, line: bytes
) -> None:
    lines = await exported(written)
    for index in (0, place_of(lines, 4), len(lines) - 1):
        hostile = [*lines[:index], line, *lines[index + 1 :]]
        finding = check([each for each in hostile if each], await keys()).finding
        assert finding is not None


async def test_every_single_byte_counts(written: World) -> None:
    lines = await exported(written)
    trusted = await keys()
    whole = b"".join(lines)
    for position in range(0, len(whole), 97):
        changed = bytes([whole[position] ^ 1])
        text = whole[:position] + changed + whole[position + 1 :]
        report = check(text.splitlines(keepends=True), trusted)
        assert report.finding is not None, position


async def test_an_export_ends_when_its_reader_may_not_have_the_rest(written: World) -> None:
    class Over(Exception):
        pass

    async def choose(ids: Sequence[UUID]) -> Mapping[UUID, bool]:
        raise Over

    with pytest.raises(Over):
        await exported(written, choose)


async def test_an_export_does_not_pass_over_what_is_gone(written: World, database: str) -> None:
    await exported(written)
    async with past_triggers(database) as run:
        await run("DELETE FROM audit_seals WHERE sequence = 4")
    with pytest.raises(SealsGone):
        await exported(written)
    assert await AuditEvent.filter(organization_id=written.organization.id).count() == EVENTS
