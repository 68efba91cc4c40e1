"""What is said to somebody whose access changed."""

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
