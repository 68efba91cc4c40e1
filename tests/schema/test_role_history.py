"""What roles were, bringing them back, and how they compare, through GraphQL."""

import pytest

from identity import roles
from identity.access.permissions import Permission
from models import AuditEvent, BuiltinRole, Role, RoleVersion
from schema.ids import global_id
from tests.door import Person, sign_in
from tests.statements import counted_statements
from tests.world import UNKNOWN_ID, World, new_world

P = Permission

VERSION = """
    number change restoredFrom name description permissions actorType roleId
    diff { added removed previousName previousDescription }
"""
HISTORY = f"""
    query ($id: ID!, $first: Int, $after: String) {{
      node(id: $id) {{ ... on Role {{
        name version
        history(first: $first, after: $after) {{
          totalCount nodes {{ id createdAt actorName {VERSION} }}
          pageInfo {{ hasNextPage endCursor }}
        }}
      }} }}
    }}
"""
DELETED = f"{{ organization {{ deletedRoles {{ nodes {{ actorName {VERSION} }} }} }} }}"
RESTORE = """
    mutation ($input: RestoreRoleInput!) {
      restoreRole(input: $input) { role { id name permissions version } }
    }
"""
COMPARE = """
    query ($role: ID!, $other: ID!, $version: Int, $otherVersion: Int) {
      compareRoles(
        roleId: $role, otherRoleId: $other, version: $version, otherVersion: $otherVersion
      ) { name otherName inBoth onlyInRole onlyInOther levels { group level otherLevel } }
    }
"""
ROLES = """
    { organization { roles {
        name permissions levels { group level }
        history(first: 5) { nodes { number actorName diff { added removed } } }
    } } }
"""


@pytest.fixture
async def rolf(olga: Person, world: World) -> Person:
    """Reads roles, and nothing else."""
    member = await world.member("Rolf")
    await world.give(member, await world.custom_role("Reader", P.ROLES_READ), world.everywhere)
    return await sign_in(olga.http, world, member)


async def changed_role(world: World, changes: int = 1) -> Role:
    """A role with one version more than changes."""
    role = await world.custom_role("Shift", P.CAMPAIGNS_READ)
    owner = await world.subject(world.owner)
    for number in range(1, changes + 1):
        role = await roles.update(
            owner,
            role.id,
            expected_version=number,
            name=f"Shift {number}",
            add=[P.CAMPAIGNS_SEND] if number % 2 else [],
            remove=[] if number % 2 else [P.CAMPAIGNS_SEND],
        )
    return role


async def test_history_is_paged_with_what_each_version_changed(olga: Person, world: World) -> None:
    role = await changed_role(world, 2)
    id_ = global_id("Role", role.id)

    first = (await olga.data(HISTORY, {"id": id_, "first": 2}))["node"]

    assert (first["name"], first["version"]) == ("Shift 2", 3)
    page = first["history"]
    assert page["totalCount"] == 3
    assert page["pageInfo"]["hasNextPage"] is True
    newest = page["nodes"][0]
    kept = await RoleVersion.get(role_id=role.id, number=3)
    assert newest.pop("id") == global_id("RoleVersion", kept.id)
    assert newest.pop("createdAt") == kept.created_at.isoformat()
    assert newest == {
        "number": 3,
        "change": "UPDATED",
        "restoredFrom": None,
        "name": "Shift 2",
        "description": "",
        "permissions": ["CAMPAIGNS_READ"],
        "actorType": "MEMBER",
        "actorName": world.owner.name,
        "roleId": id_,
        "diff": {
            "added": [],
            "removed": ["CAMPAIGNS_SEND"],
            "previousName": "Shift 1",
            "previousDescription": None,
        },
    }
    after = page["pageInfo"]["endCursor"]
    last = (await olga.data(HISTORY, {"id": id_, "first": 2, "after": after}))["node"]["history"]
    assert [node["number"] for node in page["nodes"] + last["nodes"]] == [3, 2, 1]
    oldest = last["nodes"][0]
    assert (oldest["change"], oldest["actorName"]) == ("CREATED", "operator")
    assert oldest["diff"]["added"] == ["CAMPAIGNS_READ"]


async def test_a_version_is_a_node(olga: Person, otto: Person, world: World) -> None:
    role = await changed_role(world)
    version = await RoleVersion.get(role_id=role.id, number=1)
    ask = "query ($id: ID!) { node(id: $id) { id ... on RoleVersion { name number } } }"
    id_ = global_id("RoleVersion", version.id)
    assert (await olga.data(ask, {"id": id_}))["node"] == {"id": id_, "name": "Shift", "number": 1}
    body = await otto.ask(ask, {"id": id_})
    assert body["data"] == {"node": None}
    assert body["errors"][0]["extensions"] == {"code": "NOT_FOUND"}


async def test_a_built_in_role_has_no_history(olga: Person, world: World) -> None:
    viewer = await world.role(BuiltinRole.VIEWER)
    node = (await olga.data(HISTORY, {"id": global_id("Role", viewer.id)}))["node"]
    assert node["history"]["nodes"] == []


