"""Assignments through GraphQL: what is changed and what is left out, and who is refused."""

from datetime import timedelta
from typing import Any

import pytest

from identity import manual_groups
from identity.access.permissions import Permission
from identity.assignments import Principal, Scope, assign
from models import Assignment, BuiltinRole, PrincipalType, ScopeType
from models.clock import now
from schema.ids import global_id
from tests.door import Person, sign_in
from tests.identity.picture import picture
from tests.keys import service_key
from tests.schema.test_dry_runs import rehearsed
from tests.statements import counted_statements
from tests.world import World, at_campaign, at_workspace

HOUR = timedelta(hours=1)
UPDATE = """
    mutation ($input: UpdateAssignmentInput!) {
      updateAssignment(input: $input) {
        assignment { id expiresAt reason role { name } } preview { startsAt }
      }
    }
"""


@pytest.fixture
async def held(world: World) -> Assignment:
    """Ann's role Viewer in workspace a, for an hour."""
    ann = await world.member("Ann")
    return await assign(
        world.operator,
        role_id=(await world.role(BuiltinRole.VIEWER)).id,
        principal=Principal(PrincipalType.MEMBER, ann.id),
        scope=at_workspace(world.a),
        expires_at=now() + HOUR,
        reason="Holidays.",
    )


def named(row: Assignment) -> dict[str, Any]:
    return {"assignmentId": global_id("Assignment", row.id)}


async def test_what_is_left_out_stays_and_null_is_for_good(olga: Person, held: Assignment) -> None:
    assert held.expires_at is not None
    ends, later = held.expires_at.isoformat(), (held.expires_at + HOUR).isoformat()
    for given, expected in (
        ({"reason": "Cover."}, (ends, "Cover.")),
        ({"expiresAt": later}, (later, "Cover.")),
        ({}, (later, "Cover.")),
        ({"reason": None}, (later, None)),
        ({"expiresAt": None, "reason": "Stays."}, (None, "Stays.")),
        ({"expiresAt": None}, (None, "Stays.")),
    ):
        data = await olga.data(UPDATE, {"input": {**named(held), **given}})
        assert data["updateAssignment"] == {
            "assignment": {
                "id": global_id("Assignment", held.id),
                "expiresAt": expected[0],
                "reason": expected[1],
                "role": {"name": "Viewer"},
            },
            "preview": None,
        }
        saved = await Assignment.get(id=held.id)
        assert (saved.expires_at and saved.expires_at.isoformat(), saved.reason) == expected


@pytest.mark.parametrize(
    "text",
    ["{assignmentId: $id}", "{assignmentId: $id, expiresAt: $until, reason: $why}"],
)
async def test_a_variable_that_is_not_given_is_left_out(
    olga: Person, held: Assignment, text: str
) -> None:
    variables = "" if "until" not in text else ", $until: DateTime, $why: String"
    await olga.data(
        f"mutation ($id: ID!{variables})"
        f" {{ updateAssignment(input: {text}) {{ assignment {{ id }} }} }}",
        {"id": global_id("Assignment", held.id)},
    )
    saved = await Assignment.get(id=held.id)
    assert (saved.expires_at, saved.reason) == (held.expires_at, "Holidays.")


async def test_who_may_not_is_refused_and_nothing_changes(
    olga: Person, world: World, held: Assignment
) -> None:
    reader = await world.member("Mia")
    await world.give(reader, BuiltinRole.MEMBER, at_workspace(world.a))
    stranger = await world.member("Sam")
    await world.give(stranger, BuiltinRole.OWNER, at_workspace(world.b))
    for member, code in ((reader, "FORBIDDEN"), (stranger, "NOT_FOUND")):
        person = await sign_in(olga.http, world, member)
        before = await picture(world)
        body = await person.ask(UPDATE, {"input": {**named(held), "expiresAt": None}})
        assert [error["extensions"]["code"] for error in body["errors"]] == [code]
        assert (await picture(world)).rows == before.rows


