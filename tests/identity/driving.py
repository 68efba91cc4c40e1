"""An organization that a state machine drives: who acts, on what, and what must hold of each step.

Whatever comes of a step: nobody gained what the caller did not hold there, the organization is
sound (`soundness`), the log has an event if and only if something changed, the access revision grew
if anybody's access did, and checks, lists and `whoCan` agree.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from identity import manual_groups
from identity.access.builtin_roles import BUILTIN_PERMISSIONS
from identity.access.kinds import KINDS
from identity.access.permissions import Permission, bits_of, mask_of, permissions_in
from identity.assignments import Principal, Scope
from identity.credentials import scim_tokens, sessions
from identity.credentials.limits import SessionLimits
from identity.refusals import Refusal, Unauthenticated
from identity.subject import Origin, Subject
from models import (
    ActorType,
    BuiltinRole,
    Group,
    Member,
    MemberStatus,
    Outcome,
    PrincipalType,
)
from tests.clock import MovableClock
from tests.identity.agreeing import assert_agreeing
from tests.identity.picture import Held, Picture, picture
from tests.identity.soundness import assert_sound
from tests.world import World, at_workspace, new_world

P = Permission
LIMITS = SessionLimits(idle=timedelta(days=10_000), absolute=timedelta(days=10_000))
SLUGS = count()
ASKED = [P.CAMPAIGNS_READ, P.MEMBERS_ASSIGN, P.CAMPAIGNS_SEND, P.LISTS_READ, P.ROLES_WRITE]


class Driven(RuleBasedStateMachine):
    """One organization, up to seven people in it, and one who owns another."""

    def __init__(self, runner: asyncio.Runner, clock: MovableClock, stranger: Subject) -> None:
        super().__init__()
        self.run = runner.run
        self.clock = clock
        self.stranger = stranger
        self.steps = 0
        self.tokens: dict[UUID, str] = {}
        self.links: dict[UUID, str] = {}
        self.earlier: dict[UUID, Subject] = {}

    @initialize()
    def begin(self) -> None:
        self.run(self._begin())

    async def _begin(self) -> None:
        self.world: World = await new_world(f"org-{next(SLUGS)}")
        self.own = self.world.organization.id
        ann, ben = await self.world.member("Ann"), await self.world.member("Ben")
        everywhere = self.world.everywhere
        await self.world.give(ann, BuiltinRole.ADMIN, everywhere)
        lead = await self.world.custom_role(
            "Lead",
            P.MEMBERS_ASSIGN,
            P.MEMBERS_INVITE,
            P.MEMBERS_REMOVE,
            P.ROLES_WRITE,
            P.ROLES_DELETE,
            P.CAMPAIGNS_DRAFT,
        )
        await self.world.give(ben, lead, everywhere)
        await self.world.campaign(self.world.a)
        for group in ("Crew", "Others"):
            await manual_groups.create(self.world.operator, name=group, member_ids=[ann.id])
        _, token = await scim_tokens.create(await self.world.subject(self.world.owner), name="Okta")
        self.directory = await scim_tokens.authenticate(token, origin=Origin())
        for member in (self.world.owner, ann, ben):
            self.tokens[member.id] = await self.world.session(member)
        self.before = await picture(self.world)

    # Who acts, and on what

    async def _actor(self, number: int) -> Subject:
        """One of the members, the operator, the stranger, or a member as they were seen before."""
        found = await self._all(Member)
        choice = number % (2 * len(found) + 3)
        if choice < len(found):
            subject = await self.world.subject(found[choice])
            self.earlier.setdefault(found[choice].id, subject)
            return subject
        if choice < 2 * len(found):
            member = found[choice - len(found)]
            return self.earlier.pop(member.id, None) or await self.world.subject(member)
        return self.stranger if choice == 2 * len(found) else self.world.operator

    async def _all(self, model: type[Any], **where: Any) -> list[Any]:
        if "organization_id" not in model._meta.fields_db_projection:
            where["workspace_id__in"] = [self.world.a.id, self.world.b.id]
        else:
            where["organization_id"] = self.own
        return await model.filter(**where).order_by("id")  # type: ignore[no-any-return]

    async def _one(self, model: type[Any], number: int, **where: Any) -> Any:
        """One that is there; the newest for 0."""
        found = await self._all(model, **where)
        return found[-1 - number % len(found)] if found else None

    async def _principal(self, number: int) -> Principal:
        found = [Principal(PrincipalType.MEMBER, row.id) for row in await self._all(Member)]
        found += [Principal(PrincipalType.GROUP, row.id) for row in await self._all(Group)]
        return found[number % len(found)]

    async def _scope(self, number: int) -> Scope:
        found = [self.world.everywhere, at_workspace(self.world.a), at_workspace(self.world.b)]
        for scope_type, kind in KINDS.items():
            found += [Scope(scope_type, row.id) for row in await self._all(kind.model)]
        return found[number % len(found)]

    # What comes of it

    def _attempt(
        self, actor: int | Subject, change: Callable[[Subject], Awaitable[object]]
    ) -> object:
        return self.run(self._attempted(actor, change))

    async def _attempted(
        self, actor: int | Subject, change: Callable[[Subject], Awaitable[object]]
    ) -> object:
        """What the change gave; `None` for a refusal. Checks what must hold of either."""
        subject = actor if isinstance(actor, Subject) else await self._actor(actor)
        before = self.before
        made: object = None
        refusal: Refusal | None = None
        try:
            made = await change(subject)
        except Refusal as error:
            refusal = error
        after = self.before = await picture(self.world)
        changed = after.rows != before.rows
        events = (await self.world.events())[before.events :]
        done = [event for event in events if event.outcome is Outcome.SUCCESS]
        if subject is self.stranger:
            assert not changed, "somebody of another organization changed this one"
            assert not events
        elif refusal is not None:
            assert not changed, f"refused with {refusal.code}, and yet it changed something"
            assert not done
            assert len(events) <= 1
        else:
            assert bool(done) is changed, "an event for every change, and none without one"
        places = {*before.places, *after.places}
        if before.granted(places) != after.granted(places):
            assert after.revision > before.revision, "access changed and the revision did not"
        self._assert_no_escalation(subject, before, after)
        return made

    def _assert_no_escalation(self, subject: Subject, before: Picture, after: Picture) -> None:
        """What anybody holds now and did not before, the caller held there before, and for good if
        it is for good. What a directory moves people into was decided when its group was mapped.
        """
        if subject.actor_type in (ActorType.SYSTEM, ActorType.SCIM_TOKEN):
            return
        for member_id in after.grants:
            for place in after.places:
                had = before.held(member_id, place)
                has = after.held(member_id, place)
                may = before.held(subject.member_id, place)
                if place not in before.places:
                    may = self._with_creator(may)
                gained = permissions_in(has.now & ~had.now & ~may.now)
                assert not gained, f"{member_id} gained {gained} at {place}"
                lasting = permissions_in(has.lasting & ~had.lasting & ~may.lasting)
                assert not lasting, f"{member_id} gained {lasting} at {place} for good"

    def _with_creator(self, held: Held) -> Held:
        """What the maker of a resource may hold there, given what they hold in its workspace."""
        creator = mask_of(BUILTIN_PERMISSIONS[BuiltinRole.CREATOR])
        making = bits_of([P.CAMPAIGNS_DRAFT, P.LISTS_WRITE, P.SERVERS_WRITE])
        return Held(
            held.now | (creator if held.now & making else 0),
            held.lasting | (creator if held.lasting & making else 0),
        )

    # What holds after each step

    @invariant()
    def it_holds(self) -> None:
        self.steps += 1
        self.run(self._check())

    async def _check(self) -> None:
        await assert_sound(self.own)
        permission = ASKED[self.steps % len(ASKED)]
        place = self.before.places[self.steps % len(self.before.places)]
        await assert_agreeing(self.world, permission, place)
        await self._check_sessions()

    async def _check_sessions(self) -> None:
        """Who is no active member is signed in no more, and stays so."""
        active = {m.id for m in await self._all(Member, status=MemberStatus.ACTIVE)}
        for member_id in [each for each in self.tokens if each not in active]:
            with pytest.raises(Unauthenticated):
                await sessions.authenticate(self.tokens[member_id], limits=LIMITS, origin=Origin())
