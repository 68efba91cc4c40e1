"""What an API key carries of an access: its scopes, where it is limited to, and nothing else."""

import pytest

from identity.access.bounds import BoundResource, Bounds, bounded
from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION, DeniedBy, Target
from identity.access.kinds import CAMPAIGN
from identity.access.load import read_access
from identity.access.permissions import ALL_MASK, Permission, mask_of, permissions_in
from identity.access.visible import visible_ids
from identity.refusals import Forbidden, ScopeMissing
from models import BuiltinRole, Campaign, ScopeType
from models.window import Window
from tests.world import World, at_campaign, at_workspace

READ = mask_of([Permission.CAMPAIGNS_READ])
SEND = mask_of([Permission.CAMPAIGNS_SEND])


async def owner_of(world: World) -> Access:
    return await read_access(world.organization.id, world.owner.id, world.organization.plan)


def held(access: Access, at: Target) -> list[str]:
    return [permission.value for permission in permissions_in(access.mask_at(at))]


async def test_scopes_cut_at_every_place(world: World) -> None:
    key = bounded(await owner_of(world), Bounds(SEND))
    for at in (ORGANIZATION, Target(world.a.id), Target(world.b.id)):
        assert held(key, at) == ["campaigns:read", "campaigns:send"]
    assert permissions_in(key.anywhere_mask) == permissions_in(SEND)


async def test_all_scopes_carry_all_that_the_owner_holds_and_no_more(world: World) -> None:
    someone = await world.someone("Ada", BuiltinRole.EDITOR, at_workspace(world.a))
    key = bounded(someone.access, Bounds(ALL_MASK))
    for at in (ORGANIZATION, Target(world.a.id), Target(world.b.id)):
        assert key.mask_at(at) == someone.access.mask_at(at)


async def test_a_key_of_one_workspace_holds_nothing_outside_it(world: World) -> None:
    key = bounded(await owner_of(world), Bounds(ALL_MASK, workspaces=frozenset({world.a.id})))
    assert key.mask_at(ORGANIZATION) == 0
    assert key.mask_at(Target(world.b.id)) == 0
    assert key.allows(Permission.CAMPAIGNS_SEND, Target(world.a.id))
    assert not key.allows(Permission.ORGANIZATION_READ, Target(world.a.id))
    assert key.entered() == frozenset({world.a.id})


async def test_a_key_of_one_resource_holds_nothing_beside_it(world: World) -> None:
    mine, other = await world.campaign(world.a), await world.campaign(world.a, "Autumn")
    resource = BoundResource(ScopeType.CAMPAIGN, mine.id, world.a.id)
    key = bounded(await owner_of(world), Bounds(SEND, resources=(resource,)))
    assert held(key, Target(world.a.id, mine.id)) == ["campaigns:read", "campaigns:send"]
    for at in (ORGANIZATION, Target(world.a.id), Target(world.a.id, other.id)):
        assert key.mask_at(at) == 0


async def seen(access: Access, world: World) -> set[str]:
    ids = await visible_ids(access, CAMPAIGN, READ, world.a.id, Window(limit=50))
    return {campaign.name for campaign in await Campaign.filter(id__in=ids)}


@pytest.mark.parametrize("given_at", ["organization", "workspace", "campaign"])
async def test_a_list_holds_what_a_check_allows(world: World, given_at: str) -> None:
    one, two = await world.campaign(world.a), await world.campaign(world.a, "Autumn")
    elsewhere = await world.campaign(world.b, "Winter")
    scope = {
        "organization": world.everywhere,
        "workspace": at_workspace(world.a),
        "campaign": at_campaign(one),
    }[given_at]
    whole = (await world.someone("Ada", BuiltinRole.EDITOR, scope)).access
    resources = tuple(
        BoundResource(ScopeType.CAMPAIGN, each.id, each.workspace_id) for each in (one, elsewhere)
    )
    for bounds in (
        Bounds(READ),
        Bounds(mask_of([Permission.LISTS_READ])),
        Bounds(READ, workspaces=frozenset({world.a.id})),
        Bounds(READ, workspaces=frozenset({world.b.id})),
        Bounds(READ, resources=resources),
        Bounds(READ, resources=resources[1:]),
    ):
        key = bounded(whole, bounds)
        allowed = {
            each.name
            for each in (one, two)
            if key.allows(Permission.CAMPAIGNS_READ, Target(world.a.id, each.id))
        }
        assert await seen(key, world) == allowed, bounds
    assert await seen(bounded(whole, Bounds(READ, resources=resources)), world) == {"Spring"}


async def test_a_refusal_says_what_the_key_lacks_and_what_the_owner_does(world: World) -> None:
    someone = await world.someone("Ada", BuiltinRole.EDITOR, at_workspace(world.a))
    key = bounded(someone.access, Bounds(READ, workspaces=frozenset({world.a.id})))
    here, there = Target(world.a.id), Target(world.b.id)
    lacking = key.check(Permission.DOCUMENTS_DELETE, here)
    assert lacking.obstacles == (DeniedBy.MISSING_SCOPE,)
    assert lacking.reason == "This API key does not carry the scope documents:delete."
    with pytest.raises(ScopeMissing) as refused:
        key.require(Permission.DOCUMENTS_DELETE, here)
    assert (refused.value.code, refused.value.status) == ("SCOPE_MISSING", 403)
    assert refused.value.details == {"reason": "MISSING_SCOPE", "missing": ["DOCUMENTS_DELETE"]}
    with pytest.raises(Forbidden) as owner_lacks:
        key.require(Permission.CAMPAIGNS_SEND, here)
    assert owner_lacks.value.details["reason"] == "MISSING_PERMISSION"
    assert key.check(Permission.CAMPAIGNS_READ, there).obstacles == (DeniedBy.MISSING_PERMISSION,)


async def test_a_place_outside_the_limits_is_told_apart_from_a_missing_scope(world: World) -> None:
    key = bounded(await owner_of(world), Bounds(READ, workspaces=frozenset({world.a.id})))
    decision = key.check(Permission.CAMPAIGNS_READ, Target(world.b.id))
    assert decision.obstacles == (DeniedBy.OUT_OF_BOUNDS,)
    with pytest.raises(Forbidden) as refused:
        key.require(Permission.CAMPAIGNS_READ, Target(world.b.id))
    assert refused.value.details == {"reason": "OUT_OF_BOUNDS", "missing": ["CAMPAIGNS_READ"]}


async def test_the_plan_and_an_archived_workspace_cut_a_key_too(world: World) -> None:
    whole = await owner_of(world)
    key = bounded(whole, Bounds(ALL_MASK))
    assert (key.plan_cut, key.archived_workspaces) == (whole.plan_cut, whole.archived_workspaces)
