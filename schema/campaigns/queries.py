"""Reading campaigns."""

import strawberry

from identity.access import targets
from identity.access.kinds import CAMPAIGN
from schema.arguments import GlobalId
from schema.campaigns.types import RELATED, Campaign
from schema.context import ContextInfo
from schema.directives import At, auth
from schema.ids import row_id


@strawberry.type
class CampaignQuery:
    @auth("One campaign.", requires=CAMPAIGN.seen_with, at=At.VALUE)
    async def campaign(self, info: ContextInfo, id: GlobalId) -> Campaign | None:
        campaign_id = row_id(id, "Campaign", field="id")
        row = await targets.visible_resource(
            info.context.access, CAMPAIGN, campaign_id, related=RELATED
        )
        return Campaign(row=row)
