"""Lists: every page in order, nothing twice, nothing left out, at a cost that does not grow."""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from identity import assignments, groups
from identity.access import visible
from identity.access.compiled import Access
from identity.access.decision import Target
from identity.access.kinds import CAMPAIGN
from identity.access.permissions import Permission
from identity.access.visible import count_visible, visible_ids
from identity.assignments import Principal
from identity.groups import DirectoryGroup
from models import (
    Assignment,
    BuiltinRole,
    Campaign,
    Member,
    PrincipalType,
    Role,
    ScopeType,
    Workspace,
)
from models.ids import new_id
from models.sql import Statement, is_postgres
from models.window import COUNT_CAP, Window
from tests.clock import MovableClock
from tests.world import World, at_campaign, at_workspace

READ = Permission.CAMPAIGNS_READ.bit


async def _campaigns(workspace: Workspace, count: int) -> list[UUID]:
    """New campaigns, newest first."""
    ids = [new_id() for _ in range(count)]
    await Campaign.bulk_create([Campaign(id=i, workspace=workspace, name="Bulk") for i in ids])
    return ids[::-1]


async def _group(world: World, name: str, *members: Member) -> UUID:
    group = await groups.create(
        world.operator, DirectoryGroup(name, None, {}), member_ids=[m.id for m in members]
    )
    return group.id


async def _give(world: World, role: Role, principal: Principal, campaign_ids: list[UUID]) -> None:
    await Assignment.bulk_create(
        [
            Assignment(
                organization=world.organization,
                role=role,
                principal_type=principal.type,
                principal_id=principal.id,
                scope_type=ScopeType.CAMPAIGN,
                scope_id=campaign_id,
                workspace=world.a,
            )
            for campaign_id in campaign_ids
        ]
    )


Grown = tuple[Access, list[UUID]]


async def _whole_workspace(world: World) -> Grown:
    ids = await _campaigns(world.a, 23)
    await world.campaign(world.b)
    subject = await world.someone("Ann", BuiltinRole.VIEWER, at_workspace(world.a))
    return subject.access, ids


async def _overlapping_grants(world: World) -> Grown:
    """Directly and through two groups, by two roles; many campaigns are reached in several ways."""
    ids = await _campaigns(world.a, 40)
    member = await world.member("Ann")
    viewer, operator = await world.role(BuiltinRole.VIEWER), await world.role(BuiltinRole.OPERATOR)
    forms = await world.custom_role("Forms", Permission.FORMS_READ)
    sales, support = await _group(world, "Sales", member), await _group(world, "Support", member)
    strangers = await _group(world, "Strangers")
    own = Principal(PrincipalType.MEMBER, member.id)
    await _give(world, viewer, own, ids[0:20:2])
    await _give(world, operator, own, ids[0:10])
    await _give(world, viewer, Principal(PrincipalType.GROUP, sales), ids[5:25])
    await _give(world, operator, Principal(PrincipalType.GROUP, support), ids[::4])
    await _give(world, forms, own, ids)
    await _give(world, operator, Principal(PrincipalType.GROUP, strangers), ids)
    seen = {*ids[0:20:2], *ids[0:10], *ids[5:25], *ids[::4]}
    return (await world.subject(member)).access, [i for i in ids if i in seen]


GROWN: list[Callable[[World], Awaitable[Grown]]] = [_whole_workspace, _overlapping_grants]


@pytest.fixture(params=GROWN, ids=["whole workspace", "overlapping grants"])
async def grown(request: pytest.FixtureRequest, world: World) -> Grown:
    """A subject's access, and the ids it should see in workspace a, newest first."""
    made: Grown = await request.param(world)
    return made


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
async def test_pages_walk_every_id_once_in_order(grown: Grown, world: World, limit: int) -> None:
    access, ids = grown
    walked: list[UUID] = []
    after = None
    while page := await visible_ids(access, CAMPAIGN, READ, world.a.id, Window(limit, after=after)):
        assert len(page) == min(limit, len(ids) - len(walked))
        walked += page
        after = page[-1]
    assert walked == ids


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
async def test_pages_walk_back_the_same_way(grown: Grown, world: World, limit: int) -> None:
    access, ids = grown
    walked: list[UUID] = []
    before = None
    while page := await visible_ids(
        access, CAMPAIGN, READ, world.a.id, Window(limit, before=before, backwards=True)
    ):
        walked = page + walked
        before = page[0]
    assert walked == ids


async def test_a_window_is_the_cut_of_both_its_borders(grown: Grown, world: World) -> None:
    access, ids = grown

    async def between(**borders: Any) -> list[UUID]:
        return await visible_ids(access, CAMPAIGN, READ, world.a.id, Window(**borders))

    newest, oldest = ids[3], ids[-3]
    inside = ids[4:-3]
    assert await between(limit=100, after=newest, before=oldest) == inside
    assert await between(limit=3, after=newest, before=oldest) == inside[:3]
    assert await between(limit=3, after=newest, before=oldest, backwards=True) == inside[-3:]
    assert await between(limit=100, after=oldest, before=newest) == []
    assert await between(limit=100, after=ids[-1]) == []
    assert await between(limit=100, before=ids[0]) == []