async def test_who_changed_a_role_is_told_to_who_reads_members_or_the_log(
    rolf: Person, world: World
) -> None:
    role = await changed_role(world)
    body = await rolf.ask(HISTORY, {"id": global_id("Role", role.id)})
    nodes = body["data"]["node"]["history"]["nodes"]
    assert [(node["number"], node["actorName"]) for node in nodes] == [(2, None), (1, None)]
    assert [error["extensions"] for error in body["errors"]] == [
        {
            "code": "FORBIDDEN",
            "reason": "MISSING_PERMISSION",
            "missing": ["MEMBERS_READ", "AUDIT_READ"],
        }
    ] * 2


async def test_who_may_not_read_roles_sees_no_history(otto: Person, world: World) -> None:
    role = await changed_role(world)
    await roles.delete(world.operator, role.id)
    body = await otto.ask(DELETED)
    assert body["data"] == {"organization": {"deletedRoles": None}}
    assert body["errors"][0]["extensions"]["missing"] == ["ROLES_READ"]


async def test_a_role_is_restored_also_when_it_was_deleted(olga: Person, world: World) -> None:
    role = await changed_role(world)
    id_ = global_id("Role", role.id)
    given = {"roleId": id_, "version": 1, "expectedVersion": 2}
    restored = (await olga.data(RESTORE, {"input": given}))["restoreRole"]["role"]
    assert restored == {
        "id": id_,
        "name": "Shift",
        "permissions": ["CAMPAIGNS_READ"],
        "version": 3,
    }

    await olga.data(
        "mutation ($id: ID!) { deleteRole(input: {roleId: $id}) { deletedRoleId } }", {"id": id_}
    )
    (gone,) = (await olga.data(DELETED))["organization"]["deletedRoles"]["nodes"]
    assert (gone["roleId"], gone["number"], gone["change"]) == (id_, 4, "DELETED")
    assert (gone["name"], gone["permissions"]) == ("Shift", ["CAMPAIGNS_READ"])
    assert gone["actorName"] == world.owner.name

    given = {"roleId": id_, "version": 2, "expectedVersion": 4}
    restored = (await olga.data(RESTORE, {"input": given}))["restoreRole"]["role"]
    assert restored == {
        "id": id_,
        "name": "Shift 1",
        "permissions": ["CAMPAIGNS_READ", "CAMPAIGNS_SEND"],
        "version": 5,
    }
    assert (await olga.data(DELETED))["organization"]["deletedRoles"]["nodes"] == []
    versions = await RoleVersion.filter(role_id=role.id).order_by("number")
    assert [(v.change.value, v.restored_from) for v in versions] == [
        ("created", None),
        ("updated", None),
        ("restored", 1),
        ("deleted", None),
        ("restored", 2),
    ]


async def test_a_lost_race_names_both_versions(olga: Person, world: World) -> None:
    role = await changed_role(world)
    before = await Role.all().order_by("id").values(), await RoleVersion.all().count()
    given = {"roleId": global_id("Role", role.id), "version": 1, "expectedVersion": 1}
    body = await olga.ask(RESTORE, {"input": given})
    assert body["data"] == {"restoreRole": None}
    assert body["errors"][0]["extensions"] == {
        "code": "CONFLICT",
        "expectedVersion": 1,
        "actualVersion": 2,
    }
    assert (await Role.all().order_by("id").values(), await RoleVersion.all().count()) == before


async def test_nobody_restores_what_they_do_not_hold(olga: Person, world: World) -> None:
    role = await changed_role(world, 2)
    member = await world.member("Dora")
    await world.give(member, await world.custom_role("Designer", P.ROLES_WRITE), world.everywhere)
    dora = await sign_in(olga.http, world, member)
    before = await Role.all().order_by("id").values(), await RoleVersion.all().count()

    given = {"roleId": global_id("Role", role.id), "version": 2, "expectedVersion": 3}
    body = await dora.ask(RESTORE, {"input": given})

    assert body["data"] == {"restoreRole": None}
    extensions = body["errors"][0]["extensions"]
    assert extensions == {"code": "ESCALATION", "missing": ["campaigns:read", "campaigns:send"]}
    assert (await Role.all().order_by("id").values(), await RoleVersion.all().count()) == before
    denial = await AuditEvent.filter(action="role.restore").get()
    assert (denial.outcome, denial.target_name) == ("denied", "Shift 2")


