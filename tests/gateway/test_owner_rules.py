"""The sole owner stays, whichever door tries to take them out, and who becomes an owner is one at
once, whichever door made them so. The command line has more in files of its own (`test_cli_people`,
`test_cli_assignments`, `test_cli_org`).
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from identity import assignments, manual_groups
from identity.access.decision import ORGANIZATION
from identity.access.permissions import ALL_MASK
from identity.assignments import Principal
from identity.owners import owning, require_owner
from models import Assignment, BuiltinRole, Group, GroupMember, Member, MemberStatus, PrincipalType
from models.clock import now
from schema.ids import global_id
from tests.door import Person, sign_in
from tests.scim.directory import PATCH, connect
from tests.world import World, new_world

TAKEN: dict[str, str] = {
    "suspend": "mutation ($id: ID!) { suspendMember(input: {memberId: $id}) { member { id } } }",
    "remove": "mutation ($id: ID!) { removeMember(input: {memberId: $id}) { removedMemberId } }",
}
UNASSIGN = """
    mutation ($id: ID!) { unassignRole(input: {assignmentId: $id}) { deletedAssignmentId } }
"""
ASSIGN = """
    mutation ($input: AssignRoleInput!) { assignRole(input: $input) { assignment { id } } }
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


async def promote_by_graphql(world: World, olga: Person, member: Member) -> None:
    owner = await world.role(BuiltinRole.OWNER)
    given = {
        "roleId": global_id("Role", owner.id),
        "principalId": global_id("Member", member.id),
        "scopeId": global_id("Organization", world.organization.id),
    }
    assert code(await olga.ask(ASSIGN, {"input": given})) == "DONE"


async def promote_by_directory(world: World, olga: Person, member: Member) -> None:
    """Its group was mapped to Owner before."""
    directory = await connect(olga.http, world)
    group = await directory.create_group("Owners")
    await assignments.assign(
        world.operator,
        role_id=(await world.role(BuiltinRole.OWNER)).id,
        principal=Principal(PrincipalType.GROUP, UUID(group["id"])),
        scope=world.everywhere,
    )
    join = {"op": "add", "path": "members", "value": [{"value": str(member.id)}]}
    assert (await directory.patch(f"/Groups/{group['id']}", join)).status_code == 204


@pytest.mark.parametrize("promote", [promote_by_graphql, promote_by_directory])
async def test_who_is_promoted_has_everything_on_the_next_request_beside_other_owners(
    promote: Callable[[World, Person, Member], Awaitable[None]], olga: Person, world: World
) -> None:
    member = await world.member("Ann")
    ann = await sign_in(olga.http, world, member)
    ask = "{ organization { slug plan } }"
    assert (await ann.ask(ask))["data"]["organization"] == {
        "slug": world.organization.slug,
        "plan": None,
    }
    await promote(world, olga, member)

    assert (await ann.data(ask))["organization"]["plan"] == "ENTERPRISE"
    accesses = [(await world.subject(each)).access for each in (member, world.owner)]
    assert [access.mask_at(ORGANIZATION) for access in accesses] == [ALL_MASK, ALL_MASK]
    assert len(await owning(world.organization.id)) == 2


async def test_an_owner_has_nothing_where_they_are_not_invited(olga: Person, world: World) -> None:
    other = await new_world("globex")
    campaign = await other.campaign(other.a)
    before = len(await other.events())
    for name, row in {
        "Organization": other.organization,
        "Workspace": other.a,
        "Campaign": campaign,
        "Member": other.owner,
    }.items():
        body = await olga.ask(
            "query ($id: ID!) { node(id: $id) { id } }", {"id": global_id(name, row.id)}
        )
        assert body["data"] == {"node": None}, name
    body = await olga.ask(TAKEN["remove"], {"id": global_id("Member", other.owner.id)})
    assert code(body) == "NOT_FOUND"
    directory = await connect(olga.http, world)
    assert (await directory.request("DELETE", f"/Users/{other.owner.id}")).status_code == 404
    await assert_still_owned(other, other.owner.id)
    assert len(await other.events()) == before
