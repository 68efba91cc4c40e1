"""`can`, `explainAccess`, `whoCan` and `accessOf`: answers about access, over HTTP."""

from typing import Any

import httpx
import pytest

from identity import assignments, groups
from identity.access.permissions import Permission
from identity.assignments import Principal
from identity.groups import DirectoryGroup
from models import BuiltinRole, Member, MemberStatus, PrincipalType, Role
from schema.ids import global_id
from schema.nodes import NODE_TYPES
from tests.door import Person, sign_in
from tests.statements import counted_statements
from tests.world import UNKNOWN_ID, World, at_campaign, at_workspace, new_world

CAN = "query ($at: ID) { can(permission: CAMPAIGNS_SEND, resourceId: $at) { allowed reason } }"
GRANTS = """
    grants {
      assignmentId source scopeType scopeId expiresAt roleVersion permissions
      role { name } group { name }
    }
"""
EXPLAIN = f"""
    query ($permission: Permission! = CAMPAIGNS_SEND, $at: ID, $of: ID) {{
      explainAccess(permission: $permission, resourceId: $at, subjectId: $of) {{
        subject {{ __typename id ... on Member {{ name }} ... on Group {{ name }} }}
        permission allowed reason deniedBy obstacles advice requiredPlan
        {GRANTS}
        suggestions {{
          role {{ name }} scopeType scopeId gains
          grantors {{ totalCount members {{ name }} }}
        }}
      }}
    }}
"""
WHO_CAN = f"""
    query ($at: ID, $first: Int, $after: String, $last: Int, $before: String) {{
      whoCan(
        permission: CAMPAIGNS_SEND, resourceId: $at,
        first: $first, after: $after, last: $last, before: $before
      ) {{
        nodes {{ name reason subject {{ id ... on Member {{ email }} }} {GRANTS} }}
        pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
        totalCount
      }}
    }}
"""
ACCESS_OF = """
    query ($of: ID, $first: Int, $after: String) {
      accessOf(subjectId: $of, first: $first, after: $after) {
        edges { cursor node { source scopeType role { name } group { name } permissions } }
        pageInfo { hasNextPage hasPreviousPage }
        totalCount
      }
    }
"""


@pytest.fixture
async def edda(http: httpx.AsyncClient, world: World) -> Person:
    """Who reads members in workspace A, but not roles."""
    team = await world.custom_role("Team", Permission.MEMBERS_READ)
    member = await world.member("Edda")
    await world.give(member, team, at_workspace(world.a))
    return await sign_in(http, world, member)


async def otto_in(world: World) -> Member:
    return await Member.get(organization=world.organization, name="Otto")


async def through_group(world: World, role: BuiltinRole, *members: Member) -> None:
    group = await groups.create(
        world.operator, DirectoryGroup("Sales", None, {}), member_ids=[m.id for m in members]
    )
    await assignments.assign(
        world.operator,
        role_id=(await world.role(role)).id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=world.everywhere,
    )


def refusals(body: Any) -> list[tuple[list[Any], str, Any]]:
    return [
        (e["path"], e["extensions"]["code"], e["extensions"].get("missing")) for e in body["errors"]
    ]


async def test_can_answers_for_the_viewer(otto: Person, world: World) -> None:
    campaign = await world.campaign(world.a)
    allowed = {"allowed": True, "reason": "Allowed by role Operator at workspace."}
    for node_id in (global_id("Workspace", world.a.id), global_id("Campaign", campaign.id)):
        assert (await otto.data(CAN, {"at": node_id}))["can"] == allowed
    sentence = "This needs campaigns:send at the organization, and no role of yours holds it there."
    for at in ({}, {"at": global_id("Organization", world.organization.id)}):
        assert (await otto.data(CAN, at))["can"] == {"allowed": False, "reason": sentence}


