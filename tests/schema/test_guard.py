"""What is denied comes back as null with its reason, and the rest stays."""

from identity.access.permissions import Permission
from models import Campaign, CampaignStatus, Outcome
from schema.ids import global_id
from tests.door import Person
from tests.world import World, at_workspace

SERVERS = """
    query ($id: ID!) {
      workspace(id: $id) { name sendingServers { nodes { name host passwordFingerprint } } }
    }
"""

SEND = """
    mutation Send($id: ID!, $other: ID!) {
      draft: updateCampaign(input: {campaignId: $id, expectedVersion: 1, name: "Changed"}) {
        campaign { name }
      }
      sendCampaign(input: {campaignId: $other, expectedVersion: 1}) { campaign { status } }
    }
"""


async def test_a_denied_field_is_null_with_code_reason_and_missing_permission(
    otto: Person, world: World
) -> None:
    await world.campaign(world.a)

    body = await otto.ask(SERVERS, {"id": global_id("Workspace", world.a.id)})

    assert body["data"]["workspace"] == {
        "name": "Acme",
        "sendingServers": {
            "nodes": [{"name": "Spring server", "host": None, "passwordFingerprint": None}]
        },
    }
    assert [error["path"] for error in body["errors"]] == [
        ["workspace", "sendingServers", "nodes", 0, "host"],
        ["workspace", "sendingServers", "nodes", 0, "passwordFingerprint"],
    ]
    assert body["errors"][0]["extensions"] == {
        "code": "FORBIDDEN",
        "reason": "MISSING_PERMISSION",
        "missing": ["SERVERS_READ"],
    }
    assert body["errors"][0]["message"] == (
        "This needs servers:read at this resource, and no role of yours holds it there."
    )


async def test_results_alone_show_name_status_and_counts_but_no_content(
    olga: Person, world: World
) -> None:
    from_results = await world.custom_role("Reporter", Permission.CAMPAIGNS_RESULTS)
    member = await world.member("Rita")
    await world.give(member, from_results, at_workspace(world.a))
    rita = Person(olga.http, await world.session(member))
    campaign = await world.campaign(world.a)

    body = await rita.ask(
        "query ($id: ID!) { campaign(id: $id) { name status results { delivered } subject body } }",
        {"id": global_id("Campaign", campaign.id)},
    )

    assert body["data"]["campaign"] == {
        "name": "Spring",
        "status": "DRAFT",
        "results": {"delivered": 0},
        "subject": None,
        "body": None,
    }
    assert [error["extensions"]["missing"] for error in body["errors"]] == [
        ["CAMPAIGNS_READ"],
        ["CAMPAIGNS_READ"],
    ]


async def test_a_mutation_runs_none_of_its_root_fields_unless_all_are_allowed(
    otto: Person, world: World
) -> None:
    mine = await world.campaign(world.a, "Mine")
    member = await world.member("Dora")
    drafter = await world.custom_role("Drafter", Permission.CAMPAIGNS_DRAFT)
    await world.give(member, drafter, at_workspace(world.a))
    dora = Person(otto.http, await world.session(member))

    body = await dora.ask(
        SEND, {"id": global_id("Campaign", mine.id), "other": global_id("Campaign", mine.id)}
    )

    assert body["data"] is None
    assert [(e["path"], e["extensions"]["code"]) for e in body["errors"]] == [
        (["sendCampaign"], "FORBIDDEN")
    ]
    unchanged = await Campaign.get(id=mine.id)
    assert (unchanged.name, unchanged.version) == ("Mine", 1)
    assert unchanged.status is CampaignStatus.DRAFT
    denial = (await world.events())[-1]
    assert (denial.action, denial.outcome, denial.actor_name, denial.operation) == (
        "campaign.send",
        Outcome.DENIED,
        "Dora",
        "Send",
    )
    assert (denial.target_name, denial.workspace_id) == ("Mine", world.a.id)


async def test_a_skipped_root_field_is_not_checked(otto: Person, world: World) -> None:
    campaign = await world.campaign(world.a, "Mine")
    hidden = await world.campaign(world.b, "Hidden")
    data = await otto.data(
        """
        mutation ($mine: ID!, $hidden: ID!, $both: Boolean!) {
          ...Change
          ... @include(if: $both) {
            deleteCampaign(input: {campaignId: $hidden}) { deletedCampaignId }
          }
        }
        fragment Change on Mutation {
          updateCampaign(input: {campaignId: $mine, expectedVersion: 1, name: "New"}) {
            campaign { name version }
          }
        }
        """,
        {
            "mine": global_id("Campaign", campaign.id),
            "hidden": global_id("Campaign", hidden.id),
            "both": False,
        },
    )
    assert data == {"updateCampaign": {"campaign": {"name": "New", "version": 2}}}
    assert await Campaign.exists(id=hidden.id)


async def test_members_are_guarded_at_the_organization(otto: Person, world: World) -> None:
    body = await otto.ask("{ organization { name plan members { nodes { email } } } }")
    assert body["data"] == {"organization": {"name": "Acme", "plan": None, "members": None}}
    assert [e["extensions"]["missing"] for e in body["errors"]] == [
        ["ORGANIZATION_READ"],
        ["MEMBERS_READ"],
    ]
