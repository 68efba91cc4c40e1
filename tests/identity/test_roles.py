"""Custom roles: made, copied, changed and deleted by those who hold what is in them."""

import asyncio
from datetime import timedelta

import pytest

from identity import roles
from identity.access.permissions import Permission
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
from models import ActorType, Assignment, BuiltinRole, Role, ViaType
from models.clock import now
from models.listing import page
from tests.identity.refusing import outcome, refused, story
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


async def test_a_role_is_made_with_its_audit_row(world: World, owner: Subject) -> None:
    role = await roles.create(
        owner, name="  Night shift ", description="Watches sends.", permissions=[SEND, READ]
    )
    saved = await Role.get(id=role.id)
    assert (saved.name, saved.name_key, saved.builtin) == ("Night shift", "night shift", None)
    assert saved.permissions == ["campaigns:read", "campaigns:send"]
    event = (await world.events())[-1]
    assert story(event) == (world.owner.name, "role.create", "role", "Night shift")
    assert (event.target_id, event.workspace_id) == (role.id, None)
    assert (event.actor_type, event.actor_id) == (ActorType.MEMBER, world.owner.id)
    assert (event.via, event.via_id) == (ViaType.SESSION, owner.via_id)
    assert (event.request_id, event.ip) == ("test", "192.0.2.1")
    assert event.diff == [
        {"path": "name", "before": None, "after": "Night shift"},
        {"path": "description", "before": None, "after": "Watches sends."},
        {"path": "permissions", "added": ["campaigns:read", "campaigns:send"], "removed": []},
    ]


async def test_a_copy_holds_what_the_original_holds_and_more(world: World, owner: Subject) -> None:
    viewer = await world.role(BuiltinRole.VIEWER)
    copy = await roles.create(owner, name="Viewer+", permissions=[DRAFT], copy_of=viewer.id)
    assert set(roles.permissions_of(copy)) == {*roles.permissions_of(viewer), DRAFT}
    assert copy.builtin is None


async def test_who_lacks_a_permission_cannot_put_it_into_a_role(
    world: World, designer: Subject
) -> None:
    missing = ["campaigns:send", "audit:read", "audit:export"]
    async with refused(Escalation, denied="role.create", missing=missing):
        await roles.create(designer, name="Sneaky", permissions=[SEND, DRAFT, P.AUDIT_EXPORT])
    role = await roles.create(designer, name="Fair", permissions=[DRAFT])
    assert role.permissions == ["campaigns:draft"]


async def test_who_lacks_a_permission_cannot_copy_a_role_that_has_it(
    world: World, designer: Subject
) -> None:
    operator = await world.role(BuiltinRole.OPERATOR)
    async with refused(Escalation, denied="role.create"):
        await roles.create(designer, name="Sneaky", copy_of=operator.id)


async def test_holding_it_in_a_workspace_is_not_holding_it_in_the_organization(
    world: World, designer: Subject
) -> None:
    role = await world.role(BuiltinRole.OPERATOR)
    member = await world.member("Wim")
    await world.give(member, role, at_workspace(world.a))
    await world.give(member, await Role.get(name="Designer"), world.everywhere)
    async with refused(Escalation, denied="role.create", missing=["campaigns:send"]):
        await roles.create(await world.subject(member), name="Sneaky", permissions=[SEND])


async def test_making_a_role_needs_the_permission_at_the_organization(world: World) -> None:
    role = await world.custom_role("Local", P.ROLES_WRITE)
    local = await world.someone("Lou", role, at_workspace(world.a))
    async with refused(Forbidden, denied="role.create", missing=["ROLES_WRITE"]):
        await roles.create(local, name="Mine")


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\x00b", "x" * 101])
async def test_a_name_is_one_line_of_at_most_a_hundred_characters(
    world: World, owner: Subject, name: str
) -> None:
    async with refused(BadInput, field="name"):
        await roles.create(owner, name=name)


async def test_a_name_is_given_once_when_many_want_it(world: World, owner: Subject) -> None:
    log = len(await world.events())
    making = [roles.create(owner, name="Night shift") for _ in range(5)]
    assert sorted(await asyncio.gather(*map(outcome, making))) == ["CONFLICT"] * 4 + ["DONE"]
    role = await Role.get(name_key="night shift")
    others = [await roles.create(owner, name=f"Shift {n}") for n in range(3)]
    renaming = [
        roles.update(owner, other.id, expected_version=1, name="Day shift") for other in others
    ]
    assert sorted(await asyncio.gather(*map(outcome, renaming))) == ["CONFLICT"] * 2 + ["DONE"]
    assert await Role.filter(name_key="day shift").count() == 1
    assert [event.action for event in (await world.events())[log:]] == (
        ["role.create"] * 4 + ["role.update"]
    )
    assert (await Role.get(id=role.id)).version == 1


