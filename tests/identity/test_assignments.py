"""Giving and taking roles, at each scope, without giving more than one has."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from identity import assignments, groups, roles
from identity.access.permissions import Permission
from identity.assignments import Principal, Scope
from identity.groups import DirectoryGroup
from identity.refusals import (
    BadInput,
    Conflict,
    Escalation,
    Forbidden,
    NotFound,
)
from identity.subject import Subject
from models import Assignment, BuiltinRole, Member, PrincipalType, ScopeType
from models.clock import now
from tests.identity.refusing import outcome, refused, story
from tests.world import UNKNOWN_ID, World, at_campaign, at_workspace, new_world

P = Permission


@pytest.fixture
async def owner(world: World) -> Subject:
    return await world.subject(world.owner)


@pytest.fixture
async def ann(world: World) -> Member:
    return await world.member("Ann")


def _member(member: Member) -> Principal:
    return Principal(PrincipalType.MEMBER, member.id)


async def _scope(world: World, kind: ScopeType) -> Scope:
    """The scope of that kind in workspace a."""
    if kind is ScopeType.ORGANIZATION:
        return world.everywhere
    campaign = await world.campaign(world.a)
    ids: dict[ScopeType, UUID | None] = {
        ScopeType.WORKSPACE: world.a.id,
        ScopeType.CAMPAIGN: campaign.id,
        ScopeType.MAILING_LIST: campaign.mailing_list_id,
        ScopeType.SENDING_SERVER: campaign.sending_server_id,
    }
    found = ids[kind]
    assert found is not None
    return Scope(kind, found)


@pytest.mark.parametrize("kind", ScopeType)
async def test_a_role_is_given_and_taken_at_each_scope_with_its_audit_rows(
    world: World, owner: Subject, ann: Member, kind: ScopeType
) -> None:
    role, scope = await world.role(BuiltinRole.OPERATOR), await _scope(world, kind)
    workspace = None if kind is ScopeType.ORGANIZATION else world.a.id
    given = await assignments.assign(
        owner, role_id=role.id, principal=_member(ann), scope=scope, reason="Holidays."
    )
    saved = await Assignment.get(id=given.id)
    assert (saved.role_id, saved.principal_type, saved.principal_id) == (
        role.id,
        PrincipalType.MEMBER,
        ann.id,
    )
    assert (saved.scope_type, saved.scope_id, saved.workspace_id) == (*scope, workspace)
    assert (saved.expires_at, saved.reason, saved.assigned_by_id) == (
        None,
        "Holidays.",
        world.owner.id,
    )
    event = (await world.events())[-1]
    assert story(event) == (world.owner.name, "role.assign", "member", "Ann")
    assert (event.target_id, event.workspace_id, event.reason) == (ann.id, workspace, "Holidays.")
    place = f"{kind.value}:{scope.id}"
    assert event.diff == [
        {"path": "role", "before": None, "after": "Operator"},
        {"path": "roleId", "before": None, "after": str(given.role_id)},
        {"path": "scope", "before": None, "after": place},
        {"path": "assignmentId", "before": None, "after": str(given.id)},
    ]

    await assignments.unassign(owner, given.id)

    assert not await Assignment.exists(id=given.id)
    event = (await world.events())[-1]
    assert story(event) == (world.owner.name, "role.unassign", "member", "Ann")
    assert (event.target_id, event.workspace_id) == (ann.id, workspace)
    assert event.diff == [
        {"path": "role", "before": "Operator", "after": None},
        {"path": "roleId", "before": str(given.role_id), "after": None},
        {"path": "scope", "before": place, "after": None},
        {"path": "assignmentId", "before": str(given.id), "after": None},
    ]


async def test_giving_and_taking_each_count_at_once(
    world: World, owner: Subject, ann: Member
) -> None:
    role = await world.role(BuiltinRole.OPERATOR)
    before = await world.subject(ann)
    given = await assignments.assign(
        owner, role_id=role.id, principal=_member(ann), scope=at_workspace(world.a)
    )
    during = await world.subject(ann)
    await assignments.unassign(owner, given.id)
    after = await world.subject(ann)
    assert [s.access.enters(world.a.id) for s in (before, during, after)] == [False, True, False]
    assert [s.revision - before.revision for s in (before, during, after)] == [0, 1, 2]


async def test_a_group_is_given_a_role(world: World, owner: Subject, ann: Member) -> None:
    group = await groups.create(
        world.operator, DirectoryGroup("Sales", None, {}), member_ids=[ann.id]
    )
    role = await world.role(BuiltinRole.VIEWER)
    await assignments.assign(
        owner,
        role_id=role.id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=at_workspace(world.a),
    )
    assert (await world.subject(ann)).access.enters(world.a.id)
    assert story((await world.events())[-1]) == (world.owner.name, "role.assign", "group", "Sales")


async def test_the_same_role_is_given_once_at_a_place(
    world: World, owner: Subject, ann: Member
) -> None:
    role = await world.role(BuiltinRole.VIEWER)
    await world.give(ann, role, at_workspace(world.a))
    async with refused(Conflict):
        await assignments.assign(
            owner, role_id=role.id, principal=_member(ann), scope=at_workspace(world.a)
        )
    await world.give(ann, role, at_workspace(world.b))
    await world.give(ann, BuiltinRole.OPERATOR, at_workspace(world.a))
    assert await Assignment.filter(principal_id=ann.id).count() == 3


async def test_an_expiry_lies_ahead_and_names_its_zone(
    world: World, owner: Subject, ann: Member
) -> None:
    role = await world.role(BuiltinRole.VIEWER)
    naive = datetime(2100, 1, 1)  # noqa: DTZ001 - the case
    for expires_at in (now(), now() - timedelta(days=1), naive):
        async with refused(BadInput, field="expiresAt"):
            await assignments.assign(
                owner,
                role_id=role.id,
                principal=_member(ann),
                scope=at_workspace(world.a),
                expires_at=expires_at,
            )


@pytest.mark.parametrize("reason", ["x" * 501, "a\x00b"])
async def test_a_reason_is_a_short_text(
    world: World, owner: Subject, ann: Member, reason: str
) -> None:
    role = await world.role(BuiltinRole.VIEWER)
    async with refused(BadInput, field="reason"):
        await assignments.assign(
            owner,
            role_id=role.id,
            principal=_member(ann),
            scope=at_workspace(world.a),
            reason=reason,
        )


async def test_nothing_of_another_organization_is_there(
    world: World, owner: Subject, ann: Member
) -> None:
    other = await new_world("globex")
    foreign = await other.member("Fred")
    sales = await groups.create(other.operator, DirectoryGroup("Sales", None, {}))
    campaign = await other.campaign(other.a)
    mine, theirs = await world.role(BuiltinRole.VIEWER), await other.role(BuiltinRole.VIEWER)
    given = await other.give(foreign, theirs, at_workspace(other.a))
    here = at_workspace(world.a)
    for role_id, principal, scope in (
        (theirs.id, _member(ann), here),
        (UNKNOWN_ID, _member(ann), here),
        (mine.id, _member(foreign), here),
        (mine.id, Principal(PrincipalType.GROUP, sales.id), here),
        (mine.id, Principal(PrincipalType.GROUP, ann.id), here),
        (mine.id, Principal(PrincipalType.MEMBER, UNKNOWN_ID), here),
        (mine.id, _member(ann), at_workspace(other.a)),
        (mine.id, _member(ann), at_campaign(campaign)),
        (mine.id, _member(ann), other.everywhere),
        (mine.id, _member(ann), Scope(ScopeType.CAMPAIGN, UNKNOWN_ID)),
    ):
        async with refused(NotFound):
            await assignments.assign(owner, role_id=role_id, principal=principal, scope=scope)
    for assignment_id in (given.id, UNKNOWN_ID):
        async with refused(NotFound):
            await assignments.unassign(owner, assignment_id)


@pytest.fixture
async def lead(world: World) -> Subject:
    """Gives roles in workspace a, as far as viewing and drafting goes."""
    role = await world.custom_role("Lead", P.MEMBERS_ASSIGN, P.ROLES_READ, P.CAMPAIGNS_DRAFT)
    return await world.someone("Lea", role, at_workspace(world.a))


async def test_who_gives_a_role_holds_all_of_it_there(
    world: World, lead: Subject, ann: Member
) -> None:
    drafting = await world.custom_role("Drafting", P.CAMPAIGNS_DRAFT)
    sending = await world.custom_role("Sending", P.CAMPAIGNS_DRAFT, P.CAMPAIGNS_SEND)
    campaign = await world.campaign(world.a)
    for scope in (at_workspace(world.a), at_campaign(campaign)):
        async with refused(Escalation, denied="role.assign", missing=["campaigns:send"]):
            await assignments.assign(lead, role_id=sending.id, principal=_member(ann), scope=scope)
        denial = (await world.events())[-1]
        assert (denial.actor_name, denial.target_name) == ("Lea", "Ann")
        assert denial.workspace_id == world.a.id
        await assignments.assign(lead, role_id=drafting.id, principal=_member(ann), scope=scope)


async def test_who_takes_a_role_holds_all_of_it_there(
    world: World, lead: Subject, ann: Member
) -> None:
    sending = await world.custom_role("Sending", P.CAMPAIGNS_SEND)
    given = await world.give(ann, sending, at_workspace(world.a))
    async with refused(Escalation, denied="role.unassign", missing=["campaigns:send"]):
        await assignments.unassign(lead, given.id)


async def test_nobody_gives_themselves_more(world: World, lead: Subject) -> None:
    owner = await world.role(BuiltinRole.OWNER)
    assert lead.member_id is not None
    lea = Principal(PrincipalType.MEMBER, lead.member_id)
    async with refused(Escalation, denied="role.assign"):
        await assignments.assign(lead, role_id=owner.id, principal=lea, scope=at_workspace(world.a))


async def test_giving_roles_ends_where_the_givers_role_ends(
    world: World, lead: Subject, ann: Member
) -> None:
    drafting = await world.custom_role("Drafting", P.CAMPAIGNS_DRAFT)
    async with refused(NotFound):
        await assignments.assign(
            lead, role_id=drafting.id, principal=_member(ann), scope=at_workspace(world.b)
        )
    async with refused(Forbidden, denied="role.assign", missing=["MEMBERS_ASSIGN"]):
        await assignments.assign(
            lead, role_id=drafting.id, principal=_member(ann), scope=world.everywhere
        )
    given = await world.give(ann, drafting, world.everywhere)
    async with refused(NotFound):
        await assignments.unassign(lead, given.id)


async def test_an_owner_of_a_workspace_gives_no_organization_permission_there(
    world: World, ann: Member
) -> None:
    """A role's organization-only permissions take no effect below, and are no escalation there."""
    local = await world.someone("Lou", BuiltinRole.OWNER, at_workspace(world.a))
    role = await world.role(BuiltinRole.OWNER)
    await assignments.assign(
        local, role_id=role.id, principal=_member(ann), scope=at_workspace(world.a)
    )
    assert not (await world.subject(ann)).access.allows_anywhere(P.ORGANIZATION_READ)


