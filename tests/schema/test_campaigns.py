"""Campaigns through GraphQL: list, one, draft, edit, send, delete."""

from datetime import timedelta
from typing import Any

import pytest

from models import Assignment, BuiltinRole, Campaign, CampaignStatus
from models.clock import now
from schema.ids import global_id
from tests.door import Person
from tests.world import World, at_campaign, at_workspace

LIST = """
    query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
      workspace(id: $id) {
        campaigns(first: $first, after: $after, last: $last, before: $before) {
          edges { cursor node { name } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
          totalCount
        }
      }
    }
"""
SEND = """
    mutation ($input: SendCampaignInput!) {
      sendCampaign(input: $input) { campaign { status version } }
    }
"""


async def test_the_list_is_a_relay_connection_newest_first(otto: Person, world: World) -> None:
    for number in range(5):
        await world.campaign(world.a, f"Campaign {number}")
    await world.campaign(world.b, "Elsewhere")
    workspace = {"id": global_id("Workspace", world.a.id)}

    first = (await otto.data(LIST, {**workspace, "first": 2}))["workspace"]["campaigns"]
    assert [edge["node"]["name"] for edge in first["edges"]] == ["Campaign 4", "Campaign 3"]
    assert first["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": first["edges"][0]["cursor"],
        "endCursor": first["edges"][1]["cursor"],
    }
    assert first["totalCount"] == 5

    after = {**workspace, "first": 3, "after": first["pageInfo"]["endCursor"]}
    rest = (await otto.data(LIST, after))["workspace"]["campaigns"]
    assert [edge["node"]["name"] for edge in rest["edges"]] == [
        "Campaign 2",
        "Campaign 1",
        "Campaign 0",
    ]
    assert rest["pageInfo"]["hasNextPage"] is False

    back = {**workspace, "last": 2, "before": rest["edges"][1]["cursor"]}
    page = (await otto.data(LIST, back))["workspace"]["campaigns"]
    assert [edge["node"]["name"] for edge in page["edges"]] == ["Campaign 3", "Campaign 2"]
    assert (page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]) == (True, True)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"first": -1}, "first"),
        ({"first": 101}, "first"),
        ({"last": 101}, "last"),
        ({"first": 1, "last": 1}, "last"),
        ({"after": "nonsense"}, "after"),
        ({"before": "!"}, "before"),
    ],
)
async def test_a_page_that_cannot_be_is_refused(
    otto: Person, world: World, arguments: dict[str, Any], field: str
) -> None:
    body = await otto.ask(LIST, {"id": global_id("Workspace", world.a.id), **arguments})
    assert body["data"] is None or body["data"]["workspace"] is None
    assert body["errors"][0]["extensions"] == {"code": "BAD_INPUT", "field": field}


async def test_a_campaign_comes_with_its_list_server_owner_and_results(
    otto: Person, world: World
) -> None:
    campaign = await world.campaign(world.a)
    data = await otto.data(
        """
        query ($id: ID!) {
          campaign(id: $id) {
            name subject body status
            owner { name }
            mailingList { name subscriberCount }
            sendingServer { name }
            results { recipients delivered opened clicked bounced complained }
          }
        }
        """,
        {"id": global_id("Campaign", campaign.id)},
    )
    assert data["campaign"] == {
        "name": "Spring",
        "subject": "Hello",
        "body": "Hello, spring.",
        "status": "DRAFT",
        "owner": {"name": "olga@acme.example"},
        "mailingList": {"name": "Spring list", "subscriberCount": 120},
        "sendingServer": {"name": "Spring server"},
        "results": {
            "recipients": 0,
            "delivered": 0,
            "opened": 0,
            "clicked": 0,
            "bounced": 0,
            "complained": 0,
        },
    }


