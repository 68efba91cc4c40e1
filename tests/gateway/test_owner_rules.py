"""The sole owner stays, whichever door tries to take them out; the command line has its own file
(`test_cli_people`).
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from identity import assignments, manual_groups
from identity.assignments import Principal
from identity.owners import require_owner
from models import Assignment, BuiltinRole, Group, GroupMember, Member, MemberStatus, PrincipalType
from models.clock import now
from schema.ids import global_id
from tests.door import Person, sign_in
from tests.scim.directory import PATCH, connect
from tests.world import World

TAKEN: dict[str, str] = {
    "suspend": "mutation ($id: ID!) { suspendMember(input: {memberId: $id}) { member { id } } }",
    "remove": "mutation ($id: ID!) { removeMember(input: {memberId: $id}) { removedMemberId } }",
}
UNASSIGN = """
    mutation ($id: ID!) { unassignRole(input: {assignmentId: $id}) { deletedAssignmentId } }
"""
OUT_OF_GROUP = """
    mutation ($group: ID!, $member: ID!) {
      updateGroup(input: {groupId: $group, expectedVersion: 1, removeMemberIds: [$member]}) {
        group { id }
      }
    }
"""
DELETE_GROUP = "mutation ($id: ID!) { deleteGroup(input: {groupId: $id}) { deletedGroupId } }"
LEAVE = """
    mutation ($id: ID!) { leaveOrganization(input: {organizationId: $id}) { removedMemberId } }
"""


@pytest.fixture
async def temporary(olga: Person, world: World) -> Person:
    """A second owner, but for a day only."""
    member = await world.member("Temp")
    await assignments.assign(
        world.operator,
        role_id=(await world.role(BuiltinRole.OWNER)).id,
        principal=Principal(PrincipalType.MEMBER, member.id),
        scope=world.everywhere,
        expires_at=now() + timedelta(days=1),
    )
    return await sign_in(olga.http, world, member)


async def owning_group(world: World) -> Group:
    """A group through which the first owner owns, and not otherwise."""
    group = await manual_groups.create(world.operator, name="Owners", member_ids=[world.owner.id])
    await assignments.assign(
        world.operator,
        role_id=(await world.role(BuiltinRole.OWNER)).id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=world.everywhere,
    )
    direct = await Assignment.get(principal_id=world.owner.id)
    await assignments.unassign(world.operator, direct.id)
    return group


def code(body: Any) -> str:
    return "DONE" if "errors" not in body else str(body["errors"][0]["extensions"]["code"])


async def assert_still_owned(world: World, owner_id: UUID) -> None:
    await require_owner(world.organization.id)
    assert (await Member.get(id=owner_id)).status is MemberStatus.ACTIVE


@pytest.mark.parametrize("how", [*TAKEN, "demote"])
async def test_through_graphql(how: str, temporary: Person, world: World) -> None:
    if how == "demote":
        given = await Assignment.get(principal_id=world.owner.id)
        body = await temporary.ask(UNASSIGN, {"id": global_id("Assignment", given.id)})
    else:
        body = await temporary.ask(TAKEN[how], {"id": global_id("Member", world.owner.id)})

    assert code(body) == "LAST_OWNER"
    await assert_still_owned(world, world.owner.id)


@pytest.mark.parametrize("how", ["out of the group", "delete the group", "unassign the group"])
async def test_through_graphql_by_the_group(how: str, temporary: Person, world: World) -> None:
    group = await owning_group(world)
    name = global_id("Group", group.id)
    if how == "out of the group":
        ids = {"group": name, "member": global_id("Member", world.owner.id)}
        body = await temporary.ask(OUT_OF_GROUP, ids)
    elif how == "delete the group":
        body = await temporary.ask(DELETE_GROUP, {"id": name})
    else:
        given = await Assignment.get(principal_id=group.id)
        body = await temporary.ask(UNASSIGN, {"id": global_id("Assignment", given.id)})

    assert code(body) == "LAST_OWNER"
    assert await GroupMember.filter(group_id=group.id).count() == 1
    await assert_still_owned(world, world.owner.id)


async def test_leaving_needs_to_step_down_first(olga: Person, world: World) -> None:
    organization = {"id": global_id("Organization", world.organization.id)}
    assert code(await olga.ask(LEAVE, organization)) == "FORBIDDEN"
    given = await Assignment.get(principal_id=world.owner.id)
    step_down = {"id": global_id("Assignment", given.id)}
    assert code(await olga.ask(UNASSIGN, step_down)) == "LAST_OWNER"
    await assert_still_owned(world, world.owner.id)

    await world.give(await world.member("Ann"), BuiltinRole.OWNER, world.everywhere)
    assert code(await olga.ask(LEAVE, organization)) == "FORBIDDEN", "an owner, if not the only one"
    assert code(await olga.ask(UNASSIGN, step_down)) == "DONE"
    assert code(await olga.ask(LEAVE, organization)) == "DONE"
    assert not await Member.exists(id=world.owner.id)


@pytest.mark.parametrize("how", ["inactive", "delete"])
async def test_through_a_directory(how: str, olga: Person, world: World) -> None:
    directory = await connect(olga.http, world)
    path = f"/Users/{world.owner.id}"
    if how == "delete":
        answer = await directory.request("DELETE", path)
    else:
        answer = await directory.request(
            "PATCH",
            path,
            {
                "schemas": [PATCH],
                "Operations": [{"op": "replace", "path": "active", "value": False}],
            },
        )
    assert answer.status_code == 409
    await assert_still_owned(world, world.owner.id)
