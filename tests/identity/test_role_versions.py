"""Every version of a role is kept, and can be brought back by who may write what it held."""

import asyncio
from datetime import timedelta

import pytest

from identity import role_versions, roles
from identity.access.permissions import Permission
from identity.holders import MOST_NAMED, Holder
from identity.refusals import (
    BadInput,
    Conflict,
    Escalation,
    Forbidden,
    InUse,
    NotFound,
    VersionConflict,
)
from identity.subject import Subject
from models import (
    ActorType,
    Assignment,
    BuiltinRole,
    PrincipalType,
    Role,
    RoleChange,
    RoleVersion,
    ScopeType,
)
from models.clock import now
from models.listing import page
from tests.identity.refusing import outcome, refused, story
from tests.statements import counted_statements
from tests.world import UNKNOWN_ID, World, at_campaign, at_workspace, new_world

P = Permission
DRAFT, SEND, READ = P.CAMPAIGNS_DRAFT, P.CAMPAIGNS_SEND, P.CAMPAIGNS_READ


@pytest.fixture
async def owner(world: World) -> Subject:
    return await world.subject(world.owner)


@pytest.fixture
async def designer(world: World) -> Subject:
    """May write and delete roles, and draft campaigns, but not send them."""
    role = await world.custom_role("Designer", P.ROLES_WRITE, P.ROLES_DELETE, DRAFT)
    return await world.someone("Dora", role, world.everywhere)


async def history(subject: Subject, role: Role) -> list[RoleVersion]:
    """Oldest first."""
    return list(reversed(await page(role_versions.listing(subject.access, role.id))))


async def test_each_change_is_a_version_with_who_when_and_what(
    world: World, owner: Subject
) -> None:
    begun = now()
    role = await roles.create(owner, name="Shift", description="Nights.", permissions=[READ])
    await roles.update(world.operator, role.id, expected_version=1, add=[SEND], remove=[READ])
    await roles.update(owner, role.id, expected_version=2, name="Late", description="")
    await roles.restore(owner, role.id, 1, expected_version=3)
    await roles.delete(owner, role.id)

    kept = await history(owner, role)

    assert [(v.number, v.change, v.name, v.description, v.permissions) for v in kept] == [
        (1, RoleChange.CREATED, "Shift", "Nights.", ["campaigns:read"]),
        (2, RoleChange.UPDATED, "Shift", "Nights.", ["campaigns:send"]),
        (3, RoleChange.UPDATED, "Late", "", ["campaigns:send"]),
        (4, RoleChange.RESTORED, "Shift", "Nights.", ["campaigns:read"]),
        (5, RoleChange.DELETED, "Shift", "Nights.", ["campaigns:read"]),
    ]
    assert [(v.added, v.removed, v.previous_name, v.previous_description) for v in kept] == [
        (["campaigns:read"], [], None, None),
        (["campaigns:send"], ["campaigns:read"], None, None),
        ([], [], "Shift", "Nights."),
        (["campaigns:read"], ["campaigns:send"], "Late", ""),
        ([], [], None, None),
    ]
    olga = (ActorType.MEMBER, world.owner.id, world.owner.name)
    system = (ActorType.SYSTEM, None, "operator")
    actors = [(v.actor_type, v.actor_id, v.actor_name) for v in kept]
    assert actors == [olga, system, olga, olga, olga]
    assert [v.restored_from for v in kept] == [None, None, None, 1, None]
    assert begun <= kept[0].created_at <= kept[4].created_at <= now()


async def test_what_changes_nothing_writes_nothing(world: World, owner: Subject) -> None:
    role = await world.custom_role("Shift", READ)
    before, log = await Role.get(id=role.id).values(), len(await world.events())

    same = await roles.update(owner, role.id, expected_version=1, name=" Shift ", add=[READ])

    assert same.version == 1
    assert await Role.get(id=role.id).values() == before
    assert len(await history(owner, role)) == 1
    assert len(await world.events()) == log
    assert (await world.subject(world.owner)).revision == owner.revision


async def test_a_permission_is_not_added_and_removed_at_once(world: World, owner: Subject) -> None:
    role = await world.custom_role("Shift", READ)
    async with refused(BadInput, field="remove"):
        await roles.update(owner, role.id, expected_version=1, add=[SEND, DRAFT], remove=[SEND])