async def test_a_place_that_is_hidden_is_not_found_in_the_words_of_none(
    otto: Person, edda: Person, world: World
) -> None:
    hidden = await world.campaign(world.b)
    other = await new_world("other")
    theirs = await other.campaign(other.a)
    for person, query, field in (
        (otto, CAN, "can"),
        (otto, EXPLAIN, "explainAccess"),
        (edda, EXPLAIN, "explainAccess"),
        (edda, WHO_CAN, "whoCan"),
    ):
        found = [
            await person.ask(query, {"at": global_id("Campaign", campaign_id)})
            for campaign_id in (hidden.id, theirs.id, UNKNOWN_ID)
        ]
        assert found[0]["data"] == {field: None}
        assert refusals(found[0]) == [([field], "NOT_FOUND", None)]
        assert [each["errors"] for each in found] == [found[0]["errors"]] * 3


@pytest.mark.parametrize(
    ("query", "argument", "message"),
    [
        (CAN, "at", "No role is given at a Role."),
        (EXPLAIN, "of", "A Role has no access of its own."),
        (ACCESS_OF, "of", "A Role has no access of its own."),
    ],
)
async def test_an_id_of_another_kind_is_bad_input(
    olga: Person, world: World, query: str, argument: str, message: str
) -> None:
    role = await world.role(BuiltinRole.OWNER)
    body = await olga.ask(query, {argument: global_id("Role", role.id)})
    (error,) = body["errors"]
    field = {"at": "resourceId", "of": "subjectId"}[argument]
    assert (error["message"], error["extensions"]) == (
        message,
        {"code": "BAD_INPUT", "field": field},
    )


async def test_an_allow_names_what_it_rests_on(otto: Person, olga: Person, world: World) -> None:
    member = await otto_in(world)
    await through_group(world, BuiltinRole.ADMIN, member)
    variables = {"of": global_id("Member", member.id), "at": global_id("Workspace", world.a.id)}

    found = (await olga.data(EXPLAIN, variables))["explainAccess"]

    assert found["subject"] == {"__typename": "Member", "id": variables["of"], "name": "Otto"}
    assert (found["permission"], found["allowed"]) == ("CAMPAIGNS_SEND", True)
    assert found["reason"] == (
        "Allowed by role Admin at organization through group Sales, role Operator at workspace."
    )
    assert (found["deniedBy"], found["obstacles"], found["advice"]) == (None, [], [])
    assert found["suggestions"] == []
    lines = [(g["source"], g["role"]["name"], g["group"], g["scopeId"]) for g in found["grants"]]
    organization = global_id("Organization", world.organization.id)
    assert lines == [
        ("GROUP", "Admin", {"name": "Sales"}, organization),
        ("DIRECT", "Operator", None, variables["at"]),
    ]
    assert {grant["roleVersion"] for grant in found["grants"]} == {1}
    assert all("CAMPAIGNS_SEND" in grant["permissions"] for grant in found["grants"])


async def test_a_denial_names_what_would_allow_it_and_who_could_give_it(
    olga: Person, world: World
) -> None:
    await world.custom_role("Sender", Permission.CAMPAIGNS_SEND)
    campaign = await world.campaign(world.a)
    rita = await world.member("Rita")
    variables = {"of": global_id("Member", rita.id), "at": global_id("Campaign", campaign.id)}

    found = (await olga.data(EXPLAIN, variables))["explainAccess"]

    assert (found["allowed"], found["deniedBy"]) == (False, "MISSING_PERMISSION")
    assert found["reason"] == (
        "This needs campaigns:send at this resource, and no role of theirs holds it there."
    )
    assert found["advice"] == [
        "A role with campaigns:send has to be given at this campaign, or around it."
    ]
    assert found["suggestions"][0] == {
        "role": {"name": "Sender"},
        "scopeType": "CAMPAIGN",
        "scopeId": variables["at"],
        "gains": ["CAMPAIGNS_READ", "CAMPAIGNS_SEND"],
        "grantors": {"totalCount": 1, "members": [{"name": "olga@acme.example"}]},
    }
    assert [each["role"]["name"] for each in found["suggestions"]] == [
        "Sender",
        "Operator",
        "Admin",
        "Owner",
    ]


async def test_who_reads_neither_roles_nor_members_learns_why_and_not_from_whom(
    otto: Person, world: World
) -> None:
    body = await otto.ask(EXPLAIN, {"permission": "ROLES_WRITE"})
    found = body["data"]["explainAccess"]
    assert (found["allowed"], found["deniedBy"]) == (False, "MISSING_PERMISSION")
    assert found["suggestions"] is None
    assert refusals(body) == [(["explainAccess", "suggestions"], "FORBIDDEN", ["ROLES_READ"])]


