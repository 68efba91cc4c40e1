"""Changing campaigns."""

from datetime import datetime

import strawberry

from identity import campaigns
from identity.access.kinds import MAILING_LIST, SENDING_SERVER
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.campaigns import Content
from models.campaign import Campaign as CampaignRow
from schema.campaigns.types import Campaign
from schema.context import ContextInfo
from schema.directives import PUBLIC, At, auth
from schema.fields import embedded, own_id
from schema.guarded_inputs import guarded_input
from schema.ids import optional_row_id, row_id


@strawberry.input(description="A campaign to draft.")
class CreateCampaignInput:
    workspace_id: strawberry.ID = strawberry.field(description="Where it will live.")
    name: str = strawberry.field(description="What it is called.")
    subject: str | None = strawberry.field(default=None, description="The subject line.")
    body: str | None = strawberry.field(default=None, description="The text of the mail.")
    mailing_list_id: strawberry.ID | None = guarded_input(
        "Whom it goes to: a list of the same workspace.",
        requires=MAILING_LIST.seen_with,
        at=At.ANYWHERE,
    )
    sending_server_id: strawberry.ID | None = guarded_input(
        "What it goes out through: a server of the same workspace.",
        requires=SENDING_SERVER.seen_with,
        at=At.ANYWHERE,
    )


@strawberry.input(description="A change of a draft. What is left out stays as it is.")
class UpdateCampaignInput:
    campaign_id: strawberry.ID = strawberry.field(description="The campaign.")
    expected_version: int = strawberry.field(description="The version you looked at.")
    name: str | None = strawberry.field(default=None, description="What it is called.")
    subject: str | None = strawberry.field(default=None, description="The subject line.")
    body: str | None = strawberry.field(default=None, description="The text of the mail.")
    mailing_list_id: strawberry.ID | None = guarded_input(
        "Whom it goes to: a list of the same workspace.",
        requires=MAILING_LIST.seen_with,
        at=At.ANYWHERE,
    )
    sending_server_id: strawberry.ID | None = guarded_input(
        "What it goes out through: a server of the same workspace.",
        requires=SENDING_SERVER.seen_with,
        at=At.ANYWHERE,
    )


@strawberry.input(description="A campaign to send.")
class SendCampaignInput:
    campaign_id: strawberry.ID = strawberry.field(description="The campaign.")
    expected_version: int = strawberry.field(
        description="The version you looked at: nobody sends what they have not seen."
    )
    at: datetime | None = strawberry.field(
        default=None, description="When to send it; now, if left out."
    )


@strawberry.input(description="A campaign to delete.")
class DeleteCampaignInput:
    campaign_id: strawberry.ID = strawberry.field(description="The campaign.")


@strawberry.type(description="The campaign as it is now.")
class CampaignPayload:
    row: strawberry.Private[CampaignRow]

    campaign: Campaign = embedded("The campaign.", requires=PUBLIC)


@strawberry.type(description="What was deleted.")
class DeleteCampaignPayload:
    row: strawberry.Private[CampaignRow]

    deleted_campaign_id: strawberry.ID = own_id(
        "The id that the campaign had.", requires=PUBLIC, type_name="Campaign"
    )


@strawberry.type
class CampaignMutation:
    @auth(
        "Draft a campaign.",
        requires=[Permission.CAMPAIGNS_DRAFT],
        at="input.workspaceId",
        audits=Action.CAMPAIGN_CREATE,
    )
    async def create_campaign(
        self, info: ContextInfo, input: CreateCampaignInput
    ) -> CampaignPayload | None:
        workspace_id = row_id(input.workspace_id, "Workspace", field="input.workspaceId")
        created = await campaigns.draft(info.context.subject, workspace_id, _content(input))
        return CampaignPayload(row=created)

    @auth(
        "Change a draft.",
        requires=[Permission.CAMPAIGNS_DRAFT],
        at="input.campaignId",
        audits=Action.CAMPAIGN_UPDATE,
    )
    async def update_campaign(
        self, info: ContextInfo, input: UpdateCampaignInput
    ) -> CampaignPayload | None:
        campaign_id = row_id(input.campaign_id, "Campaign", field="input.campaignId")
        edited = await campaigns.edit(
            info.context.subject,
            campaign_id,
            _content(input),
            expected_version=input.expected_version,
            seen=info.context.taken(CampaignRow, campaign_id),
        )
        return CampaignPayload(row=edited)

    @auth(
        "Send a draft now or at a given time.",
        requires=[Permission.CAMPAIGNS_SEND],
        at="input.campaignId",
        audits=Action.CAMPAIGN_SEND,
    )
    async def send_campaign(
        self, info: ContextInfo, input: SendCampaignInput
    ) -> CampaignPayload | None:
        sent = await campaigns.send(
            info.context.subject,
            row_id(input.campaign_id, "Campaign", field="input.campaignId"),
            expected_version=input.expected_version,
            at=input.at,
        )
        return CampaignPayload(row=sent)

    @auth(
        "Delete a campaign.",
        requires=[Permission.CAMPAIGNS_DELETE],
        at="input.campaignId",
        audits=Action.CAMPAIGN_DELETE,
    )
    async def delete_campaign(
        self, info: ContextInfo, input: DeleteCampaignInput
    ) -> DeleteCampaignPayload | None:
        campaign_id = row_id(input.campaign_id, "Campaign", field="input.campaignId")
        return DeleteCampaignPayload(row=await campaigns.delete(info.context.subject, campaign_id))


def _content(input: CreateCampaignInput | UpdateCampaignInput) -> Content:
    return Content(
        name=input.name,
        subject=input.subject,
        body=input.body,
        mailing_list_id=optional_row_id(
            input.mailing_list_id, "MailingList", field="input.mailingListId"
        ),
        sending_server_id=optional_row_id(
            input.sending_server_id, "SendingServer", field="input.sendingServerId"
        ),
    )
