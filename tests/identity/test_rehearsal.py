"""Rehearsing a change of access: what it would do is told, and nothing is left of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest

from identity import assignments, manual_groups, members, roles
from identity.access.demanded import demanding
from identity.access.load import read_access
from identity.access.permissions import Permission
from identity.access.touched import EVERYBODY, Touched
from identity.assignments import Principal, Scope
from identity.refusals import Escalation, Forbidden, InUse, LastOwner, NotFound, VersionConflict
from identity.rehearsal import Change, Preview, rehearse
from identity.subject import Subject
from models import (
    Assignment,
    BuiltinRole,
    Member,
    MemberStatus,
    PrincipalType,
    Role,
    ScopeType,
)
from models.clock import now
from models.reading import fetch
from tests.clock import MovableClock
from tests.identity.rehearsing import leaving_nothing
from tests.statements import counted_statements
from tests.world import UNKNOWN_ID, World, at_campaign, at_workspace

P = Permission
READ, SEND = P.CAMPAIGNS_READ, P.CAMPAIGNS_SEND


@pytest.fixture
async def owner(world: World) -> Subject:
    return await world.subject(world.owner)


def told(preview: Preview) -> dict[UUID, list[tuple[object, ...]]]:
    """Each affected member's changes: (scope, gained, lost)."""
    assert preview.refusal is None
    return {
        member.id: [(each.scope_id, each.gained, each.lost) for each in member.changes]
        for member in preview.members
    }


def editing(role: Role, *, add: Sequence[P] = (), remove: Sequence[P] = ()) -> Change[Role]:
    return Change(
        lambda subject: roles.update(
            subject, role.id, expected_version=role.version, add=add, remove=remove
        ),
        Touched(role_ids=(role.id,)),
    )


def giving(role: Role, member: Member, scope: Scope) -> Change[object]:
    principal = Principal(PrincipalType.MEMBER, member.id)
    carry_out = partial(assignments.assign, role_id=role.id, principal=principal, scope=scope)
    return Change(carry_out, Touched(principal_ids=(member.id,)))


async def test_an_edit_of_a_role_tells_who_gains_and_loses_where(
    world: World, owner: Subject
) -> None:
    role = await world.custom_role("Shift", SEND)
    campaign = await world.campaign(world.b)
    ann, ben, eve = [await world.member(name) for name in ("Ann", "Ben", "Eve")]
    await world.give(ann, role, at_workspace(world.a))
    await world.give(ben, role, at_campaign(campaign))
    await world.give(eve, role, world.everywhere)
    await world.give(eve, await world.custom_role("Sender", SEND), world.everywhere)
    async with leaving_nothing():
        preview = await rehearse(owner, editing(role, add=[P.CAMPAIGNS_DRAFT], remove=[SEND]))
    gained = (P.CAMPAIGNS_DRAFT,)
    assert told(preview) == {
        ann.id: [(world.a.id, gained, (SEND,))],
        ben.id: [(campaign.id, gained, (SEND,))],
        eve.id: [(world.organization.id, gained, ())],
    }
    assert [member.id for member in preview.members] == [eve.id, ben.id, ann.id]
    assert (preview.gaining, preview.losing) == (3, 2)
    assert preview.permissions is not None
    assert {each.permission: (each.gaining, each.losing) for each in preview.permissions} == {
        P.CAMPAIGNS_DRAFT: (3, 0),
        SEND: (0, 2),
    }


async def test_what_was_rehearsed_is_what_the_change_does(world: World, owner: Subject) -> None:
    ann = await world.member("Ann")
    change = giving(await world.role(BuiltinRole.OPERATOR), ann, at_workspace(world.a))
    (line,) = (await rehearse(owner, change)).members
    await change.carry_out(owner)
    access = await read_access(world.organization.id, ann.id, owner.plan)
    assert line.changes[0].gained is not None
    held = {each for each in P if each.bit & access.workspace_masks[world.a.id]}
    assert set(line.changes[0].gained) == held