async def test_the_last_owner_gets_no_end(olga: Person, world: World) -> None:
    row = await Assignment.get(principal_id=world.owner.id)
    given = {**named(row), "expiresAt": (now() + HOUR).isoformat()}
    body = await olga.ask(UPDATE, {"input": given})
    assert [error["extensions"]["code"] for error in body["errors"]] == ["LAST_OWNER"]
    assert (await Assignment.get(id=row.id)).expires_at is None
    preview = await rehearsed(olga, "updateAssignment", given)
    assert preview["refusal"]["code"] == "LAST_OWNER"


async def test_a_dry_run_tells_from_when_on_who_would_hold_what(
    olga: Person, world: World, held: Assignment
) -> None:
    assert held.expires_at is not None
    longer = {**named(held), "expiresAt": None}
    preview = await rehearsed(olga, "updateAssignment", longer)
    assert (preview["membersGaining"], preview["membersLosing"]) == (1, 0)
    assert preview["members"]["nodes"][0]["changes"][0]["scopeId"] == global_id(
        "Workspace", world.a.id
    )
    data = await olga.data(UPDATE, {"input": {**longer, "dryRun": True}})
    assert data["updateAssignment"] == {
        "assignment": None,
        "preview": {"startsAt": held.expires_at.isoformat()},
    }


@pytest.mark.parametrize("others", [0, 9])
async def test_it_costs_the_same_however_much_is_held(
    olga: Person, world: World, held: Assignment, others: int
) -> None:
    for number in range(others):
        await world.give(await world.member(f"M{number}"), BuiltinRole.VIEWER, world.everywhere)
    await olga.data("{ viewer { name } }")
    with counted_statements() as texts:
        await olga.data(UPDATE, {"input": {**named(held), "expiresAt": None}})
    assert len(texts) == 9, texts


WHO = """
    fragment Who on AssignmentConnection {
      totalCount
      nodes {
        principalType scopeType givenAt expiresAt reason
        role { name }
        givenBy { name }
        principal { id ... on Member { name } ... on Group { name } }
        scope { id __typename }
      }
    }
"""
AT_EACH = (
    WHO
    + """
    query ($workspace: ID!, $campaign: ID!) {
      organization { assignments { ...Who } }
      workspace(id: $workspace) { assignments { ...Who } }
      node(id: $campaign) {
        ... on Campaign {
          assignments { ...Who }
          mailingList { assignments { ...Who } }
          sendingServer { assignments { ...Who } }
        }
      }
    }
"""
)


def lines(connection: Any) -> list[tuple[str, str, str]]:
    assert connection["totalCount"] == len(connection["nodes"])
    return [
        (node["principal"]["name"], node["role"]["name"], node["scopeType"])
        for node in connection["nodes"]
    ]


async def test_each_place_tells_what_was_given_there(
    olga: Person, world: World, held: Assignment
) -> None:
    campaign = await world.campaign(world.a)
    team = await manual_groups.create(world.operator, name="Team")
    owner = await world.subject(world.owner)
    for kind, scope_id in (
        (ScopeType.CAMPAIGN, campaign.id),
        (ScopeType.MAILING_LIST, campaign.mailing_list_id),
        (ScopeType.SENDING_SERVER, campaign.sending_server_id),
    ):
        assert scope_id is not None
        await assign(
            owner,
            role_id=(await world.role(BuiltinRole.OPERATOR)).id,
            principal=Principal(PrincipalType.GROUP, team.id),
            scope=Scope(kind, scope_id),
            reason=f"At the {kind.value}.",
        )
    await Assignment.filter(principal_id=held.principal_id).update(assigned_by_id=world.owner.id)
    data = await olga.data(
        AT_EACH,
        {
            "workspace": global_id("Workspace", world.a.id),
            "campaign": global_id("Campaign", campaign.id),
        },
    )
    node = data["node"]
    assert lines(data["organization"]["assignments"]) == [
        (world.owner.name, "Owner", "ORGANIZATION")
    ]
    assert lines(data["workspace"]["assignments"]) == [("Ann", "Viewer", "WORKSPACE")]
    assert lines(node["assignments"]) == [("Team", "Operator", "CAMPAIGN")]
    assert lines(node["mailingList"]["assignments"]) == [("Team", "Operator", "MAILING_LIST")]
    assert lines(node["sendingServer"]["assignments"]) == [("Team", "Operator", "SENDING_SERVER")]
    (found,) = node["assignments"]["nodes"]
    assert found["scope"] == {"id": global_id("Campaign", campaign.id), "__typename": "Campaign"}
    assert found["principal"]["id"] == global_id("Group", team.id)
    assert (found["givenBy"]["name"], found["reason"]) == (world.owner.name, "At the campaign.")
    (found,) = data["organization"]["assignments"]["nodes"]
    assert found["givenBy"] is None
    assert found["scope"]["__typename"] == "Organization"
    assert data["workspace"]["assignments"]["nodes"][0]["expiresAt"] is not None