async def test_reading_members_is_not_giving_roles(world: World, ann: Member) -> None:
    member = await world.someone("Mia", BuiltinRole.MEMBER, at_workspace(world.a))
    role = await world.role(BuiltinRole.MEMBER)
    given = await world.give(ann, role, at_workspace(world.a))
    async with refused(Forbidden, denied="role.assign", missing=["MEMBERS_ASSIGN"]):
        await assignments.assign(
            member, role_id=role.id, principal=_member(ann), scope=at_workspace(world.a)
        )
    async with refused(Forbidden, denied="role.unassign", missing=["MEMBERS_ASSIGN"]):
        await assignments.unassign(member, given.id)


@pytest.mark.parametrize("edit_first", [True, False])
async def test_a_role_edited_while_it_is_given_carries_no_more_than_the_giver_holds(
    world: World, lead: Subject, ann: Member, edit_first: bool
) -> None:
    """Either the role is given first and grows by its owner's will, or it has grown and the giver
    is refused: whoever comes second sees what the first has done.
    """
    owner, given_first = await world.subject(world.owner), 0
    for number in range(5):
        role = await world.custom_role(f"Drafting {number}", P.CAMPAIGNS_DRAFT)
        edit = outcome(roles.update(owner, role.id, expected_version=1, add=[P.CAMPAIGNS_SEND]))
        scope = at_workspace(world.a)
        give = outcome(
            assignments.assign(lead, role_id=role.id, principal=_member(ann), scope=scope)
        )
        log = len(await world.events())
        results = await asyncio.gather(*((edit, give) if edit_first else (give, edit)))
        order = [(e.action, e.outcome.value) for e in (await world.events())[log:]]
        if set(results) == {"DONE"}:
            given_first += 1
            assert order == [("role.assign", "success"), ("role.update", "success")]
        else:
            assert sorted(results) == ["DONE", "ESCALATION"]
            assert order == [("role.update", "success"), ("role.assign", "denied")]
    assert await Assignment.filter(principal_id=ann.id).count() == given_first


