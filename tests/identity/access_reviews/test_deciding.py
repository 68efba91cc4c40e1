"""Deciding about assignments under review: who may, and what it does."""

import asyncio
from datetime import timedelta

import pytest

from identity import assignments, organizations, roles
from identity.access.permissions import Permission
from identity.access_reviews import closing, deciding
from identity.access_reviews.deciding import Answer
from identity.refusals import BadInput, Conflict, Forbidden, NotFound
from identity.subject import Subject
from models import (
    AccessReviewDecision,
    AccessReviewItem,
    AccessReviewStatus,
    Assignment,
    AuditEvent,
    BuiltinRole,
    GroupMember,
    Member,
    Outcome,
    PrincipalType,
)
from models.clock import now
from models.ids import new_id
from tests.clock import MovableClock
from tests.identity.access_reviews.reviews import Open, group_of
from tests.identity.refusing import outcome, refused, story
from tests.statements import counted_statements
from tests.world import UNKNOWN_ID, World, at_workspace, new_world

WEEK = timedelta(days=7)
D = AccessReviewDecision


async def test_a_confirmed_assignment_stays(
    world: World, owner: Subject, ann: Member, bob: Member, reviewing: Open
) -> None:
    review, before = await reviewing(world.a), await world.subject(ann)

    item, refusal = await review.answer(owner, ann, confirms=True, note="Still needed.")

    assert refusal is None
    saved = await AccessReviewItem.get(id=item.id)
    assert (saved.decision, saved.note) == (D.CONFIRMED, "Still needed.")
    assert (saved.decided_by_id, saved.decided_by_name) == (world.owner.id, world.owner.name)
    assert saved.decided_at is not None
    assert await Assignment.exists(id=item.assignment_id)
    assert await review.counts() == {"pending": 1, "confirmed": 1}
    event = (await world.events())[-1]
    assert story(event) == (world.owner.name, "access_review.decide", "member", "Ann")
    assert (event.workspace_id, event.reason) == (world.a.id, "Still needed.")
    assert event.diff == [
        {"path": "decision", "before": "pending", "after": "confirmed"},
        {"path": "review", "before": None, "after": "Spring review"},
        {"path": "role", "before": None, "after": "Viewer"},
        {"path": "scope", "before": None, "after": f"workspace:{world.a.id}"},
    ]
    assert (await world.subject(ann)).revision == before.revision


async def test_a_revoked_assignment_is_gone_with_the_decision(
    world: World, owner: Subject, ann: Member, bob: Member, reviewing: Open
) -> None:
    review, before = await reviewing(world.a), await world.subject(ann)

    item, refusal = await review.answer(owner, ann, note="Left the team.")

    assert (refusal, item.decision) == (None, D.REVOKED)
    assert not await Assignment.exists(id=item.assignment_id)
    assert await review.counts() == {"pending": 1, "revoked": 1}
    taken, decided = (await world.events())[-2:]
    assert story(taken) == (world.owner.name, "role.unassign", "member", "Ann")
    assert (taken.workspace_id, taken.reason) == (world.a.id, "Access review: Spring review")
    assert taken.diff[0] == {"path": "role", "before": "Viewer", "after": None}
    assert story(decided) == (world.owner.name, "access_review.decide", "member", "Ann")
    assert (decided.diff[0]["after"], decided.reason) == ("revoked", "Left the team.")
    after = await world.subject(ann)
    assert (after.access.grants, after.revision) == ((), before.revision + 1)


async def test_several_are_decided_at_once_each_by_itself(
    world: World, owner: Subject, ann: Member, bob: Member, reviewing: Open
) -> None:
    await world.give(world.owner, BuiltinRole.VIEWER, at_workspace(world.a))
    review = await reviewing(world.a)
    asked = [await review.item(each) for each in (bob, world.owner, ann)]

    row, answered = await deciding.decide(
        owner, review.row.id, [Answer(item.id, confirms=item == asked[2]) for item in asked]
    )

    assert [each.item.id for each in answered] == [item.id for item in asked]
    assert [each.refusal and each.refusal.code for each in answered] == [None, "FORBIDDEN", None]
    assert await review.counts() == {"pending": 1, "confirmed": 1, "revoked": 1}
    assert (row.pending, row.version) == (1, 2)
    assert (await review.item(world.owner)).decision is D.PENDING
    assert await Assignment.exists(id=asked[1].assignment_id)


