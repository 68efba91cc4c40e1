"""The number of SQL statements does not grow with the rows."""

from collections.abc import Awaitable

import httpx

from models import GroupMember, Member, User
from tests.scim.directory import Directory
from tests.statements import counted_statements

FEW, MANY = 3, 100


async def grow(directory: Directory, group_id: str, number: int) -> list[str]:
    """More users, all in the group; their ids."""
    start = await Member.all().count()
    names = [f"user-{start + n}" for n in range(number)]
    users = [User(email=name, name=name) for name in names]
    await User.bulk_create(users)
    people = [
        Member(
            organization=directory.world.organization,
            user_id=user.id,
            user_name=user.name,
            user_name_key=user.name,
            email=user.email,
            email_key=user.email,
            name=user.name,
        )
        for user in users
    ]
    await Member.bulk_create(people)
    await GroupMember.bulk_create(
        [GroupMember(group_id=group_id, member_id=member.id) for member in people]
    )
    return [str(member.id) for member in people]


async def cost(directory: Directory, group_id: str, leaver: str) -> dict[str, int]:
    """How many statements each request takes. One of them removes `leaver` from the group."""
    group = f"/Groups/{group_id}"
    leave = {"op": "remove", "path": f'members[value eq "{leaver}"]'}
    rename = {"op": "replace", "path": "displayName", "value": f"Without {leaver}"}
    return {
        "list": await statements(directory.get("/Users?count=200")),
        "filter": await statements(directory.get('/Users?filter=emails[type eq "work"]&count=200')),
        "group": await statements(directory.get(group)),
        "groups": await statements(directory.get("/Groups")),
        "leave": await statements(directory.patch(group, leave)),
        "rename": await statements(directory.patch(group, rename)),
    }


async def statements(request: Awaitable[httpx.Response]) -> int:
    """The number of statements that a request takes which must succeed."""
    with counted_statements() as run:
        response = await request
    assert response.status_code in (200, 204), response.text
    return len(run)


async def test_statements_do_not_grow(directory: Directory) -> None:
    group = (await directory.create_group("Ops"))["id"]
    (first, *_) = await grow(directory, group, FEW)
    await directory.get("/Users")
    few = await cost(directory, group, first)

    (second, *_) = await grow(directory, group, MANY)
    many = await cost(directory, group, second)

    assert many == few
    assert {name: few[name] for name in ("list", "group", "groups")} == {
        "list": 4,
        "group": 3,
        "groups": 4,
    }
    assert len(await directory.members(group)) == FEW + MANY - 2