@pytest.mark.parametrize("name", ["Owner", "OWNER", "designer", "\uff24esigner"])
async def test_a_name_is_taken_whatever_its_case(
    world: World, owner: Subject, designer: Subject, name: str
) -> None:
    async with refused(Conflict):
        await roles.create(owner, name=name)


async def test_a_role_of_another_organization_is_not_there(world: World, owner: Subject) -> None:
    other = await new_world("globex")
    foreign = await other.custom_role("Foreign", READ)
    for role_id in (foreign.id, UNKNOWN_ID):
        async with refused(NotFound):
            await roles.create(owner, name="Copy", copy_of=role_id)
        async with refused(NotFound):
            await roles.update(owner, role_id, expected_version=1, name="Mine")
        async with refused(NotFound):
            await roles.delete(owner, role_id)


async def test_a_role_is_changed_with_its_audit_row(world: World, owner: Subject) -> None:
    role = await world.custom_role("Shift", READ, DRAFT)
    changed = await roles.update(
        owner, role.id, expected_version=1, name="Late shift", add=[SEND], remove=[DRAFT]
    )
    saved = await Role.get(id=role.id)
    assert (saved.name, saved.name_key, saved.version) == ("Late shift", "late shift", 2)
    assert saved.permissions == changed.permissions == ["campaigns:read", "campaigns:send"]
    event = (await world.events())[-1]
    assert story(event) == (world.owner.name, "role.update", "role", "Late shift")
    assert event.diff == [
        {"path": "name", "before": "Shift", "after": "Late shift"},
        {"path": "permissions", "added": ["campaigns:send"], "removed": ["campaigns:draft"]},
    ]


async def test_a_change_counts_with_the_next_look_at_the_holder(
    world: World, owner: Subject
) -> None:
    role = await world.custom_role("Shift", READ)
    member = await world.member("Ann")
    await world.give(member, role, at_workspace(world.a))
    before = await world.subject(member)
    await roles.update(owner, role.id, expected_version=1, add=[SEND])
    after = await world.subject(member)
    assert after.revision == before.revision + 1
    assert after.access.workspace_masks[world.a.id] == READ.bit | SEND.bit


async def test_a_lost_race_is_refused_with_both_versions(world: World, owner: Subject) -> None:
    role = await world.custom_role("Shift", READ)
    await roles.update(owner, role.id, expected_version=1, description="First.")
    async with refused(VersionConflict, expectedVersion=1, actualVersion=2):
        await roles.update(owner, role.id, expected_version=1, description="Second.")


async def test_who_lacks_a_permission_can_neither_add_nor_remove_it(
    world: World, designer: Subject
) -> None:
    role = await world.custom_role("Shift", SEND, DRAFT)
    async with refused(Escalation, denied="role.update", missing=["forms:read", "forms:write"]):
        await roles.update(designer, role.id, expected_version=1, add=[P.FORMS_WRITE])
    async with refused(Escalation, denied="role.update", missing=["campaigns:send"]):
        await roles.update(designer, role.id, expected_version=1, remove=[SEND])
    renamed = await roles.update(designer, role.id, expected_version=1, name="Day", remove=[DRAFT])
    assert renamed.permissions == ["campaigns:send"]


@pytest.mark.parametrize("builtin", BuiltinRole)
async def test_a_built_in_role_is_fixed_for_everybody(world: World, builtin: BuiltinRole) -> None:
    role = await world.role(builtin)
    for subject in (await world.subject(world.owner), world.operator):
        async with refused(Forbidden, denied="role.update", reason="BUILTIN_ROLE", missing=[]):
            await roles.update(subject, role.id, expected_version=1, add=[SEND])
        async with refused(Forbidden, denied="role.delete", reason="BUILTIN_ROLE", missing=[]):
            await roles.delete(subject, role.id)


