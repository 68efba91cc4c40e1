"""The log is kept for the plan's window; a hold stops that, and nothing goes without notice.

The triggers go by the clock of the database: what is old here has been made so past the triggers.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from tortoise.exceptions import BaseORMException

from identity import legal_hold, organizations, retention
from identity.access.permissions import Permission
from identity.audit import sealing, signing, verifying
from identity.audit.sealed_file import sealed_lines
from identity.audit.sealed_file_check import check
from identity.refusals import BadInput, Conflict, Forbidden
from models import (
    AuditRetention,
    AuditSeal,
    BuiltinRole,
    Plan,
    ScopeType,
)
from models.clock import now
from models.sql import Statement
from tests.tampering import past_triggers
from tests.world import World, at_workspace

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def windows() -> Iterator[None]:
    yield
    retention.use(())


async def _backdate_declarations(database: str, *, days: float) -> None:
    async with past_triggers(database) as run:
        for row in await AuditRetention.all():
            at = row.created_at - days * DAY
            bound = at if database.startswith("postgres") else str(at)
            await run("UPDATE audit_retentions SET created_at = $1 WHERE id = $2", bound, row.id)


async def _declared(world: World) -> list[tuple[int, bool]]:
    rows = await AuditRetention.filter(organization_id=world.organization.id).order_by("created_at")
    return [(row.days, row.held) for row in rows]


async def test_the_window_of_the_plan_is_declared_once_and_again_when_it_is_another(
    world: World,
) -> None:
    assert world.organization.id in await retention.due()
    await retention.carry_out(world.organization.id)
    await retention.carry_out(world.organization.id)
    assert await _declared(world) == [(2555, False)]
    assert await retention.due() == []
    assert [event.action for event in await world.events()].count("audit.retention") == 0

    await organizations.change_plan(world.operator, Plan.STARTER)
    assert await retention.due() == [world.organization.id]
    await retention.carry_out(world.organization.id)

    assert await _declared(world) == [(2555, False), (30, False)]
    event = (await world.events())[-1]
    assert (event.action, event.actor_name) == ("audit.retention", "audit retention")
    assert event.diff == [{"path": "days", "before": 2555, "after": 30}]


async def test_the_settings_of_the_operator_come_before_the_plan(world: World) -> None:
    retention.use([(Plan.ENTERPRISE, 4000)])
    await retention.carry_out(world.organization.id)
    assert await _declared(world) == [(4000, False)]
    assert [retention.window(plan) for plan in Plan] == [30, 365, 4000]


async def _starter_for(world: World, database: str, *, days: float) -> None:
    """A window of 30 days that was declared so long ago, and the plan's larger one before."""
    await retention.carry_out(world.organization.id)
    await _backdate_declarations(database, days=100)
    retention.use([(Plan.ENTERPRISE, 30)])
    await retention.carry_out(world.organization.id)
    assert await _declared(world) == [(2555, False), (30, False)]
    async with past_triggers(database) as run:
        at = now() - days * DAY
        bound = at if database.startswith("postgres") else str(at)
        await run("UPDATE audit_retentions SET created_at = $1 WHERE days = 30", bound)


async def _with_old_events(world: World, database: str) -> int:
    """All events so far are 60 days old and sealed, in two batches; how many there are."""
    async with past_triggers(database) as run:
        at = now() - 60 * DAY
        bound = at if database.startswith("postgres") else str(at)
        await run("UPDATE audit_events SET created_at = $1", bound)
    await sealing.seal(world.organization.id)
    count = await AuditSeal.filter(organization_id=world.organization.id).count()
    await world.custom_role("Young", Permission.CAMPAIGNS_READ)
    await sealing.seal(world.organization.id)
    return count


async def test_a_prefix_of_the_chain_goes_and_says_so(world: World, database: str) -> None:
    old = await _with_old_events(world, database)
    await _starter_for(world, database, days=31)
    assert await retention.due() == [world.organization.id]

    await retention.carry_out(world.organization.id)

    events = await world.events()
    actions = [event.action for event in events]
    assert actions == ["role.create", "audit.retention", "audit.expire"]
    diff = {change["path"]: change["after"] for change in events[-1].diff}
    assert (diff["deleted"], diff["keptFrom"]) == (old, old + 1)
    assert await AuditSeal.filter(sequence__lte=old).count() == 0
    await sealing.seal(world.organization.id)
    keys = await signing.trusted_keys()
    report = await verifying.verify(world.organization.id, keys)
    assert report == verifying.Report(old + 1, old + 3, 0, None)
    assert await retention.due() == []

    async def everything(ids: Sequence[UUID]) -> Mapping[UUID, bool]:
        return dict.fromkeys(ids, True)

    exported = sealed_lines(world.organization.id, filter={}, choose=everything)
    lines = [line async for line in exported]
    assert check(lines, keys).finding is None
    assert check(lines[:1] + lines[2:], keys).finding is not None  # without the first checkpoint


