"""`check`, lists, targets and the answers about access agree, whatever happened before: a state
machine.

It changes a real database through the real use cases, and after each step asks the engine and the
oracle about every member. `HYPOTHESIS_PROFILE=long` runs it for minutes.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from identity import answers, assignments, campaigns, groups, roles
from identity.access import targets
from identity.access.compiled import Access
from identity.access.decision import Decision, DeniedBy, Target
from identity.access.kinds import CAMPAIGN
from identity.access.load import cache
from identity.access.permissions import Permission
from identity.access.visible import visible_ids
from identity.answers import Explanation
from identity.assignments import Principal, Scope
from identity.campaigns import Content
from identity.credentials import sessions
from identity.credentials.limits import SessionLimits
from identity.groups import DirectoryGroup, Membership
from identity.refusals import Conflict, NotFound, Unauthenticated
from identity.subject import Origin, Subject, operator
from models import (
    Assignment,
    BuiltinRole,
    Member,
    MemberStatus,
    Organization,
    Plan,
    PrincipalType,
    Role,
    ScopeType,
    Workspace,
    WorkspaceState,
)
from models.clock import now
from models.database import opened
from models.window import Window
from tests.clock import MovableClock
from tests.conftest import SECRET_KEYS
from tests.examples import examples
from tests.identity.access.oracle import BUILTIN, EVERYTHING, Facts, Held, with_implied
from tests.world import World, new_world

PROFILE = examples(30, at_length=500, steps=(20, 50))
LIMITS = SessionLimits(idle=timedelta(days=10_000), absolute=timedelta(days=10_000))

PERMISSIONS = st.frozensets(
    st.sampled_from(
        [
            Permission.CAMPAIGNS_READ,
            Permission.CAMPAIGNS_RESULTS,
            Permission.CAMPAIGNS_DRAFT,
            Permission.CAMPAIGNS_SEND,
            Permission.SERVERS_USE,
            Permission.LISTS_EXPORT,
            Permission.ACTIVITY_EXPORT,
            Permission.IDENTITY_MANAGE,
            Permission.ORGANIZATION_READ,
        ]
    ),
    max_size=4,
)
NUMBERS = count()
NUMBER = st.integers(min_value=0, max_value=99)
BUILTINS = st.sampled_from([role for role in BuiltinRole if role is not BuiltinRole.CREATOR])
"""Those that can be held anywhere."""
HOURS = st.sampled_from([None, None, 1, 2, 5])
LISTED = [
    (Permission.CAMPAIGNS_READ,),
    (Permission.CAMPAIGNS_SEND,),
    (Permission.CAMPAIGNS_READ, Permission.CAMPAIGNS_RESULTS),
    (Permission.CAMPAIGNS_RESULTS,),
]

WINDOWS = [
    (Window(limit=100), slice(None)),
    (Window(limit=2), slice(2)),
    (Window(limit=2, backwards=True), slice(-2, None)),
]

ASKED = ["campaigns:send", "members:read", "identity:manage", "campaigns:read", "lists:export"]
"""What everybody is asked about, one after the other."""

STRIDE = 5
"""After each step every fifth permission is asked about, beginning at another one each time."""


class Agreement(RuleBasedStateMachine):
    """Three members, two groups, two workspaces, and whatever roles and campaigns come up."""

    custom: Bundle[UUID] = Bundle("custom")
    given: Bundle[UUID] = Bundle("given")
    drafts: Bundle[UUID] = Bundle("drafts")

    def __init__(self, runner: asyncio.Runner, clock: MovableClock) -> None:
        super().__init__()
        self.run = runner.run
        self.clock = clock
        self.steps = 0
        self._places: dict[UUID, tuple[Principal, Scope]] = {}

    @initialize(target=drafts)
    def begin(self) -> MultipleResults[UUID]:
        self.run(self._begin())
        return multiple(*[self._draft(workspace) for workspace in (0, 0, 1)])

    async def _begin(self) -> None:
        self.world: World = await new_world(f"org-{next(NUMBERS)}")
        self.members = [await self.world.member(name) for name in ("Ann", "Ben", "Cem")]
        self.tokens = [
            (await sessions.start(m, connection_id=None, limits=LIMITS, origin=Origin()))[1]
            for m in self.members
        ]
        self.groups = [
            await groups.create(self.world.operator, DirectoryGroup(name, None, {}))
            for name in ("Sales", "Support")
        ]
        self.workspaces = [self.world.a.id, self.world.b.id]
        self.plan = Plan.ENTERPRISE
        self.facts = Facts(self.world.organization.id, now())
        self.facts.held.append(await self._owner())
        self.facts.groups = {group.id: set() for group in self.groups}
        for role in await Role.filter(organization=self.world.organization):
            assert role.builtin is not None
            self.facts.roles[role.id] = BUILTIN[role.builtin.value]

    async def _owner(self) -> Held:
        row = await Assignment.get(principal_id=self.world.owner.id)
        return Held(row.id, row.role_id, row.principal_id, row.scope_id, None)

    @rule(target=custom, permissions=PERMISSIONS)
    def make_role(self, permissions: frozenset[Permission]) -> UUID:
        role = self.run(
            roles.create(self.world.operator, name=f"Role {next(NUMBERS)}", permissions=permissions)
        )
        self.facts.roles[role.id] = frozenset(p.value for p in permissions)
        return role.id

    @rule(role_id=custom, add=PERMISSIONS, remove=PERMISSIONS)
    def edit_role(
        self, role_id: UUID, add: frozenset[Permission], remove: frozenset[Permission]
    ) -> None:
        remove -= add
        self.run(self._edit(role_id, add, remove))
        held = self.facts.roles[role_id] | {p.value for p in add}
        self.facts.roles[role_id] = held - {p.value for p in remove}

    async def _edit(
        self, role_id: UUID, add: frozenset[Permission], remove: frozenset[Permission]
    ) -> None:
        version = (await Role.get(id=role_id)).version
        await roles.update(
            self.world.operator, role_id, expected_version=version, add=add, remove=remove
        )

    @rule(role_id=consumes(custom), builtin=BUILTINS)
    def replace_role(self, role_id: UUID, builtin: BuiltinRole) -> None:
        replacement = self._builtin(builtin)
        self.run(roles.delete(self.world.operator, role_id, replacement_id=replacement))
        for held in [each for each in self.facts.held if each.role == role_id]:
            self.facts.held.remove(held)
            if held.until and held.until <= now():
                continue
            place = (replacement, held.holder, held.scope)
            same = [h for h in self.facts.held if (h.role, h.holder, h.scope) == place]
            if all(outlasts(held, other) for other in same):
                self.facts.held = [h for h in self.facts.held if h not in same]
                self.facts.held.append(held._replace(role=replacement))
        del self.facts.roles[role_id]

    @rule(target=given, role_id=custom, holder=NUMBER, place=NUMBER, hours=HOURS)
    def assign_custom(
        self, role_id: UUID, holder: int, place: int, hours: int | None
    ) -> UUID | MultipleResults[UUID]:
        return self._assign(role_id, self._principal(holder), self._scope(place), hours)

    @rule(target=given, builtin=BUILTINS, holder=NUMBER, place=NUMBER, hours=HOURS)
    def assign_builtin(
        self, builtin: BuiltinRole, holder: int, place: int, hours: int | None
    ) -> UUID | MultipleResults[UUID]:
        role_id = self._builtin(builtin)
        return self._assign(role_id, self._principal(holder), self._scope(place), hours)

    @rule(
        target=given,
        campaign_id=drafts,
        builtin=st.sampled_from(BuiltinRole),
        holder=NUMBER,
        hours=HOURS,
    )
    def share(
        self, campaign_id: UUID, builtin: BuiltinRole, holder: int, hours: int | None
    ) -> UUID | MultipleResults[UUID]:
        scope = Scope(ScopeType.CAMPAIGN, campaign_id)
        return self._assign(self._builtin(builtin), self._principal(holder), scope, hours)

    @rule(target=given, assignment_id=given, builtin=BUILTINS)
    def give_another_role_at_the_same_place(
        self, assignment_id: UUID, builtin: BuiltinRole
    ) -> UUID | MultipleResults[UUID]:
        for held in self.facts.held:
            if held.id == assignment_id:
                principal, scope = self._places[assignment_id]
                return self._assign(self._builtin(builtin), principal, scope, None)
        return multiple()

    def _assign(
        self, role_id: UUID, principal: Principal, scope: Scope, hours: int | None
    ) -> UUID | MultipleResults[UUID]:
        until = now() + timedelta(hours=hours) if hours else None
        place = (role_id, principal.id, scope.id)
        ended = [
            h
            for h in self.facts.held
            if (h.role, h.holder, h.scope) == place and h.until and h.until <= now()
        ]
        self.facts.held = [h for h in self.facts.held if h not in ended]
        taken = any((h.role, h.holder, h.scope) == place for h in self.facts.held)
        giving = assignments.assign(
            self.world.operator, role_id=role_id, principal=principal, scope=scope, expires_at=until
        )
        if taken:
            with pytest.raises(Conflict):
                self.run(giving)
            return multiple()
        row: Assignment = self.run(giving)
        self.facts.held.append(Held(row.id, role_id, principal.id, scope.id, until))
        self._places[row.id] = (principal, scope)
        return row.id

    @rule(assignment_id=consumes(given))
    def unassign(self, assignment_id: UUID) -> None:
        """Assignments also go with a campaign, or when the replacement is held already."""
        taking = assignments.unassign(self.world.operator, assignment_id)
        if assignment_id in {held.id for held in self.facts.held}:
            self.run(taking)
        else:
            with pytest.raises(NotFound):
                self.run(taking)
        self.facts.held = [held for held in self.facts.held if held.id != assignment_id]

    @rule(group=NUMBER, joining=st.sets(NUMBER, max_size=2), leaving=st.sets(NUMBER, max_size=1))
    def change_group(self, group: int, joining: set[int], leaving: set[int]) -> None:
        row = self.groups[group % len(self.groups)]
        join = frozenset(self.members[n % len(self.members)].id for n in joining)
        leave = frozenset(self.members[n % len(self.members)].id for n in leaving) - join
        same = DirectoryGroup(row.name, None, {})
        self.run(groups.update(self.world.operator, row.id, same, Membership(join, leave)))
        self.facts.groups[row.id] = (self.facts.groups[row.id] - leave) | join

    @rule(target=drafts, workspace=NUMBER)
    def draft(self, workspace: int) -> UUID:
        return self._draft(workspace)

    def _draft(self, workspace: int) -> UUID:
        workspace_id = self.workspaces[workspace % 2]
        campaign = self.run(
            campaigns.draft(self.world.operator, workspace_id, Content(name="Spring"))
        )
        self.facts.campaigns[campaign.id] = workspace_id
        return campaign.id

    @rule(campaign_id=consumes(drafts))
    def delete_campaign(self, campaign_id: UUID) -> None:
        self.run(campaigns.delete(self.world.operator, campaign_id))
        del self.facts.campaigns[campaign_id]
        self.facts.held = [held for held in self.facts.held if held.scope != campaign_id]

    @rule(workspace=NUMBER)
    def archive_or_restore(self, workspace: int) -> None:
        workspace_id = self.workspaces[workspace % 2]
        self.facts.archived ^= {workspace_id}
        archived = workspace_id in self.facts.archived
        state = WorkspaceState.ARCHIVED if archived else WorkspaceState.ACTIVE
        self.run(self._changed(Workspace.filter(id=workspace_id).update(state=state)))

    @rule(plan=st.sampled_from(Plan))
    def change_plan(self, plan: Plan) -> None:
        self.plan = plan
        self.facts.identity_in_plan = plan is not Plan.STARTER
        row = Organization.filter(id=self.facts.organization)
        self.run(self._changed(row.update(plan=plan)))

    @rule(member=NUMBER)
    def suspend_or_bring_back(self, member: int) -> None:
        row = self.members[member % len(self.members)]
        self.facts.suspended ^= {row.id}
        suspended = row.id in self.facts.suspended
        status = MemberStatus.SUSPENDED if suspended else MemberStatus.ACTIVE
        self.run(self._changed(Member.filter(id=row.id).update(status=status)))

    async def _changed(self, change: Any) -> None:
        """There is no use case for it yet: make the change and bump the revision, as one would."""
        await change
        row = await Organization.get(id=self.facts.organization)
        row.access_revision += 1
        await row.save(update_fields=["access_revision"])

    @rule(minutes=st.sampled_from([1, 59, 60, 61, 300]))
    def wait(self, minutes: int) -> None:
        self.clock.move(timedelta(minutes=minutes))
        self.facts.now = now()

    @invariant()
    def every_answer_is_the_same(self) -> None:
        self.steps += 1
        self.run(self._compare())

    async def _compare(self) -> None:
        for member, token in zip(self.members, self.tokens, strict=True):
            if member.id in self.facts.suspended:
                with pytest.raises(Unauthenticated):
                    await sessions.authenticate(token, limits=LIMITS, origin=Origin())
                continue
            subject = await sessions.authenticate(token, limits=LIMITS, origin=Origin())
            self._compare_checks(member.id, subject.access)
            await self._compare_lists(member.id, subject.access)
            await self._compare_targets(member.id, subject.access)
        await self._compare_answers()

    def _compare_checks(self, member: UUID, access: Access) -> None:
        places = self._places_asked()
        for name in EVERYTHING[self.steps % STRIDE :: STRIDE]:
            permission = Permission(name)
            for place in places:
                expected = self.facts.may(member, name, *place)
                assert access.allows(permission, Target(*place)) is expected, (name, place)
                decision = access.check(permission, Target(*place))
                assert decision.allowed is expected
                granting = self.facts.granting(member, name, *place)
                assert {grant.assignment_id for grant in decision.grants} == granting
                assert decision.denied_by is self._denied_by(decision, name)

    def _places_asked(self) -> list[tuple[UUID | None, UUID | None]]:
        """The organization, the workspaces and the campaigns."""
        places: list[tuple[UUID | None, UUID | None]] = [(None, None)]
        places += [(workspace, None) for workspace in self.workspaces]
        places += [(workspace, campaign) for campaign, workspace in self.facts.campaigns.items()]
        return places

    def _denied_by(self, decision: Decision, name: str) -> DeniedBy | None:
        if decision.allowed:
            return None
        if not decision.grants:
            return DeniedBy.MISSING_PERMISSION
        cut = name == "identity:manage" and not self.facts.identity_in_plan
        return DeniedBy.PLAN if cut else DeniedBy.WORKSPACE_ARCHIVED

    async def _compare_lists(self, member: UUID, access: Access) -> None:
        for workspace in set(self.facts.campaigns.values()):
            for listed in LISTED:
                expected = self._visible(member, workspace, listed)
                mask = sum(permission.bit for permission in listed)
                window, page = WINDOWS[self.steps % len(WINDOWS)]
                found = await visible_ids(access, CAMPAIGN, mask, workspace, window)
                assert found == expected[page], (listed, window)

    def _visible(self, member: UUID, workspace: UUID, listed: Sequence[Permission]) -> list[UUID]:
        """Newest first."""
        ids = [
            campaign
            for campaign, place in self.facts.campaigns.items()
            if place == workspace
            and any(self.facts.may(member, p.value, workspace, campaign) for p in listed)
        ]
        return sorted(ids, reverse=True)

    async def _compare_targets(self, member: UUID, access: Access) -> None:
        for workspace in self.workspaces:
            assert access.enters(workspace) is self.facts.sees(member, workspace)
        if not self.facts.campaigns:
            return
        campaign = list(self.facts.campaigns)[self.steps % len(self.facts.campaigns)]
        workspace = self.facts.campaigns[campaign]
        seen = any(
            self.facts.may(member, name, workspace, campaign)
            for name in ("campaigns:read", "campaigns:results")
        )
        try:
            found = await targets.visible_resource(access, CAMPAIGN, campaign)
        except NotFound:
            assert not seen
        else:
            assert seen
            assert found.id == campaign

    async def _compare_answers(self) -> None:
        """About one permission at one place, other ones each time, and about everybody."""
        places = self._places_asked()
        place = places[self.steps % len(places)]
        name = ASKED[self.steps % len(ASKED)]
        asker = operator(self.facts.organization, self.plan)
        scope = self._scope_of(*place)
        await self._compare_who_can(asker, name, scope, place)
        for member in [*self.members, *self.groups]:
            kind = PrincipalType.GROUP if member in self.groups else PrincipalType.MEMBER
            principal = Principal(kind, member.id)
            explained = await answers.explain(asker, principal, Permission(name), scope)
            assert explained.decision.allowed is self.facts.holds(member.id, name, *place)
            assert {grant.id for grant in explained.grants} == self.facts.granting(
                member.id, name, *place
            )
            if not explained.decision.allowed:
                await self._compare_suggestions(asker, explained, place)
            await self._compare_access_of(asker, principal)

    async def _compare_who_can(
        self, asker: Subject, name: str, scope: Scope, place: tuple[UUID | None, UUID | None]
    ) -> None:
        """Walking pages of two comes to everybody who holds it, newest first."""
        everybody = [self.world.owner.id, *(member.id for member in self.members)]
        expected = [each for each in everybody if self.facts.holds(each, name, *place)]
        found = await answers.who_can(asker, Permission(name), scope)
        lines: list[Explanation] = []
        while page := await found.page(Window(limit=2, after=lines[-1].id if lines else None)):
            lines += page
        assert [line.id for line in lines] == sorted(expected, reverse=True), (name, place)
        assert await found.count() == len(expected)
        for line in lines:
            granting = self.facts.granting(line.id, name, *place)
            assert {grant.id for grant in line.grants} == granting

    async def _compare_suggestions(
        self, asker: Subject, explained: Explanation, place: tuple[UUID | None, UUID | None]
    ) -> None:
        """What is suggested would allow it, unless something else stands in the way."""
        name, holder = explained.decision.permission.value, explained.id
        lacking = DeniedBy.MISSING_PERMISSION in explained.decision.obstacles
        assert lacking is not bool(explained.grants)
        suggested = await answers.suggestions(asker, explained)
        everywhere = explained.giving.type in (ScopeType.ORGANIZATION, ScopeType.WORKSPACE)
        fitting = [
            held
            for role_id, held in self.facts.roles.items()
            if name in with_implied(held)
            and not (everywhere and role_id == self._builtin(BuiltinRole.CREATOR))
        ]
        assert len(suggested) == (min(5, len(fitting)) if lacking else 0)
        for each in suggested:
            trial = Held(UUID(int=0), each.role.id, holder, each.scope.id, None)
            self.facts.held.append(trial)
            alone = explained.decision.obstacles == (DeniedBy.MISSING_PERMISSION,)
            assert self.facts.holds(holder, name, *place) is alone
            self.facts.held.remove(trial)
        assert [len(each.gains) for each in suggested] == sorted(len(e.gains) for e in suggested)

    async def _compare_access_of(self, asker: Subject, principal: Principal) -> None:
        """The lines are the facts, and give together what is held at each of their scopes."""
        lines = await answers.access_of(asker, principal)
        expected = self.facts.lasting(principal.id)
        assert [line.id for line in lines] == sorted((held.id for held in expected), reverse=True)
        for line in lines:
            workspace = line.grant.workspace_id
            campaign = line.grant.scope_id if line.grant.scope_type is ScopeType.CAMPAIGN else None
            for name in EVERYTHING[self.steps % STRIDE :: STRIDE]:
                given = line.id in self.facts.granting(principal.id, name, workspace, campaign)
                takes_effect = given and self.facts.holds(principal.id, name, workspace, campaign)
                assert (Permission(name) in line.permissions) is takes_effect, (name, line)

    def _scope_of(self, workspace: UUID | None, campaign: UUID | None) -> Scope:
        if campaign is not None:
            return Scope(ScopeType.CAMPAIGN, campaign)
        if workspace is not None:
            return Scope(ScopeType.WORKSPACE, workspace)
        return self.world.everywhere

    def _builtin(self, builtin: BuiltinRole) -> UUID:
        return next(
            role_id
            for role_id, permissions in self.facts.roles.items()
            if permissions is BUILTIN[builtin.value]
        )

    def _principal(self, number: int) -> Principal:
        principals = [Principal(PrincipalType.MEMBER, member.id) for member in self.members]
        principals += [Principal(PrincipalType.GROUP, group.id) for group in self.groups]
        return principals[number % len(principals)]

    def _scope(self, number: int) -> Scope:
        scopes = [Scope(ScopeType.WORKSPACE, workspace) for workspace in self.workspaces]
        scopes += [Scope(ScopeType.CAMPAIGN, campaign) for campaign in self.facts.campaigns]
        scopes.append(self.world.everywhere)
        return scopes[number % len(scopes)]


def outlasts(held: Held, other: Held) -> bool:
    return other.until is not None and (held.until is None or held.until > other.until)


async def _open(stack: AsyncExitStack, url: str) -> None:
    await stack.enter_async_context(opened(url, SECRET_KEYS))


def test_every_answer_is_the_same(database_url: str, movable_clock: MovableClock) -> None:

    class Opened(Agreement):
        def __init__(self) -> None:
            super().__init__(runner, movable_clock)

    cache.clear()
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        runner.run(_open(stack, database_url))
        try:
            run_state_machine_as_test(Opened, settings=PROFILE)
        finally:
            runner.run(stack.aclose())