async def test_who_joins_and_leaves_a_group_gains_and_loses_what_it_has(
    world: World, owner: Subject
) -> None:
    ann, ben, cat = [await world.member(name) for name in ("Ann", "Ben", "Cat")]
    group = await manual_groups.create(owner, name="Senders", member_ids=[ben.id, cat.id])
    await assignments.assign(
        owner,
        role_id=(await world.custom_role("Reader", READ)).id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=at_workspace(world.a),
    )
    change = Change(
        lambda subject: manual_groups.update(
            subject, group.id, expected_version=group.version, add=[ann.id], remove=[ben.id]
        ),
        Touched(principal_ids=(group.id,)),
    )
    async with leaving_nothing():
        preview = await rehearse(owner, change)
    assert told(preview) == {
        ann.id: [(world.a.id, (READ,), ())],
        ben.id: [(world.a.id, (), (READ,))],
    }


@pytest.mark.parametrize("use_case", [members.suspend, members.remove])
async def test_who_is_taken_out_would_lose_everything_and_stays_signed_in(
    world: World, owner: Subject, use_case: object
) -> None:
    ann = await world.member("Ann")
    await world.give(ann, await world.custom_role("Reader", READ), world.everywhere)
    await world.session(ann)
    change = Change(
        lambda subject: use_case(subject, ann.id),  # type: ignore[operator]
        Touched(principal_ids=(ann.id,)),
    )
    async with leaving_nothing():
        preview = await rehearse(owner, change)
    assert told(preview) == {ann.id: [(world.organization.id, (), (READ,))]}
    assert (await Member.get(id=ann.id)).status is MemberStatus.ACTIVE


async def test_a_deleted_role_is_compared_with_its_replacement(
    world: World, owner: Subject
) -> None:
    role, other = await world.custom_role("Old", SEND), await world.custom_role("New", READ)
    ann = await world.member("Ann")
    await world.give(ann, role, at_workspace(world.a))
    change = Change(
        lambda subject: roles.delete(subject, role.id, replacement_id=other.id),
        Touched(role_ids=(role.id,)),
    )
    async with leaving_nothing():
        preview = await rehearse(owner, change)
    assert told(preview) == {ann.id: [(world.a.id, (), (SEND,))]}


async def test_what_a_member_holds_otherwise_is_no_loss(world: World, owner: Subject) -> None:
    ann = await world.member("Ann")
    reader = await world.custom_role("Reader", READ)
    await world.give(ann, reader, world.everywhere)
    extra = await world.give(ann, reader, at_workspace(world.a))
    change = Change(
        lambda subject: assignments.unassign(subject, extra.id),
        Touched(assignment_ids=(extra.id,)),
    )
    async with leaving_nothing():
        assert told(await rehearse(owner, change)) == {}


async def test_a_role_that_has_ended_neither_gives_nor_takes(
    world: World, owner: Subject, movable_clock: MovableClock
) -> None:
    ann, role = await world.member("Ann"), await world.custom_role("Reader", READ)
    await assignments.assign(
        owner,
        role_id=role.id,
        principal=Principal(PrincipalType.MEMBER, ann.id),
        scope=world.everywhere,
        expires_at=now() + timedelta(hours=1),
    )
    change = editing(role, add=[SEND])
    assert told(await rehearse(owner, change)) == {ann.id: [(world.organization.id, (SEND,), ())]}
    movable_clock.move(timedelta(hours=2))
    assert told(await rehearse(owner, change)) == {}


