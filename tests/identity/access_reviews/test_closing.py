"""How an access review ends: what becomes of the unanswered, and what it does by itself."""

import asyncio
import json
from datetime import timedelta

import pytest

from identity import assignments, mail
from identity.access_reviews import closing, due
from identity.refusals import Conflict
from identity.subject import Subject
from models import (
    AccessReview,
    AccessReviewDecision,
    AccessReviewStatus,
    ActorType,
    Assignment,
    BuiltinRole,
    Mail,
    Member,
    MemberStatus,
    Unanswered,
    ViaType,
    WorkspaceState,
)
from models.secret import keyring
from tests.clock import MovableClock
from tests.identity.access_reviews.reviews import Open
from tests.identity.refusing import refused, story
from tests.statements import counted_statements
from tests.world import UNKNOWN_ID, World, at_workspace

DAY = timedelta(days=1)
D = AccessReviewDecision


async def test_unanswered_assignments_stay_where_the_review_says_so(
    world: World, owner: Subject, ann: Member, bob: Member, reviewing: Open
) -> None:
    review = await reviewing(world.a)
    await review.answer(owner, ann, confirms=True)
    before = await world.subject(world.owner)

    row = await closing.close(owner, review.row.id)

    assert (row.status, row.closed_at is None) == (AccessReviewStatus.CLOSED, False)
    assert await review.counts() == {"pending": 1, "confirmed": 1}
    assert await Assignment.filter(workspace=world.a).count() == 2
    assert (await world.subject(world.owner)).revision == before.revision
    event = (await world.events())[-1]
    assert story(event) == (
        world.owner.name,
        "access_review.close",
        "access_review",
        "Spring review",
    )
    assert event.workspace_id == world.a.id
    assert event.diff == [
        {"path": "status", "before": "open", "after": "closed"},
        {"path": "pending", "before": None, "after": 1},
        {"path": "confirmed", "before": None, "after": 1},
        {"path": "revoked", "before": None, "after": 0},
        {"path": "expired", "before": None, "after": 0},
        {"path": "gone", "before": None, "after": 0},
    ]


async def test_unanswered_assignments_expire_where_the_review_says_so(
    world: World, owner: Subject, ann: Member, bob: Member, reviewing: Open
) -> None:
    zoe = await world.member("Zoe")
    given = await world.give(zoe, BuiltinRole.VIEWER, at_workspace(world.a))
    review = await reviewing(world.a, unanswered=Unanswered.REVOKE)
    await review.answer(owner, ann, confirms=True)
    await assignments.unassign(owner, given.id)
    log, before = len(await world.events()), await world.subject(bob)

    await closing.close(owner, review.row.id)

    assert await review.counts() == {"confirmed": 1, "expired": 1, "gone": 1}
    assert (await review.item(bob)).decision is D.EXPIRED
    assert (await review.item(bob)).decided_at is not None
    assert (await review.item(zoe)).decision is D.GONE
    left = await Assignment.filter(workspace=world.a)
    assert [assignment.principal_id for assignment in left] == [ann.id]
    after = await world.subject(bob)
    assert (after.access.grants, after.revision) == ((), before.revision + 1)
    taken, closed = (await world.events())[log:]
    assert story(taken) == (world.owner.name, "role.unassign", "member", "Bob")
    assert taken.reason == "Unanswered in the access review: Spring review"
    assert closed.action == "access_review.close"


async def test_the_first_of_the_last_owners_stays(
    world: World, ann: Member, bob: Member, reviewing: Open
) -> None:
    for member in (ann, bob):
        await world.give(member, BuiltinRole.OWNER, world.everywhere)
    review = await reviewing(unanswered=Unanswered.REVOKE)

    await closing.close(world.operator, review.row.id)

    assert await review.counts() == {"pending": 1, "expired": 2}
    kept = await review.item(world.owner)
    assert (kept.decision, kept.refusal) == (D.PENDING, "LAST_OWNER")
    owners = await Assignment.filter(role=await world.role(BuiltinRole.OWNER))
    assert [assignment.principal_id for assignment in owners] == [world.owner.id]


async def test_an_owner_who_is_confirmed_lets_all_others_expire(
    world: World, owner: Subject, ann: Member, reviewing: Open
) -> None:
    await world.give(ann, BuiltinRole.OWNER, world.everywhere)
    review = await reviewing(unanswered=Unanswered.REVOKE)
    await review.answer(await world.subject(world.owner), ann, confirms=True)
    await closing.close(world.operator, review.row.id)
    assert await review.counts() == {"confirmed": 1, "expired": 1}
    assert (await review.item(world.owner)).refusal is None


async def test_an_archived_workspace_is_reviewed_to_the_end(
    world: World, ann: Member, bob: Member, reviewing: Open
) -> None:
    world.a.state = WorkspaceState.ARCHIVED
    await world.a.save()
    review = await reviewing(world.a, unanswered=Unanswered.REVOKE)
    _, refusal = await review.answer(await world.subject(world.owner), ann)
    assert refusal is None
    await closing.close(await world.subject(world.owner), review.row.id)
    assert await review.counts() == {"revoked": 1, "expired": 1}
    assert not await Assignment.exists(workspace=world.a)


