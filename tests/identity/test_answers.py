"""Answers about access: who may ask, what they are told, and what it costs."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from identity import answers, assignments, groups
from identity.access.decision import DeniedBy
from identity.access.permissions import Permission
from identity.answers import GrantSource, HeldGrant
from identity.assignments import Principal, Scope
from identity.groups import DirectoryGroup
from identity.refusals import Forbidden, NotFound, Refusal, Unauthenticated
from identity.subject import Subject, operator
from models import (
    Assignment,
    BuiltinRole,
    Group,
    Member,
    MemberStatus,
    Plan,
    PrincipalType,
    Role,
    ScopeType,
    Workspace,
    WorkspaceState,
)
from models.clock import now
from models.window import Window
from tests.identity.refusing import refused
from tests.statements import counted_statements
from tests.world import UNKNOWN_ID, World, at_campaign, at_workspace, new_world

SEND, READ = Permission.CAMPAIGNS_SEND, Permission.CAMPAIGNS_READ
ALL = Window(limit=100)


def of(member: Member) -> Principal:
    return Principal(PrincipalType.MEMBER, member.id)


async def group_with(world: World, role: BuiltinRole, scope: Scope, *members: Member) -> Group:
    group = await groups.create(
        world.operator, DirectoryGroup("Sales", None, {}), member_ids=[m.id for m in members]
    )
    await assignments.assign(
        world.operator,
        role_id=(await world.role(role)).id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=scope,
    )
    return group


def told(grants: Sequence[HeldGrant]) -> list[tuple[str | None, GrantSource, bool]]:
    """The role as far as it is told, the source, and whether the scope is told."""
    return [
        (each.grant.role_name if each.names_role else None, each.source, each.names_scope)
        for each in grants
    ]


async def names_of_who_can(subject: Subject, permission: Permission, scope: Scope) -> list[str]:
    found = await answers.who_can(subject, permission, scope)
    return [line.holder.name for line in await found.page(ALL)]


async def test_about_oneself_anybody_may_ask(world: World) -> None:
    campaign = await world.campaign(world.a)
    ann = await world.someone("Ann", BuiltinRole.OPERATOR, at_campaign(campaign))

    assert (await answers.can(ann, SEND, at_campaign(campaign))).allowed
    assert not (await answers.can(ann, SEND, world.everywhere)).allowed
    own = await answers.explain(ann, None, SEND, at_campaign(campaign))
    assert own.reason == "Allowed by role Operator at campaign."
    denied = await answers.explain(ann, None, SEND, at_workspace(world.a))
    assert denied.reason == (
        "This needs campaigns:send at this workspace, and no role of yours holds it there."
    )
    named = Principal(PrincipalType.MEMBER, ann.actor_id or UNKNOWN_ID)
    assert await answers.access_of(ann, None) == await answers.access_of(ann, named)
    assert told(await answers.access_of(ann, None)) == [("Operator", GrantSource.DIRECT, True)]


async def test_whoever_is_no_member_has_no_access_of_their_own(world: World) -> None:
    async with refused(Unauthenticated):
        await answers.access_of(world.operator, None)


async def test_about_others_one_must_read_members_there(world: World) -> None:
    campaign = await world.campaign(world.a)
    ann = await world.someone("Ann", BuiltinRole.OPERATOR, at_workspace(world.a))
    sales = await group_with(world, BuiltinRole.VIEWER, world.everywhere)
    others = [of(world.owner), Principal(PrincipalType.GROUP, sales.id)]
    others += [Principal(kind, UNKNOWN_ID) for kind in PrincipalType]
    for principal in others:
        async with refused(Forbidden, missing=["MEMBERS_READ"]):
            await answers.explain(ann, principal, SEND, at_campaign(campaign))
        async with refused(Forbidden, missing=["MEMBERS_READ"]):
            await answers.access_of(ann, principal)
    async with refused(Forbidden, missing=["MEMBERS_READ"]):
        await answers.who_can(ann, SEND, at_workspace(world.a))


async def test_reading_members_in_a_workspace_is_enough_in_it_alone(world: World) -> None:
    ann = await world.someone("Ann", BuiltinRole.EDITOR, at_workspace(world.a))
    assert await names_of_who_can(ann, SEND, at_workspace(world.a)) == ["olga@acme.example"]
    explained = await answers.explain(ann, of(world.owner), SEND, at_workspace(world.a))
    assert explained.decision.allowed
    async with refused(Forbidden):
        await answers.who_can(ann, SEND, world.everywhere)
    async with refused(Forbidden):
        await answers.access_of(ann, of(world.owner))
    async with refused(NotFound):
        await answers.who_can(ann, SEND, at_workspace(world.b))


async def test_a_place_that_is_not_seen_is_not_found(world: World) -> None:
    elsewhere = await new_world("other")
    hidden, theirs = await world.campaign(world.b), await elsewhere.campaign(elsewhere.a)
    ann = await world.someone("Ann", BuiltinRole.EDITOR, at_workspace(world.a))
    places = [
        at_campaign(hidden),
        at_workspace(world.b),
        at_campaign(theirs),
        at_workspace(elsewhere.a),
        elsewhere.everywhere,
        Scope(ScopeType.CAMPAIGN, UNKNOWN_ID),
        Scope(ScopeType.SENDING_SERVER, hidden.id),
    ]
    for scope in places:
        async with refused(NotFound):
            await answers.can(ann, READ, scope)
        async with refused(NotFound):
            await answers.explain(ann, None, READ, scope)
        async with refused(NotFound):
            await answers.who_can(ann, READ, scope)


async def test_who_belongs_to_another_organization_is_not_found(world: World) -> None:
    elsewhere = await new_world("other")
    theirs = await group_with(elsewhere, BuiltinRole.VIEWER, elsewhere.everywhere)
    for principal in (
        of(elsewhere.owner),
        Principal(PrincipalType.GROUP, theirs.id),
        Principal(PrincipalType.GROUP, world.owner.id),
        Principal(PrincipalType.MEMBER, UNKNOWN_ID),
    ):
        async with refused(NotFound):
            await answers.explain(world.operator, principal, READ, world.everywhere)
        async with refused(NotFound):
            await answers.access_of(world.operator, principal)


async def test_roles_are_named_to_who_reads_roles(world: World) -> None:
    team = await world.custom_role("Team", Permission.MEMBERS_READ)
    ann = await world.someone("Ann", team, world.everywhere)
    explained = await answers.explain(ann, of(world.owner), SEND, world.everywhere)
    assert explained.reason == "Allowed by a role at organization."
    assert told(explained.grants) == [(None, GrantSource.DIRECT, True)]
    assert await answers.suggestions(ann, explained) == []
    denied = await answers.explain(ann, None, SEND, world.everywhere)
    assert await answers.suggestions(ann, denied) == []

    ben = await world.someone("Ben", BuiltinRole.AUDITOR, world.everywhere)
    explained = await answers.explain(ben, of(world.owner), SEND, world.everywhere)
    assert explained.reason == "Allowed by role Owner at organization."
    (held,) = explained.grants
    assert (held.grant.role_name, held.grant.role_version) == ("Owner", 1)


async def test_a_scope_is_told_to_who_sees_it(world: World) -> None:
    campaign = await world.campaign(world.a)
    cem = await world.member("Cem")
    for scope in (at_campaign(campaign), at_workspace(world.b), world.everywhere):
        await world.give(cem, BuiltinRole.VIEWER, scope)
    team = await world.custom_role("Team", Permission.MEMBERS_READ, Permission.ROLES_READ)
    ann = await world.member("Ann")
    await world.give(ann, team, world.everywhere)

    lines = await answers.access_of(await world.subject(ann), of(cem))
    assert [(line.grant.scope_type, line.names_scope) for line in lines] == [
        (ScopeType.ORGANIZATION, True),
        (ScopeType.WORKSPACE, True),
        (ScopeType.CAMPAIGN, False),
    ]


async def test_what_comes_through_a_group_says_so(world: World) -> None:
    ann = await world.member("Ann")
    sales = await group_with(world, BuiltinRole.OPERATOR, at_workspace(world.a), ann)
    explained = await answers.explain(world.operator, of(ann), SEND, at_workspace(world.a))
    assert explained.reason == "Allowed by role Operator at workspace through group Sales."
    (held,) = explained.grants
    assert (held.source, held.group_id) == (GrantSource.GROUP, sales.id)

    group = Principal(PrincipalType.GROUP, sales.id)
    explained = await answers.explain(world.operator, group, SEND, at_workspace(world.a))
    (held,) = explained.grants
    assert (held.source, held.group_id) == (GrantSource.DIRECT, None)


async def test_the_version_of_a_role_is_that_of_now(world: World) -> None:
    role = await world.custom_role("Sender", SEND)
    ann = await world.member("Ann")
    await world.give(ann, role, world.everywhere)
    await Role.filter(id=role.id).update(version=4)
    explained = await answers.explain(world.operator, of(ann), SEND, world.everywhere)
    assert [held.grant.role_version for held in explained.grants] == [4]


async def test_who_is_not_active_holds_nothing(world: World) -> None:
    ann = await world.member("Ann")
    await world.give(ann, BuiltinRole.OPERATOR, world.everywhere)
    await Member.filter(id=ann.id).update(status=MemberStatus.SUSPENDED)
    explained = await answers.explain(world.operator, of(ann), SEND, world.everywhere)
    assert explained.decision.obstacles == (DeniedBy.NOT_ACTIVE,)
    assert explained.reason == "The member is not active, and so holds nothing."
    assert explained.advice == ["The member has to be active."]
    assert len(explained.grants) == 1
    assert await answers.suggestions(world.operator, explained) == []
    (line,) = await answers.access_of(world.operator, of(ann))
    assert (line.grant.role_name, line.permissions) == ("Operator", ())
    assert await names_of_who_can(world.operator, SEND, world.everywhere) == ["olga@acme.example"]


async def test_what_has_ended_counts_nowhere(world: World) -> None:
    ann = await world.member("Ann")
    given = await world.give(ann, BuiltinRole.OPERATOR, world.everywhere)
    await Assignment.filter(id=given.id).update(expires_at=now() - timedelta(seconds=1))
    assert await answers.access_of(world.operator, of(ann)) == ()
    assert await names_of_who_can(world.operator, SEND, world.everywhere) == ["olga@acme.example"]


async def test_every_obstacle_is_named_with_what_removes_it(world: World) -> None:
    ann = await world.member("Ann")
    await Workspace.filter(id=world.a.id).update(state=WorkspaceState.ARCHIVED)
    archived = await answers.explain(world.operator, of(ann), SEND, at_workspace(world.a))
    assert archived.decision.obstacles == (
        DeniedBy.MISSING_PERMISSION,
        DeniedBy.WORKSPACE_ARCHIVED,
    )
    assert archived.advice == [
        "A role with campaigns:send has to be given at this workspace, or around it.",
        "The workspace has to be active again: no role changes what is archived.",
    ]
    asker = operator(world.organization.id, Plan.STARTER)
    asked = (Permission.IDENTITY_MANAGE, world.everywhere)
    cut = await answers.explain(asker, of(world.owner), *asked)
    assert cut.decision.obstacles == (DeniedBy.PLAN,)
    assert (cut.required_plan, cut.advice) == (Plan.PREMIUM, ["The plan PREMIUM includes it."])
    assert await answers.suggestions(asker, cut) == []
    assert await names_of_who_can(asker, *asked) == []


async def test_what_only_the_organization_gives_is_suggested_there(world: World) -> None:
    ann = await world.member("Ann")
    asked = (Permission.ORGANIZATION_READ, at_workspace(world.a))
    explained = await answers.explain(world.operator, of(ann), *asked)
    assert explained.advice == [
        "A role with organization:read has to be given at the organization."
    ]
    suggested = await answers.suggestions(world.operator, explained)
    assert {each.scope for each in suggested} == {world.everywhere}
    assert [each.role.name for each in suggested] == ["Auditor", "Owner"]
    await world.give(ann, suggested[0].role, world.everywhere)
    assert (await answers.explain(world.operator, of(ann), *asked)).decision.allowed


async def test_the_role_that_adds_least_comes_first(world: World) -> None:
    await world.custom_role("Zeal", SEND)
    await world.custom_role("Also", SEND)
    await world.custom_role("Wide", SEND, Permission.FORMS_WRITE)
    await world.custom_role("Beside", Permission.FORMS_WRITE)
    ann = await world.member("Ann")
    await world.give(ann, BuiltinRole.VIEWER, world.everywhere)

    explained = await answers.explain(world.operator, of(ann), SEND, at_workspace(world.a))
    suggested = await answers.suggestions(world.operator, explained)

    assert [(each.role.name, len(each.gains)) for each in suggested[:3]] == [
        ("Also", 1),
        ("Zeal", 1),
        ("Wide", 3),
    ]
    assert suggested[0].gains == (SEND,)
    assert suggested[2].gains == (SEND, Permission.FORMS_READ, Permission.FORMS_WRITE)
    assert {each.scope for each in suggested} == {at_workspace(world.a)}
    assert len(suggested) == answers.MOST_SUGGESTIONS


async def test_a_role_adds_at_a_resource_what_is_about_it(world: World) -> None:
    campaign = await world.campaign(world.a)
    await world.custom_role("Wide", SEND, Permission.FORMS_WRITE)
    ann = await world.member("Ann")

    explained = await answers.explain(world.operator, of(ann), SEND, at_campaign(campaign))
    [first, *_] = await answers.suggestions(world.operator, explained)

    assert (first.role.name, first.scope) == ("Wide", at_campaign(campaign))
    assert first.gains == (Permission.CAMPAIGNS_READ, SEND)


async def test_grantors_are_exactly_those_whom_assign_obeys(world: World) -> None:
    campaign = await world.campaign(world.a)
    role = await world.custom_role("Sender", SEND)
    giver = await world.custom_role("Giver", Permission.MEMBERS_ASSIGN, Permission.ROLES_READ)
    blind = await world.custom_role("Blind", Permission.MEMBERS_ASSIGN)
    both: list[Role | BuiltinRole] = [giver, BuiltinRole.OPERATOR]
    people: dict[str, tuple[Sequence[Role | BuiltinRole], Scope, datetime | None]] = {
        "Able": (both, at_workspace(world.a), None),
        "At the campaign": (both, at_campaign(campaign), None),
        "Elsewhere": (both, at_workspace(world.b), None),
        "Without the permission": ([giver], at_workspace(world.a), None),
        "Without assign": ([BuiltinRole.ADMIN], world.everywhere, None),
        "Not seeing roles": ([blind, BuiltinRole.OPERATOR], at_workspace(world.a), None),
        "For a time": (both, at_workspace(world.a), now() + timedelta(days=1)),
        "Suspended": (both, at_workspace(world.a), None),
    }
    members: dict[str, Member] = {world.owner.name: world.owner}
    for name, (held, scope, until) in people.items():
        members[name] = await world.member(name)
        for each in held:
            given = await world.give(members[name], each, scope)
            await Assignment.filter(id=given.id).update(expires_at=until)
    suspended = members.pop("Suspended")
    await Member.filter(id=suspended.id).update(status=MemberStatus.SUSPENDED)
    ann = await world.member("Ann")

    explained = await answers.explain(world.operator, of(ann), SEND, at_campaign(campaign))
    suggested = await answers.suggestions(world.operator, explained)
    place = [each.role.id for each in suggested].index(role.id)
    found = (await answers.grantors(world.operator, explained, suggested))[place]

    able = []
    for name, member in members.items():
        try:
            given = await assignments.assign(
                await world.subject(member),
                role_id=role.id,
                principal=of(ann),
                scope=at_campaign(campaign),
            )
        except Refusal:
            continue
        able.append(name)
        await given.delete()
    assert [member.name for member in found.members] == sorted(able)
    assert found.count == len(able)
    assert sorted(able) == ["Able", "At the campaign", "olga@acme.example"]


async def test_grantors_are_told_to_who_reads_members(world: World) -> None:
    reader = await world.custom_role("Reader", Permission.ROLES_READ)
    ann = await world.someone("Ann", reader, at_workspace(world.a))
    explained = await answers.explain(ann, None, SEND, at_workspace(world.a))
    suggested = await answers.suggestions(ann, explained)
    assert suggested
    async with refused(Forbidden, missing=["MEMBERS_READ"]):
        await answers.grantors(ann, explained, suggested)


async def _many(world: World, count: int) -> None:
    """So many more members who may send, half of them through groups of their own."""
    for number in range(count):
        member = await world.member(f"Member {number}")
        if number % 2:
            await world.give(member, BuiltinRole.OPERATOR, at_workspace(world.a))
            continue
        group = await groups.create(
            world.operator, DirectoryGroup(f"Group {number}", None, {}), member_ids=[member.id]
        )
        await assignments.assign(
            world.operator,
            role_id=(await world.role(BuiltinRole.OWNER)).id,
            principal=Principal(PrincipalType.GROUP, group.id),
            scope=world.everywhere,
        )


@pytest.mark.parametrize("members", [1, 12])
async def test_the_statements_do_not_grow(world: World, members: int) -> None:
    campaign = await world.campaign(world.a)
    await _many(world, members)
    counts = []
    subject = await world.subject(world.owner)
    ann = await world.member("Ann")
    for number in range(members):
        await world.custom_role(f"Sender {number}", SEND)

    with counted_statements() as statements:
        await answers.can(subject, SEND, at_campaign(campaign))
    counts.append(len(statements))
    with counted_statements() as statements:
        explained = await answers.explain(subject, of(ann), SEND, at_campaign(campaign))
    counts.append(len(statements))
    with counted_statements() as statements:
        suggested = await answers.suggestions(subject, explained)
    counts.append(len(statements))
    with counted_statements() as statements:
        await answers.grantors(subject, explained, suggested)
    counts.append(len(statements))
    with counted_statements() as statements:
        found = await answers.who_can(subject, SEND, at_campaign(campaign))
        assert len(await found.page(ALL)) == members + 1
    counts.append(len(statements))
    with counted_statements() as statements:
        assert await found.count() == members + 1
    counts.append(len(statements))
    with counted_statements() as statements:
        await answers.access_of(subject, of(ann))
    counts.append(len(statements))
    assert counts == [1, 4, 2, 5, 7, 1, 3]


async def test_pages_of_who_can_go_both_ways(world: World) -> None:
    await _many(world, 5)
    found = await answers.who_can(world.operator, SEND, at_workspace(world.a))
    everybody = [line.id for line in await found.page(ALL)]
    assert len(everybody) == 6
    assert everybody == sorted(everybody, reverse=True)

    async def ids(window: Window) -> list[object]:
        return [line.id for line in await found.page(window)]

    assert await ids(Window(limit=2, after=everybody[1])) == everybody[2:4]
    assert await ids(Window(limit=2, before=everybody[4])) == everybody[:2]
    assert await ids(Window(limit=2, before=everybody[4], backwards=True)) == everybody[2:4]
