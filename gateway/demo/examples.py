"""Queries that come out differently for each person."""

from string import Template
from urllib.parse import urlencode

from gateway.demo import TEMPLATES
from gateway.demo.seed import FIRST_WORKSPACE, SLUG
from models.campaign import Campaign, CampaignStatus
from models.workspace import Workspace
from schema.ids import global_id

DOCUMENT = Template((TEMPLATES / "examples.graphql").read_text(encoding="utf-8"))


async def address() -> str:
    """GraphiQL with the examples in it, for the campaigns that there are now."""
    labs = await Workspace.get(organization__slug=SLUG, slug="labs")
    of_main = Campaign.filter(
        workspace__organization__slug=SLUG, workspace__slug=FIRST_WORKSPACE
    ).order_by("id")
    drafts = of_main.filter(status=CampaignStatus.DRAFT)
    campaign = await drafts.first() or await of_main.get(name="Spring sale")
    document = DOCUMENT.substitute(
        workspace=global_id("Workspace", labs.id),
        campaign=global_id("Campaign", campaign.id),
        campaign_name=campaign.name,
        version=campaign.version,
    )
    return f"/graphiql?{urlencode({'query': document})}"
