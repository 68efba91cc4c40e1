"""The audit log: what a row says, whom it shows, and how a change is written down."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from identity import campaigns, roles
from identity.access.decision import Target
from identity.access.permissions import Permission
from identity.audit import read
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import NAME_LENGTH, REASON_LENGTH, AuditTarget, record, target
from identity.refusals import Forbidden
from identity.subject import Behalf, Origin, Subject, operator
from models import (
    ActorType,
    AuditEvent,
    BuiltinRole,
    CampaignStatus,
    Outcome,
    ViaType,
)
from models.listing import count_up_to_cap, page
from models.window import Window
from tests.clock import MovableClock
from tests.world import UNKNOWN_ID, World, at_workspace, new_world

ID = UUID("01a20000-0000-7000-8000-000000000001")
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "after", "diff"),
    [
        ({}, {}, []),
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [{"path": "a", "before": 1, "after": 2}]),
        ({}, {"a": None}, []),
        ({"a": "x"}, {}, [{"path": "a", "before": "x", "after": None}]),
        (
            {"s": frozenset({"a", "b"})},
            {"s": frozenset({"b", "c"})},
            [{"path": "s", "added": ["c"], "removed": ["a"]}],
        ),
        ({}, {"s": frozenset({"b", "a"})}, [{"path": "s", "added": ["a", "b"], "removed": []}]),
        (
            {"status": CampaignStatus.DRAFT, "id": None, "at": None},
            {"status": CampaignStatus.SENT, "id": ID, "at": NOON},
            [
                {"path": "status", "before": "draft", "after": "sent"},
                {"path": "id", "before": None, "after": str(ID)},
                {"path": "at", "before": None, "after": "2030-01-01T12:00:00+00:00"},
            ],
        ),
    ],
    ids=["nothing", "same", "changed", "both none", "gone", "set", "new set", "types"],
)
def test_a_diff_names_what_differs(
    before: dict[str, Any], after: dict[str, Any], diff: list[dict[str, Any]]
) -> None:
    assert changes(before, after) == diff


async def test_a_row_says_who_when_how_and_whence(
    world: World, movable_clock: MovableClock
) -> None:
    origin = Origin(request_id="r-1", ip="2001:db8::1", user_agent="Firefox", operation="Send")
    subject = replace(
        operator(world.organization.id, world.organization.plan, origin=origin),
        via_id=UNKNOWN_ID,
        via_name="n" * 1000,
        connection_id=ID,
        on_behalf_of=Behalf(world.owner.id, "Olga Öster"),
    )
    campaign = await world.campaign(world.a)
    made = await record(
        Action.CAMPAIGN_SEND,
        subject=subject,
        target=target(campaign),
        diff=[{"path": "status", "before": "draft", "after": "sending"}],
        workspace_id=world.a.id,
        reason="Launch.",
    )
    [row] = await AuditEvent.filter(id=made.id).values()
    assert row == {
        "id": made.id,
        "created_at": movable_clock.time,
        "organization_id": world.organization.id,
        "workspace_id": world.a.id,
        "actor_type": ActorType.SYSTEM,
        "actor_id": None,
        "actor_name": "operator",
        "via": ViaType.CLI,
        "via_id": UNKNOWN_ID,
        "via_name": "n" * NAME_LENGTH,
        "connection_id": ID,
        "on_behalf_of_id": world.owner.id,
        "on_behalf_of_name": "Olga Öster",
        "action": "campaign.send",
        "target_type": "campaign",
        "target_id": campaign.id,
        "target_name": "Spring",
        "outcome": Outcome.SUCCESS,
        "reason": "Launch.",
        "diff": [{"path": "status", "before": "draft", "after": "sending"}],
        "request_id": "r-1",
        "operation": "Send",
        "ip": "2001:db8::1",
        "user_agent": "Firefox",
        "words": " campaign send operator spring olga oster launch",
    }


async def test_names_and_reasons_are_cut_to_what_the_log_holds(world: World) -> None:
    made = await record(
        Action.ROLE_UPDATE,
        subject=world.operator,
        target=AuditTarget("role", UNKNOWN_ID, "n" * 1000),
        reason="r" * 5000,
    )
    row = await AuditEvent.get(id=made.id)
    assert row.target_name == "n" * NAME_LENGTH
    assert row.reason == "r" * REASON_LENGTH


async def test_a_row_outlives_what_it_is_about(world: World) -> None:
    owner = await world.subject(world.owner)
    role = await roles.create(owner, name="Shift")
    await roles.delete(owner, role.id)
    about = [e for e in await world.events() if e.target_id == role.id]
    assert [(e.action, e.target_name) for e in about] == [
        ("role.create", "Shift"),
        ("role.delete", "Shift"),
    ]


def test_every_action_is_a_noun_and_a_verb_with_a_meaning() -> None:
    for action in Action:
        noun, _, verb = action.value.partition(".")
        assert noun.replace("_", "").isalpha()
        assert verb.replace("_", "").isalpha()
        assert action.name == action.value.upper().replace(".", "_")
        assert action.meaning.endswith(".")
    assert len({action.value for action in Action}) == len(Action)


async def _read(subject: Subject, workspace_id: UUID | None = None, **window: Any) -> list[str]:
    window = {"limit": 100} | window
    listing = read.listing(subject.access, workspace_id=workspace_id)
    rows = await page(listing, Window(**window))
    return [f"{row.action} {row.target_name}" for row in rows]


async def test_the_log_is_read_newest_first_page_by_page(world: World) -> None:
    owner = await world.subject(world.owner)
    for number in range(3):
        await roles.create(owner, name=f"Role {number}")
    newest = ["role.create Role 2", "role.create Role 1", "role.create Role 0"]
    assert (await _read(owner))[:3] == newest
    assert (await _read(owner))[-1] == "organization.create Acme"
    assert await _read(owner, limit=1) == newest[:1]
    last = (await world.events())[-1].id
    assert await _read(owner, limit=2, after=last) == newest[1:]
    assert await _read(owner, limit=2, before=last) == []
    assert await count_up_to_cap(read.listing(owner.access)) == len(await world.events())


async def test_the_log_of_a_workspace_holds_what_happened_in_it(world: World) -> None:
    for workspace, name in ((world.a, "Spring"), (world.b, "Autumn")):
        campaign = await world.campaign(workspace, name)
        await campaigns.send(await world.subject(world.owner), campaign.id, expected_version=1)
    auditor = await world.someone("Aud", BuiltinRole.AUDITOR, at_workspace(world.a))
    assert await _read(auditor, world.a.id) == ["role.assign Aud", "campaign.send Spring"]
    assert await count_up_to_cap(read.listing(auditor.access, workspace_id=world.a.id)) == 2
    for place in (None, world.b.id):
        with pytest.raises(Forbidden):
            await _read(auditor, place)
        with pytest.raises(Forbidden):
            read.listing(auditor.access, workspace_id=place)


async def test_no_row_of_another_organization_is_read(world: World) -> None:
    other = await new_world("globex")
    campaign = await other.campaign(other.a)
    await campaigns.send(other.operator, campaign.id, expected_version=1)
    owner = await world.subject(world.owner)
    assert not any("Globex" in line or "Spring" in line for line in await _read(owner))
    assert await _read(owner, other.a.id) == []


async def test_who_may_not_read_the_log_is_told_what_is_missing(world: World) -> None:
    viewer = await world.someone("Vera", BuiltinRole.VIEWER, world.everywhere)
    with pytest.raises(Forbidden) as refused:
        await _read(viewer)
    assert refused.value.details == {"reason": "MISSING_PERMISSION", "missing": ["AUDIT_READ"]}
    assert not viewer.access.allows(Permission.AUDIT_READ, Target(world.a.id))
