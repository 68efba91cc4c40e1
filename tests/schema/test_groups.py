"""Groups through GraphQL: made, filled and deleted, and read from both sides."""

from typing import Any

import pytest

from identity import groups, manual_groups
from identity.groups import DirectoryGroup
from models import BuiltinRole, Group, GroupMember
from schema.ids import global_id
from tests.door import Person
from tests.statements import counted_statements
from tests.world import World

CREATE = """
    mutation ($input: CreateGroupInput!) {
      createGroup(input: $input) {
        group { id name source version members { nodes { name } totalCount } }
      }
    }
"""
UPDATE = """
    mutation ($input: UpdateGroupInput!) {
      updateGroup(input: $input) { group { name version members { nodes { name } } } }
    }
"""
DELETE = "mutation ($id: ID!) { deleteGroup(input: {groupId: $id}) { deletedGroupId } }"
GROUPS = """
    { organization { groups { name members(first: 2) { nodes { name groups { name } } } } } }
"""


async def test_create_update_and_delete(olga: Person, world: World) -> None:
    ann, bob = [global_id("Member", (await world.member(name)).id) for name in ("Ann", "Bob")]
    made = await olga.data(CREATE, {"input": {"name": "Crew", "memberIds": [ann]}})
    group = made["createGroup"]["group"]
    assert group == {
        "id": group["id"],
        "name": "Crew",
        "source": "MANUAL",
        "version": 1,
        "members": {"nodes": [{"name": "Ann"}], "totalCount": 1},
    }
    change = {
        "groupId": group["id"],
        "expectedVersion": 1,
        "name": "Night crew",
        "addMemberIds": [bob],
        "removeMemberIds": [ann],
    }
    changed = await olga.data(UPDATE, {"input": change})
    assert changed["updateGroup"]["group"] == {
        "name": "Night crew",
        "version": 2,
        "members": {"nodes": [{"name": "Bob"}]},
    }
    deleted = await olga.data(DELETE, {"id": group["id"]})
    assert deleted == {"deleteGroup": {"deletedGroupId": group["id"]}}
    assert not await Group.all().exists()


async def test_a_directorys_group_is_read_only(olga: Person, world: World) -> None:
    row = await groups.create(world.operator, DirectoryGroup("Synced", None, {}))
    change: dict[str, Any] = {
        "groupId": global_id("Group", row.id),
        "expectedVersion": 1,
        "addMemberIds": [global_id("Member", world.owner.id)],
    }
    for body in (
        await olga.ask(UPDATE, {"input": change}),
        await olga.ask(DELETE, {"id": change["groupId"]}),
    ):
        (error,) = body["errors"]
        assert error["extensions"] == {
            "code": "FORBIDDEN",
            "reason": "DIRECTORY_MANAGED",
            "missing": [],
        }
    assert (await Group.get(id=row.id)).version == 1
    assert not await GroupMember.all().exists()


async def test_a_group_takes_ids_of_members_and_not_too_many(olga: Person, world: World) -> None:
    role = await world.role(BuiltinRole.VIEWER)
    body = await olga.ask(
        CREATE, {"input": {"name": "Crew", "memberIds": [global_id("Role", role.id)]}}
    )
    assert body["errors"][0]["extensions"] == {"code": "BAD_INPUT", "field": "input.memberIds.0"}
    many = [global_id("Member", world.owner.id)] * 101
    body = await olga.ask(CREATE, {"input": {"name": "Crew", "memberIds": many}})
    assert body["errors"][0]["extensions"] == {"code": "BAD_INPUT", "field": "input.memberIds"}
    assert not await Group.all().exists()


async def test_who_may_not_read_members_sees_no_group(otto: Person, world: World) -> None:
    row = await manual_groups.create(world.operator, name="Crew")
    body = await otto.ask(
        "query ($id: ID!) { node(id: $id) { id } }", {"id": global_id("Group", row.id)}
    )
    assert body["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    body = await otto.ask(CREATE, {"input": {"name": "Mine"}})
    assert (body["data"], body["errors"][0]["extensions"]["missing"]) == (None, ["MEMBERS_ASSIGN"])
    assert await Group.all().count() == 1


@pytest.mark.parametrize("people", [1, 6])
async def test_groups_with_their_members_and_those_with_their_groups(
    olga: Person, world: World, people: int
) -> None:
    ids = [(await world.member(f"Member {number}")).id for number in range(people)]
    for number in range(people):
        await manual_groups.create(world.operator, name=f"Group {number}", member_ids=ids)
    await olga.data(GROUPS)

    with counted_statements() as statements:
        data = await olga.data(GROUPS)

    found = data["organization"]["groups"]
    assert [group["name"] for group in found] == [f"Group {number}" for number in range(people)]
    newest = found[0]["members"]["nodes"][0]
    assert newest["name"] == f"Member {people - 1}"
    assert [group["name"] for group in newest["groups"]] == [group["name"] for group in found]
    assert len(statements) == 4, statements
