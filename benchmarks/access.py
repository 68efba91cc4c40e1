"""What deciding about access costs: `python -m benchmarks.access [--quick]`.

* check: one permission of one member, with 1,000 roles and 100,000 assignments, beside pycasbin and
  Cedar (cedarpy). All three are given the same roles and assignments and must agree on a sample.
  Cedar's policies and entities are parsed beforehand, and casbin's role links built.
* access: reading and compiling what a member was given, and how long others wait meanwhile.
* list: a page of the campaigns that a member sees among a million, the first and a deep one, for
  members with 10, 1,000 and 100,000 grants at single campaigns.
* who can: a page of the members who may send, among 5,000 of whom each has a role.
* simulate: what an edit of a role that all of them hold would do, and what another plan would; that
  also looks at the members with many grants.

The data are made by SQL from one row each, on PostgreSQL (`GATEPOST_TEST_POSTGRES_URL`) and SQLite.
"""

import asyncio
import json
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import casbin
import cedarpy
import click
from cryptography.fernet import Fernet

from benchmarks.databases import on_postgres, on_sqlite
from benchmarks.graphql.report import aligned
from benchmarks.pairs import timed
from identity import answers, organizations
from identity import roles as custom_roles
from identity.access.compiled import Access, compile_access
from identity.access.decision import Grant, Target
from identity.access.kinds import CAMPAIGN
from identity.access.load import read_access
from identity.access.permissions import Permission, mask_of
from identity.access.touched import Touched
from identity.access.visible import VisibleResources
from identity.assignments import Principal, Scope
from identity.rehearsal import Change, rehearse
from identity.subject import operator
from models import (
    Assignment,
    BuiltinRole,
    Campaign,
    Member,
    Plan,
    PrincipalType,
    Role,
    ScopeType,
    User,
)
from models import rows as whole_rows
from models.database import opened
from models.ids import new_id
from models.listing import Values
from models.migrating import upgrade
from models.reading import fetch
from models.record import Record
from models.sql import connection, is_postgres
from models.window import Window

NUMBERED = "018f0000-0000-7000-8000-"
"""How the ids of rows made by SQL begin; their number follows."""
PAGE = Window(limit=26)
SEED = 7
WAIT = 0.05
"""Seconds that reading an access may keep the event loop from others."""
LONGEST = 5.0
"""Seconds after which a measurement has enough rounds."""


@dataclass(frozen=True, slots=True)
class Size:
    roles: int
    members: int
    assignments_each: int
    campaigns: int
    grants: Sequence[int]
    holders: int
    rounds: int


FULL = Size(1_000, 5_000, 20, 1_000_000, (10, 1_000, 100_000), 5_000, 41)
QUICK = Size(50, 200, 5, 20_000, (10, 100, 2_000), 300, 9)


@dataclass(frozen=True, slots=True)
class Line:
    """What was measured: seconds, and the aim if there is one."""

    what: str
    seconds: float
    aim: float | None = None
    beside: str = ""

    def cells(self) -> tuple[str, ...]:
        aim = "" if self.aim is None else f"<= {_short(self.aim)}"
        reached = "" if self.aim is None else "reached" if self.seconds <= self.aim else "missed"
        return (self.what, _short(self.seconds), aim, reached, self.beside)


@click.command()
@click.option("--quick", is_flag=True, help="Small data, few rounds.")
def main(quick: bool) -> None:
    """Measure what deciding about access costs."""
    size = QUICK if quick else FULL
    _print("In memory", list(_checks(size)))
    asyncio.run(_databases(size))


def _print(title: str, lines: Sequence[Line]) -> None:
    click.echo(f"\n{title}")
    for line in aligned([("", "median", "aim", "", ""), *(line.cells() for line in lines)]):
        click.echo(line)


def _short(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.2f} µs"
    return f"{seconds * 1e3:.2f} ms"


# The check, beside others.


@dataclass(frozen=True, slots=True)
class Given:
    """Roles by number, and who has which of them at which campaign."""

    roles: Sequence[frozenset[Permission]]
    assignments: Sequence[tuple[int, int, int]]
    """Member, role, campaign."""

    @classmethod
    def made(cls, size: Size) -> "Given":
        chance = random.Random(SEED)  # noqa: S311 - data, the same each time
        vocabulary = list(Permission)
        roles = [frozenset(chance.sample(vocabulary, 8)) for _ in range(size.roles)]
        campaigns = size.members * 4
        return cls(
            roles,
            [
                (member, chance.randrange(size.roles), chance.randrange(campaigns))
                for member in range(size.members)
                for _ in range(size.assignments_each)
            ],
        )

    def asked(self, count: int) -> list[tuple[int, Permission, int]]:
        """Member, permission, campaign: half of them held."""
        chance = random.Random(SEED)  # noqa: S311
        found = []
        for number in range(count):
            member, role, campaign = chance.choice(self.assignments)
            held = sorted(self.roles[role])
            others = sorted(set(Permission) - self.roles[role])
            found.append((member, chance.choice(others if number % 2 else held), campaign))
        return found