async def test_the_list_is_what_the_check_says_row_by_row(grown: Grown, world: World) -> None:
    access, ids = grown
    rows = await Campaign.filter(workspace=world.a).order_by("-id")
    checked = [
        c.id for c in rows if access.allows(Permission.CAMPAIGNS_READ, Target(world.a.id, c.id))
    ]
    assert checked == ids
    assert await visible_ids(access, CAMPAIGN, READ, world.b.id, Window(100)) == []
    assert await count_visible(access, CAMPAIGN, READ, world.a.id) == len(ids)


async def test_counting_stops_at_the_cap(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert COUNT_CAP == 1000
    monkeypatch.setattr(visible, "COUNT_CAP", 5)
    await _campaigns(world.a, 9)
    access = (await world.subject(world.owner)).access
    assert await count_visible(access, CAMPAIGN, READ, world.a.id) == 5


async def test_who_holds_nothing_asks_the_database_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _campaigns(world.a, 3)
    access = (await world.subject(await world.member("Ann"))).access
    seen = _listen(monkeypatch)
    assert await visible_ids(access, CAMPAIGN, READ, world.a.id, Window(10)) == []
    assert seen == []


async def test_a_grant_that_ends_leaves_the_list_at_its_moment_whatever_its_time_zone(
    world: World, movable_clock: MovableClock
) -> None:
    """SQLite compares times as text: they are stored in UTC."""
    campaign = await world.campaign(world.a)
    member = await world.member("Ann")
    role = await world.role(BuiltinRole.VIEWER)
    far_east = timezone(timedelta(hours=14))
    given = await assignments.assign(
        world.operator,
        role_id=role.id,
        principal=Principal(PrincipalType.MEMBER, member.id),
        scope=at_campaign(campaign),
        expires_at=(movable_clock.time + timedelta(hours=1)).astimezone(far_east),
    )
    assert given.expires_at == datetime(2030, 1, 1, 1, tzinfo=UTC)
    access = (await world.subject(member)).access

    async def listed() -> int:
        return len(await visible_ids(access, CAMPAIGN, READ, world.a.id, Window(10)))

    assert await listed() == 1
    movable_clock.move(timedelta(minutes=59))
    assert await listed() == 1
    movable_clock.move(timedelta(minutes=1))
    assert await listed() == 0


class Listened(NamedTuple):
    sql: str
    values: tuple[object, ...]


def _listen(monkeypatch: pytest.MonkeyPatch) -> list[Listened]:
    """Every statement that a list runs from now on."""
    seen: list[Listened] = []
    run = Statement.rows

    async def rows(self: Statement, *values: object) -> Sequence[Any]:
        if "pg_notify" not in self.sql:  # by a task of its own, whenever it gets to run
            seen.append(Listened(self.sql, values))
        return await run(self, *values)

    monkeypatch.setattr(Statement, "rows", rows)
    return seen


async def test_a_page_costs_one_statement_of_the_same_size_wherever_it_is(
    grown: Grown, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    access, ids = grown
    seen = _listen(monkeypatch)
    for after in (ids[0], ids[9], ids[-2]):
        await visible_ids(access, CAMPAIGN, READ, world.a.id, Window(5, after=after))
    assert len(seen) == 3
    assert len({statement.sql for statement in seen}) == 1


async def test_a_page_reads_no_table_from_end_to_end(
    grown: Grown, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    access, ids = grown
    await _crowd(world)
    seen = _listen(monkeypatch)
    window = Window(10, after=ids[1])
    assert await visible_ids(access, CAMPAIGN, READ, world.a.id, window) == ids[2:12]

    plan = await _plan(seen[0])

    table = "campaigns" if len(access.grants) == 1 else "assignments"
    scans = [line for line in plan if re.search(rf"(Scan.* on|SEARCH|SCAN) {table}\b", line)]
    assert len(scans) == (1 if table == "campaigns" else 3), plan
    assert all(re.search(r"Index (Only )?Scan|SEARCH .* USING (COVERING )?INDEX", s) for s in scans)


async def _crowd(world: World) -> None:
    """Thousands of rows of others, which a full scan would read."""
    await _campaigns(world.b, 3000)
    role = await world.role(BuiltinRole.VIEWER)
    for _ in range(3):
        stranger = Principal(PrincipalType.MEMBER, new_id())
        await _give(world, role, stranger, [new_id() for _ in range(1000)])
    await Statement("ANALYZE").execute()


async def _plan(listened: Listened) -> list[str]:
    """The lines of the database's plan for a statement."""
    explain = Statement(("EXPLAIN " if is_postgres() else "EXPLAIN QUERY PLAN ") + listened.sql)
    rows = await explain.rows(*listened.values)
    return [row["QUERY PLAN"] if is_postgres() else row["detail"] for row in rows]