async def test_nobody_decides_about_what_they_hold(
    world: World, owner: Subject, ann: Member, reviewing: Open
) -> None:
    team = await group_of(world, "Team", world.owner, ann)
    for type_, id_ in ((PrincipalType.MEMBER, world.owner.id), (PrincipalType.GROUP, team.id)):
        await Assignment.create(
            organization=world.organization,
            role=await world.role(BuiltinRole.VIEWER),
            principal_type=type_,
            principal_id=id_,
            scope_type="workspace",
            scope_id=world.a.id,
            workspace=world.a,
        )
    review = await reviewing(world.a)
    for holder, kind in ((world.owner, "member"), (team, "group")):
        for confirms in (True, False):
            item, refusal = await review.answer(owner, holder, confirms=confirms)
            assert isinstance(refusal, Forbidden)
            assert refusal.details == {"reason": "OWN_ASSIGNMENT", "missing": []}
            event = (await world.events())[-1]
            assert (event.action, event.outcome) == ("access_review.decide", Outcome.DENIED)
            assert (event.target_type, event.target_id) == (kind, holder.id)
            assert await Assignment.exists(id=item.assignment_id)
    assert await review.counts() == {"pending": 3}
    await GroupMember.filter(group=team, member=world.owner).delete()
    assert (await review.answer(owner, team))[1] is None


@pytest.fixture
async def lead(world: World) -> Subject:
    """Gives roles in workspace a, as far as viewing goes."""
    role = await world.custom_role("Lead", Permission.MEMBERS_ASSIGN, Permission.CAMPAIGNS_READ)
    return await world.someone("Lea", role, at_workspace(world.a))


async def test_who_is_asked_decides_or_an_owner(
    world: World, owner: Subject, lead: Subject, ann: Member, bob: Member, reviewing: Open
) -> None:
    second = await world.member("Max")
    await world.give(
        second, await world.custom_role("Second", Permission.MEMBERS_ASSIGN), at_workspace(world.a)
    )
    max_ = await world.subject(second)
    review = await reviewing(world.a, reviewers=(lead.member_id,))
    for holder in (ann, bob):
        item, refusal = await review.answer(max_, holder, confirms=True)
        assert isinstance(refusal, Forbidden)
        assert (refusal.details["reason"], item.decision) == ("OTHER_REVIEWER", D.PENDING)
    assert (await review.answer(lead, ann, confirms=True))[1] is None
    assert (await review.answer(owner, bob, confirms=True))[1] is None
    about_lead = await review.item(await Member.get(id=lead.member_id))
    assert about_lead.reviewer_id is None


async def test_who_is_asked_must_give_roles_there(
    world: World, ann: Member, bob: Member, reviewing: Open
) -> None:
    review = await reviewing(world.a, reviewers=(bob.id,))
    item = await review.item(ann)
    assert item.reviewer_id == bob.id
    await Assignment.filter(principal_id=bob.id, role__name="Reviewer").delete()
    subject = await world.subject(bob)
    async with refused(NotFound):
        await deciding.decide(subject, review.row.id, [Answer(item.id, confirms=True)])
    await world.give(bob, BuiltinRole.MEMBER, at_workspace(world.a))
    subject = await world.subject(bob)
    async with refused(Forbidden, denied="access_review.decide", missing=["MEMBERS_ASSIGN"]):
        await deciding.decide(subject, review.row.id, [Answer(item.id, confirms=True)])


async def test_nobody_revokes_what_they_do_not_hold(
    world: World, lead: Subject, bob: Member, reviewing: Open
) -> None:
    review = await reviewing(world.a, reviewers=(lead.member_id,))
    log = await AuditEvent.all().count()

    item, refusal = await review.answer(lead, bob)

    assert refusal is not None
    assert refusal.code == "ESCALATION"
    assert "campaigns:send" in refusal.details["missing"]
    saved = await review.item(bob)
    assert (saved.decision, saved.decided_by_name, saved.note) == (D.PENDING, None, None)
    assert await Assignment.exists(id=item.assignment_id)
    assert await review.counts() == {"pending": 2}
    assert [(e.action, e.outcome) for e in (await world.events())[log:]] == [
        ("access_review.decide", Outcome.DENIED)
    ]


