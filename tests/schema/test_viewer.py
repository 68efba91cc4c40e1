"""`viewer`, `organization`, `workspaces`, `node`: where a frontend starts."""

from models import BuiltinRole, Workspace
from schema.ids import global_id
from tests.door import Person
from tests.world import UNKNOWN_ID, World, at_campaign, new_world


async def test_a_viewer_sees_themselves_and_what_they_have_something_in(
    otto: Person, world: World
) -> None:
    data = await otto.data(
        "{ viewer { name email organization { name slug } } workspaces { id name state } }"
    )
    assert data["viewer"] == {
        "name": "Otto",
        "email": "otto@acme.example",
        "organization": {"name": "Acme", "slug": "acme"},
    }
    assert data["workspaces"] == [
        {"id": global_id("Workspace", world.a.id), "name": "Acme", "state": "ACTIVE"}
    ]


async def test_a_workspace_without_access_is_not_found_in_the_words_of_one_that_is_not_there(
    otto: Person, world: World
) -> None:
    other = await new_world("other")
    answers = [
        await otto.ask(
            "query ($id: ID!) { workspace(id: $id) { name } }",
            {"id": global_id("Workspace", workspace_id)},
        )
        for workspace_id in (world.b.id, other.a.id, UNKNOWN_ID)
    ]
    assert answers[0]["data"] == {"workspace": None}
    assert answers[0]["errors"][0] == {
        "message": "There is no such workspace, or you may not see it.",
        "path": ["workspace"],
        "locations": [{"line": 1, "column": 20}],
        "extensions": {"code": "NOT_FOUND"},
    }
    assert answers[0] == answers[1] == answers[2]


async def test_a_role_at_one_campaign_shows_its_workspace_and_nothing_else_in_it(
    olga: Person, world: World
) -> None:
    await world.campaign(world.a, "Hidden")
    shown = await world.campaign(world.a, "Shown")
    member = await world.member("Rita")
    await world.give(member, BuiltinRole.VIEWER, at_campaign(shown))
    rita = Person(olga.http, await world.session(member))

    data = await rita.data("{ workspaces { name campaigns { nodes { name } totalCount } } }")

    assert data == {
        "workspaces": [
            {"name": "Acme", "campaigns": {"nodes": [{"name": "Shown"}], "totalCount": 1}}
        ]
    }


async def test_node_finds_every_kind_of_object_that_the_viewer_sees(
    olga: Person, world: World
) -> None:
    campaign = await world.campaign(world.a)
    role = await world.role(BuiltinRole.ADMIN)
    ids = [
        global_id("Workspace", world.a.id),
        global_id("Campaign", campaign.id),
        global_id("MailingList", campaign.mailing_list_id or UNKNOWN_ID),
        global_id("SendingServer", campaign.sending_server_id or UNKNOWN_ID),
        global_id("Member", world.owner.id),
        global_id("Role", role.id),
        global_id("Organization", world.organization.id),
    ]
    for id_ in ids:
        data = await olga.data("query ($id: ID!) { node(id: $id) { id __typename } }", {"id": id_})
        assert data["node"]["id"] == id_


async def test_node_of_another_organization_is_not_found(olga: Person, world: World) -> None:
    other = await new_world("other")
    campaign = await other.campaign(other.a)
    role = await other.role(BuiltinRole.ADMIN)
    for id_ in (
        global_id("Workspace", other.a.id),
        global_id("Campaign", campaign.id),
        global_id("Member", other.owner.id),
        global_id("Role", role.id),
        global_id("Organization", other.organization.id),
    ):
        body = await olga.ask("query ($id: ID!) { node(id: $id) { id } }", {"id": id_})
        assert body["data"] == {"node": None}
        assert body["errors"][0]["extensions"] == {"code": "NOT_FOUND"}


async def test_viewer_can_tells_what_may_be_done_and_why_not(otto: Person, world: World) -> None:
    campaign = await world.campaign(world.a)
    data = await otto.data(
        "query ($id: ID!) { campaign(id: $id) { viewerCan { permission allowed } } }",
        {"id": global_id("Campaign", campaign.id)},
    )
    assert data["campaign"]["viewerCan"] == [
        {"permission": name, "allowed": True}
        for name in (
            "CAMPAIGNS_READ",
            "CAMPAIGNS_RESULTS",
            "CAMPAIGNS_DRAFT",
            "CAMPAIGNS_SEND",
            "CAMPAIGNS_DELETE",
        )
    ]
    data = await otto.data(
        "query ($id: ID!) { workspace(id: $id) {"
        " viewerCan(permissions: [SERVERS_USE, SERVERS_READ]) { permission allowed reason } } }",
        {"id": global_id("Workspace", world.a.id)},
    )
    assert data["workspace"]["viewerCan"] == [
        {
            "permission": "SERVERS_USE",
            "allowed": True,
            "reason": "Allowed by role Operator at workspace.",
        },
        {
            "permission": "SERVERS_READ",
            "allowed": False,
            "reason": "This needs servers:read at this workspace, and no role of yours holds it "
            "there.",
        },
    ]


async def test_an_archived_workspace_is_read_only(otto: Person, world: World) -> None:
    campaign = await world.campaign(world.a)
    await Workspace.filter(id=world.a.id).update(state="archived")
    world.organization.access_revision += 1
    await world.organization.save(update_fields=["access_revision"])

    body = await otto.ask(
        "mutation ($id: ID!) { sendCampaign(input: {campaignId: $id, expectedVersion: 1})"
        " { campaign { status } } }",
        {"id": global_id("Campaign", campaign.id)},
    )

    assert body["errors"][0]["extensions"] == {
        "code": "FORBIDDEN",
        "reason": "WORKSPACE_ARCHIVED",
        "missing": ["CAMPAIGNS_SEND"],
    }
    await campaign.refresh_from_db()
    assert campaign.status == "draft"
