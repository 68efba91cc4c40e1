"""The way every sensitive change is made: refused changes leave nothing but their denial."""

import pytest

from identity import campaigns
from identity.refusals import Forbidden
from models import BuiltinRole, Campaign, CampaignStatus, Outcome
from tests.world import World, at_workspace


async def test_a_refused_change_is_rolled_back_and_recorded(world: World) -> None:
    campaign = await world.campaign(world.a)
    viewer = await world.someone("Vera", BuiltinRole.VIEWER, at_workspace(world.a))

    with pytest.raises(Forbidden) as refused:
        await campaigns.send(viewer, campaign.id, expected_version=1)

    assert refused.value.details == {
        "reason": "MISSING_PERMISSION",
        "missing": ["CAMPAIGNS_SEND"],
    }
    assert (await Campaign.get(id=campaign.id)).status is CampaignStatus.DRAFT
    denial = (await world.events())[-1]
    assert (denial.action, denial.outcome) == ("campaign.send", Outcome.DENIED)
    assert (denial.actor_name, denial.target_name) == ("Vera", None)


async def test_access_taken_away_counts_inside_the_transaction(world: World) -> None:
    campaign = await world.campaign(world.a)
    operator = await world.someone("Otto", BuiltinRole.OPERATOR, at_workspace(world.a))
    sent = await campaigns.send(operator, campaign.id, expected_version=1)
    assert sent.status is CampaignStatus.SENDING
