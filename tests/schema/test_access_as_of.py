"""`accessAsOf`: what somebody could do at a past moment, over HTTP."""

from datetime import datetime, timedelta

import httpx
import pytest

from identity import manual_groups, members, roles
from identity.access.permissions import Permission
from models import BuiltinRole, Member, Role
from models.clock import now
from schema.ids import global_id
from tests.clock import MovableClock
from tests.door import Person, sign_in
from tests.world import UNKNOWN_ID, World, at_workspace, new_world

P = Permission

AS_OF = """
    query ($of: ID!, $at: DateTime!, $first: Int, $after: String) {
      accessAsOf(subjectId: $of, at: $at, first: $first, after: $after) {
        edges {
          cursor
          node {
            source scopeType scopeId roleName roleVersion permissions groupName
            role { name } group { name }
          }
        }
        pageInfo { hasNextPage }
        totalCount
      }
    }
"""


@pytest.fixture
async def world(movable_clock: MovableClock, database: str) -> World:
    return await new_world("acme")


@pytest.fixture
async def olga(http: httpx.AsyncClient, world: World) -> Person:
    return await sign_in(http, world, world.owner)


def of(member: Member, at: datetime, **further: object) -> dict[str, object]:
    return {"of": global_id("Member", member.id), "at": at.isoformat(), **further}


async def test_what_is_gone_since_is_told_by_its_names(
    olga: Person, world: World, movable_clock: MovableClock
) -> None:
    ann, shift = await world.member("Ann"), await world.custom_role("Shift", P.CAMPAIGNS_SEND)
    await world.give(ann, shift, at_workspace(world.a))
    await world.give(ann, BuiltinRole.VIEWER, at_workspace(world.b))
    then = now()
    movable_clock.move(timedelta(hours=1))
    viewer = await Role.get(organization=world.organization, builtin=BuiltinRole.VIEWER)
    await roles.delete(world.operator, shift.id, replacement_id=viewer.id)
    await members.remove(world.operator, ann.id)

    found = (await olga.data(AS_OF, of(ann, then, first=1)))["accessAsOf"]
    (edge,) = found["edges"]
    assert (found["totalCount"], found["pageInfo"]["hasNextPage"]) == (2, True)
    assert edge["node"]["roleName"] == "Viewer"
    rest = of(ann, then, first=5, after=edge["cursor"])
    (edge,) = (await olga.data(AS_OF, rest))["accessAsOf"]["edges"]
    assert edge["node"] == {
        "source": "DIRECT",
        "scopeType": "WORKSPACE",
        "scopeId": global_id("Workspace", world.a.id),
        "roleName": "Shift",
        "roleVersion": 1,
        "permissions": ["CAMPAIGNS_READ", "CAMPAIGNS_SEND"],
        "groupName": None,
        "role": None,
        "group": None,
    }


async def test_a_group_that_is_gone_is_named(
    olga: Person, world: World, movable_clock: MovableClock
) -> None:
    from_crew = await world.directory_group(
        "Crew", await world.role(BuiltinRole.VIEWER), world.everywhere
    )
    then = now()
    movable_clock.move(timedelta(hours=1))
    made = await manual_groups.create(world.operator, name="Later")
    variables = {"of": global_id("Group", from_crew.id), "at": then.isoformat()}
    (edge,) = (await olga.data(AS_OF, variables))["accessAsOf"]["edges"]
    assert (edge["node"]["roleName"], edge["node"]["source"]) == ("Viewer", "DIRECT")

    later = {"of": global_id("Group", made.id), "at": then.isoformat()}
    (error,) = (await olga.ask(AS_OF, later))["errors"]
    assert (error["message"], error["extensions"]["code"]) == (
        "There is no such group at that moment, or you may not see it.",
        "NOT_FOUND",
    )


async def test_who_may_not_read_the_log_or_the_members_is_refused(
    http: httpx.AsyncClient, world: World
) -> None:
    for name, held, missing in (
        ("Ann", P.MEMBERS_READ, "AUDIT_READ"),
        ("Bob", P.AUDIT_READ, "MEMBERS_READ"),
    ):
        member = await world.member(name)
        await world.give(member, await world.custom_role(name, held), world.everywhere)
        person = await sign_in(http, world, member)
        for about in (member, world.owner):
            body = await person.ask(AS_OF, of(about, now()))
            assert body["data"] == {"accessAsOf": None}
            (error,) = body["errors"]
            assert error["extensions"]["code"] == "FORBIDDEN"
            assert error["extensions"]["missing"] == [missing]


async def test_the_roles_of_others_are_told_to_who_reads_roles(
    http: httpx.AsyncClient, world: World
) -> None:
    member = await world.member("Ann")
    role = await world.custom_role("Reader", P.MEMBERS_READ, P.AUDIT_READ)
    await world.give(member, role, world.everywhere)
    ann = await sign_in(http, world, member)

    (others,) = (await ann.data(AS_OF, of(world.owner, now())))["accessAsOf"]["edges"]
    (own,) = (await ann.data(AS_OF, of(member, now())))["accessAsOf"]["edges"]

    assert [others["node"][name] for name in ("roleName", "roleVersion", "permissions")] == [
        None,
        None,
        None,
    ]
    assert own["node"]["roleName"] == "Reader"


async def test_strangers_and_moments_that_cannot_be_known(
    olga: Person, world: World, movable_clock: MovableClock
) -> None:
    other = await new_world("other")
    answers = [
        await olga.ask(AS_OF, {"of": global_id("Member", id_), "at": now().isoformat()})
        for id_ in (other.owner.id, UNKNOWN_ID)
    ]
    assert answers[0]["errors"] == answers[1]["errors"]
    assert answers[0]["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    for moment in (now() + timedelta(hours=1), now() - timedelta(hours=1)):
        (error,) = (await olga.ask(AS_OF, of(world.owner, moment)))["errors"]
        assert error["extensions"] == {"code": "BAD_INPUT", "field": "at"}