async def test_a_role_that_nobody_holds_is_deleted_with_its_audit_row(
    world: World, owner: Subject
) -> None:
    role = await world.custom_role("Shift", READ)
    await roles.delete(owner, role.id)
    assert not await Role.exists(id=role.id)
    event = (await world.events())[-1]
    assert story(event) == (world.owner.name, "role.delete", "role", "Shift")
    assert event.diff == [
        {"path": "name", "before": "Shift", "after": None},
        {"path": "description", "before": "", "after": None},
        {"path": "permissions", "added": [], "removed": ["campaigns:read"]},
        {"path": "version", "before": 1, "after": None},
        {"path": "holders", "added": [], "removed": []},
    ]


async def test_a_role_in_use_is_deleted_only_with_a_replacement(
    world: World, owner: Subject
) -> None:
    role, viewer = await world.custom_role("Shift", READ), await world.role(BuiltinRole.VIEWER)
    ann, ben = await world.member("Ann"), await world.member("Ben")
    until = now() + timedelta(days=1)
    first = await world.give(ann, role, at_workspace(world.a))
    await Assignment.filter(id=first.id).update(expires_at=until)
    await world.give(ben, role, at_workspace(world.b))
    kept = await world.give(ben, viewer, at_workspace(world.b))

    async with refused(InUse, assignments=2):
        await roles.delete(owner, role.id)
    async with refused(BadInput, field="replacementId"):
        await roles.delete(owner, role.id, replacement_id=role.id)
    async with refused(NotFound):
        await roles.delete(owner, role.id, replacement_id=UNKNOWN_ID)

    await roles.delete(owner, role.id, replacement_id=viewer.id)

    held = await Assignment.filter(role=viewer).order_by("id")
    assert [(a.id, a.principal_id, a.scope_id) for a in held] == [
        (first.id, ann.id, world.a.id),
        (kept.id, ben.id, world.b.id),
    ]
    assert (held[0].expires_at, held[1].expires_at) == (until, None)
    diff = {change["path"]: change for change in (await world.events())[-1].diff}
    assert diff["replacement"] == {"path": "replacement", "before": None, "after": "Viewer"}
    assert diff["holders"]["removed"] == sorted(
        [
            f"member:{ann.id} at workspace:{world.a.id}",
            f"member:{ben.id} at workspace:{world.b.id}",
        ]
    )
    told = [(e.action, e.target_name, e.diff[0]) for e in (await world.events())[-4:-1]]
    assert told == [
        ("role.unassign", "Ann", {"path": "role", "before": "Shift", "after": None}),
        ("role.unassign", "Ben", {"path": "role", "before": "Shift", "after": None}),
        ("role.assign", "Ann", {"path": "role", "before": None, "after": "Viewer"}),
    ]


async def test_a_replacement_gives_nobody_more_than_the_deleter_holds(
    world: World,
) -> None:
    assigning = await world.custom_role(
        "Assigning", P.ROLES_WRITE, P.ROLES_DELETE, P.MEMBERS_ASSIGN, DRAFT
    )
    designer = await world.someone("Ada", assigning, world.everywhere)
    role = await world.custom_role("Shift", DRAFT)
    campaign = await world.campaign(world.a)
    await world.give(await world.member("Ann"), role, at_campaign(campaign))
    stronger = await world.custom_role("Stronger", DRAFT, SEND)
    async with refused(Escalation, denied="role.delete", missing=["campaigns:send"]):
        await roles.delete(designer, role.id, replacement_id=stronger.id)
    equal = await world.custom_role("Equal", READ)
    await roles.delete(designer, role.id, replacement_id=equal.id)
    assert [row.role_id for row in await Assignment.filter(scope_id=campaign.id)] == [equal.id]


async def test_who_lacks_what_a_role_holds_cannot_delete_it(
    world: World, designer: Subject
) -> None:
    role = await world.custom_role("Shift", SEND)
    async with refused(Escalation, denied="role.delete", missing=["campaigns:send"]):
        await roles.delete(designer, role.id)


async def test_roles_are_listed_built_in_first_to_who_may_read_them_anywhere(
    world: World, designer: Subject
) -> None:
    names = [builtin.value.capitalize() for builtin in BuiltinRole]
    assert [r.name for r in await page(roles.listing(designer.access))] == [*names, "Designer"]
    member = await world.someone("Mia", BuiltinRole.MEMBER, at_workspace(world.a))
    assert len(await page(roles.listing(member.access))) == 9
    viewer = await world.someone("Vera", BuiltinRole.VIEWER, world.everywhere)
    assert await page(roles.listing(viewer.access)) == []
    with pytest.raises(NotFound):
        await roles.found(viewer.access, (await world.role(BuiltinRole.VIEWER)).id)
