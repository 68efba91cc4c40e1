"""Opening an access review: who may, what is in it, and who is asked."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from identity.access.compiled import fixed_access
from identity.access.permissions import Permission, mask_of
from identity.access_reviews import closing, opening, reading
from identity.refusals import BadInput, Conflict, Forbidden, NotFound
from identity.subject import Subject
from models import (
    AccessReview,
    AccessReviewDecision,
    AccessReviewItem,
    AccessReviewStatus,
    AccessReviewSubject,
    ActorType,
    Assignment,
    BuiltinRole,
    Member,
    MemberStatus,
    Organization,
    Plan,
    PrincipalType,
    Unanswered,
)
from models.clock import now
from models.ids import new_id
from models.listing import page
from models.window import Window
from tests.clock import MovableClock
from tests.identity.access_reviews.reviews import Open, group_of, let_review
from tests.identity.refusing import outcome, refused, story
from tests.statements import counted_statements
from tests.world import UNKNOWN_ID, World, at_campaign, at_workspace, new_world

WEEK = timedelta(days=7)


async def test_a_workspace_is_reviewed_with_what_is_in_it(
    world: World, owner: Subject, ann: Member, bob: Member, reviewing: Open
) -> None:
    campaign = await world.campaign(world.a)
    team = await group_of(world, "Zebras", ann)
    viewer = await world.role(BuiltinRole.VIEWER)
    await Assignment.create(
        organization=world.organization,
        role=viewer,
        principal_type=PrincipalType.GROUP,
        principal_id=team.id,
        scope_type="campaign",
        scope_id=campaign.id,
        workspace=world.a,
        expires_at=now() + WEEK,
    )
    elsewhere = await world.member("Aaron")
    await world.give(elsewhere, viewer, at_workspace(world.b))
    await world.give(elsewhere, viewer, world.everywhere)

    review = (await reviewing(world.a)).row

    rows = await page(reading.items(owner.access, review.id), Window(limit=50))
    assert [(row.principal_name, row.role_name, row.scope_type.value) for row in rows] == [
        ("Ann", "Viewer", "workspace"),
        ("Bob", "Operator", "workspace"),
        ("Zebras", "Viewer", "campaign"),
    ]
    given = await Assignment.get(principal_id=team.id)
    last = rows[-1]
    assert (last.assignment_id, last.role_id, last.principal_type, last.principal_id) == (
        given.id,
        viewer.id,
        PrincipalType.GROUP,
        team.id,
    )
    assert (last.scope_id, last.workspace_id, last.expires_at) == (
        campaign.id,
        world.a.id,
        given.expires_at,
    )
    assert {(row.decision, row.reviewer_id, row.note) for row in rows} == {
        (AccessReviewDecision.PENDING, None, None)
    }
    saved = await AccessReview.get(id=review.id)
    assert (saved.subject, saved.workspace_id) == (AccessReviewSubject.WORKSPACE, world.a.id)
    assert (saved.status, saved.total, saved.pending) == (AccessReviewStatus.OPEN, 3, 3)
    assert (saved.opened_by_id, saved.opened_by_name) == (world.owner.id, world.owner.name)
    event = (await world.events())[-1]
    assert story(event) == (
        world.owner.name,
        "access_review.open",
        "access_review",
        "Spring review",
    )
    assert (event.target_id, event.workspace_id) == (review.id, world.a.id)
    assert {"path": "items", "before": None, "after": 3} in event.diff


async def test_owners_are_reviewed_wherever_they_are(
    world: World, ann: Member, reviewing: Open
) -> None:
    local = await world.member("Lou")
    await world.give(local, BuiltinRole.OWNER, at_workspace(world.b))

    review = (await reviewing()).row

    assert (review.subject, review.workspace_id) == (AccessReviewSubject.OWNERS, None)
    found = await AccessReviewItem.filter(review_id=review.id).order_by("-id")
    assert [(item.principal_name, item.scope_type.value) for item in found] == [
        ("Lou", "workspace"),
        (world.owner.name, "organization"),
    ]


async def test_what_has_ended_is_not_reviewed(
    movable_clock: MovableClock, world: World, ann: Member, bob: Member, reviewing: Open
) -> None:
    await Assignment.filter(principal_id=ann.id).update(expires_at=now() + WEEK)
    movable_clock.move(WEEK)
    review = (await reviewing(world.a)).row
    assert [item.principal_id for item in await AccessReviewItem.filter(review=review)] == [bob.id]


async def test_only_an_owner_of_the_organization_opens_closes_and_cancels(
    world: World, ann: Member, reviewing: Open
) -> None:
    assigner = await world.custom_role("Assigner", Permission.MEMBERS_ASSIGN)
    admin = await world.member("Ada")
    for role in (BuiltinRole.ADMIN, assigner):
        await world.give(admin, role, world.everywhere)
    as_much = await world.custom_role("As much as Owner", *Permission)
    mask = mask_of({Permission.MEMBERS_ASSIGN})
    for subject in (
        await world.subject(admin),
        await world.someone("Lou", BuiltinRole.OWNER, at_workspace(world.a)),
        await world.someone("Max", as_much, world.everywhere),
        replace(
            world.operator,
            actor_type=ActorType.SCIM_TOKEN,
            access=fixed_access(world.organization.id, mask),
        ),
    ):
        for workspace_id in (world.a.id, None):
            async with refused(Forbidden, denied="access_review.open", reason="OWNER_ONLY"):
                await _open(subject, workspace_id=workspace_id)
    review = (await reviewing(world.a)).row
    ada = await world.subject(admin)
    async with refused(Forbidden, denied="access_review.close", reason="OWNER_ONLY"):
        await closing.close(ada, review.id)
    async with refused(Forbidden, denied="access_review.cancel", reason="OWNER_ONLY"):
        await closing.cancel(ada, review.id)


@pytest.mark.parametrize("plan", Plan)
async def test_an_owner_opens_on_every_plan(world: World, ann: Member, plan: Plan) -> None:
    await Organization.filter(id=world.organization.id).update(plan=plan)
    review = await _open(await world.subject(world.owner), workspace_id=world.a.id)
    assert review.total == 1


async def test_one_review_of_the_same_is_open_at_a_time(
    world: World, owner: Subject, ann: Member, reviewing: Open
) -> None:
    first, owners = (await reviewing(world.a)).row, (await reviewing()).row
    for workspace_id in (world.a.id, None):
        async with refused(Conflict):
            await _open(owner, workspace_id=workspace_id)
    await closing.cancel(owner, first.id)
    await closing.close(owner, owners.id)
    for workspace_id in (world.a.id, None):
        await _open(owner, workspace_id=workspace_id)


async def test_opened_twice_at_once_it_is_open_once(
    world: World, owner: Subject, ann: Member
) -> None:
    opened = [_open(owner, workspace_id=world.a.id) for _ in range(4)]
    assert sorted(await asyncio.gather(*map(outcome, opened))) == ["CONFLICT"] * 3 + ["DONE"]
    assert await AccessReviewItem.all().count() == 1


async def test_a_workspace_without_assignments_is_not_reviewed(
    world: World, owner: Subject
) -> None:
    async with refused(Conflict):
        await _open(owner, workspace_id=world.b.id)


async def test_what_opens_a_review_is_checked(world: World, owner: Subject, ann: Member) -> None:
    for title in ("", " ", "x" * 201):
        async with refused(BadInput, field="title"):
            await _open(owner, workspace_id=world.a.id, title=title)
    async with refused(BadInput, field="dueAt"):
        await _open(owner, workspace_id=world.a.id, due_in=-WEEK)
    async with refused(BadInput, field="reviewerIds"):
        await _open(owner, workspace_id=world.a.id, reviewers=[new_id() for _ in range(21)])


async def test_nobody_and_nothing_of_another_organization_is_there(
    world: World, owner: Subject, ann: Member
) -> None:
    other = await new_world("globex")
    foreign, gone = await other.member("Fred"), await world.member("Gus")
    await Member.filter(id=gone.id).update(status=MemberStatus.SUSPENDED)
    async with refused(NotFound):
        await _open(owner, workspace_id=other.a.id)
    for reviewer in (foreign.id, gone.id, UNKNOWN_ID):
        async with refused(NotFound):
            await _open(owner, workspace_id=world.a.id, reviewers=[ann.id, reviewer])
    theirs = await _open(await other.subject(other.owner), workspace_id=None)
    for end in (closing.close, closing.cancel):
        for review_id in (theirs.id, UNKNOWN_ID):
            async with refused(NotFound):
                await end(owner, review_id)


async def test_reviewers_are_asked_in_turn_and_never_about_what_they_hold(
    world: World, ann: Member, bob: Member, reviewing: Open
) -> None:
    campaigns = [await world.campaign(world.a, f"Campaign {number}") for number in range(6)]
    others = [await world.member(f"Member {number}") for number in range(6)]
    for campaign, other in zip(campaigns, others, strict=True):
        await world.give(other, BuiltinRole.VIEWER, at_campaign(campaign))
    team, pair = await group_of(world, "Team", ann), await group_of(world, "Pair", ann, bob)
    viewer = await world.role(BuiltinRole.VIEWER)
    for group in (team, pair):
        await Assignment.create(
            organization=world.organization,
            role=viewer,
            principal_type=PrincipalType.GROUP,
            principal_id=group.id,
            scope_type="workspace",
            scope_id=world.a.id,
            workspace=world.a,
        )

    review = await reviewing(world.a, reviewers=(ann.id, bob.id, ann.id))

    asked = {other.name: (await review.item(other)).reviewer_id for other in others}
    assert sorted(map(str, asked.values())) == sorted([str(ann.id)] * 3 + [str(bob.id)] * 3)
    assert (await review.item(ann)).reviewer_id == bob.id
    assert (await review.item(bob)).reviewer_id == ann.id
    assert (await review.item(team)).reviewer_id == bob.id
    assert (await review.item(pair)).reviewer_id is None
    event = (await world.events())[-1]
    assert {"path": "reviewers", "added": ["Ann", "Bob"], "removed": []} in event.diff


@pytest.mark.parametrize("people", [1, 12])
async def test_the_statements_do_not_grow_with_the_assignments(
    world: World, owner: Subject, ann: Member, people: int
) -> None:
    for number in range(people):
        member = await world.member(f"Member {number}")
        await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
    await let_review(world, ann.id)
    owner = await world.subject(world.owner)
    with counted_statements() as statements:
        review = await _open(owner, workspace_id=world.a.id, reviewers=[ann.id])
    assert review.total == people + 1
    assert len(statements) == 11, statements


async def test_a_reviewer_gives_and_takes_roles_where_the_review_is(
    world: World, ann: Member, bob: Member
) -> None:
    """Whoever could decide about nothing is not asked."""
    role = await world.custom_role("Lead", Permission.MEMBERS_ASSIGN)
    await world.give(ann, role, at_workspace(world.a))
    await world.give(bob, role, at_workspace(world.b))
    owner = await world.subject(world.owner)
    for asked, workspace_id in (
        ([bob.id], world.a.id),
        ([ann.id, bob.id], world.a.id),
        ([ann.id], None),
    ):
        async with refused(BadInput, field="reviewerIds"):
            await _open(owner, workspace_id=workspace_id, reviewers=asked)
    review = await _open(owner, workspace_id=world.a.id, reviewers=[ann.id])
    assert review.total == 3


async def _open(
    subject: Subject,
    *,
    workspace_id: UUID | None,
    title: str = "Review",
    due_in: timedelta = WEEK,
    reviewers: Sequence[UUID] = (),
) -> AccessReview:
    return await opening.open_review(
        subject,
        title=title,
        workspace_id=workspace_id,
        due_at=now() + due_in,
        unanswered=Unanswered.KEEP,
        reviewer_ids=reviewers,
    )