async def test_an_invariant_refuses_in_the_preview_and_no_denial_is_recorded(
    world: World, owner: Subject
) -> None:
    owning = (await Assignment.filter(principal_id=world.owner.id))[0]
    stepping_down = Change(lambda subject: assignments.unassign(subject, owning.id))
    async with leaving_nothing():
        preview = await rehearse(owner, stepping_down)
    assert type(preview.refusal) is LastOwner
    assert (preview.members, preview.gaining, preview.losing, preview.permissions) == ((), 0, 0, ())

    held = await world.custom_role("Held", READ)
    await world.give(world.owner, held, at_workspace(world.a))
    async with leaving_nothing():
        deleted = await rehearse(owner, Change(lambda subject: roles.delete(subject, held.id)))
        stale = await rehearse(owner, editing(Role(id=held.id, version=7), add=[SEND]))
    assert type(deleted.refusal) is InUse
    assert type(stale.refusal) is VersionConflict


async def test_nobody_learns_by_rehearsing_what_they_may_not_do(world: World) -> None:
    helper = await world.custom_role("Helper", P.MEMBERS_ASSIGN, P.ROLES_READ)
    giver = await world.someone("Gia", helper, world.everywhere)
    reader = await world.someone("Rea", BuiltinRole.AUDITOR, world.everywhere)
    sender = await world.custom_role("Sender", SEND)
    change = giving(sender, world.owner, at_workspace(world.a))
    async with leaving_nothing():
        escalation, forbidden = await rehearse(giver, change), await rehearse(reader, change)
    assert type(escalation.refusal) is Escalation
    assert escalation.refusal.details["missing"] == ["campaigns:read", "campaigns:send"]
    assert type(forbidden.refusal) is Forbidden
    assert escalation.members == forbidden.members == ()


async def test_who_may_not_read_members_rehearses_nothing(world: World) -> None:
    local = await world.custom_role("Local", P.MEMBERS_ASSIGN, P.ROLES_READ, READ)
    giver = await world.someone("Gia", local, at_workspace(world.a))
    ann, reader = await world.member("Ann"), await world.custom_role("Reader", READ)
    async with leaving_nothing():
        with pytest.raises(Forbidden) as caught:
            await rehearse(giver, giving(reader, ann, at_workspace(world.a)))
    assert caught.value.details["missing"] == ["MEMBERS_READ"]


async def test_what_is_rehearsed_is_no_use_of_a_permission(world: World, owner: Subject) -> None:
    role = await world.custom_role("Shift", SEND)
    with demanding() as demanded:
        await rehearse(owner, editing(role, remove=[SEND]))
    assert demanded.mask == P.MEMBERS_READ.bit


async def test_a_request_that_names_nothing_is_raised(world: World, owner: Subject) -> None:
    change = Change(lambda subject: roles.delete(subject, UNKNOWN_ID))
    async with leaving_nothing():
        with pytest.raises(NotFound):
            await rehearse(owner, change)


async def test_permissions_are_told_to_who_may_read_roles(world: World) -> None:
    remover = await world.custom_role("Remover", P.MEMBERS_REMOVE, READ)
    guard = await world.someone("Gus", remover, world.everywhere)
    campaign = await world.campaign(world.a)
    ann, reader = await world.member("Ann"), await world.custom_role("Reader", READ)
    await world.give(ann, reader, at_campaign(campaign))
    await world.give(ann, await world.role(BuiltinRole.MEMBER), world.everywhere)
    suspending = Change(lambda subject: members.suspend(subject, ann.id))
    preview = await rehearse(world.operator, suspending)
    assert preview.permissions
    await assignments.unassign(
        world.operator,
        next(
            row.id
            for row in await Assignment.filter(principal_id=ann.id)
            if row.scope_type is ScopeType.ORGANIZATION
        ),
    )
    preview = await rehearse(guard, suspending)
    assert told(preview) == {ann.id: [(campaign.id, None, None)]}
    assert (preview.permissions, preview.losing) == (None, 1)


