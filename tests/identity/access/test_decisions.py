"""Decisions: what a grant reaches, what cuts it, and the sentence that says why."""

from datetime import timedelta

import pytest

from identity import assignments
from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION, Decision, DeniedBy, Target
from identity.access.kinds import KINDS
from identity.access.load import AccessCache, read_access
from identity.access.permissions import Permission, permissions_in
from identity.assignments import Principal, Scope
from identity.credentials import sessions
from identity.credentials.limits import SessionLimits
from identity.refusals import Escalation, Forbidden
from identity.subject import Origin
from models import (
    Assignment,
    BuiltinRole,
    Member,
    Organization,
    Plan,
    PrincipalType,
    ScopeType,
    Workspace,
    WorkspaceState,
)
from models.sql import Statement
from tests.clock import MovableClock
from tests.world import World, at_campaign, at_workspace, new_world

CAMPAIGNS = tuple(p for p in Permission if p.group == "campaigns")


async def _access(world: World, member: Member) -> Access:
    return (await world.subject(member)).access


async def test_a_role_at_the_organization_reaches_everything_in_it(world: World) -> None:
    member = await world.member("Ann")
    given = await world.give(member, BuiltinRole.VIEWER, world.everywhere)
    campaign = await world.campaign(world.a)
    access = await _access(world, member)
    for target in (ORGANIZATION, Target(world.a.id), Target(world.b.id, campaign.id)):
        decision = access.check(Permission.CAMPAIGNS_READ, target)
        assert (decision.allowed, decision.denied_by) == (True, None)
        assert [grant.assignment_id for grant in decision.grants] == [given.id]
        assert decision.reason == "Allowed by role Viewer at organization."


async def test_a_role_at_a_workspace_stops_at_its_border(world: World) -> None:
    campaign = await world.campaign(world.a)
    subject = await world.someone("Ann", BuiltinRole.VIEWER, at_workspace(world.a))
    reaches = {
        target: subject.access.allows(Permission.CAMPAIGNS_READ, target)
        for target in (ORGANIZATION, Target(world.a.id), Target(world.b.id))
    }
    assert list(reaches.values()) == [False, True, False]
    assert subject.access.allows(Permission.CAMPAIGNS_READ, Target(world.a.id, campaign.id))


async def test_a_role_at_a_resource_is_for_that_resource_alone(world: World) -> None:
    spring, autumn = await world.campaign(world.a), await world.campaign(world.a, "Autumn")
    subject = await world.someone("Ann", BuiltinRole.OPERATOR, at_campaign(spring))
    assert subject.access.allows(Permission.CAMPAIGNS_SEND, Target(world.a.id, spring.id))
    assert not subject.access.allows(Permission.CAMPAIGNS_SEND, Target(world.a.id, autumn.id))
    decision = subject.access.check(Permission.CAMPAIGNS_SEND, Target(world.a.id))
    assert decision.denied_by is DeniedBy.MISSING_PERMISSION
    assert decision.reason == (
        "This needs campaigns:send at this workspace, and no role of yours holds it there."
    )


async def test_organization_groups_are_never_granted_below_the_organization(world: World) -> None:
    campaign = await world.campaign(world.a)
    subject = await world.someone("Ann", BuiltinRole.OWNER, at_workspace(world.a))
    held = permissions_in(subject.access.mask_at(Target(world.a.id, campaign.id)))
    assert set(Permission) - set(held) == {
        Permission.IDENTITY_READ,
        Permission.IDENTITY_MANAGE,
        Permission.ORGANIZATION_READ,
        Permission.ORGANIZATION_UPDATE,
        Permission.ORGANIZATION_PLAN,
        Permission.ORGANIZATION_DELETE,
    }


