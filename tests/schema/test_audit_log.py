"""The audit log through GraphQL."""

import hashlib

from identity.audit.read import READ_BY
from models import BuiltinRole
from schema.ids import global_id
from tests.door import Person
from tests.models.catalog import all_models
from tests.world import World, at_workspace, new_world


async def test_an_owner_reads_it_newest_first_with_diffs(olga: Person, world: World) -> None:
    await olga.data(
        'mutation Make { createRole(input: {name: "Sender", permissions: [CAMPAIGNS_SEND]})'
        " { role { name } } }"
    )
    data = await olga.data(
        """
        { organization { auditEvents(first: 2) {
            nodes { action outcome actorType actorName via targetType targetName operation diff }
            pageInfo { hasNextPage }
        } } }
        """
    )
    events = data["organization"]["auditEvents"]
    assert events["nodes"][0] == {
        "action": "role.create",
        "outcome": "SUCCESS",
        "actorType": "MEMBER",
        "actorName": "olga@acme.example",
        "via": "SESSION",
        "targetType": "role",
        "targetName": "Sender",
        "operation": "Make",
        "diff": [
            {"path": "name", "before": None, "after": "Sender"},
            {"path": "description", "before": None, "after": ""},
            {"path": "permissions", "added": ["campaigns:send"], "removed": []},
        ],
    }
    assert events["nodes"][1]["action"] == "workspace.create"
    assert events["pageInfo"] == {"hasNextPage": True}


async def test_long_names_and_texts_fit(olga: Person, world: World) -> None:
    campaign = await world.campaign(world.a)
    body = "a" * 5000
    await olga.data(
        f"mutation {'M' * 300}($id: ID!, $body: String) {{ updateCampaign(input:"
        " {campaignId: $id, expectedVersion: 1, body: $body}) { campaign { version } } }",
        {"id": global_id("Campaign", campaign.id), "body": body},
    )
    event = (await world.events())[-1]
    assert event.operation == "M" * 100
    digest = hashlib.sha256(body.encode()).hexdigest()
    assert event.diff == [
        {
            "path": "body",
            "before": "Hello, spring.",
            "after": f"{'a' * 2000}… (5000 characters, SHA-256 {digest})",
        }
    ]


async def test_it_holds_the_own_organization_only(olga: Person, world: World) -> None:
    await new_world("other")
    data = await olga.data("{ organization { auditEvents { totalCount } } }")
    assert data["organization"]["auditEvents"]["totalCount"] == len(await world.events())


async def test_without_audit_read_it_is_null_with_the_reason(otto: Person, world: World) -> None:
    body = await otto.ask(
        "query ($id: ID!) { organization { auditEvents { totalCount } }"
        " workspace(id: $id) { auditEvents { totalCount } } }",
        {"id": global_id("Workspace", world.a.id)},
    )
    assert body["data"] == {
        "organization": {"auditEvents": None},
        "workspace": {"auditEvents": None},
    }
    assert [e["extensions"]["missing"] for e in body["errors"]] == [["AUDIT_READ"]] * 2


async def test_a_diff_is_for_who_may_read_what_changed(otto: Person, world: World) -> None:
    """The built-in Member reads the log of a workspace, but not its campaigns."""
    campaign = await world.campaign(world.a)
    await otto.data(
        "mutation ($id: ID!) { updateCampaign(input: {campaignId: $id, expectedVersion: 1,"
        ' body: "The secret offer."}) { campaign { version } } }',
        {"id": global_id("Campaign", campaign.id)},
    )
    member = await world.member("Mia")
    await world.give(member, BuiltinRole.MEMBER, at_workspace(world.a))
    mia = Person(otto.http, await world.session(member))

    body = await mia.ask(
        "query ($id: ID!) { workspace(id: $id) { auditEvents(first: 5) {"
        " nodes { action targetName diff } } } }",
        {"id": global_id("Workspace", world.a.id)},
    )

    nodes = body["data"]["workspace"]["auditEvents"]["nodes"]
    assert {"action": "campaign.update", "targetName": "Spring", "diff": None} in nodes
    assert "The secret offer." not in str(body)
    assert ["CAMPAIGNS_READ"] in [error["extensions"]["missing"] for error in body["errors"]]


async def test_every_kind_of_target_has_a_permission_that_reads_it(world: World) -> None:
    """What a use case records must be readable by somebody; the kinds are those of the tables."""
    tables = {snake(model.__name__) for model in all_models()}
    assert set(READ_BY) <= tables
    assert {event.target_type for event in await world.events()} <= set(READ_BY)


def snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