async def test_a_scope_is_named_to_who_may_see_it(world: World) -> None:
    helper = await world.custom_role("Helper", P.MEMBERS_REMOVE, P.ROLES_READ)
    guard = await world.someone("Gus", helper, world.everywhere)
    ann = await world.member("Ann")
    await world.give(ann, await world.custom_role("Namer", P.ROLES_READ), at_workspace(world.a))
    role = await world.custom_role("Mate", P.MEMBERS_READ)
    campaign = await world.campaign(world.b)
    await world.give(ann, role, at_campaign(campaign))
    preview = await rehearse(guard, Change(lambda subject: members.suspend(subject, ann.id)))
    assert {(change.scope_type, change.scope_id) for change in preview.members[0].changes} == {
        (ScopeType.WORKSPACE, world.a.id),
        (ScopeType.CAMPAIGN, None),
    }


async def test_who_is_touched_misses_nobody(world: World, owner: Subject) -> None:
    """What each change says that it touches gives the same answer as looking at everybody."""
    role, other = await world.custom_role("Shift", SEND), await world.custom_role("Other", READ)
    people = [await world.member(f"Member {number}") for number in range(6)]
    group = await manual_groups.create(
        owner, name="Some", member_ids=[each.id for each in people[:3]]
    )
    to_group = await assignments.assign(
        owner,
        role_id=role.id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=at_workspace(world.a),
    )
    for each in people[2:5]:
        await world.give(each, role, at_workspace(world.b))
    await world.give(people[5], other, world.everywhere)
    changes: list[tuple[Change[object], int]] = [
        (editing(role, remove=[SEND]), 5),
        (
            Change(
                lambda subject: roles.delete(subject, role.id, replacement_id=other.id),
                Touched(role_ids=(role.id,)),
            ),
            5,
        ),
        (
            Change(
                lambda subject: assignments.unassign(subject, to_group.id),
                Touched(assignment_ids=(to_group.id,)),
            ),
            3,
        ),
        (giving(role, people[5], world.everywhere), 1),
        (
            Change(
                lambda subject: manual_groups.delete(subject, group.id),
                Touched(principal_ids=(group.id,)),
            ),
            3,
        ),
    ]
    for change, count in changes:
        preview = await rehearse(owner, change)
        assert len(preview.members) == count
        assert preview == await rehearse(owner, replace(change, touches=EVERYBODY))


async def test_the_number_of_statements_does_not_grow(world: World, owner: Subject) -> None:
    role = await world.custom_role("Shift", SEND)
    await world.give(await world.member("Ann"), role, at_workspace(world.a))
    counts = []
    for name in ("One", "Two", "Many"):
        with counted_statements() as texts:
            await rehearse(owner, editing(role, add=[P.CAMPAIGNS_DRAFT]))
        counts.append(len(texts))
        for number in range(5 if name == "Two" else 1):
            scope = at_campaign(await world.campaign(world.b, f"{name} {number}"))
            await world.give(await world.member(f"{name}{number}"), role, scope)
    assert counts[0] == counts[1] == counts[2]


async def test_changes_wait_while_one_is_rehearsed_and_readers_do_not(
    world: World, owner: Subject
) -> None:
    role = await world.custom_role("Shift", SEND)
    inside, go_on, order = asyncio.Event(), asyncio.Event(), []

    async def slowly(subject: Subject) -> None:
        await roles.update(subject, role.id, expected_version=1, add=[P.CAMPAIGNS_DRAFT])
        inside.set()
        await go_on.wait()
        order.append("rehearsed")

    async def change() -> None:
        await roles.update(owner, role.id, expected_version=1, remove=[SEND], add=[READ])
        order.append("changed")

    rehearsing = asyncio.create_task(rehearse(owner, Change(slowly)))
    await inside.wait()
    changing = asyncio.create_task(change())
    await asyncio.sleep(0.1)
    (found,) = await fetch("SELECT version FROM roles WHERE id = $1", [role.id])
    assert found[0] == 1
    order.append("read")
    go_on.set()
    await asyncio.gather(rehearsing, changing)
    assert order == ["read", "rehearsed", "changed"]
    assert (await Role.get(id=role.id)).permissions == ["campaigns:read"]