@pytest.mark.parametrize("scope_type", KINDS)
async def test_a_role_at_one_resource_gives_what_is_about_it_and_nothing_anywhere_else(
    world: World, scope_type: ScopeType
) -> None:
    campaign = await world.campaign(world.a)
    at = {
        ScopeType.CAMPAIGN: campaign.id,
        ScopeType.MAILING_LIST: campaign.mailing_list_id,
        ScopeType.SENDING_SERVER: campaign.sending_server_id,
    }[scope_type]
    assert at is not None
    subject = await world.someone("Ann", BuiltinRole.OWNER, Scope(scope_type, at))

    held = permissions_in(subject.access.mask_at(Target(world.a.id, at)))

    about_it = {p for p in Permission if p.group == KINDS[scope_type].group}
    sharing = {Permission.MEMBERS_READ, Permission.MEMBERS_ASSIGN, Permission.ROLES_READ}
    assert set(held) == about_it | sharing
    assert set(permissions_in(subject.access.anywhere_mask)) == set(held)
    assert not subject.access.allows_anywhere(Permission.AUDIT_READ)


async def test_who_gives_a_role_at_a_resource_holds_what_it_gives_there(world: World) -> None:
    campaign = await world.campaign(world.a)
    sharing = (Permission.MEMBERS_ASSIGN, Permission.ROLES_READ)
    sharer = await world.custom_role("Sharer", *CAMPAIGNS, *sharing)
    ann = await world.someone("Ann", sharer, at_workspace(world.a))
    bob = await world.member("Bob")

    async def give(scope: Scope) -> Assignment:
        principal = Principal(PrincipalType.MEMBER, bob.id)
        role = await world.role(BuiltinRole.ADMIN)
        return await assignments.assign(ann, role_id=role.id, principal=principal, scope=scope)

    given = await give(at_campaign(campaign))
    with pytest.raises(Escalation) as refused:
        await give(at_workspace(world.a))

    assert "lists:write" in refused.value.details["missing"]
    assert [row.id for row in await Assignment.filter(principal_id=bob.id)] == [given.id]
    assert permissions_in((await world.subject(bob)).access.anywhere_mask) == CAMPAIGNS


async def test_a_role_that_is_not_about_a_resource_opens_nothing_there(world: World) -> None:
    campaign = await world.campaign(world.a)
    rest = await world.custom_role("Rest", Permission.AUDIT_READ, Permission.TEMPLATES_WRITE)
    bob = await world.someone("Bob", rest, at_campaign(campaign))
    assert (bob.access.anywhere_mask, bob.access.enters(world.a.id)) == (0, False)


async def test_holding_only_organization_permissions_opens_no_workspace(world: World) -> None:
    role = await world.custom_role("Identity", Permission.IDENTITY_READ)
    empty = await world.custom_role("Nothing")
    member = await world.member("Ann")
    await world.give(member, role, world.everywhere)
    await world.give(member, empty, at_workspace(world.a))
    access = await _access(world, member)
    assert [access.enters(world.a.id), access.enters(world.b.id)] == [False, False]


async def test_an_archived_workspace_is_read_and_not_changed(world: World) -> None:
    subject = await world.someone("Ann", BuiltinRole.OWNER, at_workspace(world.a))
    before = set(permissions_in(subject.access.mask_at(Target(world.a.id))))
    await Workspace.filter(id=world.a.id).update(state=WorkspaceState.ARCHIVED)
    access = await read_access(world.organization.id, subject.actor_id, Plan.ENTERPRISE)  # type: ignore[arg-type]

    held = set(permissions_in(access.mask_at(Target(world.a.id))))

    assert held < before
    changing = {p for p in held if p.action in ("write", "use", "send", "delete", "export")}
    assert changing == {Permission.WORKSPACE_DELETE}  # so that somebody can bring it back
    assert {p for p in before if p.action == "read"} <= held
    decision = access.check(Permission.CAMPAIGNS_SEND, Target(world.a.id))
    assert (decision.allowed, decision.denied_by) == (False, DeniedBy.WORKSPACE_ARCHIVED)
    assert (
        decision.reason == "The workspace is archived: it can be read, but nothing in it changed."
    )
    assert len(decision.grants) == 1
    with pytest.raises(Forbidden) as refused:
        access.require(Permission.CAMPAIGNS_SEND, Target(world.a.id))
    assert refused.value.details == {"reason": "WORKSPACE_ARCHIVED", "missing": ["CAMPAIGNS_SEND"]}