async def test_who_could_give_it_is_told_to_who_reads_members(
    http: httpx.AsyncClient, world: World
) -> None:
    reader = await world.custom_role("Reader", Permission.ROLES_READ)
    member = await world.member("Rita")
    await world.give(member, reader, at_workspace(world.a))
    rita = await sign_in(http, world, member)
    at = {"at": global_id("Workspace", world.a.id)}

    body = await rita.ask(EXPLAIN, at)

    suggested = body["data"]["explainAccess"]["suggestions"]
    assert [each["role"]["name"] for each in suggested] == ["Operator", "Admin", "Owner"]
    assert [each["grantors"] for each in suggested] == [None] * 3
    assert {missing for _, _, (missing,) in refusals(body)} == {"MEMBERS_READ"}


async def test_about_others_one_must_read_members(otto: Person, edda: Person, world: World) -> None:
    about = {"of": global_id("Member", world.owner.id)}
    nobody = {"of": global_id("Member", UNKNOWN_ID)}
    group = {"of": global_id("Group", UNKNOWN_ID)}
    for query, field in ((EXPLAIN, "explainAccess"), (ACCESS_OF, "accessOf")):
        found = [await otto.ask(query, variables) for variables in (about, nobody, group)]
        assert found[0]["data"] == {field: None}
        assert refusals(found[0]) == [([field], "FORBIDDEN", ["MEMBERS_READ"])]
        assert found[1]["errors"] == found[2]["errors"] == found[0]["errors"]
    body = await otto.ask(WHO_CAN, {"at": global_id("Workspace", world.a.id)})
    assert refusals(body) == [(["whoCan"], "FORBIDDEN", ["MEMBERS_READ"])]
    body = await edda.ask(WHO_CAN)
    assert refusals(body) == [(["whoCan"], "FORBIDDEN", ["MEMBERS_READ"])]


async def test_the_roles_of_others_are_told_to_who_reads_roles(edda: Person, world: World) -> None:
    body = await edda.ask(WHO_CAN, {"at": global_id("Workspace", world.a.id)})
    (holder,) = body["data"]["whoCan"]["nodes"]
    assert holder["reason"] == "Allowed by a role at organization."
    (grant,) = holder["grants"]
    assert (grant["role"], grant["roleVersion"], grant["permissions"]) == (None, None, None)
    assert holder["subject"]["email"] is None  # needs members:read at the organization
    assert "Owner" not in str(body)

    own = (await edda.data(ACCESS_OF))["accessOf"]["edges"]
    assert [edge["node"]["role"] for edge in own] == [{"name": "Team"}]


async def test_who_can_goes_by_pages(olga: Person, world: World) -> None:
    for number in range(4):
        member = await world.member(f"Member {number}")
        await world.give(member, BuiltinRole.OPERATOR, at_workspace(world.a))
    suspended = await world.someone("Suspended", BuiltinRole.OPERATOR, at_workspace(world.a))
    await Member.filter(id=suspended.actor_id).update(status=MemberStatus.SUSPENDED)
    at = {"at": global_id("Workspace", world.a.id)}
    names: list[str] = []
    after = None
    for size in (2, 2, 1):
        found = (await olga.data(WHO_CAN, {**at, "first": 2, "after": after}))["whoCan"]
        names += [node["name"] for node in found["nodes"]]
        assert len(found["nodes"]) == size
        assert found["totalCount"] == 5
        assert found["pageInfo"]["hasNextPage"] is (len(names) < 5)
        after = found["pageInfo"]["endCursor"]
    assert names == ["Member 3", "Member 2", "Member 1", "Member 0", "olga@acme.example"]

    last = (await olga.data(WHO_CAN, {**at, "last": 2}))["whoCan"]
    assert [node["name"] for node in last["nodes"]] == names[-2:]
    assert (last["pageInfo"]["hasNextPage"], last["pageInfo"]["hasPreviousPage"]) == (False, True)


