"""The invariants of access under random use: a state machine that drives the public use cases.

Members, the operator, a directory and the worker change roles, assignments, members, groups,
invitations, reviews, the plan and resources as they please, also with access that was read a while
ago, and whoever owns another organization tries the same. What must hold after each step is in
`driving`. `HYPOTHESIS_PROFILE=long` runs it for minutes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import hypothesis.strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from identity import (
    assignments,
    campaigns,
    groups,
    invitations,
    mailing_lists,
    manual_groups,
    members,
    organizations,
    roles,
    sending_servers,
    workspaces,
)
from identity.access.kinds import KINDS
from identity.access.load import cache
from identity.access.permissions import Permission
from identity.access_reviews import closing, deciding, due, opening
from identity.access_reviews.deciding import Answer
from identity.campaigns import Content
from identity.groups import DirectoryGroup, Membership
from identity.members import Person
from identity.sending_servers import Settings
from identity.sso import invited
from identity.subject import Origin, Subject
from models import (
    AccessReview,
    AccessReviewItem,
    ActorType,
    Assignment,
    Campaign,
    Group,
    GroupSource,
    Invitation,
    MailingList,
    Member,
    Plan,
    Role,
    ScopeType,
    SendingServer,
    Unanswered,
)
from models.clock import now
from models.database import opened
from tests.clock import MovableClock
from tests.conftest import SECRET_KEYS
from tests.examples import examples
from tests.identity.driving import LIMITS, SLUGS, Driven
from tests.identity.picture import picture
from tests.world import new_world

PROFILE = examples(20, at_length=300, steps=(25, 60))
P = Permission
NUMBER = st.integers(min_value=0, max_value=99)
HOURS = st.sampled_from([None, None, None, 1, 3, 6])
PERMISSIONS = st.frozensets(
    st.sampled_from(
        [
            P.CAMPAIGNS_RESULTS,
            P.CAMPAIGNS_DRAFT,
            P.CAMPAIGNS_SEND,
            P.LISTS_WRITE,
            P.SERVERS_USE,
            P.SERVERS_WRITE,
            P.MEMBERS_INVITE,
            P.MEMBERS_ASSIGN,
            P.MEMBERS_REMOVE,
            P.ROLES_READ,
            P.ROLES_WRITE,
            P.ORGANIZATION_READ,
        ]
    ),
    max_size=5,
)
MOST_MEMBERS = 7
NAMES = ["Ann", "Ben", "Cem", "Dea", "Eli", "Fay", "Gus", "Hal"]


class UseCases(Driven):
    """What members, the operator, a directory and the worker do."""

    @rule(actor=NUMBER, permissions=PERMISSIONS)
    def make_role(self, actor: int, permissions: frozenset[Permission]) -> None:
        name = f"Role {next(SLUGS)}"
        self._attempt(actor, lambda s: roles.create(s, name=name, permissions=permissions))

    @rule(actor=NUMBER, role=NUMBER, add=PERMISSIONS, remove=PERMISSIONS)
    def edit_role(
        self, actor: int, role: int, add: frozenset[Permission], remove: frozenset[Permission]
    ) -> None:
        async def edit(s: Subject) -> object:
            row = await self._one(Role, role)
            version = row.version
            return await roles.update(s, row.id, expected_version=version, add=add, remove=remove)

        self._attempt(actor, edit)

    @rule(actor=NUMBER, role=NUMBER, version=NUMBER)
    def restore_role(self, actor: int, role: int, version: int) -> None:
        async def restore(subject: Subject) -> object:
            row = await self._one(Role, role)
            number = 1 + version % row.version
            return await roles.restore(subject, row.id, number, expected_version=row.version)

        self._attempt(actor, restore)

    @rule(actor=NUMBER, role=NUMBER, replacement=st.none() | NUMBER)
    def delete_role(self, actor: int, role: int, replacement: int | None) -> None:
        async def delete(subject: Subject) -> object:
            row = await self._one(Role, role)
            instead = None if replacement is None else await self._one(Role, replacement)
            replacement_id = None if instead is None else instead.id
            return await roles.delete(subject, row.id, replacement_id=replacement_id)

        self._attempt(actor, delete)

    @rule(actor=NUMBER, role=NUMBER, holder=NUMBER, place=NUMBER, hours=HOURS)
    def assign(self, actor: int, role: int, holder: int, place: int, hours: int | None) -> None:
        async def give(subject: Subject) -> object:
            return await assignments.assign(
                subject,
                role_id=(await self._one(Role, role)).id,
                principal=await self._principal(holder),
                scope=await self._scope(place),
                expires_at=now() + timedelta(hours=hours) if hours else None,
            )

        self._attempt(actor, give)

    @rule(actor=NUMBER, assignment=NUMBER, hours=HOURS, takes=st.booleans())
    def change_assignment(
        self, actor: int, assignment: int, hours: int | None, takes: bool
    ) -> None:
        async def change(subject: Subject) -> object:
            row = await self._one(Assignment, assignment)
            if takes:
                return await assignments.unassign(subject, row.id)
            ends = now() + timedelta(hours=hours) if hours else None
            return await assignments.update(subject, row.id, expires_at=ends)

        self._attempt(actor, change)

    @rule(
        actor=NUMBER,
        member=NUMBER,
        change=st.sampled_from([members.suspend, members.reactivate, members.remove]),
    )
    def change_member(
        self, actor: int, member: int, change: Callable[[Subject, UUID], Awaitable[object]]
    ) -> None:
        async def made(subject: Subject) -> object:
            return await change(subject, (await self._one(Member, member)).id)

        self._attempt(actor, made)

    @rule(actor=NUMBER)
    def leave(self, actor: int) -> None:
        self._attempt(actor, lambda s: members.leave(s, self.own))

    @rule(member=NUMBER)
    def recover_owner(self, member: int) -> None:
        async def recover(subject: Subject) -> object:
            row = await self._one(Member, member)
            return await organizations.recover_owner(subject, email=row.email)

        self._attempt(self.world.operator, recover)

    @rule(actor=NUMBER, plan=st.sampled_from(Plan))
    def change_plan(self, actor: int, plan: Plan) -> None:
        self._attempt(actor, lambda s: organizations.change_plan(s, plan))
        self.run(self.world.organization.refresh_from_db())

    @rule(
        actor=NUMBER,
        workspace=NUMBER,
        put=st.sampled_from([workspaces.archive, workspaces.restore]),
    )
    def archive_or_restore(
        self, actor: int, workspace: int, put: Callable[[Subject, UUID], Awaitable[object]]
    ) -> None:
        workspace_id = [self.world.a.id, self.world.b.id][workspace % 2]
        self._attempt(actor, lambda s: put(s, workspace_id))

    @rule(actor=NUMBER, group=NUMBER, add=st.sets(NUMBER, max_size=2), remove=NUMBER)
    def change_group(self, actor: int, group: int, add: set[int], remove: int) -> None:
        async def change(subject: Subject) -> object:
            row = await self._one(Group, group)
            if row is None:
                return await manual_groups.create(subject, name=f"Group {next(SLUGS)}")
            joining = [(await self._one(Member, number)).id for number in sorted(add)]
            leaving = (await self._one(Member, remove)).id
            return await manual_groups.update(
                subject, row.id, expected_version=row.version, add=joining, remove=[leaving]
            )

        self._attempt(actor, change)

    @rule(actor=NUMBER, group=NUMBER)
    def delete_group(self, actor: int, group: int) -> None:
        async def delete(subject: Subject) -> object:
            row = await self._one(Group, group)
            return None if row is None else await manual_groups.delete(subject, row.id)

        self._attempt(actor, delete)

    @rule(member=NUMBER, active=st.sampled_from([None, True, False]))
    def provision(self, member: int, active: bool | None) -> None:
        """A directory adds a person, or switches off or on whom it added."""

        async def provisioned(subject: Subject) -> object:
            known = await self._one(Member, member, provisioned=True)
            if known is None or (active is None and len(await self._all(Member)) < MOST_MEMBERS):
                name = f"{NAMES[member % len(NAMES)]}-{next(SLUGS)}@x.example"
                person = Person(name, name, None, active, None, {}, {})
                return await members.provision(subject, person)
            person = Person(known.user_name, known.email, None, active, None, {}, {})
            return await members.update(subject, known.id, person)

        self._attempt(self.directory, provisioned)

    @rule(group=NUMBER, join=NUMBER, leave=NUMBER)
    def synchronise(self, group: int, join: int, leave: int) -> None:
        """A directory makes a group, or moves somebody into one of its own and somebody out."""

        async def synchronised(subject: Subject) -> object:
            row = await self._one(Group, group, source=GroupSource.DIRECTORY)
            joining = (await self._one(Member, join)).id
            if row is None:
                content = DirectoryGroup(f"Synced {next(SLUGS)}", None, {})
                return await groups.create(subject, content, member_ids=[joining])
            leaving = frozenset({(await self._one(Member, leave)).id}) - {joining}
            same = DirectoryGroup(row.name, None, {})
            return await groups.update(
                subject, row.id, same, Membership(frozenset({joining}), leaving)
            )

        self._attempt(self.directory, synchronised)

    @precondition(lambda self: len(self.before.grants) < MOST_MEMBERS)
    @rule(actor=NUMBER, role=NUMBER, place=NUMBER, hours=HOURS)
    def invite(self, actor: int, role: int, place: int, hours: int | None) -> None:
        async def promise(subject: Subject) -> object:
            invitation, token = await invitations.invite(
                subject,
                email=f"guest-{next(SLUGS)}@elsewhere.example",
                role_id=(await self._one(Role, role)).id,
                scope=await self._scope(place % 3),
                access_expires_at=now() + timedelta(hours=hours) if hours else None,
            )
            self.links[invitation.id] = token
            return invitation

        self._attempt(actor, promise)

    @rule(actor=NUMBER, invitation=NUMBER, again=st.booleans())
    def resend_or_revoke(self, actor: int, invitation: int, again: bool) -> None:
        async def change(subject: Subject) -> object:
            row = await self._one(Invitation, invitation)
            if row is None:
                return None
            if not again:
                return await invitations.revoke(subject, row.id)
            renewed, self.links[row.id] = await invitations.resend(subject, row.id)
            return renewed

        self._attempt(actor, change)

    @rule(invitation=NUMBER)
    def accept(self, invitation: int) -> None:
        self.run(self._accept(invitation))

    async def _accept(self, number: int) -> None:
        """The rights are those of whoever invited: the new member gains no more than they hold."""
        invitation: Invitation | None = await self._one(Invitation, number)
        if invitation is None:
            return
        inviter = self.world.operator
        if invitation.invited_by_id is not None:
            inviter = replace(
                inviter, actor_type=ActorType.MEMBER, actor_id=invitation.invited_by_id
            )
        link = self.links[invitation.id]

        async def accepted(_: Subject) -> object:
            return await invited.accept(link, session_token=None, limits=LIMITS, origin=Origin())

        if await self._attempted(inviter, accepted) is not None:
            member = await Member.get(organization_id=self.own, email=invitation.email)
            self.tokens[member.id] = await self.world.session(member)
            self.before = await picture(self.world)

    @rule(actor=NUMBER, kind=st.sampled_from(list(KINDS)), place=NUMBER)
    def make_resource(self, actor: int, kind: ScopeType, place: int) -> None:
        workspace_id = [self.world.a.id, self.world.b.id][place % 2]
        make: Mapping[ScopeType, Callable[[Subject], Awaitable[object]]] = {
            ScopeType.CAMPAIGN: lambda s: campaigns.draft(s, workspace_id, Content(name="New")),
            ScopeType.MAILING_LIST: lambda s: mailing_lists.create(s, workspace_id, name="New"),
            ScopeType.SENDING_SERVER: lambda s: sending_servers.create(
                s, workspace_id, Settings("New", "smtp.x.example", 25)
            ),
        }
        self._attempt(actor, make[kind])

    @rule(actor=NUMBER, campaign=NUMBER, mailing_list=NUMBER, server=NUMBER)
    def attach(self, actor: int, campaign: int, mailing_list: int, server: int) -> None:
        async def edit(subject: Subject) -> object:
            row = await self._one(Campaign, campaign)
            if row is None:
                return None
            attached = await self._one(MailingList, mailing_list)
            through = await self._one(SendingServer, server)
            content = Content(
                subject="Hello",
                body="Hello.",
                mailing_list_id=attached.id if attached else None,
                sending_server_id=through.id if through else None,
            )
            return await campaigns.edit(subject, row.id, content, expected_version=row.version)

        self._attempt(actor, edit)

    @rule(actor=NUMBER, campaign=NUMBER)
    def send(self, actor: int, campaign: int) -> None:
        async def sent(subject: Subject) -> object:
            row = await self._one(Campaign, campaign)
            if row is None:
                return None
            return await campaigns.send(subject, row.id, expected_version=row.version)

        self._attempt(actor, sent)

    @rule(actor=NUMBER, kind=st.sampled_from(list(KINDS)), resource=NUMBER)
    def delete_resource(self, actor: int, kind: ScopeType, resource: int) -> None:
        deleting: Mapping[ScopeType, Callable[[Subject, UUID], Awaitable[object]]] = {
            ScopeType.CAMPAIGN: campaigns.delete,
            ScopeType.MAILING_LIST: mailing_lists.delete,
            ScopeType.SENDING_SERVER: sending_servers.delete,
        }

        async def delete(subject: Subject) -> object:
            row = await self._one(KINDS[kind].model, resource)
            return None if row is None else await deleting[kind](subject, row.id)

        self._attempt(actor, delete)

    @rule(
        actor=NUMBER,
        workspace=st.booleans(),
        reviewers=st.sets(NUMBER, max_size=2),
        unanswered=st.sampled_from(Unanswered),
    )
    def open_review(
        self, actor: int, workspace: bool, reviewers: set[int], unanswered: Unanswered
    ) -> None:
        async def opened(subject: Subject) -> object:
            return await opening.open_review(
                subject,
                title="Review",
                workspace_id=self.world.a.id if workspace else None,
                due_at=now() + timedelta(days=2),
                unanswered=unanswered,
                reviewer_ids=[(await self._one(Member, each)).id for each in sorted(reviewers)],
            )

        self._attempt(actor, opened)

    @rule(actor=NUMBER, answers=st.lists(st.tuples(NUMBER, st.booleans()), min_size=1, max_size=3))
    def decide_in_review(self, actor: int, answers: list[tuple[int, bool]]) -> None:
        async def decided(subject: Subject) -> object:
            review = await self._one(AccessReview, 0)
            if review is None:
                return None
            items = {
                (await self._one(AccessReviewItem, number, review_id=review.id)).id: confirms
                for number, confirms in answers
            }
            given = [Answer(item_id, confirms) for item_id, confirms in items.items()]
            return await deciding.decide(subject, review.id, given)

        self._attempt(actor, decided)

    @rule(actor=NUMBER, review=NUMBER, end=st.sampled_from([closing.close, closing.cancel]))
    def end_review(
        self, actor: int, review: int, end: Callable[[Subject, UUID], Awaitable[object]]
    ) -> None:
        async def ended(subject: Subject) -> object:
            row = await self._one(AccessReview, review)
            return None if row is None else await end(subject, row.id)

        self._attempt(actor, ended)

    @rule()
    def work(self) -> None:
        """The worker does what is due: it reminds, and ends a review."""

        async def worked(_: Subject) -> object:
            for review_id in await due.due():
                await due.carry_out(review_id)
            return None

        self._attempt(self.world.operator, worked)

    @rule(hours=st.sampled_from([1, 3, 24, 200]))
    def wait(self, hours: int) -> None:
        """Nobody gains anything by waiting."""
        before = self.before
        self.clock.move(timedelta(hours=hours))
        after = self.before = self.run(picture(self.world))
        assert after.rows == before.rows
        for member_id in after.grants:
            assert set(after.grants[member_id]) <= set(before.grants[member_id])


async def _open(stack: AsyncExitStack, url: str) -> Subject:
    await stack.enter_async_context(opened(url, SECRET_KEYS))
    other = await new_world("globex")
    return await other.subject(other.owner)


def test_whatever_is_done_the_invariants_hold(
    database_url: str, movable_clock: MovableClock
) -> None:
    cache.clear()
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        stranger = runner.run(_open(stack, database_url))

        class Opened(UseCases):
            def __init__(self) -> None:
                super().__init__(runner, movable_clock, stranger)

        try:
            run_state_machine_as_test(Opened, settings=PROFILE)
        finally:
            runner.run(stack.aclose())
