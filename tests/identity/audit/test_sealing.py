"""Every committed event gets exactly one place in its organization's chain, whatever happens."""

import asyncio
from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError

from identity.access.permissions import Permission
from identity.audit import chain, sealing, signing, verifying
from identity.audit.sealing import Head
from identity.audit.verifying import Report
from identity.refusals import Forbidden
from identity.subject import DEPLOYMENT, Origin, deployment_operator
from models import (
    AuditCheckpoint,
    AuditEvent,
    AuditKey,
    AuditSeal,
    AuditUnsealed,
)
from models.clock import now
from models.database import transaction
from models.ids import new_id
from models.secret import SecretKeyError
from models.sql import Statement, is_postgres
from tests.statements import counted_statements
from tests.tampering import past_triggers
from tests.world import World, new_world


async def _write(world: World, count: int) -> None:
    for _ in range(count):
        await world.custom_role(f"Role {new_id()}", Permission.CAMPAIGNS_READ)


async def _verified(world: World) -> Report:
    return await verifying.verify(world.organization.id, await signing.trusted_keys())


async def test_each_event_is_sealed_once_in_the_order_of_ids(world: World) -> None:
    await _write(world, 3)
    events = [event.id for event in await world.events()]

    assert world.organization.id in await sealing.due()
    assert await sealing.seal(world.organization.id) == len(events)

    seals = await AuditSeal.filter(organization_id=world.organization.id).order_by("sequence")
    assert [seal.id for seal in seals] == events
    assert [seal.sequence for seal in seals] == list(range(1, len(events) + 1))
    assert await AuditUnsealed.filter(organization_id=world.organization.id).count() == 0
    assert await sealing.due() == []
    assert await _verified(world) == Report(1, len(events), 0, None)


async def test_the_hashes_are_those_of_the_documented_arithmetic(world: World) -> None:
    await sealing.seal(world.organization.id)
    hash_ = chain.beginning(world.organization.id)
    for seal in await AuditSeal.all().order_by("sequence"):
        event = await AuditEvent.get(id=seal.id)
        assert seal.digest == sealing.event_digest(event, seal.salt)
        hash_ = chain.link(hash_, seal.sequence, seal.digest)
        assert seal.hash == hash_
    (checkpoint,) = await AuditCheckpoint.all()
    assert (checkpoint.sequence, checkpoint.hash) == (seal.sequence, hash_)
    keys = await signing.trusted_keys()
    assert keys.signed(sealing.stated(checkpoint).statement(), checkpoint.signature)


