"""The way every sensitive change is made: refused changes leave nothing but their denial."""

import asyncio
from datetime import timedelta

import pytest

from identity import assignments, campaigns, roles, workspaces
from identity.access.decision import ORGANIZATION
from identity.access.permissions import Permission
from identity.assignments import Principal
from identity.audit.actions import Action
from identity.campaigns import Content
from identity.refusals import Forbidden, NotFound, Unauthenticated, VersionConflict
from identity.subject import Subject, operator
from identity.writing import one_transaction, writing
from models import (
    BuiltinRole,
    Campaign,
    CampaignStatus,
    Member,
    MemberStatus,
    Organization,
    Outcome,
    Plan,
    PrincipalType,
    Role,
    ViaType,
)
from models.database import transaction
from models.sql import Statement
from tests.clock import MovableClock
from tests.identity.refusing import refused
from tests.world import UNKNOWN_ID, World, at_workspace


async def _revision(world: World) -> int:
    organization = await Organization.get(id=world.organization.id)
    return int(organization.access_revision)


@pytest.fixture
async def viewer(world: World) -> Subject:
    return await world.someone("Vera", BuiltinRole.VIEWER, at_workspace(world.a))


async def test_a_refused_change_is_rolled_back_and_recorded(world: World, viewer: Subject) -> None:
    campaign = await world.campaign(world.a)
    async with refused(
        Forbidden, denied="campaign.send", reason="MISSING_PERMISSION", missing=["CAMPAIGNS_SEND"]
    ):
        await campaigns.send(viewer, campaign.id, expected_version=1)
    denial = (await world.events())[-1]
    assert (denial.actor_name, denial.actor_id) == ("Vera", viewer.member_id)
    assert (denial.via, denial.via_id) == (ViaType.SESSION, viewer.via_id)
    assert (denial.request_id, denial.ip) == ("test", "192.0.2.1")
    assert (denial.target_type, denial.target_name) == (None, None)
    assert denial.reason == (
        "FORBIDDEN: This needs campaigns:send at this resource, "
        "and no role of yours holds it there."
    )


async def test_a_mistake_is_no_denial(world: World) -> None:
    campaign = await world.campaign(world.a)
    owner = await world.subject(world.owner)
    async with refused(VersionConflict):
        await campaigns.send(owner, campaign.id, expected_version=9)
    async with refused(NotFound):
        await campaigns.send(owner, UNKNOWN_ID, expected_version=1)


async def test_what_was_written_before_the_refusal_is_gone(world: World, viewer: Subject) -> None:
    async def half() -> None:
        async with writing(viewer, Action.ROLE_CREATE) as write:
            await _role(world, "Half")
            write.access.require(Permission.ROLES_WRITE, ORGANIZATION)

    async with refused(Forbidden, denied="role.create", missing=["ROLES_WRITE"]):
        await half()


async def _role(world: World, name: str) -> None:
    await Role.create(organization=world.organization, name=name, name_key=name, permissions=[])


async def test_a_failure_is_rolled_back_and_recorded_as_ours(world: World) -> None:
    owner = await world.subject(world.owner)
    log = len(await world.events())

    async def broken() -> None:
        async with writing(owner, Action.ROLE_CREATE, changes_access=True):
            await _role(world, "Half")
            raise ZeroDivisionError("hunter2-hunter2")

    with pytest.raises(ZeroDivisionError):
        await broken()
    assert not await Role.exists(name="Half")
    [event] = (await world.events())[log:]
    assert (event.action, event.outcome, event.reason) == ("role.create", Outcome.ERROR, "INTERNAL")
    assert (event.actor_id, event.request_id, event.diff) == (world.owner.id, "test", [])


async def test_what_is_cancelled_is_rolled_back_and_no_failure(world: World) -> None:
    owner = await world.subject(world.owner)
    log = len(await world.events())
    began = asyncio.Event()

    async def endless() -> None:
        async with writing(owner, Action.ROLE_CREATE):
            await _role(world, "Half")
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(endless())
    await began.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert not await Role.exists(name="Half")
    assert len(await world.events()) == log


async def test_a_failure_that_cannot_be_recorded_is_still_the_failure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await world.subject(world.owner)

    async def unreachable(*_: object, **__: object) -> None:
        raise OSError

    async def broken() -> None:
        async with writing(owner, Action.ROLE_CREATE):
            raise ZeroDivisionError

    monkeypatch.setattr("identity.audit.record.record", unreachable)
    with pytest.raises(ZeroDivisionError):
        await broken()


