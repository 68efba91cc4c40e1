"""Roles and assignments through GraphQL."""

from typing import Any

from identity.access.permissions import Permission
from models import Assignment, BuiltinRole, PrincipalType, Role
from schema.ids import global_id
from tests.door import Person
from tests.world import World, at_workspace

CREATE = """
    mutation ($input: CreateRoleInput!) {
      createRole(input: $input) { role { id name permissions version builtin } }
    }
"""
ASSIGN = """
    mutation ($input: AssignRoleInput!) {
      assignRole(input: $input) { assignment { id scopeType scopeId role { name } } }
    }
"""
UNASSIGN = """
    mutation ($id: ID!) {
      unassignRole(input: {assignmentId: $id}) { deletedAssignmentId }
    }
"""


async def create(person: Person, **input_: Any) -> Any:
    return await person.ask(CREATE, {"input": input_})


async def test_the_list_has_the_builtin_roles_first(olga: Person, world: World) -> None:
    await create(olga, name="Zed", permissions=["FORMS_READ"])
    data = await olga.data("{ organization { roles { name builtin } } }")
    assert [role["name"] for role in data["organization"]["roles"]] == [
        "Owner",
        "Admin",
        "Operator",
        "Viewer",
        "Member",
        "Editor",
        "Auditor",
        "Zed",
    ]
    assert [role["builtin"] for role in data["organization"]["roles"]] == [True] * 7 + [False]


async def test_create_update_and_delete(olga: Person, world: World) -> None:
    created = (await create(olga, name="Sender", permissions=["CAMPAIGNS_SEND"]))["data"]
    role = created["createRole"]["role"]
    assert role["permissions"] == ["CAMPAIGNS_SEND"]
    assert (role["version"], role["builtin"]) == (1, False)

    data = await olga.data(
        """
        mutation ($input: UpdateRoleInput!) {
          updateRole(input: $input) { role { name permissions version } }
        }
        """,
        {
            "input": {
                "roleId": role["id"],
                "expectedVersion": 1,
                "name": "Drafter",
                "add": ["CAMPAIGNS_DRAFT", "FORMS_READ"],
                "remove": ["CAMPAIGNS_SEND"],
            }
        },
    )
    assert data["updateRole"]["role"] == {
        "name": "Drafter",
        "permissions": ["CAMPAIGNS_DRAFT", "FORMS_READ"],
        "version": 2,
    }

    data = await olga.data(
        "mutation ($id: ID!) { deleteRole(input: {roleId: $id}) { deletedRoleId } }",
        {"id": role["id"]},
    )
    assert data == {"deleteRole": {"deletedRoleId": role["id"]}}
    events = (await world.events())[-3:]
    assert [event.action for event in events] == ["role.create", "role.update", "role.delete"]
    assert {
        "path": "permissions",
        "added": ["campaigns:draft", "forms:read"],
        "removed": ["campaigns:send"],
    } in events[1].diff


async def test_an_operator_cannot_make_or_change_a_role(otto: Person, world: World) -> None:
    before = await Role.all().count()
    body = await create(otto, name="Mine", permissions=["CAMPAIGNS_SEND"])
    assert body["data"] is None
    assert body["errors"][0]["extensions"]["missing"] == ["ROLES_WRITE"]
    assert await Role.all().count() == before


async def test_a_builtin_role_is_fixed(olga: Person, world: World) -> None:
    viewer = await world.role(BuiltinRole.VIEWER)
    body = await olga.ask(
        "mutation ($input: UpdateRoleInput!) { updateRole(input: $input) { role { name } } }",
        {
            "input": {
                "roleId": global_id("Role", viewer.id),
                "expectedVersion": 1,
                "add": ["CAMPAIGNS_SEND"],
            }
        },
    )
    assert body["errors"][0]["extensions"] == {
        "code": "FORBIDDEN",
        "reason": "BUILTIN_ROLE",
        "missing": [],
    }
    await viewer.refresh_from_db()
    assert (viewer.version, viewer.permissions) == (1, [])


async def test_a_role_given_is_held_on_the_very_next_request_and_gone_when_taken(
    olga: Person, world: World
) -> None:
    campaign = await world.campaign(world.a)
    member = await world.member("Nina")
    nina = Person(olga.http, await world.session(member))
    ask = "query ($id: ID!) { campaign(id: $id) { name } }"
    variables = {"id": global_id("Campaign", campaign.id)}
    assert (await nina.ask(ask, variables))["data"] == {"campaign": None}

    viewer = await world.role(BuiltinRole.VIEWER)
    data = await olga.data(
        ASSIGN,
        {
            "input": {
                "roleId": global_id("Role", viewer.id),
                "principalId": global_id("Member", member.id),
                "scopeId": global_id("Workspace", world.a.id),
            }
        },
    )
    assignment = data["assignRole"]["assignment"]
    assert (assignment["scopeType"], assignment["role"]) == ("WORKSPACE", {"name": "Viewer"})
    assert assignment["scopeId"] == global_id("Workspace", world.a.id)
    assert (await nina.data(ask, variables))["campaign"] == {"name": "Spring"}

    await olga.data(UNASSIGN, {"id": assignment["id"]})
    assert (await nina.ask(ask, variables))["data"] == {"campaign": None}


async def test_nobody_gives_what_they_do_not_hold(olga: Person, world: World) -> None:
    from_owner = await world.custom_role(
        "Assigner", Permission.MEMBERS_ASSIGN, Permission.ROLES_READ
    )
    member = await world.member("Ann")
    await world.give(member, from_owner, at_workspace(world.a))
    ann = Person(olga.http, await world.session(member))
    operator = await world.role(BuiltinRole.OPERATOR)

    body = await ann.ask(
        ASSIGN,
        {
            "input": {
                "roleId": global_id("Role", operator.id),
                "principalId": global_id("Member", member.id),
                "scopeId": global_id("Workspace", world.a.id),
            }
        },
    )

    assert body["data"] == {"assignRole": None}
    assert body["errors"][0]["extensions"]["code"] == "ESCALATION"
    assert "campaigns:send" in body["errors"][0]["extensions"]["missing"]
    assert await Assignment.filter(principal_id=member.id).count() == 1


async def test_the_last_owner_stays(olga: Person, world: World) -> None:
    owning = await Assignment.get(principal_type=PrincipalType.MEMBER, principal_id=world.owner.id)
    body = await olga.ask(UNASSIGN, {"id": global_id("Assignment", owning.id)})
    assert body["errors"][0]["extensions"] == {"code": "LAST_OWNER"}
    assert await Assignment.exists(id=owning.id)


async def test_members_come_with_their_assignments_in_one_statement(
    olga: Person, world: World
) -> None:
    for number in range(3):
        member = await world.member(f"Member {number}")
        await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
    data = await olga.data(
        "{ organization { members(first: 2) { totalCount nodes { name assignments"
        " { role { name } scopeType } } } } }"
    )
    assert data["organization"]["members"] == {
        "totalCount": 4,
        "nodes": [
            {
                "name": f"Member {number}",
                "assignments": [{"role": {"name": "Viewer"}, "scopeType": "WORKSPACE"}],
            }
            for number in (2, 1)
        ],
    }
