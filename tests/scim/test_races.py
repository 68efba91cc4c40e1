"""Requests at the same time, on connections of their own: nothing is lost, nothing is doubled."""

import asyncio
from collections import Counter

import pytest

from models import GroupMember, Member
from tests.scim.directory import GROUP, USER, Directory, refusal

PEOPLE = 20


async def people(directory: Directory) -> list[str]:
    return [(await directory.create_user(f"user-{n}"))["id"] for n in range(PEOPLE)]


@pytest.mark.parametrize("form", ["delta", "engine"])
async def test_members_added_at_once_are_all_there(directory: Directory, form: str) -> None:
    """Once as differences, and once through the engine, which reads, changes and writes all."""
    everybody = await people(directory)
    group = await directory.create_group("Ops")
    path = f"/Groups/{group['id']}"
    engine = {"op": "remove", "path": 'members[type eq "nothing"]'}

    responses = await asyncio.gather(
        *(
            directory.patch(
                path,
                *([engine] if form == "engine" else []),
                {"op": "add", "path": "members", "value": [{"value": user}]},
            )
            for user in everybody
        )
    )

    assert Counter(response.status_code for response in responses) == {204: PEOPLE}
    assert await directory.members(group["id"]) == set(everybody)
    assert await GroupMember.all().count() == PEOPLE
    assert (await directory.body(path))["meta"]["version"] == f'W/"{PEOPLE + 1}"'
    events = [e for e in await directory.world.events() if e.action == "group.update"]
    assert len(events) == PEOPLE


async def test_members_added_and_removed_at_once(directory: Directory) -> None:
    everybody = await people(directory)
    stay, leave = everybody[: PEOPLE // 2], everybody[PEOPLE // 2 :]
    group = await directory.create_group("Ops", *leave)
    path = f"/Groups/{group['id']}"

    await asyncio.gather(
        *(
            directory.patch(path, {"op": "add", "path": "members", "value": [{"value": user}]})
            for user in stay
        ),
        *(
            directory.patch(path, {"op": "remove", "path": f'members[value eq "{user}"]'})
            for user in leave
        ),
    )

    assert await directory.members(group["id"]) == set(stay)


async def test_a_name_is_given_once(directory: Directory) -> None:
    users = await asyncio.gather(
        *(
            directory.request("POST", "/Users", {"schemas": [USER], "userName": "bob"})
            for _ in range(5)
        )
    )
    groups = await asyncio.gather(
        *(
            directory.request("POST", "/Groups", {"schemas": [GROUP], "displayName": "Ops"})
            for _ in range(5)
        )
    )

    for responses in (users, groups):
        assert Counter(response.status_code for response in responses) == {201: 1, 409: 4}
        losers = [response for response in responses if response.status_code == 409]
        assert {refusal(response) for response in losers} == {(409, "uniqueness")}
    assert await Member.filter(user_name_key="bob").count() == 1


async def test_a_patch_and_a_delete(directory: Directory) -> None:
    bob = await directory.create_user("bob")
    path = f"/Users/{bob['id']}"

    patched, deleted = await asyncio.gather(
        directory.patch(path, {"op": "add", "path": "title", "value": "Boss"}),
        directory.request("DELETE", path),
    )

    assert deleted.status_code == 204
    assert patched.status_code in (204, 404)
    assert refusal(await directory.get(path)) == (404, None)
