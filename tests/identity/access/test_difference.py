"""What is said to somebody whose access changed."""

from dataclasses import replace

from identity import assignments
from identity.access.difference import Difference, differences
from identity.access.permissions import Permission
from models import ScopeType
from tests.world import World, at_campaign, at_workspace


async def test_nothing_changed(world: World) -> None:
    access = (await world.subject(world.owner)).access
    again = (await world.subject(world.owner)).access
    assert differences(access, again) == []


async def test_each_scope_says_what_is_new_there(world: World) -> None:
    campaign = await world.campaign(world.a)
    member = await world.member("Mia")
    before = (await world.subject(member)).access
    reader = await world.custom_role("Reader", Permission.AUDIT_READ, Permission.CAMPAIGNS_READ)
    sender = await world.custom_role("Sender", Permission.CAMPAIGNS_SEND)
    first = await world.give(member, reader, world.everywhere)
    await world.give(member, reader, at_workspace(world.a))
    await world.give(member, sender, at_campaign(campaign))
    after = (await world.subject(member)).access

    read, sent = Permission.CAMPAIGNS_READ, Permission.CAMPAIGNS_SEND
    organization_id = world.organization.id
    here = Difference(
        ScopeType.ORGANIZATION, organization_id, None, (read, Permission.AUDIT_READ), lost=()
    )
    on_campaign = Difference(ScopeType.CAMPAIGN, campaign.id, world.a.id, gained=(sent,), lost=())
    assert differences(before, after) == [here, on_campaign]

    await assignments.unassign(world.operator, first.id)
    last = (await world.subject(member)).access
    assert differences(after, last) == [
        Difference(
            ScopeType.ORGANIZATION, organization_id, None, (), lost=(read, Permission.AUDIT_READ)
        )
    ]
    assert differences(before, last) == [
        Difference(
            ScopeType.WORKSPACE, world.a.id, world.a.id, (read, Permission.AUDIT_READ), lost=()
        ),
        on_campaign,
    ]


async def test_a_plan_or_an_archived_workspace_differs_by_the_same_grants(world: World) -> None:
    member = await world.member("Mia")
    sender = await world.custom_role("Sender", Permission.CAMPAIGNS_SEND)
    await world.give(member, sender, at_workspace(world.a))
    mia = (await world.subject(member)).access
    olga = (await world.subject(world.owner)).access
    manage, send = Permission.IDENTITY_MANAGE, Permission.CAMPAIGNS_SEND
    for access, lost in ((olga, [(manage,)]), (mia, [])):
        smaller = replace(access, plan_cut=access.plan_cut | manage.bit)
        assert [each.lost for each in differences(access, smaller)] == lost
        assert [each.gained for each in differences(smaller, access)] == lost
    archived = replace(mia, archived_workspaces=frozenset({world.a.id}))
    assert [(e.scope_id, e.lost) for e in differences(mia, archived)] == [(world.a.id, (send,))]
    elsewhere = replace(mia, archived_workspaces=frozenset({world.b.id}))
    assert differences(mia, elsewhere) == []
