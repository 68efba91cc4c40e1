"""Whoever owns the database can do what they like to the log, and it is found, and named."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from identity.access.permissions import Permission
from identity.audit import chain, sealing, signing, verifying
from identity.audit.finding import Finding, Tampering
from models import AuditCheckpoint, AuditEvent, AuditSeal
from models.clock import now
from models.ids import new_id
from tests.tampering import Run, past_triggers
from tests.world import World, new_world

EVENTS = 8


@pytest.fixture
async def sealed(world: World) -> list[AuditEvent]:
    """The events of the organization, sealed in two batches; one that waits comes behind them."""
    await sealing.seal(world.organization.id)
    while len(await world.events()) < EVENTS:
        await world.custom_role(f"Role {new_id()}", Permission.CAMPAIGNS_READ)
    await sealing.seal(world.organization.id)
    await world.custom_role("Waiting", Permission.CAMPAIGNS_READ)
    return (await world.events())[:EVENTS]


async def _finding(world: World) -> Finding | None:
    report = await verifying.verify(world.organization.id, await signing.trusted_keys())
    return report.finding


async def test_a_log_that_nobody_touched_is_whole(world: World, sealed: list[AuditEvent]) -> None:
    report = await verifying.verify(world.organization.id, await signing.trusted_keys())
    assert report == verifying.Report(first=1, last=EVENTS, waiting=1, finding=None)


Tamper = Callable[[Run, World, list[AuditEvent]], Awaitable[None]]


async def _alter(run: Run, world: World, events: list[AuditEvent]) -> None:
    await run("UPDATE audit_events SET actor_name = 'nobody' WHERE id = $1", events[3].id)


async def _alter_diff(run: Run, world: World, events: list[AuditEvent]) -> None:
    await run("UPDATE audit_events SET diff = '[]' WHERE id = $1", events[4].id)


async def _backdate(run: Run, world: World, events: list[AuditEvent]) -> None:
    await run(
        "UPDATE audit_events SET created_at = (SELECT created_at FROM audit_events WHERE id = $2)"
        " WHERE id = $1",
        events[3].id,
        events[2].id,
    )


async def _move_away(run: Run, world: World, events: list[AuditEvent]) -> None:
    other = await new_world("other")
    sql = "UPDATE audit_events SET organization_id = $2 WHERE id = $1"
    await run(sql, events[3].id, other.organization.id)


async def _remove(run: Run, world: World, events: list[AuditEvent]) -> None:
    await run("DELETE FROM audit_events WHERE id = $1", events[3].id)


async def _remove_with_seal(run: Run, world: World, events: list[AuditEvent]) -> None:
    await _remove(run, world, events)
    await run("DELETE FROM audit_seals WHERE id = $1", events[3].id)


async def _remove_and_renumber(run: Run, world: World, events: list[AuditEvent]) -> None:
    await _remove_with_seal(run, world, events)
    for number in range(5, EVENTS + 1):
        await run(f"UPDATE audit_seals SET sequence = {number - 1} WHERE sequence = {number}")


async def _remove_last(run: Run, world: World, events: list[AuditEvent]) -> None:
    await run("DELETE FROM audit_events WHERE id = $1", events[-1].id)
    await run("DELETE FROM audit_seals WHERE id = $1", events[-1].id)


async def _remove_waiting(run: Run, world: World, events: list[AuditEvent]) -> None:
    last = (await world.events())[-1]
    await run("DELETE FROM audit_events WHERE id = $1", last.id)


async def _insert(run: Run, world: World, events: list[AuditEvent]) -> None:
    await _copy_event(run, world, events)


async def _copy_event(run: Run, world: World, events: list[AuditEvent]) -> None:
    columns = [c for c in AuditEvent._meta.fields_db_projection if c != "id"]
    await run(
        f"INSERT INTO audit_events (id, {', '.join(columns)}) SELECT $2, {', '.join(columns)}"
        " FROM audit_events WHERE id = $1",
        events[3].id,
        FORGED_ID,
    )


FORGED_ID = new_id()


async def _insert_with_seal(run: Run, world: World, events: list[AuditEvent]) -> None:
    """In the middle, the seals behind it renumbered, with a hash that fits."""
    await _copy_event(run, world, events)
    for number in range(EVENTS, 4, -1):
        await run(f"UPDATE audit_seals SET sequence = {number + 1} WHERE sequence = {number}")
    before = await AuditSeal.get(sequence=4)
    forged = await AuditEvent.get(id=FORGED_ID)
    digest = sealing.event_digest(forged, b"salt")
    await run(
        "INSERT INTO audit_seals (id, organization_id, sequence, salt, digest, hash)"
        " VALUES ($1, $2, 5, $3, $4, $5)",
        FORGED_ID,
        world.organization.id,
        b"salt",
        digest,
        chain.link(before.hash, 4, digest),
    )


async def _insert_behind(run: Run, world: World, events: list[AuditEvent]) -> None:
    """Behind the last one, with everything right but the signature."""
    await _copy_event(run, world, events)
    last = await AuditSeal.get(sequence=EVENTS)
    digest = sealing.event_digest(await AuditEvent.get(id=FORGED_ID), b"salt")
    await run(
        "INSERT INTO audit_seals (id, organization_id, sequence, salt, digest, hash)"
        f" VALUES ($1, $2, {EVENTS + 1}, $3, $4, $5)",
        FORGED_ID,
        world.organization.id,
        b"salt",
        digest,
        chain.link(last.hash, EVENTS + 1, digest),
    )


async def _reorder(run: Run, world: World, events: list[AuditEvent]) -> None:
    """Two seals change their numbers."""
    for old, new in ((4, 100), (5, 4), (100, 5)):
        await run(f"UPDATE audit_seals SET sequence = {new} WHERE sequence = {old}")


async def _reorder_events(run: Run, world: World, events: list[AuditEvent]) -> None:
    """Two events change their places under the seals."""
    spare = new_id()
    pairs = ((events[3].id, spare), (events[4].id, events[3].id), (spare, events[4].id))
    for old, new in pairs:
        await run("UPDATE audit_seals SET id = $2 WHERE id = $1", old, new)


async def _rewrite(run: Run, world: World, events: list[AuditEvent]) -> None:
    """An event, and every seal from there on, anew: only the signature is out of reach."""
    await _alter(run, world, events)
    hash_ = (await AuditSeal.get(sequence=3)).hash
    for number in range(4, EVENTS + 1):
        seal = await AuditSeal.get(sequence=number)
        digest = sealing.event_digest(await AuditEvent.get(id=seal.id), seal.salt)
        hash_ = chain.link(hash_, number, digest)
        await run(
            f"UPDATE audit_seals SET digest = $1, hash = $2 WHERE sequence = {number}",
            digest,
            hash_,
        )


async def _alter_seal(run: Run, world: World, events: list[AuditEvent]) -> None:
    await run("UPDATE audit_seals SET hash = digest WHERE id = $1", events[3].id)


async def _forge_checkpoint(run: Run, world: World, events: list[AuditEvent]) -> None:
    """The log is said to begin behind the fourth event."""
    await run(f"UPDATE audit_checkpoints SET kept_from = 5 WHERE sequence = {EVENTS}")


async def _drop_checkpoints(run: Run, world: World, events: list[AuditEvent]) -> None:
    await run("DELETE FROM audit_checkpoints")


ALTERED, REMOVED = Tampering.ALTERED, Tampering.REMOVED
INSERTED, REORDERED = Tampering.INSERTED, Tampering.REORDERED


@pytest.mark.parametrize(
    ("tamper", "kind", "sequence", "event"),
    [
        (_alter, ALTERED, 4, 3),
        (_alter_diff, ALTERED, 5, 4),
        (_backdate, ALTERED, 4, 3),
        (_move_away, ALTERED, 4, 3),
        (_alter_seal, ALTERED, 4, 3),
        (_remove, REMOVED, 4, 3),
        (_remove_with_seal, REMOVED, 4, None),
        (_remove_and_renumber, REMOVED, 4, 4),
        (_remove_last, REMOVED, EVENTS, None),
        (_remove_waiting, REMOVED, None, EVENTS),
        (_insert, INSERTED, None, "forged"),
        (_insert_with_seal, INSERTED, 5, "forged"),
        (_insert_behind, INSERTED, EVENTS + 1, "forged"),
        (_reorder, REORDERED, 4, 4),
        (_reorder_events, REORDERED, 4, 4),
        (_forge_checkpoint, Tampering.FORGED, EVENTS, None),
        (_drop_checkpoints, INSERTED, 1, 0),
    ],
)
async def test_the_first_event_that_was_touched_is_named(
    world: World,
    database: str,
    sealed: list[AuditEvent],
    tamper: Tamper,
    kind: Tampering,
    sequence: int | None,
    event: int | str | None,
) -> None:
    everything = await world.events()
    async with past_triggers(database) as run:
        await tamper(run, world, sealed)
    finding = await _finding(world)
    assert finding is not None
    named = everything[event].id if isinstance(event, int) else FORGED_ID if event else None
    assert (finding.kind, finding.sequence, finding.event_id) == (kind, sequence, named)


async def test_who_writes_every_seal_anew_is_found_out_by_the_signature(
    world: World, database: str, sealed: list[AuditEvent]
) -> None:
    first_batch = await AuditCheckpoint.all().order_by("sequence").first()
    assert first_batch is not None
    async with past_triggers(database) as run:
        await _rewrite(run, world, sealed)
    finding = await _finding(world)
    assert finding is not None
    assert finding.kind is Tampering.ALTERED
    assert finding.sequence in (1, first_batch.sequence + 1)
    assert "are not those that were signed on" in finding.sentence


async def test_an_event_that_was_put_in_long_after_it_says_is_found(
    world: World, sealed: list[AuditEvent]
) -> None:
    """Through the front door: it is queued and sealed like any other, behind a signed moment."""
    values = {name: getattr(sealed[3], name) for name in sealed[3]._meta.fields_map}
    forged = await AuditEvent.create(
        **{**values, "id": new_id(), "created_at": now() - timedelta(days=3)}
    )
    await sealing.seal(world.organization.id)
    finding = await _finding(world)
    assert finding is not None
    assert (finding.kind, finding.event_id) == (Tampering.INSERTED, forged.id)
    assert "came into the log after" in finding.sentence


async def test_a_log_that_was_cut_off_is_found_by_a_checkpoint_that_was_kept_elsewhere(
    world: World, database: str, sealed: list[AuditEvent]
) -> None:
    """With the last signature gone too, the database alone cannot tell."""
    keys = await signing.trusted_keys()
    newest = await AuditCheckpoint.all().order_by("-sequence").first()
    assert newest is not None
    kept = sealing.stated(newest)
    whole = await verifying.verify(world.organization.id, keys, kept=kept)
    assert whole.finding is None
    first_batch = await AuditCheckpoint.all().order_by("sequence").first()
    assert first_batch is not None
    async with past_triggers(database) as run:
        cut = first_batch.sequence
        for table, key in (("audit_events", "id"), ("audit_unsealed", "id")):
            await run(
                f"DELETE FROM {table} WHERE {key} NOT IN"
                f" (SELECT id FROM audit_seals WHERE sequence <= {cut})"
            )
        await run(f"DELETE FROM audit_seals WHERE sequence > {cut}")
        await run(f"DELETE FROM audit_checkpoints WHERE sequence > {cut}")

    assert (await verifying.verify(world.organization.id, keys)).finding is None
    report = await verifying.verify(world.organization.id, keys, kept=kept)
    assert report.finding is not None
    assert (report.finding.kind, report.finding.sequence) == (Tampering.TRUNCATED, cut + 1)


async def test_a_checkpoint_of_another_organization_says_nothing(
    world: World, sealed: list[AuditEvent]
) -> None:
    other = await new_world("other")
    await sealing.seal(other.organization.id)
    row = await AuditCheckpoint.get(organization_id=other.organization.id)
    report = await verifying.verify(
        world.organization.id, await signing.trusted_keys(), kept=sealing.stated(row)
    )
    assert report.finding is not None
    assert report.finding.kind is Tampering.FORGED


async def test_a_checkpoint_of_another_organization_does_not_pass_for_an_own_one(
    world: World, database: str, sealed: list[AuditEvent]
) -> None:
    other = await new_world("other")
    await sealing.seal(other.organization.id)
    async with past_triggers(database) as run:
        await run(
            "UPDATE audit_checkpoints SET organization_id = $1 WHERE organization_id = $2",
            world.organization.id,
            other.organization.id,
        )
    finding = await _finding(world)
    assert finding is not None
    assert finding.kind is Tampering.FORGED