async def test_a_role_is_restored_with_its_audit_row(world: World, owner: Subject) -> None:
    role = await world.custom_role("Shift", READ, DRAFT)
    await roles.update(owner, role.id, expected_version=1, name="Late", add=[SEND])
    member = await world.member("Ann")
    await world.give(member, role, at_workspace(world.a))

    restored = await roles.restore(owner, role.id, 1, expected_version=2)

    saved = await Role.get(id=role.id)
    assert (saved.name, saved.name_key, saved.version) == ("Shift", "shift", 3)
    assert saved.permissions == restored.permissions == ["campaigns:read", "campaigns:draft"]
    masks = (await world.subject(member)).access.workspace_masks
    assert masks[world.a.id] == READ.bit | DRAFT.bit
    event = (await world.events())[-1]
    assert story(event) == (world.owner.name, "role.restore", "role", "Shift")
    assert event.diff == [
        {"path": "name", "before": "Late", "after": "Shift"},
        {"path": "permissions", "added": [], "removed": ["campaigns:send"]},
    ]


async def test_a_deleted_role_comes_back_and_nobody_holds_it(world: World, owner: Subject) -> None:
    role = await world.custom_role("Shift", READ)
    member = await world.member("Ann")
    await world.give(member, role, at_workspace(world.a))
    viewer = await world.role(BuiltinRole.VIEWER)
    await roles.delete(owner, role.id, replacement_id=viewer.id)
    assert [v.name for v in await page(role_versions.deleted(owner.access))] == ["Shift"]

    restored = await roles.restore(owner, role.id, 1, expected_version=2)

    saved = await Role.get(id=role.id)
    assert (saved.name, saved.name_key, saved.version) == ("Shift", "shift", 3)
    assert saved.permissions == restored.permissions == ["campaigns:read"]
    assert not await Assignment.exists(role=role)
    assert [v.change for v in await history(owner, role)] == [
        RoleChange.CREATED,
        RoleChange.DELETED,
        RoleChange.RESTORED,
    ]
    assert (await history(owner, role))[-1].added == ["campaigns:read"]
    assert await page(role_versions.deleted(owner.access)) == []
    event = (await world.events())[-1]
    assert story(event) == (world.owner.name, "role.restore", "role", "Shift")
    assert event.diff == [{"path": "permissions", "added": ["campaigns:read"], "removed": []}]

    await roles.delete(owner, role.id)
    (again,) = await page(role_versions.deleted(owner.access))
    assert again.number == 4


async def test_nobody_restores_more_than_they_hold(world: World, designer: Subject) -> None:
    role = await world.custom_role("Shift", SEND)
    await roles.update(world.operator, role.id, expected_version=1, add=[DRAFT], remove=[SEND])
    gone = await world.custom_role("Gone", P.FORMS_READ)
    await roles.delete(world.operator, gone.id)

    async with refused(Escalation, denied="role.restore", missing=["campaigns:send"]):
        await roles.restore(designer, role.id, 1, expected_version=2)
    async with refused(Escalation, denied="role.restore", missing=["forms:read"]):
        await roles.restore(designer, gone.id, 1, expected_version=2)

    await roles.update(world.operator, role.id, expected_version=2, remove=[DRAFT])
    allowed = await roles.restore(designer, role.id, 2, expected_version=3)
    assert allowed.permissions == ["campaigns:draft"]


async def test_restoring_needs_the_permission_at_the_organization(
    world: World, owner: Subject
) -> None:
    role = await world.custom_role("Shift", READ)
    gone = await world.custom_role("Gone", READ)
    await roles.delete(owner, gone.id)
    writing = await world.custom_role("Local", P.ROLES_WRITE, READ)
    local = await world.someone("Lou", writing, at_workspace(world.a))
    for role_id, version in ((role.id, 1), (gone.id, 2)):
        async with refused(Forbidden, denied="role.restore", missing=["ROLES_WRITE"]):
            await roles.restore(local, role_id, 1, expected_version=version)


async def test_what_cannot_be_restored(world: World, owner: Subject) -> None:
    role = await world.custom_role("Shift", READ)
    await roles.update(owner, role.id, expected_version=1, name="Late")
    gone = await world.custom_role("Gone", READ)
    await roles.delete(owner, gone.id)
    await world.custom_role("shift", READ)
    await world.custom_role("gone", READ)
    builtin = await world.role(BuiltinRole.VIEWER)
    other = await new_world("globex")
    foreign = await other.custom_role("Foreign", READ)

    for role_id, number in ((role.id, 3), (role.id, 0), (foreign.id, 1), (UNKNOWN_ID, 1)):
        async with refused(NotFound):
            await roles.restore(owner, role_id, number, expected_version=2)
    for role_id in (role.id, gone.id):
        async with refused(Conflict):
            await roles.restore(owner, role_id, 1, expected_version=2)
        async with refused(VersionConflict, expectedVersion=1, actualVersion=2):
            await roles.restore(owner, role_id, 1, expected_version=1)
    async with refused(Forbidden, denied="role.restore", reason="BUILTIN_ROLE", missing=[]):
        await roles.restore(owner, builtin.id, 1, expected_version=1)