async def test_the_same_role_given_twice_at_once_is_given_once(
    world: World, owner: Subject, ann: Member
) -> None:
    role, scope = await world.role(BuiltinRole.VIEWER), at_workspace(world.a)
    giving = [
        assignments.assign(owner, role_id=role.id, principal=_member(ann), scope=scope)
        for _ in range(6)
    ]
    results = await asyncio.gather(*map(outcome, giving))
    assert sorted(results) == ["CONFLICT"] * 5 + ["DONE"]
    assert await Assignment.filter(principal_id=ann.id).count() == 1


async def test_what_ended_makes_way_with_an_event_of_its_own(world: World, ann: Member) -> None:
    given = await world.give(ann, BuiltinRole.OPERATOR, at_workspace(world.a))
    await Assignment.filter(id=given.id).update(expires_at=now() - timedelta(days=1))

    anew = await world.give(ann, BuiltinRole.OPERATOR, at_workspace(world.a))

    assert [row.id for row in await Assignment.filter(principal_id=ann.id)] == [anew.id]
    ended, assigned = (await world.events())[-2:]
    assert story(ended) == ("operator", "role.unassign", "member", "Ann")
    assert (ended.workspace_id, ended.reason) == (world.a.id, "It had ended.")
    ids = [
        change["before"] or change["after"]
        for event in (ended, assigned)
        for change in event.diff
        if change["path"] == "assignmentId"
    ]
    assert ids == [str(given.id), str(anew.id)]
