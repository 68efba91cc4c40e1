"""What members do not use of their roles, since when that is known, and what role would do."""

from datetime import UTC, datetime, timedelta

import pytest

from identity import assignments, least_privilege, manual_groups, members, roles
from identity.access.permissions import Permission, bits_of
from identity.assignments import Principal
from identity.least_privilege import HeldRole, Smaller
from identity.permission_uses import DAYS_KEPT, Uses
from identity.refusals import BadInput, Forbidden
from models import Assignment, BuiltinRole, Member, PermissionUse, PrincipalType, Role
from models.window import Window
from tests.clock import MovableClock
from tests.identity.refusing import refused
from tests.statements import counted_statements
from tests.world import World, at_workspace, new_world

P = Permission
BEGAN = datetime(2030, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def world(movable_clock: MovableClock, database: str) -> World:
    """An organization of the first of January 2030."""
    return await new_world("acme")


@pytest.fixture
async def vera(world: World) -> Member:
    """A Viewer of workspace A."""
    member = await world.member("Vera")
    await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
    return member


async def use(world: World, member: Member, *permissions: Permission) -> None:
    uses = Uses()
    uses.note(await world.subject(member), bits_of(permissions))
    await uses.write()


async def held(world: World, member: Member, *, days: int = 90) -> list[HeldRole]:
    found = await least_privilege.of_members(world.operator, days=days).page(Window(100))
    return list(next(each.roles for each in found if each.id == member.id))


async def only(world: World, member: Member, *, days: int = 90) -> HeldRole:
    (role,) = await held(world, member, days=days)
    return role


async def test_it_tells_used_from_unused(
    world: World, vera: Member, movable_clock: MovableClock
) -> None:
    movable_clock.move(100 * DAY)
    await use(world, vera, P.LISTS_READ, P.CAMPAIGNS_READ)
    found = await only(world, vera)

    viewer = set(roles.permissions_of(await world.role(BuiltinRole.VIEWER)))
    assert found.role.builtin is BuiltinRole.VIEWER
    assert found.use.used_permissions == (P.CAMPAIGNS_READ, P.LISTS_READ)
    assert set(found.use.unused_permissions) == viewer - {P.CAMPAIGNS_READ, P.LISTS_READ}
    assert (found.use.observed_since, found.use.long_enough) == (BEGAN, True)
    assert found.smaller == Smaller((P.CAMPAIGNS_READ, P.LISTS_READ), None)


async def test_what_was_used_before_the_days_is_unused_again(
    world: World, vera: Member, movable_clock: MovableClock
) -> None:
    movable_clock.move(10 * DAY)
    await use(world, vera, P.LISTS_READ)
    movable_clock.move(90 * DAY)
    assert (await only(world, vera)).use.used_permissions == (P.LISTS_READ,)
    movable_clock.move(DAY)
    assert (await only(world, vera)).use.used_permissions == ()
    assert (await only(world, vera, days=91)).use.used_permissions == (P.LISTS_READ,)


async def test_nothing_is_suggested_before_it_was_observed_long_enough(
    world: World, vera: Member, movable_clock: MovableClock
) -> None:
    await use(world, vera, P.LISTS_READ)
    movable_clock.move(89 * DAY)
    early = await only(world, vera)
    assert (early.use.long_enough, early.smaller) == (False, None)
    movable_clock.move(DAY)
    late = await only(world, vera)
    assert late.use.long_enough
    assert late.smaller is not None


async def test_the_smallest_role_that_would_do_is_one_that_gives_nothing_new(
    world: World, vera: Member, movable_clock: MovableClock
) -> None:
    await world.custom_role("Lists and forms", P.LISTS_READ, P.FORMS_DELETE)
    await world.custom_role("Too small", P.CAMPAIGNS_READ)
    await world.custom_role("Reader", P.LISTS_READ, P.CAMPAIGNS_READ, P.TEMPLATES_READ)
    smallest = await world.custom_role("Lists", P.LISTS_READ, P.CAMPAIGNS_READ)
    movable_clock.move(100 * DAY)
    await use(world, vera, P.LISTS_READ)

    smaller = (await only(world, vera)).smaller
    assert smaller is not None
    assert smaller.role is not None
    assert (smaller.permissions, smaller.role.id) == ((P.LISTS_READ,), smallest.id)


async def test_nothing_is_needed_of_a_role_that_is_not_used_at_all(
    world: World, vera: Member, movable_clock: MovableClock
) -> None:
    movable_clock.move(100 * DAY)
    assert (await only(world, vera)).smaller == Smaller((), None)


async def test_nothing_is_suggested_for_a_role_that_is_all_used(
    world: World, movable_clock: MovableClock
) -> None:
    role = await world.custom_role("Lists", P.LISTS_WRITE)
    member = await world.member("Rita")
    await world.give(member, role, at_workspace(world.a))
    movable_clock.move(100 * DAY)
    await use(world, member, P.LISTS_READ, P.LISTS_WRITE)
    found = await only(world, member)
    assert (found.use.unused_permissions, found.smaller) == ((), None)


async def test_a_role_held_at_several_places_is_one_since_the_first(
    world: World, vera: Member, movable_clock: MovableClock
) -> None:
    movable_clock.move(5 * DAY)
    await world.give(vera, BuiltinRole.VIEWER, at_workspace(world.b))
    await world.give(vera, BuiltinRole.EDITOR, at_workspace(world.b))
    found = await held(world, vera)
    assert [(each.role.name, each.use.observed_since) for each in found] == [
        ("Editor", BEGAN + 5 * DAY),
        ("Viewer", BEGAN),
    ]


async def test_through_a_group_it_counts_from_when_the_member_came_into_it(
    world: World, movable_clock: MovableClock
) -> None:
    group = await manual_groups.create(world.operator, name="Sales")
    await assignments.assign(
        world.operator,
        role_id=(await world.role(BuiltinRole.VIEWER)).id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=at_workspace(world.a),
    )
    member = await world.member("Rita")
    movable_clock.move(7 * DAY)
    await manual_groups.update(world.operator, group.id, expected_version=1, add=[member.id])
    assert (await only(world, member)).use.observed_since == BEGAN + 7 * DAY


async def test_a_change_of_the_role_begins_anew(world: World, movable_clock: MovableClock) -> None:
    role = await world.custom_role("Lists", P.LISTS_READ)
    member = await world.member("Rita")
    await world.give(member, role, at_workspace(world.a))
    movable_clock.move(100 * DAY)
    await roles.update(world.operator, role.id, expected_version=1, add=[P.FORMS_READ])
    found = await only(world, member)
    assert (found.use.observed_since, found.smaller) == (BEGAN + 100 * DAY, None)


async def test_a_role_that_replaces_another_begins_anew(
    world: World, movable_clock: MovableClock
) -> None:
    role = await world.custom_role("Lists", P.LISTS_READ)
    member = await world.member("Rita")
    await world.give(member, role, at_workspace(world.a))
    movable_clock.move(100 * DAY)
    other = await world.role(BuiltinRole.VIEWER)
    await roles.delete(world.operator, role.id, replacement_id=other.id)
    found = await only(world, member)
    assert (found.role.id, found.use.observed_since) == (other.id, BEGAN + 100 * DAY)
    assert found.smaller is None


async def test_whoever_comes_back_from_a_suspension_is_observed_from_then(
    world: World, vera: Member, movable_clock: MovableClock
) -> None:
    await members.suspend(world.operator, vera.id)
    movable_clock.move(100 * DAY)
    found = await least_privilege.of_members(world.operator).page(Window(100))
    assert vera.id not in [each.id for each in found]
    await members.reactivate(world.operator, vera.id)
    found_again = await only(world, vera)
    assert (found_again.use.observed_since, found_again.smaller) == (BEGAN + 100 * DAY, None)


async def test_it_is_observed_no_longer_than_it_is_on_record(
    world: World, vera: Member, movable_clock: MovableClock
) -> None:
    movable_clock.move(1000 * DAY)
    since = (await only(world, vera)).use.observed_since
    assert since == BEGAN + (1000 - DAYS_KEPT) * DAY


async def test_an_assignment_that_has_ended_is_not_held(
    world: World, vera: Member, movable_clock: MovableClock
) -> None:
    await Assignment.filter(principal_id=vera.id).update(expires_at=BEGAN + DAY)
    assert len(await held(world, vera)) == 1
    movable_clock.move(DAY)
    assert await held(world, vera) == []


async def test_what_is_no_permission_any_more_counts_for_nothing(
    world: World, vera: Member
) -> None:
    await use(world, vera, P.LISTS_READ)
    await PermissionUse.all().update(permissions=["lists:read", "lists:fax"])
    assert (await only(world, vera)).use.used_permissions == (P.LISTS_READ,)


async def test_another_organization_is_not_seen(world: World, vera: Member) -> None:
    other = await new_world("other")
    found = await least_privilege.of_members(other.operator).page(Window(100))
    assert [each.id for each in found] == [other.owner.id]


async def test_of_a_role_it_is_what_anybody_used_who_holds_it(
    world: World, vera: Member, movable_clock: MovableClock
) -> None:
    viewer = await world.role(BuiltinRole.VIEWER)
    editor = await world.role(BuiltinRole.EDITOR)
    rita = await world.member("Rita")
    movable_clock.move(5 * DAY)
    await world.give(rita, viewer, at_workspace(world.b))
    await use(world, vera, P.LISTS_READ)
    await use(world, rita, P.CAMPAIGNS_READ)
    await use(world, world.owner, P.TEMPLATES_READ)

    of_viewer, of_editor = await least_privilege.of_roles(world.operator, [viewer, editor], days=3)
    assert of_viewer.used_permissions == (P.CAMPAIGNS_READ, P.LISTS_READ)
    assert (of_viewer.observed_since, of_viewer.long_enough) == (BEGAN + 5 * DAY, False)
    assert of_editor.used_permissions == ()
    assert of_editor.observed_since == BEGAN
    movable_clock.move(3 * DAY)
    (later,) = await least_privilege.of_roles(world.operator, [viewer], days=3)
    assert later.long_enough


@pytest.mark.parametrize("lacking", [P.MEMBERS_READ, P.ROLES_READ])
async def test_it_takes_both_permissions_at_the_organization(
    world: World, lacking: Permission
) -> None:
    one = ({P.MEMBERS_READ, P.ROLES_READ} - {lacking}).pop()
    subject = await world.someone("Rita", await world.custom_role("One", one), world.everywhere)
    async with refused(Forbidden, missing=[lacking.name]):
        least_privilege.of_members(subject)
    async with refused(Forbidden, missing=[lacking.name]):
        await least_privilege.of_roles(subject, await Role.all(), days=90)


@pytest.mark.parametrize("days", [0, -1, 366])
async def test_more_days_than_are_on_record_are_bad_input(world: World, days: int) -> None:
    async with refused(BadInput):
        least_privilege.of_members(world.operator, days=days)


@pytest.mark.parametrize("several", [1, 6])
async def test_the_statements_do_not_grow(
    world: World, movable_clock: MovableClock, several: int
) -> None:
    for number in range(several):
        member = await world.member(f"M{number}")
        await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
        for _ in range(several):
            await use(world, member, P.LISTS_READ)
            movable_clock.move(DAY)

    with counted_statements() as statements:
        page = await least_privilege.of_members(world.operator).page(Window(100))
    assert (len(page), len(statements)) == (several + 1, 5)
    with counted_statements() as statements:
        await least_privilege.of_roles(world.operator, await Role.all(), days=90)
    assert len(statements) == 3  # one of them reads the roles