async def _managing(world: World, plan: Plan) -> Decision:
    access = await read_access(world.organization.id, world.owner.id, plan)
    return access.check(Permission.IDENTITY_MANAGE, ORGANIZATION)


async def test_the_plan_cuts_what_it_does_not_include(world: World) -> None:
    allowed = {plan: (await _managing(world, plan)).allowed for plan in Plan}
    assert allowed == {Plan.STARTER: False, Plan.PREMIUM: True, Plan.ENTERPRISE: True}
    denied = await _managing(world, Plan.STARTER)
    assert denied.denied_by is DeniedBy.PLAN
    assert denied.reason == "The plan of the organization does not include identity:manage."
    access = await read_access(world.organization.id, world.owner.id, Plan.STARTER)
    assert set(Permission) - set(permissions_in(access.mask_at(ORGANIZATION))) == {
        Permission.IDENTITY_MANAGE
    }
    assert not access.allows_anywhere(Permission.IDENTITY_MANAGE)


async def test_an_owner_on_the_smallest_plan_makes_another_owner(database: str) -> None:
    """What the plan cuts from everybody is no escalation to give on."""
    world = await new_world("tiny", plan=Plan.PREMIUM)
    await Organization.filter(id=world.organization.id).update(plan=Plan.STARTER)
    owner, heir = await world.subject(world.owner), await world.member("Heir")
    role = await world.role(BuiltinRole.OWNER)
    given = await assignments.assign(
        owner,
        role_id=role.id,
        principal=Principal(PrincipalType.MEMBER, heir.id),
        scope=world.everywhere,
    )
    assert given.principal_id == heir.id


async def test_an_assignment_ends_at_its_moment_also_in_the_cache(
    world: World, movable_clock: MovableClock
) -> None:
    member = await world.member("Ann")
    role = await world.role(BuiltinRole.VIEWER)
    for hours, workspace in ((1, world.a), (2, world.b)):
        await assignments.assign(
            world.operator,
            role_id=role.id,
            principal=Principal(PrincipalType.MEMBER, member.id),
            scope=at_workspace(workspace),
            expires_at=movable_clock.time + timedelta(hours=hours),
        )
    token = await world.session(member)

    async def entered() -> list[bool]:
        subject = await sessions.authenticate(token, limits=SessionLimits(), origin=Origin())
        places = (Target(world.a.id), Target(world.b.id))
        return [subject.access.allows(Permission.CAMPAIGNS_READ, place) for place in places]

    assert await entered() == [True, True]
    movable_clock.move(timedelta(minutes=59, seconds=59, microseconds=999_999))
    assert await entered() == [True, True]
    movable_clock.move(timedelta(microseconds=1))
    assert await entered() == [False, True]
    movable_clock.move(timedelta(hours=1))
    assert await entered() == [False, False]


async def test_cached_access_is_one_object_until_the_revision_grows(world: World) -> None:
    cache = AccessCache()
    organization, member = world.organization.id, world.owner.id
    first = await cache.get(organization, member, plan=Plan.ENTERPRISE, revision=7)
    assert await cache.get(organization, member, plan=Plan.ENTERPRISE, revision=7) is first
    await Statement("DELETE FROM assignments").execute()
    assert await cache.get(organization, member, plan=Plan.ENTERPRISE, revision=7) is first
    later = await cache.get(organization, member, plan=Plan.ENTERPRISE, revision=8)
    assert first.allows(Permission.CAMPAIGNS_READ, ORGANIZATION)
    assert not later.allows(Permission.CAMPAIGNS_READ, ORGANIZATION)


async def test_the_cache_keeps_the_members_seen_last(world: World) -> None:
    cache = AccessCache(size=2)
    members = [await world.member(name) for name in ("Ann", "Ben", "Cem")]
    organization = world.organization.id

    async def get(number: int) -> Access:
        member = members[number].id
        return await cache.get(organization, member, plan=Plan.ENTERPRISE, revision=1)

    ann, ben = await get(0), await get(1)
    assert await get(0) is ann
    await get(2)
    assert await get(0) is ann
    assert await get(1) is not ben
    cache.clear()
    assert await get(0) is not ann