async def test_the_last_owner_is_not_revoked(world: World, ann: Member, reviewing: Open) -> None:
    await Assignment.create(
        organization=world.organization,
        role=await world.role(BuiltinRole.OWNER),
        principal_type=PrincipalType.MEMBER,
        principal_id=ann.id,
        scope_type="organization",
        scope_id=world.organization.id,
        expires_at=now() + WEEK,
    )
    review, for_a_time = await reviewing(), await world.subject(ann)
    item, refusal = await review.answer(for_a_time, world.owner)
    assert refusal is not None
    assert (refusal.code, item.decision) == ("LAST_OWNER", D.PENDING)
    assert await Assignment.exists(id=item.assignment_id)
    assert await review.counts() == {"pending": 2}


async def test_of_several_owners_the_last_one_asked_about_stays(
    world: World, ann: Member, bob: Member, reviewing: Open
) -> None:
    for member in (ann, bob):
        await world.give(member, BuiltinRole.OWNER, world.everywhere)
    review = await reviewing()
    items = [await review.item(member) for member in (world.owner, ann, bob)]
    answers = [Answer(item.id, confirms=False) for item in items]

    _, answered = await deciding.decide(world.operator, review.row.id, answers)

    assert [each.refusal and each.refusal.code for each in answered] == [None, None, "LAST_OWNER"]
    owners = await Assignment.filter(role=await world.role(BuiltinRole.OWNER))
    assert [assignment.principal_id for assignment in owners] == [bob.id]


async def test_what_is_not_what_it_was_is_gone(
    movable_clock: MovableClock, world: World, ann: Member, bob: Member, reviewing: Open
) -> None:
    role, other = await world.custom_role("First"), await world.custom_role("Second")
    taken, replaced, ended, extended = [await world.member(name) for name in ("T", "R", "E", "X")]
    for member in (taken, replaced, ended, extended):
        await world.give(member, role, at_workspace(world.a))
    await Assignment.filter(principal_id=ended.id).update(expires_at=now() + WEEK)
    review = await reviewing(world.a)
    given = await Assignment.get(principal_id=taken.id)
    await assignments.unassign(world.operator, given.id)
    await Assignment.filter(principal_id=replaced.id).update(role_id=other.id)
    await Assignment.filter(principal_id=extended.id).update(expires_at=now() + 2 * WEEK)
    movable_clock.move(WEEK)
    owner, log = await world.subject(world.owner), await Assignment.all().count()
    for holder, confirms in ((taken, True), (replaced, False), (ended, True), (extended, False)):
        item, refusal = await review.answer(owner, holder, confirms=confirms)
        assert (refusal, item.decision) == (None, D.GONE)
        event = (await world.events())[-1]
        assert (event.action, event.diff[0]["after"]) == ("access_review.decide", "gone")
    assert await Assignment.all().count() == log
    assert await review.counts() == {"pending": 2, "gone": 4}


async def test_an_edited_role_is_still_under_review(
    world: World, owner: Subject, ann: Member, reviewing: Open
) -> None:
    role = await world.custom_role("Drafting", Permission.CAMPAIGNS_DRAFT)
    member = await world.member("Dora")
    await world.give(member, role, at_workspace(world.a))
    review = await reviewing(world.a)
    await roles.update(owner, role.id, expected_version=1, add=[Permission.CAMPAIGNS_SEND])
    item, _ = await review.answer(owner, member)
    assert item.decision is D.REVOKED


async def test_what_is_decided_stays_decided(
    world: World, owner: Subject, ann: Member, bob: Member, reviewing: Open
) -> None:
    review = await reviewing(world.a)
    await review.answer(owner, ann, confirms=True, note="First.")
    item, refusal = await review.answer(owner, ann, note="Second.")
    assert refusal is not None
    assert refusal.code == "CONFLICT"
    saved = await review.item(ann)
    assert (saved.decision, saved.note) == (D.CONFIRMED, "First.")
    assert await Assignment.exists(id=item.assignment_id)


async def test_what_is_over_is_not_decided(
    movable_clock: MovableClock, world: World, ann: Member, bob: Member, reviewing: Open
) -> None:
    owner = await world.subject(world.owner)
    for end in (closing.close, closing.cancel, None):
        review = await reviewing(world.a, due_in=WEEK)
        if end is None:
            movable_clock.move(WEEK)
        else:
            await end(owner, review.row.id)
        item = await review.item(ann)
        async with refused(Conflict):
            await deciding.decide(owner, review.row.id, [Answer(item.id, confirms=False)])


