"""`unusedPermissions` and `Role.unusedPermissions`: what could be taken away, over HTTP."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from identity.access.permissions import Permission
from identity.permission_uses import uses
from models import Assignment, BuiltinRole, Member, Role
from models.clock import now
from schema.ids import global_id
from tests.door import Person, sign_in
from tests.statements import counted_statements
from tests.world import World, at_workspace

P = Permission

UNUSED = """
    query ($days: Int! = 90, $first: Int, $after: String) {
      unusedPermissions(days: $days, first: $first, after: $after) {
        nodes {
          member { id name }
          roles {
            role { name }
            use { observationBeganAt observedLongEnough used unused }
            smaller { permissions role { name } }
          }
        }
        pageInfo { hasNextPage endCursor }
        totalCount
      }
    }
"""
ROLES = """
    query ($days: Int! = 90) {
      organization { roles { name unusedPermissions(days: $days) { observedLongEnough used } } }
    }
"""


@pytest.fixture
async def rita(http: httpx.AsyncClient, world: World) -> Person:
    """Has had `lists:write` and `forms:read` in workspace A for a hundred days."""
    role = await world.custom_role("Lists and forms", P.LISTS_WRITE, P.FORMS_READ)
    await world.custom_role("Lists", P.LISTS_READ)
    member = await world.member("Rita")
    await world.give(member, role, at_workspace(world.a))
    ago = now() - timedelta(days=100)
    await Member.filter(id=member.id).update(active_since=ago)
    await Assignment.filter(principal_id=member.id).update(created_at=ago)
    role.updated_at = ago
    await role.save()
    return await sign_in(http, world, member)


def refusals(body: Any) -> list[tuple[str, list[str]]]:
    return [
        (error["extensions"]["code"], error["extensions"]["missing"]) for error in body["errors"]
    ]


async def test_what_was_asked_for_over_http_is_used(
    olga: Person, rita: Person, world: World
) -> None:
    query = "query ($id: ID!) { workspace(id: $id) { mailingLists(first: 1) { nodes { name } } } }"
    await rita.data(query, {"id": global_id("Workspace", world.a.id)})
    await uses.write()

    role = await Role.get(name="Lists and forms")
    found = (await olga.data(UNUSED, {"first": 1}))["unusedPermissions"]
    assert [node["member"]["name"] for node in found["nodes"]] == ["Rita"]
    assert found["nodes"][0]["roles"] == [
        {
            "role": {"name": "Lists and forms"},
            "use": {
                "observationBeganAt": role.updated_at.isoformat(),
                "observedLongEnough": True,
                "used": ["LISTS_READ"],
                "unused": ["LISTS_WRITE", "FORMS_READ"],
            },
            "smaller": {"permissions": ["LISTS_READ"], "role": {"name": "Lists"}},
        }
    ]
    assert found["totalCount"] == 2
    assert found["pageInfo"]["hasNextPage"] is True
    rest = await olga.data(UNUSED, {"after": found["pageInfo"]["endCursor"]})
    (owner,) = rest["unusedPermissions"]["nodes"]
    assert owner["member"]["id"] == global_id("Member", world.owner.id)
    (held,) = owner["roles"]
    assert (held["use"]["observedLongEnough"], held["smaller"]) == (False, None)


async def test_of_a_role_it_is_what_any_holder_used(
    olga: Person, rita: Person, world: World
) -> None:
    query = "query ($id: ID!) { workspace(id: $id) { mailingLists(first: 1) { nodes { name } } } }"
    await rita.data(query, {"id": global_id("Workspace", world.a.id)})
    await uses.write()

    found = (await olga.data(ROLES))["organization"]["roles"]
    by_name = {role["name"]: role["unusedPermissions"] for role in found}
    assert by_name["Lists and forms"] == {"observedLongEnough": True, "used": ["LISTS_READ"]}
    assert by_name["Lists"] == {"observedLongEnough": False, "used": []}


@pytest.mark.parametrize("lacking", [P.MEMBERS_READ, P.ROLES_READ])
async def test_both_permissions_are_needed(
    http: httpx.AsyncClient, world: World, lacking: Permission
) -> None:
    one = ({P.MEMBERS_READ, P.ROLES_READ} - {lacking}).pop()
    member = await world.member("Mia")
    await world.give(member, await world.custom_role("One", one), world.everywhere)
    mia = await sign_in(http, world, member)
    body = await mia.ask(UNUSED)
    assert body["data"] == {"unusedPermissions": None}
    assert refusals(body) == [("FORBIDDEN", [lacking.name])]

    role = {"id": global_id("Role", (await world.role(BuiltinRole.OWNER)).id)}
    query = "query ($id: ID!) { node(id: $id) { ... on Role { unusedPermissions { used } } } }"
    body = await mia.ask(query, role)
    assert body["data"]["node"] in (None, {"unusedPermissions": None})
    code = "NOT_FOUND" if lacking is P.ROLES_READ else "FORBIDDEN"
    assert [error["extensions"]["code"] for error in body["errors"]] == [code]


async def test_the_days_are_bounded(olga: Person) -> None:
    body = await olga.ask(UNUSED, {"days": 366})
    (error,) = body["errors"]
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_INPUT", "days")
    assert body["data"] == {"unusedPermissions": None}


@pytest.mark.parametrize("several", [1, 5])
async def test_the_statements_do_not_grow(olga: Person, world: World, several: int) -> None:
    for number in range(several):
        member = await world.member(f"M{number}")
        await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
        await world.custom_role(f"R{number}", P.LISTS_READ)
    for query in (UNUSED, ROLES):
        await olga.data(query)

    with counted_statements() as statements:
        await olga.data(UNUSED)
    assert len(statements) == 7, statements
    with counted_statements() as statements:
        await olga.data(ROLES)
    assert len(statements) == 6, statements