async def test_many_events_are_sealed_in_batches_with_a_checkpoint_each(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _write(world, 5)
    total = len(await world.events())
    monkeypatch.setattr(sealing, "BATCH", 3)
    monkeypatch.setattr(sealing, "_WAITING", sealing._WAITING.replace("250", "3"))
    assert await sealing.seal(world.organization.id) == total
    sequences = [row.sequence for row in await AuditCheckpoint.all().order_by("sequence")]
    assert sequences == [*range(3, total, 3), total]
    assert await _verified(world) == Report(1, total, 0, None)


async def test_an_event_that_commits_late_is_sealed_behind_younger_ones(world: World) -> None:
    """Its id is lower than those that are sealed already."""
    first = (await world.events())[0]
    old = new_id()
    await _write(world, 1)
    await sealing.seal(world.organization.id)
    values = {name: getattr(first, name) for name in first._meta.fields_map}
    late = await AuditEvent.create(**{**values, "id": old, "created_at": now()})

    assert await sealing.seal(world.organization.id) == 1

    last = await AuditSeal.all().order_by("-sequence").first()
    assert last is not None
    assert last.id == late.id
    assert (await _verified(world)).finding is None


async def test_what_is_rolled_back_is_not_sealed_and_what_is_under_way_is_sealed_later(
    world: World,
) -> None:
    await sealing.seal(world.organization.id)
    sealed = await AuditSeal.all().count()

    class Crash(Exception):
        pass

    async def crash() -> None:
        async with transaction():
            await _write(world, 1)
            raise Crash

    with pytest.raises(Crash):
        await crash()
    assert await sealing.due() == []

    if is_postgres():  # SQLite has one connection here, which the transaction holds
        written, may_commit = asyncio.Event(), asyncio.Event()

        async def slow() -> None:
            async with transaction():
                await _write(world, 1)
                written.set()
                await may_commit.wait()

        task = asyncio.create_task(slow())
        await written.wait()
        assert await sealing.seal(world.organization.id) == 0
        may_commit.set()
        await task
        assert await sealing.seal(world.organization.id) == 1
        sealed += 1
    assert await AuditSeal.all().count() == sealed


async def test_a_crash_while_sealing_leaves_everything_to_be_sealed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    total = len(await world.events())

    async def crash(*_: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr(sealing, "sign", crash)
        with pytest.raises(ConnectionResetError):
            await sealing.seal(world.organization.id)
    assert await AuditSeal.all().count() == 0
    assert await AuditUnsealed.filter(organization_id=world.organization.id).count() == total

    assert await sealing.seal(world.organization.id) == total
    assert await _verified(world) == Report(1, total, 0, None)


async def test_several_workers_at_once_seal_each_event_once(world: World) -> None:
    await _write(world, 4)

    async def write_and_seal() -> int:
        await _write(world, 2)
        return await sealing.seal(world.organization.id)

    counts = await asyncio.gather(*(write_and_seal() for _ in range(4)))
    counts.append(await sealing.seal(world.organization.id))

    total = len(await world.events())
    assert sum(counts) == total
    assert await _verified(world) == Report(1, total, 0, None)


async def test_each_organization_has_its_own_chain_and_so_has_the_deployment(world: World) -> None:
    other = await new_world("other")
    await signing.signing_key()
    await signing.rotate(deployment_operator(Origin()))
    assert set(await sealing.due()) == {world.organization.id, other.organization.id, DEPLOYMENT}
    for organization_id in await sealing.due():
        await sealing.carry_out(organization_id)
    for organization_id in (world.organization.id, other.organization.id, DEPLOYMENT):
        count = await AuditEvent.filter(organization_id=organization_id).count()
        report = await verifying.verify(organization_id, await signing.trusted_keys())
        assert report == Report(1, count, 0, None)


async def test_a_seal_takes_the_same_statements_however_many_events(
    world: World,
) -> None:
    await sealing.seal(world.organization.id)
    await _write(world, 1)
    with counted_statements() as one:
        await sealing.seal(world.organization.id)
    await _write(world, 12)
    with counted_statements() as many:
        await sealing.seal(world.organization.id)
    assert len(one) == len(many)


async def test_a_forged_checkpoint_is_not_built_upon(world: World) -> None:
    """Rows can be added by whoever can write: only signed ones count."""
    await sealing.seal(world.organization.id)
    (real,) = await AuditCheckpoint.all()
    for number in range(sealing.PAGE + 1):
        await AuditCheckpoint.create(
            created_at=real.created_at + timedelta(seconds=number),
            organization_id=world.organization.id,
            sequence=real.sequence,
            hash=b"\0" * 32,
            kept_from=real.sequence,
            key_id=real.key_id,
            signature=real.signature,
        )
    keys = await signing.trusted_keys()
    head = await sealing.head_of(world.organization.id, keys)
    assert head == Head(real.sequence, real.hash, 1)


async def test_a_key_that_somebody_wrote_into_the_table_neither_signs_nor_is_believed(
    world: World,
) -> None:
    ours = await signing.signing_key()
    await AuditKey.create(
        number=99, key_id="f" * 16, public_key="0" * 64, private_key_encrypted="gAAAA"
    )
    stolen = await AuditKey.get(number=1)
    await AuditKey.create(
        number=100,
        key_id="e" * 16,
        public_key="1" * 64,
        private_key_encrypted=stolen.private_key_encrypted,
    )
    assert (await signing.signing_key()).id == ours.id
    assert set((await signing.trusted_keys()).by_id) == {ours.id}


async def test_without_the_secret_keys_nothing_is_signed_and_nothing_lost(
    world: World, database: str
) -> None:
    await sealing.seal(world.organization.id)
    await _write(world, 1)
    async with past_triggers(database) as run:
        await run("UPDATE audit_keys SET private_key_encrypted = 'gAAAA'")
    with pytest.raises(SecretKeyError, match="open with none of the keys"):
        await sealing.seal(world.organization.id)
    assert await AuditUnsealed.all().count() == 1


async def test_a_new_key_signs_what_comes_and_the_old_one_is_still_believed(world: World) -> None:
    await sealing.seal(world.organization.id)
    old = (await signing.signing_key()).id
    new = await signing.rotate(deployment_operator(Origin()))
    await _write(world, 1)
    await sealing.seal(world.organization.id)
    signed_by = [row.key_id for row in await AuditCheckpoint.all().order_by("sequence")]
    assert signed_by == [old, new]
    assert (await _verified(world)).finding is None
    event = (await AuditEvent.filter(organization_id=DEPLOYMENT))[-1]
    assert (event.action, event.target_name) == ("audit_key.rotate", new)
    assert event.diff == [{"path": "key", "before": old, "after": new}]


async def test_only_the_operator_makes_keys(world: World) -> None:
    await signing.signing_key()
    with pytest.raises(Forbidden):
        await signing.rotate(await world.subject(world.owner))
    assert await AuditKey.all().count() == 1


async def test_an_event_has_one_seal_and_a_number_one_event(world: World) -> None:
    await sealing.seal(world.organization.id)
    (first, *_) = await AuditSeal.all().order_by("sequence")
    values = {name: getattr(first, name) for name in first._meta.fields_map}
    with pytest.raises(IntegrityError):
        await AuditSeal.create(**{**values, "id": new_id()})
    with pytest.raises(IntegrityError):
        await AuditSeal.create(**{**values, "sequence": 1000})
    assert await Statement("SELECT 1 FROM audit_seals WHERE sequence = 1000").row() is None