async def test_who_does_not_read_members_there_sees_none(
    olga: Person, world: World, held: Assignment
) -> None:
    campaign = await world.campaign(world.a)
    mia, vic = await world.member("Mia"), await world.member("Vic")
    await world.give(mia, BuiltinRole.MEMBER, at_workspace(world.a))
    await world.give(vic, BuiltinRole.VIEWER, at_workspace(world.a))
    given = {
        "workspace": global_id("Workspace", world.a.id),
        "campaign": global_id("Campaign", campaign.id),
    }
    body = await (await sign_in(olga.http, world, mia)).ask(AT_EACH, given)
    assert body["data"]["organization"]["assignments"] is None
    assert len(body["data"]["workspace"]["assignments"]["nodes"]) == 3
    assert [e["path"] for e in body["errors"]] == [["organization", "assignments"], ["node"]]
    body = await (await sign_in(olga.http, world, vic)).ask(AT_EACH, given)
    codes = {error["extensions"]["code"] for error in body["errors"]}
    assert codes == {"FORBIDDEN"}
    assert body["data"]["workspace"]["assignments"] is None
    assert body["data"]["node"]["assignments"] is None


async def test_a_scope_that_is_not_to_be_seen_is_not_named(olga: Person, world: World) -> None:
    """Somebody reads members in the workspace, and no campaigns."""
    role = await world.custom_role("Lead", Permission.MEMBERS_READ)
    lea, campaign = await world.member("Lea"), await world.campaign(world.a)
    await world.give(lea, role, at_workspace(world.a))
    given = await world.give(lea, role, at_campaign(campaign))
    person = await sign_in(olga.http, world, lea)
    data = await person.data(
        "query ($id: ID!) { node(id: $id) { ... on Assignment { scopeId scope { id } } } }",
        {"id": global_id("Assignment", given.id)},
    )
    assert data["node"] == {"scopeId": global_id("Campaign", campaign.id), "scope": None}


FILTERED = """
    query ($id: ID!, $filter: AssignmentFilter, $first: Int, $after: String) {
      workspace(id: $id) {
        assignments(filter: $filter, first: $first, after: $after) {
          totalCount nodes { id } pageInfo { endCursor hasNextPage }
        }
      }
    }
"""


