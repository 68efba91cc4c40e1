"""Groups that people keep: who joins gets the roles, so both need what those roles hold."""

from datetime import timedelta

import pytest

from identity import assignments, groups, manual_groups
from identity.access.permissions import Permission
from identity.assignments import Principal, Scope
from identity.groups import DirectoryGroup
from identity.refusals import (
    BadInput,
    Conflict,
    Escalation,
    Forbidden,
    LastOwner,
    NotFound,
    VersionConflict,
)
from identity.subject import Subject
from models import (
    Assignment,
    BuiltinRole,
    Group,
    GroupMember,
    GroupSource,
    PrincipalType,
    Role,
)
from models.clock import now
from tests.identity.refusing import refused, story
from tests.world import UNKNOWN_ID, World, at_workspace, new_world

P = Permission


@pytest.fixture
async def owner(world: World) -> Subject:
    return await world.subject(world.owner)


async def give(
    world: World, group: Group, role: Role, scope: Scope, *, days: int | None = None
) -> None:
    await assignments.assign(
        world.operator,
        role_id=role.id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=scope,
        expires_at=None if days is None else now() + timedelta(days=days),
    )


async def inside(group: Group) -> list[str]:
    places = await GroupMember.filter(group_id=group.id).select_related("member")
    return sorted(place.member.name for place in places)


async def test_a_group_is_made_with_its_members(world: World, owner: Subject) -> None:
    ann, bob = await world.member("Ann"), await world.member("Bob")
    revision = owner.revision
    group = await manual_groups.create(owner, name=" Crew ", member_ids=[ann.id, bob.id, ann.id])

    saved = await Group.get(id=group.id)
    assert (saved.name, saved.name_key, saved.source) == ("Crew", "crew", GroupSource.MANUAL)
    assert await inside(group) == ["Ann", "Bob"]
    assert (await world.subject(ann)).revision == revision, "no access changed"
    event = (await world.events())[-1]
    assert story(event) == (world.owner.name, "group.create", "group", "Crew")
    assert event.diff == [
        {"path": "name", "before": None, "after": "Crew"},
        {"path": "members", "added": ["ann@acme.example", "bob@acme.example"], "removed": []},
        {"path": "memberIds", "added": sorted([str(ann.id), str(bob.id)]), "removed": []},
    ]


async def test_what_a_group_cannot_be(world: World, owner: Subject) -> None:
    await manual_groups.create(owner, name="Crew")
    async with refused(Conflict):
        await manual_groups.create(owner, name="CREW")
    async with refused(BadInput, field="name"):
        await manual_groups.create(owner, name="")
    for stranger in (UNKNOWN_ID, (await new_world("globex")).owner.id):
        async with refused(NotFound):
            await manual_groups.create(owner, name="Other", member_ids=[stranger])


async def test_members_come_and_go_with_the_roles(world: World, owner: Subject) -> None:
    ann, bob = await world.member("Ann"), await world.member("Bob")
    group = await manual_groups.create(owner, name="Crew", member_ids=[ann.id])
    await give(world, group, await world.role(BuiltinRole.OPERATOR), at_workspace(world.a))
    owner = await world.subject(world.owner)

    changed = await manual_groups.update(
        owner, group.id, expected_version=1, name="Night crew", add=[bob.id], remove=[ann.id]
    )

    assert (changed.name, changed.version) == ("Night crew", 2)
    assert await inside(group) == ["Bob"]
    subjects = [await world.subject(member) for member in (ann, bob)]
    assert [s.access.allows_anywhere(P.CAMPAIGNS_SEND) for s in subjects] == [False, True]
    assert subjects[0].revision == owner.revision + 1
    assert (await world.events())[-1].diff == [
        {"path": "name", "before": "Crew", "after": "Night crew"},
        {"path": "members", "added": ["bob@acme.example"], "removed": ["ann@acme.example"]},
        {"path": "memberIds", "added": [str(bob.id)], "removed": [str(ann.id)]},
    ]


async def test_a_lost_race_and_a_stranger_change_nothing(world: World, owner: Subject) -> None:
    group = await manual_groups.create(owner, name="Crew")
    await manual_groups.create(owner, name="Others")
    async with refused(VersionConflict, expectedVersion=2, actualVersion=1):
        await manual_groups.update(owner, group.id, expected_version=2, name="Night")
    async with refused(NotFound):
        await manual_groups.update(owner, group.id, expected_version=1, add=[UNKNOWN_ID])
    async with refused(Conflict):
        await manual_groups.update(owner, group.id, expected_version=1, name="others")


async def test_deleting_takes_the_roles(world: World, owner: Subject) -> None:
    ann = await world.member("Ann")
    group = await manual_groups.create(owner, name="Crew", member_ids=[ann.id])
    await give(world, group, await world.role(BuiltinRole.OPERATOR), at_workspace(world.a))

    await manual_groups.delete(await world.subject(world.owner), group.id)

    assert not await Group.exists(id=group.id)
    assert not await Assignment.exists(principal_id=group.id)
    assert not (await world.subject(ann)).access.allows_anywhere(P.CAMPAIGNS_SEND)
    lost, deleted = (await world.events())[-2:]
    assert story(lost) == (world.owner.name, "role.unassign", "group", "Crew")
    assert (lost.target_id, lost.reason) == (group.id, "The group was deleted.")
    assert deleted.diff == [
        {"path": "name", "before": "Crew", "after": None},
        {"path": "members", "added": [], "removed": ["ann@acme.example"]},
        {"path": "memberIds", "added": [], "removed": [str(ann.id)]},
    ]