def _checks(size: Size) -> Iterator[Line]:
    given = Given.made(size)
    asked = given.asked(24)
    workspace = new_id()
    campaigns = {campaign: new_id() for _, _, campaign in given.assignments}
    accesses = {member: _compiled(given, member, workspace, campaigns) for member, _, _ in asked}

    def gatepost(member: int, permission: Permission, campaign: int) -> bool:
        return accesses[member].allows(permission, Target(workspace, campaigns[campaign]))

    peers = {"pycasbin": _casbin(given), "Cedar": _cedar(given)}
    for name, peer in peers.items():
        # Cedar and casbin know roles as they were written; the implied `read` is added to both.
        wrong = [each for each in asked if peer(*each) is not gatepost(*each)]
        assert not wrong, (name, wrong)
    everything = compile_access(
        new_id(), [_grant(given, each, workspace, campaigns) for each in given.assignments]
    )
    last = Target(workspace, campaigns[given.assignments[-1][2]])
    member, permission, campaign = asked[0]
    access, target = accesses[member], Target(workspace, campaigns[campaign])
    own = timed(
        lambda: access.allows(permission, target),
        lambda: everything.allows(permission, last),
        calls=20_000,
    )
    many = f"{len(given.assignments):,}"
    yield Line(f"check, a member's {size.assignments_each} of {many} assignments", own.first, 1e-6)
    yield Line(f"check, a member with all {many}", own.second, 1e-6)
    decided = timed(
        lambda: access.check(permission, target),
        lambda: everything.check(permission, last),
        calls=2_000,
    )
    yield Line("check with its reason, the same member", decided.first)
    yield Line("check with its reason, the member with all", decided.second)
    for name, peer in peers.items():
        pair = timed(
            lambda: [gatepost(*each) for each in asked[:4]],
            lambda peer=peer: [peer(*each) for each in asked[:4]],  # type: ignore[misc]
            calls=1,
        )
        yield Line(f"{name}, the same question", pair.second / 4, beside=f"{pair.ratio:,.0f} times")


def _grant(
    given: Given, each: tuple[int, int, int], workspace: UUID, campaigns: dict[int, UUID]
) -> Grant:
    member, role, campaign = each
    return Grant(
        assignment_id=new_id(),
        role_id=UUID(int=role),
        role_name=f"Role {role}",
        role_version=1,
        principal_type=PrincipalType.MEMBER,
        principal_id=UUID(int=member),
        principal_name=f"Member {member}",
        scope_type=ScopeType.CAMPAIGN,
        scope_id=campaigns[campaign],
        workspace_id=workspace,
        mask=mask_of(given.roles[role]),
    )


def _compiled(given: Given, member: int, workspace: UUID, campaigns: dict[int, UUID]) -> Access:
    return compile_access(
        new_id(),
        [_grant(given, e, workspace, campaigns) for e in given.assignments if e[0] == member],
    )


Peer = Callable[[int, Permission, int], bool]


def _effective(role: frozenset[Permission]) -> list[str]:
    """What a role grants, written out: the peers imply nothing."""
    mask = mask_of(role)
    return [permission.value for permission in Permission if mask & permission.bit]


def _casbin(given: Given) -> Peer:
    """Roles in domains, a domain for each campaign; its usual matcher."""
    model = casbin.Enforcer.new_model(
        text="""
        [request_definition]
        r = sub, dom, act
        [policy_definition]
        p = sub, act
        [role_definition]
        g = _, _, _
        [policy_effect]
        e = some(where (p.eft == allow))
        [matchers]
        m = r.act == p.act && g(r.sub, p.sub, r.dom)
        """
    )
    enforcer = casbin.Enforcer(model)
    enforcer.add_policies(
        [[f"r{n}", name] for n, role in enumerate(given.roles) for name in _effective(role)]
    )
    enforcer.add_grouping_policies(
        [list(each) for each in {(f"m{m}", f"r{r}", f"c{c}") for m, r, c in given.assignments}]
    )

    def ask(member: int, permission: Permission, campaign: int) -> bool:
        return bool(enforcer.enforce(f"m{member}", f"c{campaign}", permission.value))

    return ask


