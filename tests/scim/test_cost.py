"""The number of SQL statements does not grow with the rows."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from models import GroupMember, Member, User
from tests.scim.directory import Directory

FEW, MANY = 3, 100


@contextmanager
def statements(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """The statements that are run in the block."""
    found: list[str] = []
    caplog.clear()
    with caplog.at_level(logging.DEBUG, logger="tortoise.db_client"):
        yield found
    found += [
        record.getMessage() for record in caplog.records if record.name.startswith("tortoise")
    ]


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


async def cost(
    directory: Directory, caplog: pytest.LogCaptureFixture, group_id: str, joins: str
) -> dict[str, int]:
    path, counts = f"/Groups/{group_id}", {}
    change = {"op": "remove", "path": f'members[value eq "{joins}"]'}
    for name, method, target in (
        ("list", "GET", "/Users?count=200"),
        ("filter", "GET", '/Users?filter=emails[type eq "work"]&count=200'),
        ("group", "GET", path),
        ("groups", "GET", "/Groups"),
        ("change", "PATCH", path),
        ("rename", "DELETE", path),
    ):
        with statements(caplog) as run:
            if method == "PATCH":
                response = await directory.patch(target, change)
            elif method == "DELETE":
                rename = {"op": "replace", "path": "displayName", "value": f"Named {joins}"}
                response = await directory.patch(target, rename)
            else:
                response = await directory.get(target)
        assert response.status_code in (200, 204), response.text
        counts[name] = len(run)
    return counts


async def test_statements_do_not_grow(
    directory: Directory, caplog: pytest.LogCaptureFixture
) -> None:
    group = (await directory.create_group("Ops"))["id"]
    (first, *_) = await grow(directory, group, FEW)
    await directory.get("/Users")
    few = await cost(directory, caplog, group, first)

    (second, *_) = await grow(directory, group, MANY)
    many = await cost(directory, caplog, group, second)

    assert many == few
    assert {name: few[name] for name in ("list", "group", "groups")} == {
        "list": 4,
        "group": 3,
        "groups": 4,
    }
    assert len(await directory.members(group)) == FEW + MANY - 2