async def test_a_directorys_group_is_the_directorys(world: World, owner: Subject) -> None:
    ann = await world.member("Ann")
    group = await groups.create(world.operator, DirectoryGroup("Synced", None, {}))
    for subject in (owner, world.operator):
        async with refused(Forbidden, denied="group.update", reason="DIRECTORY_MANAGED"):
            await manual_groups.update(subject, group.id, expected_version=1, add=[ann.id])
        async with refused(Forbidden, denied="group.delete", reason="DIRECTORY_MANAGED"):
            await manual_groups.delete(subject, group.id)


async def test_who_lacks_what_the_group_holds_moves_nobody(world: World, owner: Subject) -> None:
    ann, bob = await world.member("Ann"), await world.member("Bob")
    group = await manual_groups.create(owner, name="Senders", member_ids=[ann.id])
    await give(world, group, await world.custom_role("S", P.CAMPAIGNS_SEND), at_workspace(world.b))
    giver = await world.custom_role("Giver", P.MEMBERS_ASSIGN, P.CAMPAIGNS_READ)
    gil = await world.someone("Gil", giver, world.everywhere)
    missing = ["campaigns:send"]
    for change in ({"add": [bob.id]}, {"add": [gil.member_id]}, {"remove": [ann.id]}):
        async with refused(Escalation, denied="group.update", missing=missing):
            await manual_groups.update(gil, group.id, expected_version=1, **change)
    async with refused(Escalation, denied="group.delete", missing=missing):
        await manual_groups.delete(gil, group.id)

    renamed = await manual_groups.update(gil, group.id, expected_version=1, name="Shippers")
    assert renamed.version == 2


async def test_for_a_time_nobody_is_let_into_what_lasts(world: World, owner: Subject) -> None:
    bob, temp = await world.member("Bob"), await world.member("Temp")
    group = await manual_groups.create(owner, name="Senders")
    await give(world, group, await world.custom_role("S", P.CAMPAIGNS_SEND), at_workspace(world.b))
    await assignments.assign(
        world.operator,
        role_id=(await world.role(BuiltinRole.OWNER)).id,
        principal=Principal(PrincipalType.MEMBER, temp.id),
        scope=world.everywhere,
        expires_at=now() + timedelta(days=1),
    )
    subject, missing = await world.subject(temp), ["campaigns:read", "campaigns:send"]
    async with refused(Escalation, denied="group.update", missing=missing):
        await manual_groups.update(subject, group.id, expected_version=1, add=[bob.id])


async def test_it_needs_to_give_roles_at_the_organization(world: World, owner: Subject) -> None:
    group = await manual_groups.create(owner, name="Crew")
    inviter = await world.custom_role("Inviter", P.MEMBERS_INVITE, P.MEMBERS_REMOVE)
    ines = await world.someone("Ines", inviter, world.everywhere)
    local = await world.someone("Wes", BuiltinRole.OWNER, at_workspace(world.a))
    missing = ["MEMBERS_ASSIGN"]
    async with refused(Forbidden, denied="group.create", missing=missing):
        await manual_groups.create(ines, name="Mine")
    async with refused(Forbidden, denied="group.create", missing=missing):
        await manual_groups.create(local, name="Mine")
    async with refused(Forbidden, denied="group.update", missing=missing):
        await manual_groups.update(ines, group.id, expected_version=1, name="Mine")
    async with refused(Forbidden, denied="group.delete", missing=missing):
        await manual_groups.delete(ines, group.id)
    async with refused(NotFound):
        await manual_groups.delete(local, group.id)


async def test_a_group_of_another_organization_is_not_found(world: World, owner: Subject) -> None:
    globex = await new_world("globex")
    theirs = await manual_groups.create(globex.operator, name="Theirs")
    async with refused(NotFound):
        await manual_groups.update(owner, theirs.id, expected_version=1, name="Ours")
    async with refused(NotFound):
        await manual_groups.delete(owner, theirs.id)


async def test_the_last_owner_is_not_taken_out_of_the_owning_group(
    world: World, owner: Subject
) -> None:
    group = await manual_groups.create(owner, name="Owners", member_ids=[world.owner.id])
    await give(world, group, await world.role(BuiltinRole.OWNER), world.everywhere)
    await assignments.unassign(
        world.operator, (await Assignment.get(principal_id=world.owner.id)).id
    )
    owner = await world.subject(world.owner)
    async with refused(LastOwner, denied="group.update"):
        await manual_groups.update(owner, group.id, expected_version=1, remove=[world.owner.id])
    async with refused(LastOwner, denied="group.delete"):
        await manual_groups.delete(owner, group.id)