def _cedar(given: Given) -> Peer:
    """A policy for each role; a campaign names who holds a role at it, a member is in that."""
    policies = cedarpy.PolicySet.from_str(
        "\n".join(
            f"permit(principal, action in [{', '.join(_action(a) for a in _effective(role))}], "
            f"resource) when {{ resource has r{n} && principal in resource.r{n} }};"
            for n, role in enumerate(given.roles)
        )
    )
    parents: dict[int, list[dict[str, str]]] = {}
    holders: dict[int, dict[str, object]] = {}
    for member, role, campaign in given.assignments:
        entity = {"type": "Holders", "id": f"r{role}@c{campaign}"}
        parents.setdefault(member, []).append(entity)
        holders.setdefault(campaign, {})[f"r{role}"] = {"__entity": entity}
    stored = [
        {"uid": {"type": "Member", "id": f"m{member}"}, "attrs": {}, "parents": within}
        for member, within in parents.items()
    ]
    stored += [
        {"uid": {"type": "Campaign", "id": f"c{campaign}"}, "attrs": attributes, "parents": []}
        for campaign, attributes in holders.items()
    ]
    entities = cedarpy.Entities.from_json_str(json.dumps(stored))

    def ask(member: int, permission: Permission, campaign: int) -> bool:
        request = {
            "principal": f'Member::"m{member}"',
            "action": _action(permission.value),
            "resource": f'Campaign::"c{campaign}"',
            "context": {},
        }
        return bool(cedarpy.is_authorized(request, policies, entities).allowed)

    return ask


def _action(name: str) -> str:
    return f'Action::"{name}"'


# Access, lists and holders, on both databases.


async def _databases(size: Size) -> None:
    for name, database in (("SQLite", on_sqlite), ("PostgreSQL", on_postgres)):
        async with database("access") as url, opened(url, [Fernet.generate_key().decode()]):
            await upgrade()
            stage = await _filled(size)
            _print(f"On {name}", [line async for line in _measured(size, stage)])


@dataclass(frozen=True, slots=True)
class Stage:
    """The organization with the workspace of all campaigns, and members by their grants."""

    organization_id: UUID
    workspace_id: UUID
    members: dict[int, Member]
    shift: Role
    """A custom role that everybody holds in the workspace but them."""


async def _filled(size: Size) -> Stage:
    acme = await organizations.create(
        slug="acme", name="Acme", plan=Plan.ENTERPRISE, owner_email="olga@acme.example"
    )
    organization_id, workspace_id = acme.organization.id, acme.workspace.id
    campaign = await Campaign.create(workspace=acme.workspace, owner=acme.owner, name="Spring")
    await _multiplied(campaign, size.campaigns)
    role = await Role.get(builtin=BuiltinRole.OPERATOR)
    members = {}
    for count in size.grants:
        member = await organizations.add_member(
            organization_id, email=f"with{count}@acme.example", name=f"Member with {count}"
        )
        first = await _given(organization_id, role, member, ScopeType.CAMPAIGN, campaign.id)
        first.workspace_id = workspace_id
        await first.save()
        apart = size.campaigns // count
        await _multiplied(first, count - 1, scope_id=f"n * {apart}", start=count * 10)
        members[count] = member
    user = await User.create(email="many@acme.example", name="One of many")
    await _multiplied(user, size.holders)
    holder = await Member.create(
        organization_id=organization_id,
        user=user,
        user_name="many",
        user_name_key="many",
        email="many@acme.example",
        email_key="many",
        name="One of many",
    )
    await _multiplied(holder, size.holders, user_id="n", user_name_key="text")
    held = await _given(organization_id, role, holder, ScopeType.WORKSPACE, workspace_id)
    held.workspace_id = workspace_id
    await held.save()
    await _multiplied(held, size.holders, principal_id="n", start=size.campaigns * 20)
    shift = await custom_roles.create(
        operator(organization_id, Plan.ENTERPRISE),
        name="Shift",
        permissions=[Permission.FORMS_READ],
    )
    also = await _given(organization_id, shift, holder, ScopeType.WORKSPACE, workspace_id)
    also.workspace_id = workspace_id
    await also.save()
    await _multiplied(also, size.holders, principal_id="n", start=size.campaigns * 30)
    await connection().execute_script("ANALYZE")
    return Stage(organization_id, workspace_id, members, shift)


async def _given(
    organization_id: UUID, role: Role, member: Member, scope_type: ScopeType, scope_id: UUID
) -> Assignment:
    return await Assignment.create(
        organization_id=organization_id,
        role=role,
        principal_type=PrincipalType.MEMBER,
        principal_id=member.id,
        scope_type=scope_type,
        scope_id=scope_id,
    )


