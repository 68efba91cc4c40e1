"""Moving the end of a role that was given, or its reason: the same assignment throughout."""

import asyncio
from datetime import datetime, timedelta
from functools import partial

import pytest

from identity import assignments, past_access
from identity.access.permissions import Permission
from identity.access.touched import Touched
from identity.assignments import Principal
from identity.refusals import BadInput, Conflict, Escalation, Forbidden, LastOwner, NotFound
from identity.rehearsal import Change, rehearse
from identity.subject import Subject
from models import Assignment, BuiltinRole, Member, PrincipalType
from models.clock import now
from tests.clock import MovableClock
from tests.identity.refusing import outcome, refused, story
from tests.identity.rehearsing import leaving_nothing
from tests.world import UNKNOWN_ID, World, at_workspace, new_world

P = Permission
HOUR = timedelta(hours=1)


@pytest.fixture
async def owner(world: World) -> Subject:
    return await world.subject(world.owner)


@pytest.fixture
async def ann(world: World) -> Member:
    return await world.member("Ann")


async def given(
    world: World, member: Member, *, until: datetime | None, role: BuiltinRole = BuiltinRole.VIEWER
) -> Assignment:
    """The member's role at workspace a."""
    return await assignments.assign(
        world.operator,
        role_id=(await world.role(role)).id,
        principal=Principal(PrincipalType.MEMBER, member.id),
        scope=at_workspace(world.a),
        expires_at=until,
        reason="Holidays.",
    )


async def test_another_end_is_the_same_assignment_with_an_event(
    world: World, owner: Subject, ann: Member
) -> None:
    first, later = now() + HOUR, now() + 2 * HOUR
    row = await given(world, ann, until=first)
    revision = (await world.subject(ann)).revision
    changed = await assignments.update(owner, row.id, expires_at=later)
    assert changed.id == row.id
    saved = await Assignment.get(id=row.id)
    assert (saved.expires_at, saved.reason) == (later, "Holidays.")
    assert (saved.assigned_by_id, saved.created_at) == (row.assigned_by_id, row.created_at)
    event = (await world.events())[-1]
    assert story(event) == (world.owner.name, "assignment.update", "member", "Ann")
    assert (event.workspace_id, event.reason) == (world.a.id, "Holidays.")
    same = {
        "role": "Viewer",
        "roleId": str(row.role_id),
        "scope": f"workspace:{world.a.id}",
        "assignmentId": str(row.id),
    }
    assert event.diff == [
        *({"path": path, "before": value, "after": value} for path, value in same.items()),
        {"path": "expiresAt", "before": first.isoformat(), "after": later.isoformat()},
    ]
    subject = await world.subject(ann)
    assert (subject.revision, subject.access.valid_until) == (revision + 1, later)

    await assignments.update(owner, row.id, expires_at=None)
    assert (await Assignment.get(id=row.id)).expires_at is None
    assert (await world.subject(ann)).access.valid_until is None


async def test_another_reason_changes_no_access(world: World, owner: Subject, ann: Member) -> None:
    row = await given(world, ann, until=None)
    revision = (await world.subject(ann)).revision
    await assignments.update(owner, row.id, reason="Cover for Ben.")
    assert (await Assignment.get(id=row.id)).reason == "Cover for Ben."
    assert (await world.events())[-1].diff[-1] == {
        "path": "reason",
        "before": "Holidays.",
        "after": "Cover for Ben.",
    }
    await assignments.update(owner, row.id, reason=None)
    assert (await Assignment.get(id=row.id)).reason is None
    assert (await world.subject(ann)).revision == revision


async def test_nothing_given_changes_nothing(world: World, owner: Subject, ann: Member) -> None:
    ends = now() + HOUR
    row = await given(world, ann, until=ends)
    log, revision = len(await world.events()), (await world.subject(ann)).revision
    for same in ({}, {"expires_at": ends}, {"expires_at": ends, "reason": "Holidays."}):
        await assignments.update(owner, row.id, **same)
    saved = await Assignment.get(id=row.id)
    assert (saved.expires_at, saved.reason) == (ends, "Holidays.")
    assert (len(await world.events()), (await world.subject(ann)).revision) == (log, revision)


async def test_what_has_ended_is_not_brought_back(
    world: World, owner: Subject, ann: Member, movable_clock: MovableClock
) -> None:
    row = await given(world, ann, until=now() + HOUR)
    movable_clock.move(HOUR)
    for terms in ({"expires_at": None}, {"expires_at": now() + HOUR}, {"reason": "Again."}):
        async with refused(Conflict):
            await assignments.update(owner, row.id, **terms)


async def test_an_end_lies_ahead_and_a_reason_is_short(
    world: World, owner: Subject, ann: Member
) -> None:
    row = await given(world, ann, until=None)
    naive = datetime(2100, 1, 1)  # noqa: DTZ001 - the case
    for expires_at in (now(), now() - HOUR, naive):
        async with refused(BadInput, field="expiresAt"):
            await assignments.update(owner, row.id, expires_at=expires_at)
    async with refused(BadInput, field="reason"):
        await assignments.update(owner, row.id, reason="x" * 501)


async def test_who_lets_it_last_longer_holds_all_of_it_for_as_long(
    world: World, ann: Member
) -> None:
    ends = now() + 2 * HOUR
    temporary = await world.member("Temp")
    mine = await given(world, temporary, until=ends, role=BuiltinRole.OWNER)
    theirs = await given(world, ann, until=now() + HOUR, role=BuiltinRole.OPERATOR)
    subject = await world.subject(temporary)
    for row in (mine, theirs):
        for longer in (None, ends + HOUR):
            async with refused(Escalation, denied="assignment.update"):
                await assignments.update(subject, row.id, expires_at=longer)
    await assignments.update(subject, theirs.id, expires_at=ends)
    assert (await Assignment.get(id=theirs.id)).expires_at == ends
    lasting = await given(world, await world.member("Ben"), until=None)
    await assignments.update(subject, lasting.id, expires_at=now() + HOUR)


