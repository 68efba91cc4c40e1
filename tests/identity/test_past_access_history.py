"""Access at a past moment is what it was: random histories of use cases, on both databases.

After each step the compiled access of everybody is kept as the engine has it then; in the end the
same is asked for each of those moments, of the audit log. `HYPOTHESIS_PROFILE=long` takes minutes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

import hypothesis.strategies as st
from hypothesis import given

from identity import (
    assignments,
    campaigns,
    groups,
    invitations,
    manual_groups,
    members,
    organizations,
    past_access,
    roles,
    workspaces,
)
from identity.access.compiled import Access
from identity.access.load import read_access, read_group_access
from identity.access.permissions import Permission
from identity.access_reviews import closing, opening
from identity.assignments import KEPT, Principal, Scope
from identity.campaigns import Content
from identity.credentials.limits import SessionLimits
from identity.groups import DirectoryGroup, Membership
from identity.members import Person
from identity.refusals import NotFound, Refusal
from identity.sso import invited
from identity.subject import Origin
from models import (
    Assignment,
    Campaign,
    Group,
    Member,
    MemberStatus,
    Organization,
    Plan,
    PrincipalType,
    Role,
    RoleVersion,
    ScopeType,
    Unanswered,
)
from models.clock import now
from models.database import opened
from tests.clock import MovableClock
from tests.conftest import SECRET_KEYS
from tests.examples import LONG, examples
from tests.world import World, new_world

STEPS = 60 if LONG else 30
NUMBERS = count()
PickedT = TypeVar("PickedT")
PERMISSIONS = [
    Permission.CAMPAIGNS_SEND,
    Permission.CAMPAIGNS_READ,
    Permission.LISTS_EXPORT,
    Permission.IDENTITY_MANAGE,
    Permission.MEMBERS_ASSIGN,
]

Pick = Sequence[int]
"""Three numbers, by which a step picks from what there is."""
Record = tuple[datetime, Principal, str, bool, Access]
"""A member or a group at a moment: name, whether active, and access."""


class History:
    """An organization whose people, groups and roles come and go, and what everybody held when."""

    def __init__(self, world: World, clock: MovableClock) -> None:
        self.world = world
        self.clock = clock
        self.records: list[Record] = []
        self.seen: dict[Principal, datetime] = {}
        """Everybody who ever was there, and since when."""

    async def step(self, number: int, pick: Pick) -> None:
        """One change, which may be refused, and a record of what then holds."""
        self.clock.move(timedelta(minutes=7))
        change: Callable[[Pick], Awaitable[object]] = CHANGES[number % len(CHANGES)].__get__(self)
        with suppress(Refusal):
            await change(pick)
        await self._record()

    async def _record(self) -> None:
        organization_id, moment = self.world.organization.id, now()
        plan = (await Organization.get(id=organization_id)).plan
        for member in await Member.filter(organization_id=organization_id):
            principal = Principal(PrincipalType.MEMBER, member.id)
            access = await read_access(organization_id, member.id, plan)
            active = member.status is MemberStatus.ACTIVE
            self.records.append((moment, principal, member.name, active, access))
            self.seen.setdefault(principal, moment)
        for group in await Group.filter(organization_id=organization_id):
            principal = Principal(PrincipalType.GROUP, group.id)
            access = await read_group_access(organization_id, group.id, plan)
            self.records.append((moment, principal, group.name, True, access))
            self.seen.setdefault(principal, moment)

    async def compare(self) -> None:
        """What was recorded at each moment is what the log says of it."""
        subject = self.world.operator
        there = {(moment, principal) for moment, principal, *_ in self.records}
        for moment, principal, name, active, access in self.records:
            found = await past_access.holder_as_of(subject, principal, moment)
            assert (found.type, found.id) == principal
            assert (found.name, found.active) == (name, active), (moment, principal)
            assert set(found.access.grants) == set(access.grants), (moment, principal)
            assert masks(found.access) == masks(access), (moment, principal)
            assert found.access.plan_cut == access.plan_cut, moment
            assert found.access.archived_workspaces == access.archived_workspaces, moment
        for moment in {moment for moment, _ in there}:
            for principal in self.seen.keys() - {each for at, each in there if at == moment}:
                with suppress(NotFound):
                    found = await past_access.holder_as_of(subject, principal, moment)
                    raise AssertionError(f"{found} was not there at {moment}")

    async def give(self, pick: Pick) -> None:
        hours = (None, None, 1, 3)[pick[0] % 4]
        await assignments.assign(
            self.world.operator,
            role_id=(await self._role(pick[1])).id,
            principal=await self._principal(pick[2]),
            scope=await self._scope(pick[0]),
            expires_at=None if hours is None else now() + timedelta(hours=hours),
        )

    async def take(self, pick: Pick) -> None:
        held = await Assignment.filter(organization=self.world.organization).order_by("id")
        await assignments.unassign(self.world.operator, held[pick[0] % len(held)].id)

    async def move_end(self, pick: Pick) -> None:
        held = await Assignment.filter(organization=self.world.organization).order_by("id")
        ends = (None, *(now() + timedelta(hours=each) for each in (1, 2, 5)))
        await assignments.update(
            self.world.operator,
            _picked(held, pick[0]).id,
            expires_at=KEPT if pick[2] % 5 == 0 else ends[pick[1] % 4],
            reason=f"Because {pick[2]}." if pick[2] % 2 else KEPT,
        )

    async def add_role(self, pick: Pick) -> None:
        chosen = [PERMISSIONS[each % len(PERMISSIONS)] for each in pick]
        await roles.create(self.world.operator, name=f"R{next(NUMBERS)}", permissions=chosen)

    async def change_role(self, pick: Pick) -> None:
        role = await self._custom(pick[0])
        add, remove = (PERMISSIONS[each % len(PERMISSIONS)] for each in pick[1:])
        await roles.update(
            self.world.operator,
            role.id,
            expected_version=role.version,
            name=f"R{next(NUMBERS)}" if pick[1] % 2 else None,
            add={add} - {remove},
            remove={remove},
        )

    async def delete_role(self, pick: Pick) -> None:
        role, replacement = await self._custom(pick[0]), await self._role(pick[1])
        await roles.delete(self.world.operator, role.id, replacement_id=replacement.id)

    async def restore_role(self, pick: Pick) -> None:
        versions = await RoleVersion.filter(organization=self.world.organization).order_by("id")
        version = _picked(versions, pick[0])
        last = max(each.number for each in versions if each.role_id == version.role_id)
        await roles.restore(
            self.world.operator, version.role_id, version.number, expected_version=last
        )

    async def provision(self, pick: Pick) -> None:
        await members.provision(self.world.operator, person(active=bool(pick[0] % 3)))

    async def sync(self, pick: Pick) -> None:
        member = await self._member(pick[0])
        await members.update(
            self.world.operator,
            member.id,
            Person(
                user_name=member.user_name,
                email=member.email,
                name=f"N{next(NUMBERS)}" if pick[1] % 2 else None,
                active=(None, True, False)[pick[2] % 3],
                external_id=None,
                scim={},
                scim_keys={},
            ),
        )

    async def suspend(self, pick: Pick) -> None:
        await members.suspend(self.world.operator, (await self._member(pick[0])).id)

    async def reactivate(self, pick: Pick) -> None:
        there = Member.filter(organization=self.world.organization)
        away = await there.filter(status=MemberStatus.SUSPENDED).order_by("id")
        await members.reactivate(self.world.operator, _picked(away, pick[0]).id)

    async def remove(self, pick: Pick) -> None:
        await members.remove(self.world.operator, (await self._member(pick[0])).id)

    async def leave(self, pick: Pick) -> None:
        subject = await self.world.subject(await self._member(pick[0]))
        await members.leave(subject, self.world.organization.id)

    async def recover(self, pick: Pick) -> None:
        member = await self._member(pick[0])
        await organizations.recover_owner(self.world.operator, email=member.email)

    async def invite(self, pick: Pick) -> None:
        _, token = await invitations.invite(
            self.world.operator,
            email=f"i{next(NUMBERS)}@acme.example",
            role_id=(await self._role(pick[0])).id,
            scope=self.world.everywhere,
            access_expires_at=now() + timedelta(hours=2) if pick[1] % 2 else None,
        )
        await invited.accept(token, session_token=None, limits=SessionLimits(), origin=Origin())

    async def add_group(self, pick: Pick) -> None:
        inside = [(await self._member(each)).id for each in pick[1:]]
        name = f"G{next(NUMBERS)}"
        if pick[0] % 2:
            await manual_groups.create(self.world.operator, name=name, member_ids=set(inside))
        else:
            group = DirectoryGroup(name, None, {})
            await groups.create(self.world.operator, group, member_ids=set(inside))

    async def change_group(self, pick: Pick) -> None:
        group = await self._group(pick[0])
        join, out = [(await self._member(each)).id for each in pick[1:]]
        name = f"G{next(NUMBERS)}" if pick[1] % 3 == 0 else group.name
        if group.source == "manual":
            await manual_groups.update(
                self.world.operator,
                group.id,
                expected_version=group.version,
                name=name,
                add={join},
                remove={out},
            )
        else:
            await groups.update(
                self.world.operator,
                group.id,
                DirectoryGroup(name, None, {}),
                Membership(join=frozenset({join}), only=bool(pick[2] % 2)),
            )

    async def delete_group(self, pick: Pick) -> None:
        group = await self._group(pick[0])
        kind: Any = manual_groups if group.source == "manual" else groups
        await kind.delete(self.world.operator, group.id)

    async def draft(self, pick: Pick) -> None:
        author = self.world.operator
        if pick[1] % 2:
            author = await self.world.subject(await self._member(pick[0]))
        await campaigns.draft(author, self.world.a.id, Content(name="Spring"))

    async def delete_campaign(self, pick: Pick) -> None:
        drafts = await Campaign.filter(workspace=self.world.a).order_by("id")
        await campaigns.delete(self.world.operator, _picked(drafts, pick[0]).id)

    async def review(self, pick: Pick) -> None:
        review = await opening.open_review(
            await self.world.subject(self.world.owner),
            title="Review",
            workspace_id=(self.world.a if pick[0] % 2 else self.world.b).id,
            due_at=now() + timedelta(days=1),
            unanswered=Unanswered.REVOKE,
        )
        await closing.close(self.world.operator, review.id)

    async def change_plan(self, pick: Pick) -> None:
        await organizations.change_plan(self.world.operator, list(Plan)[pick[0] % 3])

    async def archive(self, pick: Pick) -> None:
        workspace = (self.world.a, self.world.b)[pick[0] % 2]
        put = (workspaces.archive, workspaces.restore)[pick[1] % 2]
        await put(self.world.operator, workspace.id)

    async def wait(self, pick: Pick) -> None:
        self.clock.move(timedelta(minutes=30 * (pick[0] % 4)))

    async def _role(self, number: int) -> Role:
        known = await Role.filter(organization=self.world.organization).order_by("id")
        return _picked(known, number)

    async def _custom(self, number: int) -> Role:
        custom = await Role.filter(organization=self.world.organization, builtin=None)
        return _picked(sorted(custom, key=lambda role: role.id), number)

    async def _member(self, number: int) -> Member:
        there = await Member.filter(organization=self.world.organization).order_by("id")
        return _picked(there, number)

    async def _group(self, number: int) -> Group:
        there = await Group.filter(organization=self.world.organization).order_by("id")
        return _picked(there, number)

    async def _principal(self, number: int) -> Principal:
        if number % 3:
            return Principal(PrincipalType.MEMBER, (await self._member(number // 3)).id)
        return Principal(PrincipalType.GROUP, (await self._group(number // 3)).id)

    async def _scope(self, number: int) -> Scope:
        scopes = [self.world.everywhere]
        scopes += [Scope(ScopeType.WORKSPACE, each.id) for each in (self.world.a, self.world.b)]
        drafts = await Campaign.filter(workspace=self.world.a).order_by("id")
        scopes += [Scope(ScopeType.CAMPAIGN, campaign.id) for campaign in drafts]
        return _picked(scopes, number)


CHANGES: Sequence[Any] = [
    History.give,
    History.give,
    History.give,
    History.give,
    History.take,
    History.move_end,
    History.move_end,
    History.add_role,
    History.change_role,
    History.change_role,
    History.delete_role,
    History.restore_role,
    History.provision,
    History.sync,
    History.suspend,
    History.reactivate,
    History.remove,
    History.leave,
    History.recover,
    History.invite,
    History.add_group,
    History.change_group,
    History.change_group,
    History.delete_group,
    History.draft,
    History.delete_campaign,
    History.review,
    History.change_plan,
    History.archive,
    History.archive,
    History.wait,
]
PICKS = st.tuples(*[st.integers(min_value=0, max_value=99)] * 3)


def _picked(there: Sequence[PickedT], number: int) -> PickedT:
    """One of what there is. Raises `NotFound` of nothing."""
    if not there:
        raise NotFound("thing")
    return there[number % len(there)]


def person(*, active: bool) -> Person:
    address = f"p{next(NUMBERS)}@acme.example"
    return Person(address, address, "Pat", active, None, {}, {})


def masks(access: Access) -> tuple[int, dict[UUID, int], dict[UUID, int]]:
    """What is held at each scope."""
    return (
        access.organization_mask,
        dict(access.workspace_masks),
        dict(access.resource_masks),
    )


async def _live(clock: MovableClock, steps: Sequence[tuple[int, Pick]]) -> None:
    history = History(await new_world(f"org-{next(NUMBERS)}"), clock)
    for _ in range(3):
        await history.provision([1])
    await history.add_group([1, 1, 2])
    await history.add_role([0, 1, 2])
    for _ in range(3):
        await history.draft([0, 0])
    for number, pick in steps:
        await history.step(number, pick)
    await history.compare()


def test_access_at_each_moment_is_what_it_was(
    database_url: str, movable_clock: MovableClock
) -> None:
    with asyncio.Runner() as runner:

        @examples(12, at_length=200)
        @given(
            st.lists(st.tuples(st.integers(0, len(CHANGES) - 1), PICKS), max_size=STEPS, min_size=8)
        )
        def lives(steps: list[tuple[int, Pick]]) -> None:
            async def once() -> None:
                async with opened(database_url, SECRET_KEYS):
                    await _live(movable_clock, steps)

            runner.run(once())

        lives()
