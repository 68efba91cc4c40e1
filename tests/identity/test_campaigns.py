"""Campaigns: drafted, edited, sent and deleted by whoever may, with what they may attach."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from identity import campaigns
from identity.access.permissions import Permission
from identity.campaigns import Content
from identity.refusals import BadInput, Conflict, Forbidden, NotFound, VersionConflict
from identity.subject import Subject
from models import (
    Assignment,
    BuiltinRole,
    Campaign,
    CampaignStatus,
    MailingList,
    Member,
    SendingServer,
    Workspace,
    WorkspaceState,
)
from tests.clock import MovableClock
from tests.identity.refusing import outcome, refused, story
from tests.world import UNKNOWN_ID, World, at_campaign, at_workspace, new_world

P = Permission


@pytest.fixture
async def otto(world: World) -> Subject:
    """An operator in workspace a."""
    return await world.someone("Otto", BuiltinRole.OPERATOR, at_workspace(world.a))


@pytest.fixture
async def spring(world: World) -> Campaign:
    """A complete draft in workspace a."""
    return await world.campaign(world.a)


async def test_a_campaign_is_drafted_with_its_audit_row(
    world: World, otto: Subject, spring: Campaign
) -> None:
    content = Content(
        name=" Summer ",
        subject="Sun!",
        body="Come out.\nNow.",
        mailing_list_id=spring.mailing_list_id,
        sending_server_id=spring.sending_server_id,
    )
    drafted = await campaigns.draft(otto, world.a.id, content)
    saved = await Campaign.get(id=drafted.id)
    assert (saved.name, saved.subject, saved.body) == ("Summer", "Sun!", "Come out.\nNow.")
    assert (saved.status, saved.version, saved.owner_id) == (
        CampaignStatus.DRAFT,
        1,
        otto.member_id,
    )
    assert (saved.workspace_id, saved.mailing_list_id, saved.sending_server_id) == (
        world.a.id,
        spring.mailing_list_id,
        spring.sending_server_id,
    )
    event = (await world.events())[-1]
    assert story(event) == ("Otto", "campaign.create", "campaign", "Summer")
    assert (event.target_id, event.workspace_id) == (saved.id, world.a.id)
    assert event.diff == [
        {"path": "name", "before": None, "after": "Summer"},
        {"path": "status", "before": None, "after": "draft"},
        {"path": "subject", "before": None, "after": "Sun!"},
        {"path": "body", "before": None, "after": "Come out.\nNow."},
        {"path": "mailingList", "before": None, "after": str(spring.mailing_list_id)},
        {"path": "sendingServer", "before": None, "after": str(spring.sending_server_id)},
    ]


async def test_drafting_needs_the_permission_in_that_workspace(world: World, otto: Subject) -> None:
    viewer = await world.someone("Vera", BuiltinRole.VIEWER, at_workspace(world.a))
    async with refused(Forbidden, denied="campaign.create", missing=["CAMPAIGNS_DRAFT"]):
        await campaigns.draft(viewer, world.a.id, Content(name="Mine"))
    other = await new_world("globex")
    for workspace_id in (world.b.id, other.a.id, UNKNOWN_ID):
        async with refused(NotFound):
            await campaigns.draft(otto, workspace_id, Content(name="Mine"))


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (Content(), "name"),
        (Content(name=""), "name"),
        (Content(name="x" * 201), "name"),
        (Content(name="ok", subject="a\nb"), "subject"),
        (Content(name="ok", subject="x" * 501), "subject"),
        (Content(name="ok", body="a\x00b"), "body"),
        (Content(name="ok", body="x" * 1_000_001), "body"),
    ],
    ids=["none", "empty", "long", "two lines", "long subject", "control", "long body"],
)
async def test_bad_content_is_refused_with_its_field(
    world: World, otto: Subject, content: Content, field: str
) -> None:
    async with refused(BadInput, field=field):
        await campaigns.draft(otto, world.a.id, content)


async def test_a_draft_is_edited_part_by_part_with_its_audit_row(
    world: World, otto: Subject, spring: Campaign
) -> None:
    await campaigns.edit(otto, spring.id, Content(subject="Hi"), expected_version=1)
    saved = await Campaign.get(id=spring.id)
    assert (saved.name, saved.subject, saved.body, saved.version) == (
        "Spring",
        "Hi",
        "Hello, spring.",
        2,
    )
    assert (saved.mailing_list_id, saved.sending_server_id) == (
        spring.mailing_list_id,
        spring.sending_server_id,
    )
    event = (await world.events())[-1]
    assert story(event) == ("Otto", "campaign.update", "campaign", "Spring")
    assert event.diff == [{"path": "subject", "before": "Hello", "after": "Hi"}]


async def test_what_is_attached_already_does_not_hinder_who_edits_the_text(
    world: World, spring: Campaign
) -> None:
    """A role at one campaign is how a teammate gets exactly what they need."""
    role = await world.custom_role("Copywriter", P.CAMPAIGNS_DRAFT)
    writer = await world.someone("Will", role, at_campaign(spring))
    edited = await campaigns.edit(writer, spring.id, Content(body="Better."), expected_version=1)
    assert (edited.body, edited.mailing_list_id) == ("Better.", spring.mailing_list_id)


async def test_a_lost_race_is_refused_with_both_versions(
    world: World, otto: Subject, spring: Campaign
) -> None:
    await campaigns.edit(otto, spring.id, Content(subject="First"), expected_version=1)
    async with refused(VersionConflict, expectedVersion=1, actualVersion=2):
        await campaigns.edit(otto, spring.id, Content(subject="Second"), expected_version=1)
    async with refused(VersionConflict, expectedVersion=1, actualVersion=2):
        await campaigns.send(otto, spring.id, expected_version=1)


async def test_of_edits_at_the_same_time_one_wins(
    world: World, otto: Subject, spring: Campaign
) -> None:
    edits = [
        campaigns.edit(otto, spring.id, Content(subject=f"Number {n}"), expected_version=1)
        for n in range(5)
    ]
    assert sorted(await asyncio.gather(*map(outcome, edits))) == ["CONFLICT"] * 4 + ["DONE"]
    assert (await Campaign.get(id=spring.id)).version == 2


async def test_an_edit_cannot_turn_a_campaign_that_is_being_sent_into_a_draft(
    world: World, otto: Subject, spring: Campaign
) -> None:
    for number in range(4):
        campaign = await world.campaign(world.a, f"Race {number}")
        racing = [
            campaigns.send(otto, campaign.id, expected_version=1),
            campaigns.edit(otto, campaign.id, Content(subject="Late"), expected_version=1),
            campaigns.send(otto, campaign.id, expected_version=1),
            campaigns.delete(otto, campaign.id),
        ][:: 1 if number % 2 else -1]
        results = await asyncio.gather(*map(outcome, racing))
        left = await Campaign.get_or_none(id=campaign.id)
        won = {e.action for e in await world.events() if e.target_id == campaign.id}
        if left is None:
            assert "campaign.send" not in won
        else:
            assert results.count("DONE") == 1
            assert (left.status is CampaignStatus.SENDING) is ("campaign.send" in won)


async def _attachments(workspace: Workspace) -> tuple[MailingList, SendingServer]:
    return (
        await MailingList.create(workspace=workspace, name="Customers"),
        await SendingServer.create(workspace=workspace, name="Main", host="smtp.acme.example"),
    )


async def test_attaching_needs_read_or_use_of_what_is_attached(
    world: World, spring: Campaign
) -> None:
    role = await world.custom_role("Drafting", P.CAMPAIGNS_DRAFT)
    member = await world.member("Dan")
    await world.give(member, role, at_workspace(world.a))
    drafter = await world.subject(member)
    mailing_list, server = await _attachments(world.a)
    for content in (
        Content(mailing_list_id=mailing_list.id),
        Content(sending_server_id=server.id),
        Content(mailing_list_id=UNKNOWN_ID),
    ):
        async with refused(NotFound):
            await campaigns.edit(drafter, spring.id, content, expected_version=1)
    user = await world.custom_role("Using", P.SERVERS_USE, P.LISTS_READ)
    await world.give(member, user, at_workspace(world.a))
    both = Content(mailing_list_id=mailing_list.id, sending_server_id=server.id)
    edited = await campaigns.edit(await world.subject(member), spring.id, both, expected_version=1)
    assert (edited.mailing_list_id, edited.sending_server_id) == (mailing_list.id, server.id)


@pytest.mark.parametrize("part", ["mailingListId", "sendingServerId"])
async def test_nothing_of_another_workspace_is_attached_even_by_an_owner(
    world: World, spring: Campaign, part: str
) -> None:
    owner = await world.subject(world.owner)
    mailing_list, server = await _attachments(world.b)
    content: dict[str, Any] = {
        "mailingListId": {"mailing_list_id": mailing_list.id},
        "sendingServerId": {"sending_server_id": server.id},
    }[part]
    async with refused(BadInput, field=part):
        await campaigns.edit(owner, spring.id, Content(**content), expected_version=1)
    async with refused(BadInput, field=part):
        await campaigns.draft(owner, world.a.id, Content(name="New", **content))


async def test_nothing_of_another_organization_is_attached(world: World, spring: Campaign) -> None:
    owner = await world.subject(world.owner)
    mailing_list, _ = await _attachments((await new_world("globex")).a)
    async with refused(NotFound):
        await campaigns.edit(
            owner, spring.id, Content(mailing_list_id=mailing_list.id), expected_version=1
        )


async def test_a_campaign_is_sent_with_its_audit_row(
    world: World, otto: Subject, spring: Campaign, movable_clock: MovableClock
) -> None:
    await campaigns.send(otto, spring.id, expected_version=1)
    saved = await Campaign.get(id=spring.id)
    assert (saved.status, saved.version) == (CampaignStatus.SENDING, 2)
    assert (saved.started_at, saved.scheduled_at) == (movable_clock.time, None)
    event = (await world.events())[-1]
    assert story(event) == ("Otto", "campaign.send", "campaign", "Spring")
    assert event.workspace_id == world.a.id
    assert event.diff == [{"path": "status", "before": "draft", "after": "sending"}]


async def test_a_campaign_is_scheduled_for_a_moment_ahead(
    world: World, otto: Subject, spring: Campaign, movable_clock: MovableClock
) -> None:
    for at in (movable_clock.time, movable_clock.time - timedelta(seconds=1)):
        async with refused(BadInput, field="at"):
            await campaigns.send(otto, spring.id, expected_version=1, at=at)
    async with refused(BadInput, field="at"):
        await campaigns.send(
            otto, spring.id, expected_version=1, at=movable_clock.time.replace(tzinfo=None)
        )

    at = datetime(2030, 6, 1, 9, tzinfo=UTC)
    await campaigns.send(otto, spring.id, expected_version=1, at=at)

    saved = await Campaign.get(id=spring.id)
    assert (saved.status, saved.scheduled_at, saved.started_at) == (
        CampaignStatus.SCHEDULED,
        at,
        None,
    )
    assert (await world.events())[-1].diff == [
        {"path": "status", "before": "draft", "after": "scheduled"},
        {"path": "scheduledAt", "before": None, "after": at.isoformat()},
    ]


@pytest.mark.parametrize("status", [s for s in CampaignStatus if s is not CampaignStatus.DRAFT])
async def test_only_a_draft_is_edited_or_sent(
    world: World, otto: Subject, spring: Campaign, status: CampaignStatus
) -> None:
    await Campaign.filter(id=spring.id).update(status=status)
    async with refused(Conflict):
        await campaigns.edit(otto, spring.id, Content(subject="Hi"), expected_version=1)
    async with refused(Conflict):
        await campaigns.send(otto, spring.id, expected_version=1)


@pytest.mark.parametrize(
    ("lacking", "field"),
    [
        ({"mailing_list_id": None}, "mailingListId"),
        ({"sending_server_id": None}, "sendingServerId"),
        ({"subject": "  "}, "subject"),
        ({"body": "\n"}, "body"),
    ],
    ids=["list", "server", "subject", "body"],
)
async def test_an_unfinished_campaign_is_not_sent(
    world: World, otto: Subject, spring: Campaign, lacking: dict[str, Any], field: str
) -> None:
    await Campaign.filter(id=spring.id).update(**lacking)
    async with refused(BadInput, field=field):
        await campaigns.send(otto, spring.id, expected_version=1)


async def test_drafting_is_not_sending_and_sending_is_not_drafting(
    world: World, spring: Campaign
) -> None:
    draft = await world.custom_role("Drafting", P.CAMPAIGNS_DRAFT, P.LISTS_READ, P.SERVERS_USE)
    send = await world.custom_role("Sending", P.CAMPAIGNS_SEND, P.LISTS_READ, P.SERVERS_USE)
    drafter = await world.someone("Dan", draft, at_workspace(world.a))
    sender = await world.someone("Sam", send, at_workspace(world.a))
    async with refused(Forbidden, denied="campaign.send", missing=["CAMPAIGNS_SEND"]):
        await campaigns.send(drafter, spring.id, expected_version=1)
    async with refused(Forbidden, denied="campaign.update", missing=["CAMPAIGNS_DRAFT"]):
        await campaigns.edit(sender, spring.id, Content(body="Spam"), expected_version=1)
    sent = await campaigns.send(sender, spring.id, expected_version=1)
    assert sent.status is CampaignStatus.SENDING


@pytest.mark.parametrize("lacking", [P.LISTS_READ, P.SERVERS_USE])
async def test_who_sends_may_use_what_it_goes_out_with_at_that_moment(
    world: World, spring: Campaign, lacking: Permission
) -> None:
    held = {P.CAMPAIGNS_SEND, P.LISTS_READ, P.SERVERS_USE} - {lacking}
    sender = await world.someone(
        "Sam", await world.custom_role("Sending", *held), at_workspace(world.a)
    )
    async with refused(NotFound):
        await campaigns.send(sender, spring.id, expected_version=1)


async def test_an_archived_workspace_sends_nothing(
    world: World, otto: Subject, spring: Campaign
) -> None:
    await Workspace.filter(id=world.a.id).update(state=WorkspaceState.ARCHIVED)
    subject = await world.subject(await Member.get(id=otto.member_id))
    reason = {"reason": "WORKSPACE_ARCHIVED"}
    async with refused(Forbidden, denied="campaign.send", **reason):
        await campaigns.send(subject, spring.id, expected_version=1)
    async with refused(Forbidden, denied="campaign.delete", **reason):
        await campaigns.delete(subject, spring.id)


async def test_a_campaign_is_deleted_with_its_assignments_and_audit_row(
    world: World, otto: Subject, spring: Campaign
) -> None:
    member = await world.member("Ann")
    await world.give(member, BuiltinRole.VIEWER, at_campaign(spring))
    before = await world.subject(member)
    assert before.access.enters(world.a.id)

    await campaigns.delete(otto, spring.id)

    assert not await Campaign.exists(id=spring.id)
    assert not await Assignment.exists(scope_id=spring.id)
    after = await world.subject(member)
    assert after.revision == before.revision + 1
    assert not after.access.enters(world.a.id)
    event = (await world.events())[-1]
    assert story(event) == ("Otto", "campaign.delete", "campaign", "Spring")
    assert (event.target_id, event.workspace_id) == (spring.id, world.a.id)
    assert {"path": "name", "before": "Spring", "after": None} in event.diff


@pytest.mark.parametrize("status", [CampaignStatus.SCHEDULED, CampaignStatus.SENDING])
async def test_a_campaign_that_goes_out_is_not_deleted(
    world: World, otto: Subject, spring: Campaign, status: CampaignStatus
) -> None:
    await Campaign.filter(id=spring.id).update(status=status)
    async with refused(Conflict):
        await campaigns.delete(otto, spring.id)


async def test_what_is_not_seen_is_neither_edited_sent_nor_deleted(
    world: World, otto: Subject
) -> None:
    hidden = await world.campaign(world.b)
    foreign = await (other := await new_world("globex")).campaign(other.a)
    for campaign_id in (hidden.id, foreign.id, UNKNOWN_ID):
        async with refused(NotFound):
            await campaigns.edit(otto, campaign_id, Content(name="Mine"), expected_version=1)
        async with refused(NotFound):
            await campaigns.send(otto, campaign_id, expected_version=1)
        async with refused(NotFound):
            await campaigns.delete(otto, campaign_id)
