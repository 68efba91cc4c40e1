"""Reading campaigns."""

import strawberry

from identity.access import targets
from identity.access.kinds import CAMPAIGN
from schema.campaigns.types import Campaign
from schema.context import ContextInfo
from schema.directives import VALUE, auth
from schema.ids import row_id

RELATED = ("owner", "mailing_list", "sending_server")


@strawberry.type
class CampaignQuery:
    @auth("One campaign.", requires=CAMPAIGN.seen_with, at=VALUE)
    async def campaign(self, info: ContextInfo, id: strawberry.ID) -> Campaign | None:
        campaign_id = row_id(id, "Campaign", field="id")
        row = await targets.visible_resource(
            info.context.access, CAMPAIGN, campaign_id, related=RELATED
        )
        return Campaign(row=row)