async def _multiplied(row: Record, count: int, *, start: int = 0, **numbered: str) -> None:
    """Add rows like this one, numbered from 1, whose ids are numbers from `start`. A column that is
    named gets the id of that number, or with `text` a text of its own.
    """
    columns = {name: f"t.{name}" for name in whole_rows.columns(type(row))}
    columns["id"] = _id(f"n + {start}")
    for name, number in numbered.items():
        columns[name] = _text() if number == "text" else _id(number)
    numbers = (
        f"generate_series(1, {count}) AS s(n)"
        if is_postgres()
        else f"(WITH RECURSIVE s(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM s WHERE n < {count})"  # noqa: S608
        " SELECT n FROM s) AS s"
    )
    table = row._meta.db_table
    patience = "SET LOCAL statement_timeout = 0; " if is_postgres() else ""
    await connection().execute_script(
        patience + f"INSERT INTO {table} ({', '.join(columns)})"  # noqa: S608 - our own tables and numbers
        f" SELECT {', '.join(columns.values())} FROM {table} t, {numbers}"
        f" WHERE t.id = '{row.id}'"
    )


def _id(number: str) -> str:
    if is_postgres():
        return f"('{NUMBERED}' || lpad(to_hex({number}), 12, '0'))::uuid"
    return f"('{NUMBERED}' || printf('%012x', {number}))"


def _text() -> str:
    return "n::text" if is_postgres() else "CAST(n AS TEXT)"


async def _measured(size: Size, stage: Stage) -> AsyncIterator[Line]:
    asker = operator(stage.organization_id, Plan.ENTERPRISE)
    for count, member in stage.members.items():
        read = partial(read_access, stage.organization_id, member.id, Plan.ENTERPRISE)
        yield Line(f"access of {count:,} grants, read and compiled", await _median(size, read))
        waits = await _longest_wait(read)
        yield Line(f"access of {count:,} grants, longest wait of others", waits, WAIT)
        access = await read()
        for name, window in (("first", PAGE), ("deep", _deep(size))):
            page = partial(_page, access, stage, window)
            assert len(await page()) == min(PAGE.limit, count if window is PAGE else count // 5 - 1)
            yield Line(f"list, {count:,} grants, {name} page", await _median(size, page), 2e-3)
    scope = Scope(ScopeType.WORKSPACE, stage.workspace_id)

    async def holders() -> int:
        found = await answers.who_can(asker, Permission.CAMPAIGNS_SEND, scope)
        return len(await found.page(PAGE))

    assert await holders() == PAGE.limit
    yield Line(f"who can, {size.holders:,} members, a page", await _median(size, holders))
    nobody = await organizations.add_member(
        stage.organization_id, email="nobody@acme.example", name="Nobody"
    )

    async def explained() -> int:
        principal = Principal(PrincipalType.MEMBER, nobody.id)
        found = await answers.explain(asker, principal, Permission.CAMPAIGNS_SEND, scope)
        suggested = await answers.suggestions(asker, found)
        return len(await answers.grantors(asker, found, suggested))

    assert await explained() == 3
    yield Line("explain a denial, with what would allow it", await _median(size, explained))

    edited = Change(
        partial(
            custom_roles.update,
            role_id=stage.shift.id,
            expected_version=stage.shift.version,
            add=[Permission.FORMS_WRITE],
        ),
        Touched(role_ids=(stage.shift.id,)),
    )
    downgraded = Change(partial(organizations.change_plan, plan=Plan.STARTER))
    assert len((await rehearse(asker, edited)).members) == size.holders + 1
    assert len((await rehearse(asker, downgraded)).members) == 1
    simulate = partial(rehearse, asker, edited)
    yield Line(
        f"simulate an edit of a role of {size.holders:,} members",
        await _median(size, simulate),
        0.2,
    )
    yield Line(
        f"simulate another plan, with {max(size.grants):,} grants of one",
        await _median(size, partial(rehearse, asker, downgraded)),
    )


def _deep(size: Size) -> Window:
    """After four fifths of everything, and of what the members were given."""
    after = UUID(f"{NUMBERED}{size.campaigns // 5:012x}")
    return Window(limit=PAGE.limit, after=after)


async def _page(access: Access, stage: Stage, window: Window) -> Sequence[object]:
    values = Values()
    listing = VisibleResources(access, CAMPAIGN, CAMPAIGN.seen_mask, stage.workspace_id)
    text = listing.rows(values, window)
    assert text is not None
    return await fetch(text, values.given)


async def _longest_wait(work: Callable[[], Awaitable[object]]) -> float:
    """The longest that the event loop served nobody else while the work was done, in three runs."""
    longest = 0.0

    async def other() -> None:
        nonlocal longest
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now

    waiting = asyncio.create_task(other())
    await asyncio.sleep(0)
    for _ in range(3):
        await work()
    waiting.cancel()
    return longest


async def _median(size: Size, work: Callable[[], Awaitable[object]]) -> float:
    """Of as many rounds as are done in a few seconds."""
    await work()
    taken: list[float] = []
    while len(taken) < size.rounds and sum(taken) < LONGEST:
        start = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
