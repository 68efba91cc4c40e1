"""Reading campaigns."""

import strawberry

from identity.access.kinds import CAMPAIGN
from schema.campaigns.types import Campaign
from schema.fields import found


@strawberry.type
class CampaignQuery:
    campaign: Campaign | None = found(
        "Campaign", CAMPAIGN.lookup, "One campaign.", requires=CAMPAIGN.seen_with
    )