async def test_two_roles_are_compared_by_what_they_grant(rolf: Person, world: World) -> None:
    sender = await world.custom_role("Sender", P.CAMPAIGNS_SEND, P.FORMS_READ)
    drafter = await world.custom_role("Drafter", P.CAMPAIGNS_DRAFT, P.AUDIT_EXPORT)
    given = {"role": global_id("Role", sender.id), "other": global_id("Role", drafter.id)}

    found = (await rolf.data(COMPARE, given))["compareRoles"]

    levels = {each.pop("group"): each for each in found.pop("levels")}
    assert found == {
        "name": "Sender",
        "otherName": "Drafter",
        "inBoth": ["CAMPAIGNS_READ"],
        "onlyInRole": ["CAMPAIGNS_SEND", "FORMS_READ"],
        "onlyInOther": ["CAMPAIGNS_DRAFT", "AUDIT_READ", "AUDIT_EXPORT"],
    }
    assert len(levels) == 19
    assert {group: tuple(each.values()) for group, each in levels.items()} == {
        **dict.fromkeys(levels, ("NONE", "NONE")),
        "campaigns": ("CUSTOM", "CUSTOM"),
        "forms": ("READ", "NONE"),
        "audit": ("NONE", "FULL"),
    }


async def test_two_versions_of_a_role_are_compared_also_when_it_is_gone(
    olga: Person, world: World
) -> None:
    role = await changed_role(world)
    await roles.delete(world.operator, role.id)
    id_ = global_id("Role", role.id)
    given = {"role": id_, "other": id_, "version": 1, "otherVersion": 3}
    found = (await olga.data(COMPARE, given))["compareRoles"]
    assert (found["name"], found["otherName"]) == ("Shift", "Shift 1")
    assert (found["inBoth"], found["onlyInOther"]) == (["CAMPAIGNS_READ"], ["CAMPAIGNS_SEND"])
    assert found["onlyInRole"] == []


async def test_what_is_not_there_is_not_compared(olga: Person, otto: Person, world: World) -> None:
    role = await changed_role(world)
    foreign = await (await new_world("globex")).custom_role("Foreign")
    own = global_id("Role", role.id)
    for other, version in ((foreign.id, None), (foreign.id, 1), (UNKNOWN_ID, None), (role.id, 9)):
        given = {"role": own, "other": global_id("Role", other), "otherVersion": version}
        body = await olga.ask(COMPARE, given)
        assert body["data"] == {"compareRoles": None}
        assert body["errors"][0]["extensions"] == {"code": "NOT_FOUND"}
    body = await olga.ask(COMPARE, {"role": own, "other": global_id("Member", world.owner.id)})
    assert body["errors"][0]["extensions"] == {"code": "BAD_INPUT", "field": "otherRoleId"}
    body = await otto.ask(COMPARE, {"role": own, "other": own})
    assert body["data"] == {"compareRoles": None}
    assert body["errors"][0]["extensions"]["missing"] == ["ROLES_READ"]


async def test_both_ways_of_executing_answer_the_same(rolf: Person, world: World) -> None:
    await changed_role(world, 2)
    body = await rolf.ask(ROLES)
    interpreted = await rolf.ask(ROLES.rstrip().removesuffix("}") + "_service { __typename } }")
    del interpreted["data"]["_service"]
    assert (body["data"], body["errors"]) == (interpreted["data"], interpreted["errors"])
    role = next(r for r in body["data"]["organization"]["roles"] if r["name"] == "Shift 2")
    assert len(role["levels"]) == 19
    assert role["levels"][0] == {"group": "campaigns", "level": "CUSTOM"}
    assert [version["number"] for version in role["history"]["nodes"]] == [3, 2, 1]


@pytest.mark.parametrize("changes", [1, 6])
async def test_history_is_read_in_one_statement(olga: Person, world: World, changes: int) -> None:
    role = await changed_role(world, changes)
    given = {"id": global_id("Role", role.id), "first": 50}
    ask = HISTORY.replace("totalCount ", "")
    await olga.data(ask, given)

    with counted_statements() as statements:
        data = await olga.data(ask, given)

    assert len(data["node"]["history"]["nodes"]) == changes + 1
    assert len(statements) == 3, statements


@pytest.mark.parametrize("count", [1, 6])
async def test_roles_with_levels_and_history_take_no_statement_a_role(
    olga: Person, world: World, count: int
) -> None:
    for number in range(count):
        await world.custom_role(f"Role {number}", P.CAMPAIGNS_READ)
    await olga.data(ROLES)

    with counted_statements() as statements:
        data = await olga.data(ROLES)

    assert len(data["organization"]["roles"]) == len(BuiltinRole) + count
    assert len(statements) == 3, statements


@pytest.mark.parametrize("changes", [1, 6])
async def test_restoring_and_comparing_take_the_same_statements_whatever_came_before(
    olga: Person, world: World, changes: int
) -> None:
    for number in range(changes):
        await world.custom_role(f"Role {number}", P.CAMPAIGNS_READ)
    role = await changed_role(world, changes)
    id_ = global_id("Role", role.id)
    given = {"roleId": id_, "version": 1, "expectedVersion": changes + 1}

    await olga.data(COMPARE, {"role": id_, "other": id_})
    with counted_statements() as statements:
        await olga.data(COMPARE, {"role": id_, "other": id_, "version": 1})
    assert len(statements) == 3, statements

    with counted_statements() as statements:
        await olga.data(RESTORE, {"input": given})
    assert len(statements) == 10, statements
