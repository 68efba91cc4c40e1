"""What becomes of keys when the member behind them loses access, and gets it back."""

import pytest

from identity import members
from identity.access.permissions import Permission
from identity.api_keys import issuing
from identity.members import Person
from identity.refusals import Unauthenticated
from models import ApiKey, ApiKeyEnd, Assignment, BuiltinRole, Member
from tests.keys import caller, personal_key, service_key
from tests.statements import counted_statements
from tests.world import World

READ = Permission.CAMPAIGNS_READ


async def provisioned(world: World) -> Member:
    member = await members.provision(world.operator, person(active=True))
    await world.give(member, BuiltinRole.VIEWER, world.everywhere)
    return member


def person(*, active: bool) -> Person:
    return Person("ada", "ada@acme.example", "Ada", active, None, {}, {})


async def is_good(clear: str) -> bool:
    try:
        await caller(clear)
    except Unauthenticated:
        return False
    return True


async def test_a_directory_blocks_a_key_and_brings_it_back(world: World) -> None:
    ada = await provisioned(world)
    key, clear = await personal_key(world, ada, READ)
    ended, over = await personal_key(world, ada, READ)
    await issuing.revoke(world.operator, ended.id)
    assert await is_good(clear)
    await members.update(world.operator, ada.id, person(active=False))
    assert not await is_good(clear)
    assert (await ApiKey.get(id=key.id)).revoked_at is None
    await members.update(world.operator, ada.id, person(active=True))
    assert (await is_good(clear), await is_good(over)) == (True, False)


async def test_a_suspension_by_people_ends_keys_for_good(world: World) -> None:
    ada = await provisioned(world)
    key, clear = await personal_key(world, ada, READ)
    await members.suspend(world.operator, ada.id)
    saved = await ApiKey.get(id=key.id)
    assert (await is_good(clear), saved.end_reason) == (False, ApiKeyEnd.SUSPENDED)
    (event,) = [each for each in await world.events() if each.action == "api_key.revoke"]
    assert (event.target_id, event.reason) == (key.id, "The member was suspended.")
    await members.reactivate(world.operator, ada.id)
    assert not await is_good(clear)


async def test_a_removed_member_takes_their_keys_along(world: World) -> None:
    ada = await provisioned(world)
    key, clear = await personal_key(world, ada, READ)
    await members.remove(world.operator, ada.id)
    saved = await ApiKey.get(id=key.id)
    assert (await is_good(clear), saved.end_reason, saved.member_id) == (
        False,
        ApiKeyEnd.LEFT,
        None,
    )


async def test_a_service_key_goes_on_when_its_sponsor_leaves(world: World) -> None:
    ada = await provisioned(world)
    key, clear = await service_key(world, READ, role=BuiltinRole.VIEWER, at=world.everywhere)
    await ApiKey.filter(id=key.id).update(member_id=ada.id)
    await members.suspend(world.operator, ada.id)
    assert await is_good(clear)
    await members.reactivate(world.operator, ada.id)
    await members.remove(world.operator, ada.id)
    saved = await ApiKey.get(id=key.id)
    assert (await is_good(clear), saved.member_id, saved.revoked_at) == (True, None, None)
    assert await Assignment.filter(principal_id=key.id).count() == 1
    events = [each for each in await world.events() if each.action == "api_key.update"]
    assert [(event.target_id, event.diff) for event in events] == [
        (key.id, [{"path": "member", "before": str(ada.id), "after": None}])
    ]


@pytest.mark.parametrize("by", ["suspend", "remove"])
async def test_the_statements_do_not_grow_with_the_keys(world: World, by: str) -> None:
    counts = []
    for name, keys in (("Ada", 1), ("Bob", 6)):
        member = await world.member(name)
        await world.give(member, BuiltinRole.VIEWER, world.everywhere)
        for _ in range(keys):
            await personal_key(world, member, READ)
        with counted_statements() as statements:
            await getattr(members, by)(world.operator, member.id)
        counts.append(len(statements))
    assert counts[0] == counts[1]