async def test_who_shortens_it_holds_all_of_it(world: World, ann: Member) -> None:
    role = await world.custom_role("Lead", P.MEMBERS_ASSIGN, P.CAMPAIGNS_DRAFT)
    lead = await world.someone("Lea", role, at_workspace(world.a))
    row = await given(world, ann, until=None, role=BuiltinRole.OPERATOR)
    for terms in ({"expires_at": now() + HOUR}, {"reason": "Mine."}):
        async with refused(Escalation, denied="assignment.update"):
            await assignments.update(lead, row.id, **terms)


async def test_reading_members_is_not_changing_what_they_have(world: World, ann: Member) -> None:
    reader = await world.someone("Mia", BuiltinRole.MEMBER, at_workspace(world.a))
    row = await given(world, ann, until=now() + HOUR)
    async with refused(Forbidden, denied="assignment.update", missing=["MEMBERS_ASSIGN"]):
        await assignments.update(reader, row.id, expires_at=None)


async def test_nothing_of_another_organization_or_out_of_sight_is_there(
    world: World, owner: Subject, ann: Member
) -> None:
    other = await new_world("globex")
    theirs = await given(other, await other.member("Fred"), until=now() + HOUR)
    for assignment_id in (theirs.id, UNKNOWN_ID):
        async with refused(NotFound):
            await assignments.update(owner, assignment_id, expires_at=None)
    mine = await given(world, ann, until=now() + HOUR)
    elsewhere = await world.someone("Lou", BuiltinRole.OWNER, at_workspace(world.b))
    async with refused(NotFound):
        await assignments.update(elsewhere, mine.id, expires_at=None)


async def test_the_last_owner_gets_no_end(world: World, owner: Subject) -> None:
    row = await Assignment.get(principal_id=world.owner.id, scope_id=world.organization.id)
    for subject in (world.operator, owner):
        async with refused(LastOwner, denied="assignment.update"):
            await assignments.update(subject, row.id, expires_at=now() + HOUR)
    await world.give(await world.member("Ann"), BuiltinRole.OWNER, world.everywhere)
    await assignments.update(owner, row.id, expires_at=now() + HOUR)
    assert (await Assignment.get(id=row.id)).expires_at is not None


async def test_two_owners_end_each_other_at_once_and_one_stays(
    world: World, owner: Subject, ann: Member
) -> None:
    mine = await Assignment.get(principal_id=world.owner.id, scope_id=world.organization.id)
    for _ in range(6):
        theirs = await world.give(ann, BuiltinRole.OWNER, world.everywhere)
        end = now() + HOUR
        results = await asyncio.gather(
            outcome(assignments.update(world.operator, mine.id, expires_at=end)),
            outcome(assignments.update(world.operator, theirs.id, expires_at=end)),
        )
        assert sorted(results) == ["DONE", "LAST_OWNER"]
        await assignments.update(world.operator, mine.id, expires_at=None)
        await assignments.unassign(world.operator, theirs.id)


async def test_it_is_taken_while_its_end_moves(world: World, owner: Subject, ann: Member) -> None:
    """Whoever comes second finds it gone, and nothing comes back."""
    for _ in range(6):
        row = await given(world, ann, until=now() + HOUR)
        results = await asyncio.gather(
            outcome(assignments.update(owner, row.id, expires_at=None)),
            outcome(assignments.unassign(world.operator, row.id)),
        )
        assert results[0] in ("DONE", "NOT_FOUND")
        assert results[1] == "DONE"
        assert not await Assignment.exists(principal_id=ann.id)


async def test_the_past_keeps_the_end_that_was(
    world: World, owner: Subject, ann: Member, movable_clock: MovableClock
) -> None:
    row = await given(world, ann, until=now() + HOUR)
    movable_clock.move(HOUR / 2)
    before = now()
    movable_clock.move(HOUR / 4)
    await assignments.update(owner, row.id, expires_at=now() + 3 * HOUR)
    movable_clock.move(2 * HOUR)
    between = now()
    movable_clock.move(HOUR / 4)
    await assignments.update(owner, row.id, expires_at=None, reason="For good.")
    await assignments.unassign(owner, row.id)
    principal = Principal(PrincipalType.MEMBER, ann.id)
    found = []
    for moment in (before, between, now()):
        held = await past_access.access_as_of(owner, principal, moment)
        found.append([(each.grant.assignment_id, each.grant.expires_at) for each in held])
    first = row.expires_at
    assert first is not None
    assert found == [[(row.id, first)], [(row.id, first + HOUR * 2.75)], []]


async def test_a_rehearsal_tells_what_would_hold_at_the_earlier_end(
    world: World, owner: Subject, ann: Member
) -> None:
    ends = now() + HOUR
    row = await given(world, ann, until=ends)
    for until, starts_at, gaining, losing in (
        (None, ends, 1, 0),
        (ends + HOUR, ends, 1, 0),
        (ends - HOUR / 2, ends - HOUR / 2, 0, 1),
        (ends, None, 0, 0),
    ):
        change = Change(
            partial(assignments.update, assignment_id=row.id, expires_at=until),
            Touched(assignment_ids=(row.id,)),
            moves_end_of=row.id,
        )
        async with leaving_nothing():
            preview = await rehearse(owner, change)
        assert (preview.starts_at, preview.gaining, preview.losing) == (starts_at, gaining, losing)
