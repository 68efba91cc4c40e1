"""What members use is noted in the process, and added to what is written of their day."""

from datetime import timedelta
from typing import Any

import pytest
from tortoise.exceptions import OperationalError

from identity import members, permission_uses
from identity.access.demanded import demand, demanding
from identity.access.permissions import ALL_MASK, Permission, bits_of
from identity.permission_uses import DAYS_KEPT, IN_ONE_STATEMENT, Uses, drop_old
from identity.subject import Subject
from models import BuiltinRole, Member, PermissionUse
from models.clock import now
from models.sql import Statement
from tests.clock import MovableClock
from tests.statements import counted_statements
from tests.world import World, at_workspace

P = Permission


def mask(*permissions: Permission) -> int:
    return bits_of(permissions)


async def names_of(member_id: Any) -> list[list[str]]:
    rows = await PermissionUse.filter(member_id=member_id).order_by("day")
    return [sorted(row.permissions) for row in rows]


@pytest.fixture
async def vera(world: World) -> Subject:
    return await world.someone("Vera", BuiltinRole.VIEWER, at_workspace(world.a))


async def test_a_use_is_written_with_its_member_organization_and_day(
    world: World, vera: Subject
) -> None:
    uses = Uses()
    uses.note(vera, mask(P.LISTS_READ, P.CAMPAIGNS_READ))

    assert await uses.write() == 1
    row = await PermissionUse.get()
    assert (row.organization_id, row.member_id) == (world.organization.id, vera.member_id)
    assert row.day == now().date()
    assert row.permissions == ["campaigns:read", "lists:read"]


async def test_only_what_the_member_holds_anywhere_counts(vera: Subject) -> None:
    uses = Uses()
    uses.note(vera, mask(P.CAMPAIGNS_READ, P.CAMPAIGNS_SEND, P.AUDIT_READ))
    uses.note(vera, mask(P.SERVERS_DELETE))

    await uses.write()
    assert await names_of(vera.member_id) == [["campaigns:read"]]


async def test_who_is_no_member_is_not_noted(world: World) -> None:
    uses = Uses()
    uses.note(world.operator, ALL_MASK)

    assert await uses.write() == 0
    assert await PermissionUse.all().count() == 0


async def test_processes_add_to_the_same_day(vera: Subject) -> None:
    one, other = Uses(), Uses()
    one.note(vera, mask(P.CAMPAIGNS_READ, P.LISTS_READ))
    other.note(vera, mask(P.TEMPLATES_READ, P.LISTS_READ))

    await one.write()
    await other.write()
    assert await names_of(vera.member_id) == [["campaigns:read", "lists:read", "templates:read"]]


async def test_each_day_of_utc_is_its_own(vera: Subject, movable_clock: MovableClock) -> None:
    uses = Uses()
    uses.note(vera, mask(P.CAMPAIGNS_READ))
    movable_clock.move(timedelta(days=1))
    uses.note(vera, mask(P.CAMPAIGNS_READ))
    uses.note(vera, mask(P.LISTS_READ))

    assert await uses.write() == 2
    assert await names_of(vera.member_id) == [["campaigns:read"], ["campaigns:read", "lists:read"]]


async def test_what_is_written_is_not_written_again(vera: Subject) -> None:
    uses = Uses()
    uses.note(vera, mask(P.CAMPAIGNS_READ))
    await uses.write()
    uses.note(vera, mask(P.CAMPAIGNS_READ))

    with counted_statements() as statements:
        assert await uses.write() == 0
    assert statements == []


@pytest.mark.parametrize("several", [1, 5])
async def test_many_members_are_written_in_one_statement(world: World, several: int) -> None:
    uses = Uses()
    for number in range(several):
        someone = await world.someone(f"M{number}", BuiltinRole.VIEWER, at_workspace(world.a))
        uses.note(someone, mask(P.CAMPAIGNS_READ))

    with counted_statements() as statements:
        assert await uses.write() == several
    assert len(statements) == 1
    assert await PermissionUse.all().count() == several


async def test_more_than_fit_into_a_statement_are_all_written(
    vera: Subject, movable_clock: MovableClock
) -> None:
    uses = Uses()
    for _ in range(IN_ONE_STATEMENT + 1):
        uses.note(vera, mask(P.CAMPAIGNS_READ))
        movable_clock.move(timedelta(days=1))

    with counted_statements() as statements:
        assert await uses.write() == IN_ONE_STATEMENT + 1
    assert len(statements) == 2
    assert await PermissionUse.all().count() == IN_ONE_STATEMENT + 1


