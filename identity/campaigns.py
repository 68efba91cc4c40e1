"""Campaigns: drafting, sending, deleting.

Drafting and sending are different permissions and neither implies the other. What a campaign goes
out with (its list, its server) needs `read` or `use` when it is attached, and of whoever sends it
again at that moment.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from identity import creators, moments, text
from identity.access import targets
from identity.access.compiled import Access
from identity.access.kinds import CAMPAIGN, MAILING_LIST, SENDING_SERVER, ResourceKind
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.deleting import Deletion, deleted
from identity.editing import Edit, edited
from identity.refusals import BadInput, Conflict, InUse
from identity.subject import Subject
from identity.writing import writing
from models.campaign import OVER, Campaign, CampaignStatus
from models.clock import now

BODY_LENGTH = 1_000_000


@dataclass(frozen=True, slots=True)
class Content:
    """What a draft is made of. For an edit, `None` leaves a part as it is."""

    name: str | None = None
    subject: str | None = None
    body: str | None = None
    mailing_list_id: UUID | None = None
    sending_server_id: UUID | None = None


async def draft(subject: Subject, workspace_id: UUID, content: Content) -> Campaign:
    """Start a campaign. Raises `NotFound`, `Forbidden`, `BadInput`."""
    adding = creators.adding(CAMPAIGN, workspace_id)
    async with writing(subject, Action.CAMPAIGN_CREATE, changes_access=adding) as write:
        workspace = await targets.workspace(write.access, workspace_id, Permission.CAMPAIGNS_DRAFT)
        campaign = Campaign(workspace=workspace, owner_id=write.subject.member_id)
        await _take(write.access, campaign, content, name=content.name or "")
        await campaign.save(force_create=True)
        await write.record(
            target(campaign), changes({}, _facts(campaign)), workspace_id=workspace.id
        )
        await creators.give(write, CAMPAIGN, campaign, by=Permission.CAMPAIGNS_DRAFT)
    return campaign


async def edit(
    subject: Subject,
    campaign_id: UUID,
    content: Content,
    *,
    expected_version: int,
    seen: Campaign | None = None,
) -> Campaign:
    """Change a draft. Raises `NotFound`, `Forbidden`, `BadInput`, and `Conflict` when it is no
    longer a draft or was changed meanwhile. `seen` as in `editing.edited`.
    """
    attaches = content.mailing_list_id is not None or content.sending_server_id is not None

    async def decide(access: Access, campaign: Campaign) -> None:
        if not campaign.status.editable:
            raise Conflict(f"A campaign that is {campaign.status.value} can no longer be edited.")
        await _take(access, campaign, content, name=campaign.name)

    change = Edit(
        action=Action.CAMPAIGN_UPDATE,
        model=Campaign,
        permission=Permission.CAMPAIGNS_DRAFT,
        expected_version=expected_version,
        facts=_facts,
        decide=decide,
        rests_on=None if attaches else ("status",),
    )
    return await edited(subject, campaign_id, change, seen=seen)


async def send(
    subject: Subject,
    campaign_id: UUID,
    *,
    expected_version: int,
    at: datetime | None = None,
) -> Campaign:
    """Start a campaign now, or schedule it for `at`.

    Raises `NotFound`, `Forbidden`, `BadInput` for a past time or an unfinished campaign, and
    `Conflict` when it is not a draft or was changed since it was looked at.
    """

    async def decide(access: Access, campaign: Campaign) -> None:
        if campaign.status is not CampaignStatus.DRAFT:
            raise Conflict(f"This campaign is {campaign.status.value}; only a draft can be sent.")
        start = None if at is None else moments.future(at, what="time to send", field="at")
        _require_complete(campaign)
        await _require_attachable(
            access, campaign, campaign.mailing_list_id, campaign.sending_server_id
        )
        campaign.status = CampaignStatus.SENDING if start is None else CampaignStatus.SCHEDULED
        campaign.scheduled_at = start
        campaign.started_at = now() if start is None else None

    change = Edit(
        action=Action.CAMPAIGN_SEND,
        model=Campaign,
        permission=Permission.CAMPAIGNS_SEND,
        expected_version=expected_version,
        facts=_facts,
        decide=decide,
    )
    return await edited(subject, campaign_id, change)


async def delete(subject: Subject, campaign_id: UUID) -> Campaign:
    """Delete a campaign and what was assigned at it.

    Raises `NotFound`, `Forbidden`, and `Conflict` while it is going out.
    """
    deletion = Deletion(
        Action.CAMPAIGN_DELETE, CAMPAIGN, Permission.CAMPAIGNS_DELETE, _facts, _require_deletable
    )
    return await deleted(subject, campaign_id, deletion)


async def _require_deletable(campaign: Campaign) -> None:
    if not campaign.status.deletable:
        raise Conflict(f"A campaign that is {campaign.status.value} cannot be deleted.")


async def let_go(**attached: UUID) -> None:
    """Detach a list or a server that is going away, named by its column, from the campaigns that
    are over; their own log says what they went out with. Raises `InUse` when another one has it.

    The caller holds the organization's lock exclusively, so that nobody attaches it meanwhile.
    """
    having = Campaign.filter(**attached)
    if await having.exclude(status__in=OVER).exists():
        raise InUse("A campaign that is not over uses it. Give that campaign another one first.")
    await having.update(**dict.fromkeys(attached, None))


async def _take(access: Access, campaign: Campaign, content: Content, *, name: str) -> None:
    campaign.name = text.label(name if content.name is None else content.name, field="name")
    if content.subject is not None:
        campaign.subject = text.prose(content.subject, field="subject", longest=500, lines=False)
    if content.body is not None:
        campaign.body = text.prose(content.body, field="body", longest=BODY_LENGTH)
    await _require_attachable(access, campaign, content.mailing_list_id, content.sending_server_id)
    campaign.mailing_list_id = content.mailing_list_id or campaign.mailing_list_id
    campaign.sending_server_id = content.sending_server_id or campaign.sending_server_id


async def _require_attachable(
    access: Access, campaign: Campaign, list_id: UUID | None, server_id: UUID | None
) -> None:
    """Raise `NotFound` unless the subject may read or use the list and the server, and `BadInput`
    unless they are in the campaign's workspace.
    """
    if list_id is not None:
        await _attachable(access, MAILING_LIST, list_id, campaign, "mailingListId")
    if server_id is not None:
        await _attachable(access, SENDING_SERVER, server_id, campaign, "sendingServerId")


async def _attachable(
    access: Access, kind: ResourceKind[Any], attached_id: UUID, campaign: Campaign, field: str
) -> None:
    attached = await targets.visible_resource(access, kind, attached_id)
    if attached.workspace_id != campaign.workspace_id:
        raise BadInput(
            f"This {kind.label} belongs to another workspace than the campaign.",
            field=field,
        )


def _require_complete(campaign: Campaign) -> None:
    for value, field, what in (
        (campaign.mailing_list_id, "mailingListId", "a mailing list"),
        (campaign.sending_server_id, "sendingServerId", "a sending server"),
        (campaign.subject.strip(), "subject", "a subject"),
        (campaign.body.strip(), "body", "a body"),
    ):
        if not value:
            raise BadInput(f"Give the campaign {what} before it is sent.", field=field)


def _facts(campaign: Campaign) -> dict[str, object]:
    return {
        "name": campaign.name,
        "status": campaign.status,
        "subject": campaign.subject,
        "body": campaign.body,
        "mailingList": campaign.mailing_list_id,
        "sendingServer": campaign.sending_server_id,
        "scheduledAt": campaign.scheduled_at,
    }
