"""Plain SQL saves and loads a row exactly as Tortoise does."""

from datetime import UTC, datetime

from models import AuditEvent, Campaign, CampaignStatus, rows
from models.ids import new_id
from models.sql import Statement, as_uuid
from tests.statements import counted_statements
from tests.world import UNKNOWN_ID, World


async def test_a_row_is_saved_as_tortoise_saves_it(world: World) -> None:
    (model, *_) = await world.events()
    given = {name: getattr(model, name) for name in rows.columns(AuditEvent)}
    given |= {
        "created_at": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        "workspace_id": world.a.id,
        "diff": [{"path": "näme", "before": None, "after": 'a "b" \\ ☃'}],
        "reason": "Why",
    }
    theirs = await AuditEvent.create(**{**given, "id": new_id()})
    ours = AuditEvent(**{**given, "id": new_id()})
    await rows.insert(ours)

    raw = Statement("SELECT * FROM audit_events WHERE id = $1")
    expected = dict(await raw.row(theirs.id) or {})
    saved = dict(await raw.row(ours.id) or {})
    assert (as_uuid(expected.pop("id")), as_uuid(saved.pop("id"))) == (theirs.id, ours.id)
    assert saved == expected
    assert len(saved) == len(given) - 1


async def test_a_row_is_loaded_as_tortoise_loads_it(world: World) -> None:
    campaign = await world.campaign(world.a)
    (found,) = await rows.matching(Campaign, "t.id = $1", [campaign.id])
    assert rows.contents(found) == rows.contents(await Campaign.get(id=campaign.id))
    assert found.status is CampaignStatus.DRAFT
    assert await rows.matching(Campaign, "t.id = $1", [UNKNOWN_ID]) == []


async def test_only_what_changed_is_saved(world: World) -> None:
    campaign = await world.campaign(world.a)
    await Campaign.filter(id=campaign.id).update(delivered=7)
    since = rows.contents(campaign)
    campaign.name, campaign.mailing_list_id = "Summer", None
    campaign.status = CampaignStatus.PAUSED
    campaign.scheduled_at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    await rows.update(campaign, since)
    saved = await Campaign.get(id=campaign.id)
    assert (saved.name, saved.mailing_list_id) == ("Summer", None)
    assert (saved.status, saved.scheduled_at) == (CampaignStatus.PAUSED, campaign.scheduled_at)
    assert (saved.delivered, saved.body) == (7, campaign.body)


async def test_what_did_not_change_is_not_saved(world: World) -> None:
    campaign = await world.campaign(world.a)
    with counted_statements() as statements:
        await rows.update(campaign, rows.contents(campaign))
    assert statements == []