async def test_a_list_is_narrowed_and_goes_by_pages(olga: Person, world: World) -> None:
    ann, ben = await world.member("Ann"), await world.member("Ben")
    team = await manual_groups.create(world.operator, name="Team")
    viewer, operator = BuiltinRole.VIEWER, BuiltinRole.OPERATOR
    ids = [
        (await world.give(member, role, at_workspace(world.a))).id
        for member, role in ((ann, viewer), (ann, operator), (ben, viewer))
    ]
    group = await assign(
        world.operator,
        role_id=(await world.role(viewer)).id,
        principal=Principal(PrincipalType.GROUP, team.id),
        scope=at_workspace(world.a),
    )
    ended = await world.give(ben, operator, at_workspace(world.a))
    await Assignment.filter(id=ended.id).update(expires_at=now() - HOUR)
    await world.give(ann, operator, at_workspace(world.b))
    everything = [global_id("Assignment", each) for each in (group.id, *reversed(ids))]

    async def found(asked: Any, **page: Any) -> Any:
        variables = {"id": global_id("Workspace", world.a.id), "filter": asked, **page}
        return (await olga.data(FILTERED, variables))["workspace"]["assignments"]

    def shown(connection: Any) -> list[int]:
        return [everything.index(node["id"]) for node in connection["nodes"]]

    role_id = global_id("Role", (await world.role(viewer)).id)
    for asked, expected in (
        (None, [0, 1, 2, 3]),
        ({}, [0, 1, 2, 3]),
        ({"principalType": "GROUP"}, [0]),
        ({"principalType": "MEMBER"}, [1, 2, 3]),
        ({"principalId": global_id("Member", ann.id)}, [2, 3]),
        ({"principalId": global_id("Group", team.id)}, [0]),
        ({"roleId": role_id}, [0, 1, 3]),
        ({"roleId": role_id, "principalId": global_id("Member", ann.id)}, [3]),
        ({"roleId": role_id, "principalType": "GROUP"}, [0]),
    ):
        connection = await found(asked)
        assert shown(connection) == expected
        assert connection["totalCount"] == len(expected)
    first = await found({"roleId": role_id}, first=2)
    last = await found({"roleId": role_id}, first=2, after=first["pageInfo"]["endCursor"])
    assert (shown(first), shown(last)) == ([0, 1], [3])
    assert (first["pageInfo"]["hasNextPage"], last["pageInfo"]["hasNextPage"]) == (True, False)
    wrong = {"id": global_id("Workspace", world.a.id), "filter": {"principalId": role_id}}
    (error,) = (await olga.ask(FILTERED, wrong))["errors"]
    assert (error["extensions"]["code"], error["extensions"]["field"]) == (
        "BAD_INPUT",
        "filter.principalId",
    )


LEAN = """
    { organization { workspaces { assignments {
      nodes { role { name } givenBy { name } principalId reason }
    } } } }
"""


FULL = WHO + "query ($id: ID!) { workspace(id: $id) { assignments { ...Who } } }"


@pytest.mark.parametrize(("document", "statements"), [(LEAN, 3), (FULL, 9)])
async def test_the_number_of_statements_does_not_grow(
    olga: Person, world: World, document: str, statements: int
) -> None:
    campaign, counts = await world.campaign(world.a), []
    given = {"id": global_id("Workspace", world.a.id)} if document is FULL else {}
    owner = world.owner.id
    for more in (2, 8, 0):
        team = await manual_groups.create(world.operator, name=f"Team {more}")
        for number in range(more):
            member = await world.member(f"M{more}-{number}")
            for scope in (world.everywhere, at_workspace(world.a), at_campaign(campaign)):
                await world.give(member, BuiltinRole.VIEWER, scope)
        await assign(
            world.operator,
            role_id=(await world.role(BuiltinRole.VIEWER)).id,
            principal=Principal(PrincipalType.GROUP, team.id),
            scope=at_workspace(world.a),
        )
        await Assignment.all().update(assigned_by_id=owner)
        await olga.data(document, given)
        with counted_statements() as texts:
            await olga.data(document, given)
        counts.append(len(texts))
    assert counts == [statements] * 3


async def test_a_service_key_is_shown_to_who_reads_keys(olga: Person, world: World) -> None:
    """Who reads members there learns that a key has a role, and its id, and no more of it."""
    key, _ = await service_key(
        world, Permission.CAMPAIGNS_READ, role=BuiltinRole.VIEWER, at=at_workspace(world.a)
    )
    mia = await world.member("Mia")
    await world.give(mia, BuiltinRole.MEMBER, at_workspace(world.a))
    asked = """
        query ($id: ID!) {
          workspace(id: $id) {
            assignments(filter: {principalType: API_KEY}) {
              nodes { principalId principal { ... on ApiKey { name } } }
            }
          }
        }
    """
    person = await sign_in(olga.http, world, mia)
    for viewer, shown in ((olga, {"name": "Deploy bot"}), (person, None)):
        data = await viewer.data(asked, {"id": global_id("Workspace", world.a.id)})
        assert data["workspace"]["assignments"]["nodes"] == [
            {"principalId": global_id("ApiKey", key.id), "principal": shown}
        ]