async def test_draft_edit_send_and_the_audit_log_tells_it(otto: Person, world: World) -> None:
    model = await world.campaign(world.a, "Model")
    created = await otto.data(
        """
        mutation Draft($input: CreateCampaignInput!) {
          createCampaign(input: $input) { campaign { id name version status owner { name } } }
        }
        """,
        {"input": {"workspaceId": global_id("Workspace", world.a.id), "name": "Autumn"}},
    )
    campaign = created["createCampaign"]["campaign"]
    assert (campaign["version"], campaign["status"]) == (1, "DRAFT")
    assert campaign["owner"] == {"name": "Otto"}
    assert model.mailing_list_id is not None
    assert model.sending_server_id is not None

    edited = await otto.data(
        """
        mutation Edit($input: UpdateCampaignInput!) {
          updateCampaign(input: $input) { campaign { version subject mailingList { name } } }
        }
        """,
        {
            "input": {
                "campaignId": campaign["id"],
                "expectedVersion": 1,
                "subject": "Leaves",
                "body": "They fall.",
                "mailingListId": global_id("MailingList", model.mailing_list_id),
                "sendingServerId": global_id("SendingServer", model.sending_server_id),
            }
        },
    )
    assert edited["updateCampaign"]["campaign"] == {
        "version": 2,
        "subject": "Leaves",
        "mailingList": {"name": "Model list"},
    }

    sent = await otto.data(SEND, {"input": {"campaignId": campaign["id"], "expectedVersion": 2}})
    assert sent["sendCampaign"]["campaign"] == {"status": "SENDING", "version": 3}

    events = (await world.events())[-3:]
    assert [event.action for event in events] == [
        "campaign.create",
        "campaign.update",
        "campaign.send",
    ]
    assert [event.operation for event in events] == ["Draft", "Edit", None]
    assert {"path": "subject", "before": "", "after": "Leaves"} in events[1].diff
    assert {"path": "status", "before": "draft", "after": "sending"} in events[2].diff


async def test_a_campaign_can_be_scheduled(otto: Person, world: World) -> None:
    campaign = await world.campaign(world.a)
    at = now() + timedelta(days=1)
    data = await otto.data(
        SEND,
        {
            "input": {
                "campaignId": global_id("Campaign", campaign.id),
                "expectedVersion": 1,
                "at": at.isoformat(),
            }
        },
    )
    assert data["sendCampaign"]["campaign"] == {"status": "SCHEDULED", "version": 2}
    assert (await Campaign.get(id=campaign.id)).scheduled_at == at


async def test_a_lost_race_is_a_conflict_with_both_versions(otto: Person, world: World) -> None:
    campaign = await world.campaign(world.a)
    body = await otto.ask(
        SEND, {"input": {"campaignId": global_id("Campaign", campaign.id), "expectedVersion": 7}}
    )
    assert body["data"] == {"sendCampaign": None}
    assert body["errors"][0]["extensions"] == {
        "code": "CONFLICT",
        "expectedVersion": 7,
        "actualVersion": 1,
    }
    assert (await Campaign.get(id=campaign.id)).status is CampaignStatus.DRAFT


async def test_sending_needs_the_permission_that_drafting_does_not_give(
    otto: Person, world: World
) -> None:
    campaign = await world.campaign(world.a)
    member = await world.member("Vera")
    await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
    vera = Person(otto.http, await world.session(member))
    body = await vera.ask(
        SEND, {"input": {"campaignId": global_id("Campaign", campaign.id), "expectedVersion": 1}}
    )
    assert body["errors"][0]["extensions"] == {
        "code": "FORBIDDEN",
        "reason": "MISSING_PERMISSION",
        "missing": ["CAMPAIGNS_SEND"],
    }
    assert (await Campaign.get(id=campaign.id)).status is CampaignStatus.DRAFT


async def test_an_id_of_another_type_is_bad_input(otto: Person, world: World) -> None:
    body = await otto.ask(
        SEND, {"input": {"campaignId": global_id("Workspace", world.a.id), "expectedVersion": 1}}
    )
    assert body["errors"][0]["extensions"] == {"code": "BAD_INPUT", "field": "input.campaignId"}


async def test_deleting_takes_the_roles_given_at_the_campaign_along(
    olga: Person, world: World
) -> None:
    campaign = await world.campaign(world.a)
    member = await world.member("Rita")
    await world.give(member, BuiltinRole.VIEWER, at_campaign(campaign))
    id_ = global_id("Campaign", campaign.id)
    data = await olga.data(
        "mutation ($id: ID!) { deleteCampaign(input: {campaignId: $id}) { deletedCampaignId } }",
        {"id": id_},
    )
    assert data == {"deleteCampaign": {"deletedCampaignId": id_}}
    assert not await Campaign.exists(id=campaign.id)
    assert await Assignment.filter(principal_id=member.id).count() == 0