async def test_who_deletes_more_than_retention_did_is_found(world: World, database: str) -> None:
    await _with_old_events(world, database)
    await _starter_for(world, database, days=31)
    await retention.carry_out(world.organization.id)
    await sealing.seal(world.organization.id)
    first = (await world.events())[0]
    seal = await AuditSeal.get(id=first.id)
    async with past_triggers(database) as run:
        await run("DELETE FROM audit_events WHERE id = $1", first.id)
        await run("DELETE FROM audit_seals WHERE id = $1", first.id)
    report = await verifying.verify(world.organization.id, await signing.trusted_keys())
    assert report.finding is not None
    assert (report.finding.kind.value, report.finding.sequence) == ("removed", seal.sequence)


@pytest.mark.parametrize("days", [0, 29])
async def test_a_smaller_window_deletes_nothing_for_30_days(
    world: World, database: str, days: int
) -> None:
    await _with_old_events(world, database)
    before = await world.events()
    await _starter_for(world, database, days=days)
    await retention.carry_out(world.organization.id)
    assert (await world.events())[: len(before)] == before


async def test_a_hold_stops_deletion_and_goes_on_for_30_days_after_its_end(
    world: World, database: str
) -> None:
    await _with_old_events(world, database)
    await _starter_for(world, database, days=40)
    before = await world.events()
    olga = await world.subject(world.owner)

    await legal_hold.place(olga, reason="Case 7 of 2030")
    await retention.carry_out(world.organization.id)
    with pytest.raises(BaseORMException, match="DELETE is refused"):
        await Statement("DELETE FROM audit_events WHERE id = $1").execute(before[0].id)
    await legal_hold.release(olga, reason="Case 7 of 2030 is closed")
    await retention.carry_out(world.organization.id)

    events = await world.events()
    assert events[: len(before)] == before
    placed, released = events[-2:]
    assert (placed.action, placed.reason) == ("audit.hold", "Case 7 of 2030")
    assert placed.diff == [{"path": "legalHold", "before": False, "after": True}]
    assert (released.action, released.reason) == ("audit.release", "Case 7 of 2030 is closed")
    assert await _declared(world) == [(2555, False), (30, False), (30, True), (30, False)]

    await _backdate_declarations(database, days=31)
    await retention.carry_out(world.organization.id)
    assert before[0].id not in {event.id for event in await world.events()}


async def test_another_window_does_not_end_a_hold(world: World) -> None:
    await retention.carry_out(world.organization.id)
    await legal_hold.place(world.operator, reason="Case 7")
    await organizations.change_plan(world.operator, Plan.STARTER)
    await retention.carry_out(world.organization.id)
    assert await _declared(world) == [(2555, False), (2555, True), (30, True)]


async def test_only_an_owner_holds_and_releases(world: World) -> None:
    admin = await world.someone("Ada", BuiltinRole.ADMIN, world.everywhere)
    of_a = await world.someone("Otto", BuiltinRole.OWNER, at_workspace(world.a))
    like_an_owner = await world.custom_role("Chief", Permission.ORGANIZATION_UPDATE)
    chief = await world.someone("Chris", like_an_owner, world.everywhere)
    assert world.everywhere.type is ScopeType.ORGANIZATION
    for subject in (admin, of_a, chief):
        for act in (legal_hold.place, legal_hold.release):
            with pytest.raises(Forbidden):
                await act(subject, reason="Because")
            event = (await world.events())[-1]
            assert (event.outcome.value, event.actor_name) == ("denied", subject.actor_name)
    assert await _declared(world) == []


async def test_a_hold_has_a_reason_and_is_placed_once(world: World) -> None:
    with pytest.raises(BadInput):
        await legal_hold.place(world.operator, reason="  ")
    with pytest.raises(Conflict):
        await legal_hold.release(world.operator, reason="None is there")
    assert await _declared(world) == []
    await legal_hold.place(world.operator, reason="Case 7")
    with pytest.raises(Conflict):
        await legal_hold.place(world.operator, reason="Case 8")
    assert await _declared(world) == [(2555, True)]


async def test_a_crash_while_deleting_leaves_all_of_it(
    world: World, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _with_old_events(world, database)
    await _starter_for(world, database, days=31)
    before = await world.events()

    async def crash(*_: object, **__: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr(retention, "record", crash)
        with pytest.raises(ConnectionResetError):
            await retention.carry_out(world.organization.id)
    assert await world.events() == before
    report = await verifying.verify(world.organization.id, await signing.trusted_keys())
    assert report.finding is None
