"""The catalogue of permissions, as a role designer gets it."""

from datetime import timedelta
from typing import Any

import pytest

from identity import roles
from identity.access.permissions import (
    ORGANIZATION_ONLY_GROUPS,
    SENSITIVE,
    Permission,
    implied_by,
)
from identity.refusals import Refusal
from models import Assignment, BuiltinRole
from models.clock import now
from tests.door import Person, sign_in
from tests.identity.access.test_builtin_roles import VOCABULARY
from tests.statements import counted_statements
from tests.world import World, at_workspace

P = Permission
CATALOGUE = """
    { permissionCatalogue {
        name read full
        permissions { permission meaning implies sensitive organizationOnly viewerMayGrant }
    } }
"""


async def grantable(person: Person) -> list[str]:
    """The permissions that the viewer may grant."""
    groups = (await person.data(CATALOGUE))["permissionCatalogue"]
    return [
        entry["permission"]
        for group in groups
        for entry in group["permissions"]
        if entry["viewerMayGrant"]
    ]


async def test_it_has_every_group_in_order_with_its_levels(olga: Person) -> None:
    groups = (await olga.data(CATALOGUE))["permissionCatalogue"]

    def named(group: str, actions: list[str]) -> list[str]:
        return [f"{group}_{action}".upper() for action in actions]

    assert [(group["name"], group["read"], group["full"]) for group in groups] == [
        (
            name,
            named(name, [action for action, reads in actions.items() if reads]),
            named(name, list(actions)),
        )
        for name, actions in VOCABULARY.items()
    ]
    entries = [entry for group in groups for entry in group["permissions"]]
    assert [entry["permission"] for entry in entries] == [p.name for p in P]
    assert [entry["meaning"] for entry in entries] == [p.meaning for p in P]
    assert [entry["sensitive"] for entry in entries] == [p in SENSITIVE for p in P]
    assert [entry["organizationOnly"] for entry in entries] == [
        p.group in ORGANIZATION_ONLY_GROUPS for p in P
    ]
    implied = {p.name: brought.name for p in P if (brought := implied_by(p))}
    assert {e["permission"]: e["implies"] for e in entries if e["implies"]} == implied
    assert implied["LISTS_EXPORT"] == "LISTS_READ"
    assert not {"SERVERS_USE", "CAMPAIGNS_RESULTS", "ACTIVITY_EXPORT"} & implied.keys()


async def test_an_owner_may_grant_everything_and_an_operator_of_a_workspace_nothing(
    olga: Person, otto: Person
) -> None:
    assert await grantable(olga) == [p.name for p in P]
    assert await grantable(otto) == []


async def test_who_writes_roles_may_grant_what_a_role_of_theirs_may_hold(
    olga: Person, world: World
) -> None:
    """The answer for each permission is what `createRole` then does."""
    lasting = await world.custom_role("Designer", P.ROLES_WRITE, P.CAMPAIGNS_DRAFT, P.SERVERS_USE)
    member = await world.member("Dora")
    await world.give(member, lasting, world.everywhere)
    await world.give(member, BuiltinRole.EDITOR, at_workspace(world.a))
    borrowed = await world.give(
        member, await world.custom_role("Loan", P.FORMS_READ), world.everywhere
    )
    await Assignment.filter(id=borrowed.id).update(expires_at=now() + timedelta(days=1))
    dora = await sign_in(olga.http, world, member)

    async def makes(permission: Permission) -> bool:
        subject = await world.subject(member)
        try:
            await roles.create(subject, name=permission.name, permissions=[permission])
        except Refusal:
            return False
        return True

    found = await grantable(dora)

    assert found == [
        "CAMPAIGNS_READ",
        "CAMPAIGNS_DRAFT",
        "SERVERS_USE",
        "ROLES_READ",
        "ROLES_WRITE",
    ]
    assert [p.name for p in P if await makes(p)] == found


async def test_who_assigns_roles_may_grant_what_they_hold_for_as_long_as_they_do(
    olga: Person, world: World
) -> None:
    member = await world.member("Anna")
    assigner = await world.custom_role("Assigner", P.MEMBERS_ASSIGN)
    loan = await world.custom_role("Loan", P.FORMS_READ)
    await world.give(member, assigner, world.everywhere)
    borrowed = await world.give(member, loan, world.everywhere)
    await Assignment.filter(id=borrowed.id).update(expires_at=now() + timedelta(days=1))
    anna = await sign_in(olga.http, world, member)
    assert await grantable(anna) == ["FORMS_READ", "MEMBERS_READ", "MEMBERS_ASSIGN"]


async def test_who_may_neither_write_nor_assign_grants_nothing(olga: Person, world: World) -> None:
    member = await world.member("Ed")
    await world.give(member, BuiltinRole.ADMIN, world.everywhere)
    assert await grantable(await sign_in(olga.http, world, member)) == []


async def test_it_is_for_who_is_signed_in(olga: Person) -> None:
    nobody = Person(olga.http, "nobody")
    response = await nobody.post({"query": CATALOGUE})
    body: Any = response.json()
    assert response.status_code == 401
    assert body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("count", [1, 6])
async def test_it_takes_no_statement_of_its_own(olga: Person, world: World, count: int) -> None:
    for number in range(count):
        await world.custom_role(f"Role {number}", P.CAMPAIGNS_READ)
    await olga.data(CATALOGUE)
    with counted_statements() as statements:
        await olga.data(CATALOGUE)
    assert len(statements) == 1, statements