async def test_what_cannot_be_written_is_kept(
    vera: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    uses = Uses()
    uses.note(vera, mask(P.CAMPAIGNS_READ))
    for name in ("_ADD_ON_POSTGRES", "_ADD_ON_SQLITE"):
        monkeypatch.setattr(permission_uses, name, Statement("INSERT INTO nowhere VALUES ($1, $2)"))
    with pytest.raises(OperationalError):
        await uses.write()
    monkeypatch.undo()

    uses.note(vera, mask(P.LISTS_READ))
    assert await uses.write() == 1
    assert await names_of(vera.member_id) == [["campaigns:read", "lists:read"]]


async def test_what_comes_while_it_is_written_is_written_next(
    vera: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    uses, add = Uses(), permission_uses._add

    async def meanwhile(batch: Any) -> None:
        uses.note(vera, mask(P.LISTS_READ))
        await add(batch)

    uses.note(vera, mask(P.CAMPAIGNS_READ))
    monkeypatch.setattr(permission_uses, "_add", meanwhile)
    assert await uses.write() == 1
    assert await names_of(vera.member_id) == [["campaigns:read"]]
    monkeypatch.undo()
    assert await uses.write() == 1
    assert await names_of(vera.member_id) == [["campaigns:read", "lists:read"]]


async def test_it_goes_with_the_member_and_who_is_gone_is_left_out(
    world: World, vera: Subject
) -> None:
    uses = Uses()
    rita = await world.someone("Rita", BuiltinRole.VIEWER, at_workspace(world.a))
    for subject in (vera, rita):
        uses.note(subject, mask(P.CAMPAIGNS_READ))
    await uses.write()
    assert vera.member_id is not None
    await members.remove(world.operator, vera.member_id)
    assert await Member.get_or_none(id=vera.member_id) is None
    assert [row.member_id for row in await PermissionUse.all()] == [rita.member_id]

    uses.note(vera, mask(P.LISTS_READ))
    uses.note(rita, mask(P.LISTS_READ))
    await uses.write()
    assert [row.member_id for row in await PermissionUse.all()] == [rita.member_id]
    assert await names_of(rita.member_id) == [["campaigns:read", "lists:read"]]


async def test_it_is_bounded(vera: Subject, world: World) -> None:
    uses = Uses(most=2)
    uses.note(vera, mask(P.CAMPAIGNS_READ))
    assert uses.many
    others = [await world.someone(name, BuiltinRole.VIEWER, at_workspace(world.a)) for name in "AB"]
    for other in others:
        uses.note(other, mask(P.CAMPAIGNS_READ))
    uses.note(vera, mask(P.LISTS_READ))

    assert await uses.write() == 2
    assert await names_of(vera.member_id) == [["campaigns:read", "lists:read"]]
    assert await names_of(others[1].member_id) == []


def test_little_can_wait() -> None:
    assert not Uses(most=2).many


async def test_what_is_old_is_dropped(vera: Subject, movable_clock: MovableClock) -> None:
    uses = Uses()
    uses.note(vera, mask(P.CAMPAIGNS_READ))
    movable_clock.move(timedelta(days=1))
    uses.note(vera, mask(P.LISTS_READ))
    await uses.write()

    movable_clock.move(timedelta(days=DAYS_KEPT - 1))
    assert await drop_old() == 0
    movable_clock.move(timedelta(days=1))
    assert await drop_old() == 1
    assert await names_of(vera.member_id) == [["lists:read"]]


async def test_it_is_dropped_in_small_parts(
    vera: Subject, movable_clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    uses = Uses()
    for _ in range(3):
        uses.note(vera, mask(P.CAMPAIGNS_READ))
        movable_clock.move(timedelta(days=1))
    await uses.write()
    movable_clock.move(timedelta(days=DAYS_KEPT))
    monkeypatch.setattr(permission_uses, "DROPPED_AT_ONCE", 2)

    assert [await drop_old() for _ in range(3)] == [2, 1, 0]


def test_blocks_gather_what_is_demanded_within_them_alone() -> None:
    demand(mask(P.FORMS_READ))
    with demanding() as outer:
        demand(mask(P.LISTS_READ))
        with demanding() as inner:
            demand(mask(P.CAMPAIGNS_READ))
        demand(mask(P.ROLES_READ))
    demand(mask(P.FORMS_READ))
    assert inner.mask == mask(P.CAMPAIGNS_READ)
    assert outer.mask == mask(P.LISTS_READ, P.ROLES_READ)