async def test_access_of_goes_by_pages(olga: Person, world: World) -> None:
    member = await world.member("Rita")
    for scope in (at_workspace(world.a), at_workspace(world.b)):
        await world.give(member, BuiltinRole.VIEWER, scope)
    await through_group(world, BuiltinRole.EDITOR, member)
    of = {"of": global_id("Member", member.id)}

    first = (await olga.data(ACCESS_OF, {**of, "first": 2}))["accessOf"]
    cursor = first["edges"][-1]["cursor"]
    second = (await olga.data(ACCESS_OF, {**of, "first": 2, "after": cursor}))["accessOf"]

    lines = [edge["node"] for edge in first["edges"] + second["edges"]]
    assert [(each["source"], each["scopeType"], each["role"]["name"]) for each in lines] == [
        ("GROUP", "ORGANIZATION", "Editor"),
        ("DIRECT", "WORKSPACE", "Viewer"),
        ("DIRECT", "WORKSPACE", "Viewer"),
    ]
    assert [page["pageInfo"]["hasNextPage"] for page in (first, second)] == [True, False]
    assert first["totalCount"] == second["totalCount"] == 3


async def test_a_group_is_asked_about_as_a_member_is(olga: Person, world: World) -> None:
    await through_group(world, BuiltinRole.EDITOR, world.owner)
    group = (await olga.data("{ organization { groups { id } } }"))["organization"]["groups"][0]
    found = (await olga.data(EXPLAIN, {"of": group["id"]}))["explainAccess"]
    assert found["subject"] == {"__typename": "Group", "id": group["id"], "name": "Sales"}
    assert found["allowed"] is False
    (edge,) = (await olga.data(ACCESS_OF, {"of": group["id"]}))["accessOf"]["edges"]
    assert (edge["node"]["source"], edge["node"]["role"]["name"]) == ("DIRECT", "Editor")


async def test_every_node_says_what_the_viewer_can(olga: Person, world: World) -> None:
    """Of every type with a global id that `node` finds."""
    campaign = await world.campaign(world.a)
    given = await world.give(world.owner, BuiltinRole.VIEWER, at_campaign(campaign))
    await through_group(world, BuiltinRole.EDITOR, world.owner)
    group = (await olga.data("{ organization { groups { id } } }"))["organization"]["groups"][0]
    role = await Role.filter(organization=world.organization).first()
    assert role is not None
    ids = {
        "Assignment": global_id("Assignment", given.id),
        "Campaign": global_id("Campaign", campaign.id),
        "Group": group["id"],
        "MailingList": global_id("MailingList", campaign.mailing_list_id or UNKNOWN_ID),
        "Member": global_id("Member", world.owner.id),
        "Organization": global_id("Organization", world.organization.id),
        "Role": global_id("Role", role.id),
        "SendingServer": global_id("SendingServer", campaign.sending_server_id or UNKNOWN_ID),
        "Workspace": global_id("Workspace", world.a.id),
    }
    assert set(ids) <= set(NODE_TYPES)
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename viewerCan { allowed } } }"
    nodes = (await olga.data(query, {"ids": list(ids.values())}))["nodes"]
    assert [node["__typename"] for node in nodes] == list(ids)
    for node in nodes:
        assert node["viewerCan"], node["__typename"]
        assert all(each["allowed"] for each in node["viewerCan"])


@pytest.mark.parametrize("people", [1, 8])
async def test_statements_do_not_grow_with_the_answer(
    olga: Person, world: World, people: int
) -> None:
    members = [await world.member(f"Member {number}") for number in range(people)]
    for member in members:
        await world.give(member, BuiltinRole.OPERATOR, at_workspace(world.a))
    await through_group(world, BuiltinRole.ADMIN, *members)
    for number in range(people):
        await world.custom_role(f"Sender {number}", Permission.CAMPAIGNS_SEND)
    await world.member("Rita")
    rita = await Member.get(name="Rita")
    at = {"at": global_id("Workspace", world.a.id)}
    counts = []
    for query, variables in (
        (WHO_CAN, at),
        (EXPLAIN, {**at, "of": global_id("Member", rita.id)}),
        (ACCESS_OF, {"of": global_id("Member", members[0].id)}),
    ):
        await olga.data(query, variables)  # compiles the access of the viewer
        with counted_statements() as statements:
            await olga.data(query, variables)
        counts.append(len(statements))
    assert counts == [12, 13, 6]