async def test_only_a_change_of_access_grows_the_revision(world: World) -> None:
    owner = await world.subject(world.owner)
    before = await _revision(world)
    await campaigns.draft(owner, world.a.id, Content(name="Spring"))
    await workspaces.create(owner, slug="third", name="Third")
    assert await _revision(world) == before
    role = await roles.create(owner, name="Shift")
    assert await _revision(world) == before
    await roles.update(owner, role.id, expected_version=1, add=[Permission.CAMPAIGNS_READ])
    assert await _revision(world) == before + 1


async def test_several_changes_as_one_are_all_undone_with_each_denial_kept(
    world: World, viewer: Subject
) -> None:
    campaign = await world.campaign(world.a)
    owner = await world.subject(world.owner)
    log = len(await world.events())

    async def several() -> None:
        async with one_transaction():
            await roles.create(owner, name="Undone")
            with pytest.raises(Forbidden):
                await campaigns.delete(viewer, campaign.id)
            await campaigns.send(viewer, campaign.id, expected_version=1)

    with pytest.raises(Forbidden):
        await several()
    assert not await Role.exists(name="Undone")
    assert [(e.action, e.outcome) for e in (await world.events())[log:]] == [
        ("campaign.delete", Outcome.DENIED),
        ("campaign.send", Outcome.DENIED),
    ]


async def test_a_refusal_inside_is_undone_alone_when_the_outer_change_goes_on(
    world: World, viewer: Subject
) -> None:
    campaign = await world.campaign(world.a)
    owner = await world.subject(world.owner)
    log = len(await world.events())
    async with one_transaction():
        with pytest.raises(Forbidden):
            await campaigns.delete(viewer, campaign.id)
        await roles.create(owner, name="Kept")
    assert [(e.action, e.outcome) for e in (await world.events())[log:]] == [
        ("role.create", Outcome.SUCCESS),
        ("campaign.delete", Outcome.DENIED),
    ]


async def test_access_taken_away_meanwhile_counts_inside_the_transaction(world: World) -> None:
    campaign = await world.campaign(world.a)
    member = await world.member("Otto")
    given = await world.give(member, BuiltinRole.OPERATOR, at_workspace(world.a))
    stale = await world.subject(member)
    await assignments.unassign(world.operator, given.id)
    assert stale.access.allows_anywhere(Permission.CAMPAIGNS_SEND)
    async with refused(NotFound):
        await campaigns.send(stale, campaign.id, expected_version=1)


async def test_access_given_meanwhile_counts_inside_the_transaction(world: World) -> None:
    campaign = await world.campaign(world.a)
    member = await world.member("Otto")
    stale = await world.subject(member)
    await world.give(member, BuiltinRole.OPERATOR, at_workspace(world.a))
    sent = await campaigns.send(stale, campaign.id, expected_version=1)
    assert sent.status is CampaignStatus.SENDING


async def test_access_that_ended_meanwhile_counts_inside_the_transaction(
    world: World, movable_clock: MovableClock
) -> None:
    campaign = await world.campaign(world.a)
    member = await world.member("Otto")
    await assignments.assign(
        world.operator,
        role_id=(await world.role(BuiltinRole.OPERATOR)).id,
        principal=Principal(PrincipalType.MEMBER, member.id),
        scope=at_workspace(world.a),
        expires_at=movable_clock.time + timedelta(minutes=1),
    )
    subject = await world.subject(member)
    movable_clock.move(timedelta(minutes=1))
    async with refused(NotFound):
        await campaigns.send(subject, campaign.id, expected_version=1)


async def test_a_suspended_member_writes_nothing_more(world: World) -> None:
    campaign = await world.campaign(world.a)
    member = await world.member("Otto")
    await world.give(member, BuiltinRole.OPERATOR, at_workspace(world.a))
    stale = await world.subject(member)
    async with transaction():
        await Member.filter(id=member.id).update(status=MemberStatus.SUSPENDED)
        bump = Statement("UPDATE organizations SET access_revision = access_revision + 1")
        await bump.execute()
    async with refused(Unauthenticated):
        await campaigns.send(stale, campaign.id, expected_version=1)
    assert (await Campaign.get(id=campaign.id)).status is CampaignStatus.DRAFT


async def test_nothing_is_written_in_an_organization_that_is_not_there(database: str) -> None:
    async with refused(NotFound):
        await roles.create(operator(UNKNOWN_ID, Plan.ENTERPRISE), name="Nowhere")
