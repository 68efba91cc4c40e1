"""Deleting a list or a server: with what was assigned at it, and not while a campaign needs it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import UUID

import pytest

from identity import campaigns, mailing_lists, sending_servers
from identity.assignments import Scope
from identity.campaigns import Content
from identity.refusals import Forbidden, InUse, NotFound
from identity.subject import Subject
from models import (
    Assignment,
    BuiltinRole,
    Campaign,
    CampaignStatus,
    MailingList,
    Organization,
    ScopeType,
    SendingServer,
)
from models.campaign import OVER
from tests.identity.refusing import outcome, refused, story
from tests.world import UNKNOWN_ID, World, at_workspace, new_world


class Kind(NamedTuple):
    delete: Callable[[Subject, UUID], Awaitable[MailingList | SendingServer]]
    scope_type: ScopeType
    model: type[MailingList] | type[SendingServer]
    permission: str

    def of(self, campaign: Campaign) -> UUID:
        """What the campaign has of this kind."""
        attached = getattr(campaign, f"{self.scope_type.value}_id")
        assert isinstance(attached, UUID)
        return attached

    def content(self, attached_id: UUID) -> Content:
        if self.model is MailingList:
            return Content(mailing_list_id=attached_id)
        return Content(sending_server_id=attached_id)


@pytest.fixture(params=["list", "server"])
def kind(request: pytest.FixtureRequest) -> Kind:
    if request.param == "list":
        return Kind(mailing_lists.delete, ScopeType.MAILING_LIST, MailingList, "LISTS_DELETE")
    return Kind(sending_servers.delete, ScopeType.SENDING_SERVER, SendingServer, "SERVERS_DELETE")


@pytest.fixture
async def ada(world: World) -> Subject:
    return await world.someone("Ada", BuiltinRole.ADMIN, at_workspace(world.a))


async def with_campaign(world: World, status: CampaignStatus) -> Campaign:
    campaign = await world.campaign(world.a)
    campaign.status = status
    await campaign.save()
    return campaign


async def test_it_goes_with_what_was_assigned_at_it(world: World, ada: Subject, kind: Kind) -> None:
    campaign, other = await world.campaign(world.a), await world.campaign(world.a, "Other")
    await campaigns.delete(ada, campaign.id)
    deleted_id, ann = kind.of(campaign), await world.member("Ann")
    await world.give(ann, BuiltinRole.VIEWER, Scope(kind.scope_type, deleted_id))
    kept = await world.give(ann, BuiltinRole.VIEWER, Scope(kind.scope_type, kind.of(other)))
    before = (await Organization.get(id=world.organization.id)).access_revision

    gone = await kind.delete(ada, deleted_id)

    assert not await kind.model.exists(id=deleted_id)
    assert [row.id for row in await Assignment.filter(principal_id=ann.id)] == [kept.id]
    assert (await Organization.get(id=world.organization.id)).access_revision == before + 1
    lost, event = (await world.events())[-2:]
    assert story(lost) == ("Ada", "role.unassign", "member", "Ann")
    assert (lost.target_id, lost.workspace_id) == (ann.id, world.a.id)
    assert lost.diff[0] == {"path": "role", "before": "Viewer", "after": None}
    assert story(event) == ("Ada", f"{kind.scope_type.value}.delete", kind.scope_type, gone.name)
    assert (event.target_id, event.workspace_id) == (deleted_id, world.a.id)
    assert {"path": "name", "before": gone.name, "after": None} in event.diff


async def test_what_gave_nobody_anything_changes_no_access(
    world: World, ada: Subject, kind: Kind
) -> None:
    campaign = await world.campaign(world.a)
    await campaigns.delete(ada, campaign.id)
    before = (await Organization.get(id=world.organization.id)).access_revision
    await kind.delete(ada, kind.of(campaign))
    assert (await Organization.get(id=world.organization.id)).access_revision == before


@pytest.mark.parametrize("status", [s for s in CampaignStatus if s not in OVER])
async def test_a_campaign_that_is_not_over_keeps_it(
    world: World, ada: Subject, kind: Kind, status: CampaignStatus
) -> None:
    campaign = await with_campaign(world, status)
    await world.give(
        await world.member("Ann"), BuiltinRole.VIEWER, Scope(kind.scope_type, kind.of(campaign))
    )
    async with refused(InUse):
        await kind.delete(ada, kind.of(campaign))


@pytest.mark.parametrize("status", OVER)
async def test_a_campaign_that_is_over_lets_it_go(
    world: World, ada: Subject, kind: Kind, status: CampaignStatus
) -> None:
    campaign = await with_campaign(world, status)
    await kind.delete(ada, kind.of(campaign))
    left = await Campaign.get(id=campaign.id)
    attached = {ScopeType.MAILING_LIST: left.mailing_list_id}
    attached[ScopeType.SENDING_SERVER] = left.sending_server_id
    assert attached.pop(kind.scope_type) is None
    assert None not in attached.values(), "the other one stays"


async def test_who_may_not_delete_it_is_refused(world: World, kind: Kind) -> None:
    campaign = await world.campaign(world.a)
    attached = kind.of(campaign)
    otto = await world.someone("Otto", BuiltinRole.OPERATOR, at_workspace(world.a))
    denied = f"{kind.scope_type.value}.delete"
    async with refused(Forbidden, denied=denied, missing=[kind.permission]):
        await kind.delete(otto, attached)
    elsewhere = await world.someone("Bea", BuiltinRole.ADMIN, at_workspace(world.b))
    async with refused(NotFound):
        await kind.delete(elsewhere, attached)
    async with refused(NotFound):
        await kind.delete(otto, UNKNOWN_ID)


async def test_nothing_of_another_organization_is_deleted(world: World, kind: Kind) -> None:
    campaign = await world.campaign(world.a)
    other = await new_world("globex")
    async with refused(NotFound):
        await kind.delete(other.operator, kind.of(campaign))


async def test_it_is_attached_or_deleted_and_never_both(
    world: World, ada: Subject, kind: Kind
) -> None:
    for number in range(5):
        free = await world.campaign(world.a, f"Free {number}")
        await campaigns.delete(ada, free.id)
        draft = await campaigns.draft(ada, world.a.id, Content(name="Draft"))
        attached = kind.of(free)
        attach = campaigns.edit(ada, draft.id, kind.content(attached), expected_version=1)
        racing = [attach, kind.delete(ada, attached)]
        if number % 2:
            racing.reverse()
        results = await asyncio.gather(*map(outcome, racing))
        assert sorted(results) in (["DONE", "IN_USE"], ["DONE", "NOT_FOUND"])
        there = await kind.model.exists(id=attached)
        assert there is ("IN_USE" in results)