async def test_answers_are_checked(
    world: World, owner: Subject, ann: Member, reviewing: Open
) -> None:
    review = await reviewing(world.a)
    item = await review.item(ann)
    for answers, field in (
        ([], "decisions"),
        ([Answer(item.id, confirms=True)] * 2, "decisions"),
        ([Answer(new_id(), confirms=True) for _ in range(101)], "decisions"),
        ([Answer(item.id, confirms=True, note="x" * 501)], "note"),
        ([Answer(item.id, confirms=True, note="a\x00b")], "note"),
    ):
        async with refused(BadInput, field=field):
            await deciding.decide(owner, review.row.id, answers)


async def test_an_item_belongs_to_its_review_and_its_organization(
    world: World, owner: Subject, ann: Member, reviewing: Open
) -> None:
    review, other = await reviewing(world.a), await reviewing()
    globex = await new_world("globex")
    item = await review.item(ann)
    stranger = await globex.subject(globex.owner)
    for subject, review_id, item_id in (
        (owner, other.row.id, item.id),
        (owner, review.row.id, UNKNOWN_ID),
        (owner, UNKNOWN_ID, item.id),
        (stranger, review.row.id, item.id),
    ):
        async with refused(NotFound):
            await deciding.decide(subject, review_id, [Answer(item_id, confirms=False)])


async def test_of_two_reviewers_at_once_one_decides(
    world: World, ann: Member, bob: Member, reviewing: Open
) -> None:
    second = await world.someone("Sue", BuiltinRole.OWNER, world.everywhere)
    first = await world.subject(world.owner)
    review = await reviewing(world.a)

    answers = await asyncio.gather(
        review.answer(first, ann, confirms=True),
        review.answer(second, ann),
        review.answer(second, bob),
        review.answer(first, bob, confirms=True),
    )

    for holder, (one, two) in ((ann, answers[:2]), (bob, answers[2:])):
        codes = [refusal and refusal.code for _, refusal in (one, two)]
        assert sorted(map(str, codes)) == ["CONFLICT", "None"]
        winner = one if one[1] is None else two
        saved = await review.item(holder)
        assert saved.decision is winner[0].decision
        stays = saved.decision is D.CONFIRMED
        assert await Assignment.exists(id=saved.assignment_id) is stays
    assert sum((await review.counts()).values()) == 2


async def test_deciding_while_it_is_closed_is_before_it_or_not_at_all(
    world: World, owner: Subject, ann: Member, bob: Member, reviewing: Open
) -> None:
    for number in range(4):
        review = await reviewing(world.a)
        item = await review.item(ann)
        answer = deciding.decide(owner, review.row.id, [Answer(item.id, confirms=True)])
        racing = [outcome(answer), outcome(closing.close(owner, review.row.id))]
        results = await asyncio.gather(*(racing if number % 2 else racing[::-1]))
        decided = results[0 if number % 2 else 1]
        await review.row.refresh_from_db()
        assert review.row.status is AccessReviewStatus.CLOSED
        assert decided in ("DONE", "CONFLICT")
        counts = {"pending": 1, "confirmed": 1} if decided == "DONE" else {"pending": 2}
        assert await review.counts() == counts


async def test_an_owner_who_is_recovered_meanwhile_is_gone(
    world: World, owner: Subject, ann: Member, reviewing: Open
) -> None:
    await Assignment.create(
        organization=world.organization,
        role=await world.role(BuiltinRole.OWNER),
        principal_type=PrincipalType.MEMBER,
        principal_id=ann.id,
        scope_type="organization",
        scope_id=world.organization.id,
        expires_at=now() + WEEK,
    )
    review = await reviewing()
    await organizations.recover_owner(world.operator, email=ann.email)
    item, _ = await review.answer(owner, ann)
    assert item.decision is D.GONE


@pytest.mark.parametrize("people", [1, 12])
async def test_the_statements_do_not_grow_with_the_answers(
    world: World, ann: Member, reviewing: Open, people: int
) -> None:
    for number in range(2 * people):
        member = await world.member(f"Member {number}")
        await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
    owner, review = await world.subject(world.owner), await reviewing(world.a)
    items = await AccessReviewItem.filter(review_id=review.row.id).order_by("id").limit(2 * people)
    answers = [
        Answer(item.id, confirms=bool(n % 2), note=f"Note {n}") for n, item in enumerate(items)
    ]

    with counted_statements() as statements:
        await deciding.decide(owner, review.row.id, answers)

    assert await review.counts() == {"pending": 1, "confirmed": people, "revoked": people}
    assert len(statements) == 14, statements