async def test_a_deleted_role_comes_back_once_when_many_ask(world: World, owner: Subject) -> None:
    role = await world.custom_role("Shift", READ)
    await roles.delete(owner, role.id)
    asking = [roles.restore(owner, role.id, 1, expected_version=2) for _ in range(4)]
    assert sorted(await asyncio.gather(*map(outcome, asking))) == ["CONFLICT"] * 3 + ["DONE"]
    assert [v.number for v in await history(owner, role)] == [1, 2, 3]


async def test_history_is_seen_by_who_may_read_roles_and_within_the_organization(
    world: World, owner: Subject
) -> None:
    role = await world.custom_role("Shift", READ)
    gone = await world.custom_role("Gone", READ)
    await roles.delete(owner, gone.id)
    other = await new_world("globex")
    stranger = await other.subject(other.owner)
    viewer = await world.someone("Vera", BuiltinRole.VIEWER, world.everywhere)
    for blind in (stranger, viewer):
        assert await page(role_versions.listing(blind.access, role.id)) == []
        assert await page(role_versions.deleted(blind.access)) == []
        assert await role_versions.last(blind.access, role.id) is None
        with pytest.raises(NotFound):
            await role_versions.found(blind.access, role.id, 1)
    member = await world.someone("Mia", BuiltinRole.MEMBER, at_workspace(world.a))
    assert len(await page(role_versions.listing(member.access, role.id))) == 1
    assert len(await page(role_versions.deleted(member.access))) == 1


async def test_who_holds_a_role_in_use_is_named_to_who_may_read_members(
    world: World, owner: Subject, designer: Subject
) -> None:
    role = await world.custom_role("Shift", DRAFT)
    campaign = await world.campaign(world.a)
    ann = await world.member("Ann")
    await world.give(ann, role, at_campaign(campaign))
    group = await world.directory_group("Sales", role, world.everywhere)
    named = [
        Holder(PrincipalType.MEMBER, ann.id, "Ann", False, ScopeType.CAMPAIGN, campaign.id),
        Holder(
            PrincipalType.GROUP,
            group.id,
            "Sales",
            True,
            ScopeType.ORGANIZATION,
            world.organization.id,
        ),
    ]

    async with refused(InUse, assignments=2, holders=named):
        await roles.delete(owner, role.id)
    async with refused(InUse, assignments=2, holders=[]):
        await roles.delete(designer, role.id)


@pytest.mark.parametrize("people", [1, MOST_NAMED + 2])
async def test_a_refusal_names_the_first_holders_in_a_few_statements(
    world: World, owner: Subject, people: int
) -> None:
    role = await world.custom_role("Shift", DRAFT)
    for number in range(people):
        await world.give(await world.member(f"M{number}"), role, at_workspace(world.a))
    owner = await world.subject(world.owner)

    with counted_statements() as statements, pytest.raises(InUse) as refusal:
        await roles.delete(owner, role.id)

    assert refusal.value.details["assignments"] == people
    names = [holder.name for holder in refusal.value.details["holders"]]
    assert names == [f"M{number}" for number in range(min(people, MOST_NAMED))]
    assert len(statements) == 5, statements


@pytest.mark.parametrize("people", [1, 12])
async def test_holders_get_the_replacement_in_a_few_statements(world: World, people: int) -> None:
    role, viewer = await world.custom_role("Shift", READ), await world.role(BuiltinRole.VIEWER)
    for number in range(people):
        await world.give(await world.member(f"M{number}"), role, at_workspace(world.a))
    owner = await world.subject(world.owner)

    with counted_statements() as statements:
        await roles.delete(owner, role.id, replacement_id=viewer.id)

    assert await Assignment.filter(role=viewer).count() == people
    assert len(statements) == 17, statements


async def test_who_has_the_replacement_already_keeps_the_longer_of_the_two(
    world: World, owner: Subject
) -> None:
    role, viewer = await world.custom_role("Shift", READ), await world.role(BuiltinRole.VIEWER)
    soon, later = now() + timedelta(days=1), now() + timedelta(days=9)
    ends = [(later, soon), (soon, later), (None, soon), (soon, None), (None, None)]
    members = [await world.member(f"M{number}") for number in range(len(ends))]
    for member, (replaced, had) in zip(members, ends, strict=True):
        for each, end in ((role, replaced), (viewer, had)):
            given = await world.give(member, each, at_workspace(world.a))
            await Assignment.filter(id=given.id).update(expires_at=end)

    await roles.delete(owner, role.id, replacement_id=viewer.id)

    held = {a.principal_id: a.expires_at for a in await Assignment.filter(role=viewer)}
    assert [held[member.id] for member in members] == [later, later, None, None, None]
    assert len(held) == await Assignment.filter(role=viewer).count() == len(members)
    assert not await Assignment.exists(role_id=role.id)