async def test_a_cancelled_review_takes_nothing_away(
    world: World, owner: Subject, ann: Member, bob: Member, reviewing: Open
) -> None:
    review = await reviewing(world.a, unanswered=Unanswered.REVOKE)
    await review.answer(owner, ann)
    row = await closing.cancel(owner, review.row.id)
    assert (row.status, row.version) == (AccessReviewStatus.CANCELLED, 3)
    assert await review.counts() == {"pending": 1, "revoked": 1}
    assert await Assignment.exists(principal_id=bob.id)
    assert (await world.events())[-1].action == "access_review.cancel"


async def test_what_ended_does_not_end_again(
    world: World, owner: Subject, ann: Member, reviewing: Open
) -> None:
    for first in (closing.close, closing.cancel):
        review = await reviewing(world.a)
        await first(owner, review.row.id)
        for again in (closing.close, closing.cancel):
            async with refused(Conflict):
                await again(owner, review.row.id)


@pytest.mark.parametrize("people", [1, 12])
async def test_the_statements_do_not_grow_with_the_items(
    world: World, reviewing: Open, people: int
) -> None:
    for number in range(2 * people):
        member = await world.member(f"Member {number}")
        await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
    review = await reviewing(world.a, unanswered=Unanswered.REVOKE)
    gone = await Assignment.filter(workspace=world.a).order_by("id").limit(people)
    await Assignment.filter(id__in=[assignment.id for assignment in gone]).delete()

    with counted_statements() as statements:
        await closing.close(world.operator, review.row.id)

    assert await review.counts() == {"gone": people, "expired": people}
    assert len(statements) == 14, statements


@pytest.mark.parametrize("at_once", [1, 2, 3, 500])
@pytest.mark.parametrize("unanswered", Unanswered)
async def test_many_are_closed_in_parts(
    monkeypatch: pytest.MonkeyPatch,
    world: World,
    reviewing: Open,
    at_once: int,
    unanswered: Unanswered,
) -> None:
    """With the same end as at once: of the owners the first stays, and what is gone is gone."""
    monkeypatch.setattr(closing, "AT_ONCE", at_once)
    given = [
        await world.give(
            await world.member(f"Member {number}"), BuiltinRole.OWNER, world.everywhere
        )
        for number in range(5)
    ]
    review = await reviewing(unanswered=unanswered)
    await Assignment.filter(id=given[2].id).delete()

    row = await closing.close(world.operator, review.row.id)

    assert row.status is AccessReviewStatus.CLOSED
    if unanswered is Unanswered.REVOKE:
        assert await review.counts() == {"gone": 1, "expired": 4, "pending": 1}
        assert [each.principal_id for each in await Assignment.all()] == [world.owner.id]
    else:
        assert await review.counts() == {"gone": 1, "pending": 5}
    events = await world.events()
    assert [event.action for event in events].count("access_review.close") == 1


async def test_one_that_was_interrupted_goes_on(
    monkeypatch: pytest.MonkeyPatch, world: World, reviewing: Open
) -> None:
    """The process dies between two parts: the review is open, and what is done is done."""
    monkeypatch.setattr(closing, "AT_ONCE", 2)
    for number in range(5):
        member = await world.member(f"Member {number}")
        await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
    review = await reviewing(world.a, unanswered=Unanswered.REVOKE)
    with monkeypatch.context() as dying:
        dying.setattr(closing, "_end", _dies)
        with pytest.raises(RuntimeError):
            await closing.close(world.operator, review.row.id)
    assert await review.counts() == {"expired": 4, "pending": 1}
    assert (await AccessReview.get(id=review.row.id)).status is AccessReviewStatus.OPEN

    await closing.close(world.operator, review.row.id)

    assert await review.counts() == {"expired": 5}
    assert await Assignment.filter(workspace=world.a).count() == 0


async def _dies(*_: object) -> None:
    raise RuntimeError


async def done_by_itself(world: World) -> list[str]:
    """What is done now, as it is recorded."""
    log = len(await world.events())
    for review_id in await due.due():
        before = len(await world.events())
        await due.carry_out(review_id)
        of_one = (await world.events())[before:]
        assert len({event.request_id for event in of_one} - {None}) == min(1, len(of_one))
    events = (await world.events())[log:]
    for event in events:
        assert (event.actor_type, event.via) == (ActorType.SYSTEM, ViaType.JOB)
        assert event.actor_name == event.operation == "access review"
        assert event.on_behalf_of_name == world.owner.name
    return [event.action for event in events]


