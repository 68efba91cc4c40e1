"""The audit log through GraphQL."""

import hashlib
from typing import Any

import pytest
from graphql import GraphQLObjectType

from identity import workspaces
from identity.audit.read import READ_BY
from models import BuiltinRole, Session
from schema.ids import global_id
from schema.schema import graphql_schema
from tests.door import Person
from tests.models.catalog import all_models
from tests.statements import counted_statements
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


ASK = """
    query ($filter: AuditEventFilter, $first: Int, $after: String) {
      organization { auditEvents(first: $first, after: $after, filter: $filter) {
        nodes { action targetName outcome } totalCount pageInfo { endCursor hasNextPage }
      } }
    }
"""


async def asked(person: Person, filter_: dict[str, Any] | None, **paging: Any) -> Any:
    data = await person.data(ASK, {"filter": filter_, **paging})
    return data["organization"]["auditEvents"]


async def refused_filter(person: Person, **filter_: Any) -> Any:
    body = await person.ask(ASK, {"filter": filter_})
    assert body["data"] == {"organization": {"auditEvents": None}}
    return body["errors"][0]["extensions"]


async def test_an_event_tells_all_that_is_known_of_it(olga: Person, world: World) -> None:
    """By every field of the type, whichever way the operation is executed."""
    assert isinstance(graphql_schema.type_map["AuditEvent"], GraphQLObjectType)
    fields = " ".join(
        name
        for name in graphql_schema.type_map["AuditEvent"].fields
        if name not in ("viewerCan", "id")
    )
    campaign = await world.campaign(world.a)
    await olga.data(
        "mutation Change($id: ID!) { updateCampaign(input: {campaignId: $id, expectedVersion: 1,"
        ' body: "New."}) { campaign { version } } }',
        {"id": global_id("Campaign", campaign.id)},
    )
    session = await Session.get(member=world.owner)
    for more in ("", " __schema { description }"):
        data = await olga.data(
            f"{{ organization {{ auditEvents(first: 1) {{ nodes {{ {fields} }} }} }}{more} }}"
        )
        [event] = data["organization"]["auditEvents"]["nodes"]
        [row] = (await world.events())[-1:]
        assert event == {
            "createdAt": row.created_at.isoformat(),
            "action": "campaign.update",
            "outcome": "SUCCESS",
            "actorType": "MEMBER",
            "actorId": global_id("Member", world.owner.id),
            "actorName": "olga@acme.example",
            "via": "SESSION",
            "viaId": str(session.id),
            "viaName": None,
            "connectionId": None,
            "onBehalfOfId": None,
            "onBehalfOfName": None,
            "workspaceId": global_id("Workspace", world.a.id),
            "targetType": "campaign",
            "targetId": global_id("Campaign", campaign.id),
            "targetName": "Spring",
            "reason": None,
            "requestId": row.request_id,
            "operation": "Change",
            "ip": "127.0.0.1",
            "userAgent": row.user_agent,
            "diff": [{"path": "body", "before": "Hello, spring.", "after": "New."}],
        }
        assert len(row.request_id or "") == 32
        assert (row.user_agent or "").startswith("python-httpx")


async def test_it_is_narrowed_by_what_an_event_has(olga: Person, world: World) -> None:
    await asked(olga, None)
    for name in ("Årsta", "Berg"):
        await olga.data(
            "mutation ($name: String!) { createRole(input: {name: $name}) { role { id } } }",
            {"name": name},
        )
    made = [
        {"action": "role.create", "targetName": name, "outcome": "SUCCESS"}
        for name in ("Berg", "Årsta")
    ]
    role = (await world.events())[-1].target_id
    assert role is not None
    by: list[tuple[dict[str, Any], list[dict[str, str]]]] = [
        ({"action": ["role.*"], "via": ["SESSION"]}, made),
        ({"actorId": global_id("Member", world.owner.id)}, made),
        ({"actorId": str(world.owner.id)}, made),
        ({"targetId": global_id("Role", role)}, made[:1]),
        ({"text": "arsta create"}, made[1:]),
        ({"ip": "127.0.0.1", "outcome": ["SUCCESS"]}, made),
        ({"workspaceId": global_id("Workspace", world.a.id)}, []),
        ({"fromAt": "2020-01-01T00:00:00Z", "actorId": str(world.owner.id)}, made),
        ({"beforeAt": "2020-01-01T00:00:00+02:00"}, []),
    ]
    for filter_, nodes in by:
        found = await asked(olga, filter_)
        assert (found["nodes"], found["totalCount"]) == (nodes, len(nodes)), filter_
    first = await asked(olga, {"action": ["role.*"]}, first=1)
    assert first["nodes"] == made[:1]
    assert first["pageInfo"]["hasNextPage"] is True
    rest = await asked(olga, {"action": ["role.*"]}, first=1, after=first["pageInfo"]["endCursor"])
    assert rest["nodes"] == made[1:]


async def test_a_page_takes_as_many_statements_with_a_filter_as_without(
    olga: Person, world: World
) -> None:
    counts = []
    for filter_ in (None, {"text": "olga"}, {"action": ["*.create"], "outcome": ["SUCCESS"]}):
        await asked(olga, filter_)
        with counted_statements() as statements:
            await asked(olga, filter_)
        counts.append(len(statements))
    assert len(set(counts)) == 1, counts


@pytest.mark.parametrize(
    ("filter_", "field"),
    [
        ({"action": ["role.creat"]}, "filter.action"),
        ({"action": []}, "filter.action"),
        ({"actorId": "nobody"}, "filter.actorId"),
        ({"targetId": "x" * 36}, "filter.targetId"),
        ({"workspaceId": "AAAA"}, "filter.workspaceId"),
        ({"outcome": []}, "filter.outcome"),
        ({"text": "%"}, "filter.text"),
        ({"fromAt": "2030-01-01T00:00:00"}, "filter.fromAt"),
    ],
)
async def test_a_filter_that_cannot_be_is_refused(
    olga: Person, world: World, filter_: dict[str, Any], field: str
) -> None:
    refusal = await refused_filter(olga, **filter_)
    assert (refusal["code"], refusal["field"]) == ("BAD_INPUT", field)


async def test_a_filter_is_no_way_around_the_place(otto: Person, world: World) -> None:
    """Who reads the log of one workspace learns nothing of another by asking for it there."""
    for workspace in (world.a, world.b):
        await world.campaign(workspace)
        await workspaces.create(world.operator, slug=f"x{workspace.slug}", name="X")
    member = await world.member("Mia")
    for workspace in (world.a, world.b):
        await world.give(member, BuiltinRole.MEMBER, at_workspace(workspace))
    reader = await world.member("Rea")
    await world.give(reader, BuiltinRole.MEMBER, at_workspace(world.a))
    rea = Person(otto.http, await world.session(reader))
    ask = (
        "query ($w: ID!, $filter: AuditEventFilter) { workspace(id: $w) {"
        " auditEvents(filter: $filter) { nodes { action targetName } } } }"
    )
    here = global_id("Workspace", world.a.id)

    async def found(**filter_: Any) -> list[str]:
        data = await rea.data(ask, {"w": here, "filter": filter_})
        return [each["targetName"] for each in data["workspace"]["auditEvents"]["nodes"]]

    assert await found() == ["Rea", "Mia", "Otto"]
    assert await found(workspaceId=here, text="mia") == ["Mia"]
    assert await found(workspaceId=global_id("Workspace", world.b.id)) == []
    assert await found(targetId=str(world.organization.id)) == []
