"""Members through GraphQL: what each mutation answers, and who is refused."""

from typing import Any

import pytest

from models import Assignment, BuiltinRole, Member, MemberStatus
from schema.ids import global_id
from tests.door import Person, sign_in
from tests.statements import counted_statements
from tests.world import World, at_workspace

SUSPEND = """
    mutation ($id: ID!) { suspendMember(input: {memberId: $id}) { member { name status } } }
"""
REACTIVATE = """
    mutation ($id: ID!) { reactivateMember(input: {memberId: $id}) { member { name status } } }
"""
REMOVE = "mutation ($id: ID!) { removeMember(input: {memberId: $id}) { removedMemberId } }"
RENAME = """
    mutation ($id: ID!) {
      updateMember(input: {memberId: $id, expectedVersion: 1, name: "Ben"}) {
        member { name version }
      }
    }
"""
LEAVE = """
    mutation ($id: ID!) { leaveOrganization(input: {organizationId: $id}) { removedMemberId } }
"""


def named(member: Member) -> dict[str, str]:
    return {"id": global_id("Member", member.id)}


def code(body: Any) -> str:
    (error,) = body["errors"]
    return str(error["extensions"]["code"])


async def test_a_suspended_member_is_out_with_the_very_next_request_and_back_when_signed_in_anew(
    olga: Person, world: World
) -> None:
    member = await world.member("Bob")
    await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
    bob = await sign_in(olga.http, world, member)
    await bob.data("{ viewer { name } }")

    data = await olga.data(SUSPEND, named(member))
    assert data == {"suspendMember": {"member": {"name": "Bob", "status": "SUSPENDED"}}}
    assert (await bob.post({"query": "{ viewer { name } }"})).status_code == 401

    data = await olga.data(REACTIVATE, named(member))
    assert data == {"reactivateMember": {"member": {"name": "Bob", "status": "ACTIVE"}}}
    assert (await bob.post({"query": "{ viewer { name } }"})).status_code == 401
    again = await sign_in(olga.http, world, member)
    assert await again.data("{ viewer { name } }") == {"viewer": {"name": "Bob"}}


async def test_rename_and_remove(olga: Person, world: World) -> None:
    member = await world.member("Bob")
    bob = await sign_in(olga.http, world, member)

    data = await olga.data(RENAME, named(member))
    assert data == {"updateMember": {"member": {"name": "Ben", "version": 2}}}
    data = await olga.data(REMOVE, named(member))
    assert data == {"removeMember": {"removedMemberId": global_id("Member", member.id)}}
    assert (await bob.post({"query": "{ viewer { name } }"})).status_code == 401
    assert [event.action for event in (await world.events())[-2:]] == [
        "member.update",
        "member.remove",
    ]


async def test_a_member_leaves_and_is_signed_out(otto: Person, world: World) -> None:
    organization = {"id": global_id("Organization", world.organization.id)}
    data = await otto.data(LEAVE, organization)

    assert list(data["leaveOrganization"]) == ["removedMemberId"]
    assert (await otto.post({"query": "{ viewer { name } }"})).status_code == 401
    assert await Member.all().count() == 1


@pytest.mark.parametrize("operation", [SUSPEND, REACTIVATE, REMOVE, RENAME])
async def test_who_may_not_is_refused_and_recorded(
    otto: Person, world: World, operation: str
) -> None:
    bob = await world.member("Bob")
    body = await otto.ask(operation, named(bob))

    assert (body["data"], code(body)) == (None, "FORBIDDEN")
    member = await Member.get(id=bob.id)
    assert (member.name, member.status, member.version) == ("Bob", MemberStatus.ACTIVE, 1)
    assert (await world.events())[-1].outcome.value == "denied"


async def test_the_sole_owner_does_not_leave(olga: Person, world: World) -> None:
    body = await olga.ask(LEAVE, {"id": global_id("Organization", world.organization.id)})

    assert code(body) == "FORBIDDEN"
    assert body["errors"][0]["extensions"]["reason"] == "OWNER"
    assert await Member.exists(id=world.owner.id)
    assert await Assignment.exists(principal_id=world.owner.id)


@pytest.mark.parametrize("roles", [1, 12])
async def test_a_suspension_costs_the_same_however_many_roles_end(
    olga: Person, world: World, roles: int
) -> None:
    member = await world.member("Bob")
    for number in range(roles):
        role = await world.custom_role(f"Role {number}")
        await world.give(member, role, at_workspace(world.a))
    await olga.data("{ viewer { name } }")

    with counted_statements() as statements:
        await olga.data(SUSPEND, named(member))

    assert len(statements) == 12, statements