async def test_it_reminds_and_closes_by_itself(
    movable_clock: MovableClock, world: World, ann: Member, reviewing: Open
) -> None:
    review = await reviewing(world.a, unanswered=Unanswered.REVOKE, due_in=10 * DAY)
    story_ = []
    for _ in range(22):
        story_.append(await done_by_itself(world))
        movable_clock.move(DAY / 2)
    remind, close = ["access_review.remind"], ["role.unassign", "access_review.close"]
    expected: list[list[str]] = [[] for _ in range(22)]
    expected[14], expected[18], expected[20] = remind, remind, close
    assert story_ == expected
    row = await AccessReview.get(id=review.row.id)
    assert (row.status, row.reminders_sent) == (AccessReviewStatus.CLOSED, 2)
    assert row.reminded_at == row.due_at - DAY
    assert await review.counts() == {"expired": 1}
    event = (await world.events())[-1]
    assert event.diff[0] == {"path": "status", "before": "open", "after": "closed"}


async def test_a_reminder_says_how_much_is_pending(
    movable_clock: MovableClock, world: World, ann: Member, bob: Member, reviewing: Open
) -> None:
    review = await reviewing(world.a, due_in=4 * DAY)
    await review.answer(await world.subject(world.owner), ann, confirms=True)
    movable_clock.move(DAY)
    assert await done_by_itself(world) == ["access_review.remind"]
    event = (await world.events())[-1]
    assert (event.target_type, event.target_name) == ("access_review", "Spring review")
    assert event.diff == [
        {"path": "remindersSent", "before": 0, "after": 1},
        {"path": "pending", "before": None, "after": 1},
    ]


async def test_who_is_asked_gets_a_mail_or_else_who_opened_it(
    movable_clock: MovableClock, world: World, ann: Member, bob: Member, reviewing: Open
) -> None:
    await world.give(await world.member("Cleo"), BuiltinRole.VIEWER, at_workspace(world.a))
    asked = await reviewing(world.a, reviewers=(ann.id, bob.id), due_in=2 * DAY)
    owners = await reviewing(unanswered=Unanswered.REVOKE, due_in=2 * DAY)
    await asked.answer(await world.subject(world.owner), ann, confirms=True)
    await Member.filter(id=bob.id).update(status=MemberStatus.SUSPENDED)
    movable_clock.move(DAY)
    mail.use(delivers=True)
    try:
        assert await done_by_itself(world) == ["access_review.remind"] * 2
    finally:
        mail.use(delivers=False)
    sent = await Mail.all().order_by("recipient")
    assert [each.recipient for each in sent] == [ann.email, world.owner.email]
    told = json.loads(keyring.decrypt(sent[1].message_encrypted or ""))
    assert (told["subject"], told["path"]) == ("Access review: Spring review", "/")
    assert told["paragraphs"] == [
        "Roles that people hold (1) wait to be confirmed or revoked.",
        "The review ends at 03 January 2030, 00:00 UTC.",
        "What nobody has decided about by then is taken away.",
    ]
    assert await owners.counts() == {"pending": 1}


@pytest.mark.parametrize(
    ("due_in", "away", "reminders"),
    [
        (10 * DAY, 9 * DAY + DAY / 2, 1),  # the worker was away at both times
        (2 * DAY, DAY, 1),  # opened after the first
        (2 * DAY, DAY / 2, 0),
        (DAY / 2, DAY / 4, 0),
    ],
)
async def test_a_reminder_comes_once_for_the_times_since_the_last(
    movable_clock: MovableClock,
    world: World,
    ann: Member,
    reviewing: Open,
    due_in: timedelta,
    away: timedelta,
    reminders: int,
) -> None:
    await reviewing(world.a, due_in=due_in)
    movable_clock.move(away)
    for _ in range(2):
        await done_by_itself(world)
        assert (await AccessReview.get()).reminders_sent == reminders


async def test_nobody_is_reminded_of_what_is_decided_or_over(
    movable_clock: MovableClock, world: World, owner: Subject, ann: Member, reviewing: Open
) -> None:
    owner = await world.subject(world.owner)
    decided, cancelled = await reviewing(world.a, due_in=4 * DAY), await reviewing(due_in=4 * DAY)
    await decided.answer(owner, ann, confirms=True)
    await closing.cancel(owner, cancelled.row.id)
    movable_clock.move(2 * DAY)
    assert await done_by_itself(world) == []
    movable_clock.move(2 * DAY)
    assert await done_by_itself(world) == ["access_review.close"]


async def test_of_several_workers_one_does_it(
    movable_clock: MovableClock, world: World, ann: Member, reviewing: Open
) -> None:
    review = await reviewing(world.a, unanswered=Unanswered.REVOKE, due_in=2 * DAY)
    for action in ("access_review.remind", "access_review.close"):
        movable_clock.move(DAY)
        await asyncio.gather(*(due.carry_out(review.row.id) for _ in range(4)))
        done = [event for event in await world.events() if event.action == action]
        assert len(done) == 1
    assert await review.counts() == {"expired": 1}
    await due.carry_out(UNKNOWN_ID)
