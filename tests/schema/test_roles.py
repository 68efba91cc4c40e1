"""Roles and assignments through GraphQL."""

from typing import Any

import pytest

from identity.access.permissions import Permission
from models import Assignment, BuiltinRole, PrincipalType, Role
from schema.ids import global_id
from tests.door import Person, sign_in
from tests.statements import counted_statements
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
        "Creator",
        "Zed",
    ]
    assert [role["builtin"] for role in data["organization"]["roles"]] == [True] * 8 + [False]


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


@pytest.mark.parametrize("word", ["EVERYTHING", "campaigns:send", "", None, 7])
async def test_a_word_that_is_no_permission_is_no_valid_document(
    olga: Person, world: World, word: Any
) -> None:
    before, log = await Role.all().count(), len(await world.events())
    body = await create(olga, name="Wide", permissions=["FORMS_READ", word])
    assert body["errors"][0]["extensions"]["code"] == "BAD_INPUT"
    assert "data" not in body or body["data"] is None
    assert await Role.all().count() == before
    assert len(await world.events()) == log


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


UPDATE = """
    mutation ($input: UpdateRoleInput!) { updateRole(input: $input) { role { version } } }
"""
DELETE = """
    mutation ($input: DeleteRoleInput!) { deleteRole(input: $input) { deletedRoleId } }
"""


async def test_a_permission_is_not_added_and_removed_at_once(olga: Person, world: World) -> None:
    role = await world.custom_role("Shift", Permission.CAMPAIGNS_READ)
    both = ["CAMPAIGNS_SEND"]
    given = {"roleId": global_id("Role", role.id), "expectedVersion": 1, "add": both}
    body = await olga.ask(UPDATE, {"input": {**given, "remove": both}})
    assert body["data"] == {"updateRole": None}
    assert body["errors"][0]["extensions"] == {"code": "BAD_INPUT", "field": "input.remove"}
    await role.refresh_from_db()
    assert (role.version, role.permissions) == (1, ["campaigns:read"])


async def test_a_lost_race_names_both_versions(olga: Person, world: World) -> None:
    role = await world.custom_role("Shift", Permission.CAMPAIGNS_READ)
    given = {"roleId": global_id("Role", role.id), "expectedVersion": 1}
    await olga.data(UPDATE, {"input": {**given, "name": "First"}})
    body = await olga.ask(UPDATE, {"input": {**given, "name": "Second"}})
    assert body["data"] == {"updateRole": None}
    assert body["errors"][0]["extensions"] == {
        "code": "CONFLICT",
        "expectedVersion": 1,
        "actualVersion": 2,
    }
    await role.refresh_from_db()
    assert (role.name, role.version) == ("First", 2)


async def test_who_holds_a_role_in_use_is_listed(olga: Person, world: World) -> None:
    role, viewer = await world.custom_role("Shift"), await world.role(BuiltinRole.VIEWER)
    ann = await world.member("Ann")
    await world.give(ann, role, at_workspace(world.a))
    group = await world.directory_group("Sales", role, world.everywhere)
    id_ = global_id("Role", role.id)

    body = await olga.ask(DELETE, {"input": {"roleId": id_}})

    assert body["data"] == {"deleteRole": None}
    assert body["errors"][0]["extensions"] == {
        "code": "IN_USE",
        "assignments": 2,
        "holders": [
            {
                "type": "MEMBER",
                "id": global_id("Member", ann.id),
                "name": "Ann",
                "provisioned": False,
                "scopeType": "WORKSPACE",
                "scopeId": global_id("Workspace", world.a.id),
            },
            {
                "type": "GROUP",
                "id": global_id("Group", group.id),
                "name": "Sales",
                "provisioned": True,
                "scopeType": "ORGANIZATION",
                "scopeId": global_id("Organization", world.organization.id),
            },
        ],
    }
    assert await Assignment.filter(role=role).count() == 2

    given = {"roleId": id_, "replacementId": global_id("Role", viewer.id)}
    assert (await olga.data(DELETE, {"input": given}))["deleteRole"] == {"deletedRoleId": id_}
    assert not await Role.exists(id=role.id)
    assert await Assignment.filter(role=viewer).count() == 2


async def test_who_may_not_read_members_learns_only_how_many_hold_a_role(
    olga: Person, world: World
) -> None:
    role = await world.custom_role("Shift")
    await world.give(await world.member("Ann"), role, at_workspace(world.a))
    member = await world.member("Dora")
    deleter = await world.custom_role("Deleter", Permission.ROLES_DELETE)
    await world.give(member, deleter, world.everywhere)
    dora = await sign_in(olga.http, world, member)
    body = await dora.ask(DELETE, {"input": {"roleId": global_id("Role", role.id)}})
    assert body["data"] == {"deleteRole": None}
    extensions = body["errors"][0]["extensions"]
    assert extensions == {"code": "IN_USE", "assignments": 1, "holders": []}
    assert await Role.exists(id=role.id)


@pytest.mark.parametrize("others", [1, 12])
async def test_writing_a_role_takes_the_same_statements_whatever_there_is(
    olga: Person, world: World, others: int
) -> None:
    for number in range(others):
        await world.custom_role(f"Role {number}", Permission.FORMS_READ)
    await olga.data("{ viewer { name } }")

    with counted_statements() as statements:
        made = (await create(olga, name="Zed", permissions=["FORMS_READ"]))["data"]
    assert len(statements) == 5, statements

    id_ = made["createRole"]["role"]["id"]
    with counted_statements() as statements:
        given = {"roleId": id_, "expectedVersion": 1, "remove": ["FORMS_READ"]}
        await olga.data(UPDATE, {"input": given})
    assert len(statements) == 8, statements

    with counted_statements() as statements:
        await olga.data(DELETE, {"input": {"roleId": id_}})
    assert len(statements) == 12, statements


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
