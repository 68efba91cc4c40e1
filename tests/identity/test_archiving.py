"""Archiving a workspace: it is read, nothing in it changes, and it comes back as it was."""

import asyncio
from datetime import timedelta

import pytest

from identity import assignments, campaigns, past_access, workspaces
from identity.access import targets
from identity.access.decision import Target
from identity.access.kinds import CAMPAIGN
from identity.access.permissions import Permission
from identity.assignments import Principal
from identity.campaigns import Content
from identity.refusals import Conflict, Forbidden, NotFound
from identity.rehearsal import Change, rehearse
from identity.subject import Subject
from models import BuiltinRole, Campaign, PrincipalType, Workspace, WorkspaceState
from models.clock import now
from tests.clock import MovableClock
from tests.identity.refusing import outcome, refused, story
from tests.identity.rehearsing import leaving_nothing
from tests.world import UNKNOWN_ID, World, at_workspace, new_world

P = Permission


@pytest.fixture
async def owner(world: World) -> Subject:
    return await world.subject(world.owner)


async def state(world: World) -> WorkspaceState:
    return (await Workspace.get(id=world.a.id)).state


async def test_it_is_read_only_until_it_is_restored(world: World, owner: Subject) -> None:
    campaign = await world.campaign(world.a)
    otto = await world.someone("Otto", BuiltinRole.OPERATOR, at_workspace(world.a))
    archived = await workspaces.archive(owner, world.a.id)
    assert archived.state is await state(world) is WorkspaceState.ARCHIVED
    event = (await world.events())[-1]
    assert story(event) == (world.owner.name, "workspace.archive", "workspace", world.a.name)
    assert event.workspace_id == world.a.id
    assert event.diff == [{"path": "state", "before": "active", "after": "archived"}]
    edit = Content(subject="Changed")
    for subject in (otto, owner):  # whose access was read before
        async with refused(Forbidden, denied="campaign.update", reason="WORKSPACE_ARCHIVED"):
            await campaigns.edit(subject, campaign.id, edit, expected_version=1)
        async with refused(Forbidden, denied="campaign.create", reason="WORKSPACE_ARCHIVED"):
            await campaigns.draft(subject, world.a.id, Content(name="New"))
    seen = await targets.visible_resource(otto.access, CAMPAIGN, campaign.id)
    assert seen.subject == "Hello"
    await workspaces.restore(owner, world.a.id)
    assert await state(world) is WorkspaceState.ACTIVE
    assert (await world.events())[-1].diff == [
        {"path": "state", "before": "archived", "after": "active"}
    ]
    await campaigns.edit(otto, campaign.id, edit, expected_version=1)
    assert (await Campaign.get(id=campaign.id)).subject == "Changed"


async def test_it_is_archived_and_restored_once(world: World, owner: Subject) -> None:
    async with refused(Conflict):
        await workspaces.restore(owner, world.a.id)
    await workspaces.archive(owner, world.a.id)
    async with refused(Conflict):
        await workspaces.archive(owner, world.a.id)


async def test_who_may_not_delete_it_archives_nothing(world: World) -> None:
    for name, role, scope, kind in (
        ("Ada", BuiltinRole.ADMIN, world.everywhere, Forbidden),
        ("Otto", BuiltinRole.OPERATOR, at_workspace(world.a), Forbidden),
        ("Lou", BuiltinRole.OWNER, at_workspace(world.b), NotFound),
    ):
        subject = await world.someone(name, role, scope)
        denied = "workspace.archive" if kind is Forbidden else None
        async with refused(kind, denied=denied):
            await workspaces.archive(subject, world.a.id)
    other = await new_world("globex")
    for workspace_id in (other.a.id, UNKNOWN_ID):
        async with refused(NotFound):
            await workspaces.archive(await world.subject(world.owner), workspace_id)


async def test_an_owner_of_the_workspace_alone_brings_it_back(world: World) -> None:
    lou = await world.someone("Lou", BuiltinRole.OWNER, at_workspace(world.a))
    await workspaces.archive(lou, world.a.id)
    await workspaces.restore(lou, world.a.id)
    assert await state(world) is WorkspaceState.ACTIVE


async def test_access_is_still_taken_there(world: World, owner: Subject) -> None:
    given = await world.give(await world.member("Ann"), BuiltinRole.VIEWER, at_workspace(world.a))
    await workspaces.archive(owner, world.a.id)
    await assignments.unassign(owner, given.id)


async def test_a_draft_and_the_archiving_come_one_after_the_other(
    world: World, owner: Subject
) -> None:
    for number in range(6):
        drafts = await Campaign.all().count()
        results = await asyncio.gather(
            outcome(campaigns.draft(owner, world.a.id, Content(name=f"C{number}"))),
            outcome(workspaces.archive(world.operator, world.a.id)),
        )
        assert results[1] == "DONE"
        assert results[0] in ("DONE", "FORBIDDEN")
        assert await Campaign.all().count() == drafts + (results[0] == "DONE")
        await workspaces.restore(world.operator, world.a.id)


async def test_a_rehearsal_tells_who_would_lose_what(world: World, owner: Subject) -> None:
    otto = await world.someone("Otto", BuiltinRole.OPERATOR, at_workspace(world.a))
    change = Change(lambda subject: workspaces.archive(subject, world.a.id))
    async with leaving_nothing():
        preview = await rehearse(owner, change)
    assert {member.id for member in preview.members} == {world.owner.id, otto.member_id}
    assert {each.scope_id for member in preview.members for each in member.changes} == {world.a.id}
    (line,) = next(each for each in preview.members if each.id == otto.member_id).changes
    assert line.gained == ()
    assert line.lost is not None
    assert P.CAMPAIGNS_SEND in line.lost
    assert P.CAMPAIGNS_READ not in line.lost


async def test_the_past_keeps_the_state_that_was(
    world: World, owner: Subject, movable_clock: MovableClock
) -> None:
    otto = await world.someone("Otto", BuiltinRole.OPERATOR, at_workspace(world.a))
    assert otto.member_id is not None
    principal, moments = Principal(PrincipalType.MEMBER, otto.member_id), []
    for put in (workspaces.archive, workspaces.restore, workspaces.archive):
        movable_clock.move(timedelta(minutes=1))
        moments.append(now())
        movable_clock.move(timedelta(minutes=1))
        await put(owner, world.a.id)
    movable_clock.move(timedelta(minutes=1))
    found = [
        (await past_access.holder_as_of(owner, principal, moment)).access.allows(
            P.CAMPAIGNS_SEND, Target(world.a.id)
        )
        for moment in (*moments, now())
    ]
    assert found == [True, False, True, False]
