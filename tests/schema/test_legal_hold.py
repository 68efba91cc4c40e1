"""How long the audit log is kept, and the hold that an owner places, through GraphQL."""

from datetime import timedelta

import httpx
import pytest

from identity import retention
from identity.access.permissions import Permission
from models import AuditRetention, BuiltinRole
from models.clock import now
from tests.door import Person, sign_in
from tests.tampering import past_triggers
from tests.world import World

HOLD = """
    mutation ($held: Boolean!, $reason: String!) {
      setLegalHold(input: {held: $held, reason: $reason}) {
        organization { auditRetention { days legalHold windowStartsAt } }
      }
    }
"""
RETENTION = "{ organization { auditRetention { days legalHold windowStartsAt } } }"


NEITHER = (BuiltinRole.OWNER, BuiltinRole.CREATOR)
"""Creator is held at single resources only."""
OTHERS = [builtin for builtin in BuiltinRole if builtin not in NEITHER]


async def test_an_owner_places_a_hold_and_ends_it(olga: Person, world: World) -> None:
    data = await olga.data(HOLD, {"held": True, "reason": "Case 7"})
    kept = {"days": 2555, "legalHold": True, "windowStartsAt": None}
    assert data["setLegalHold"]["organization"]["auditRetention"] == kept
    again = await olga.ask(HOLD, {"held": True, "reason": "Case 7"})
    assert again["errors"][0]["extensions"]["code"] == "CONFLICT"
    data = await olga.data(HOLD, {"held": False, "reason": "Closed"})
    assert data["setLegalHold"]["organization"]["auditRetention"]["legalHold"] is False
    events = [(event.action, event.actor_name, event.reason) for event in await world.events()]
    assert events[-2:] == [
        ("audit.hold", "olga@acme.example", "Case 7"),
        ("audit.release", "olga@acme.example", "Closed"),
    ]


async def test_the_date_up_to_which_events_are_deleted(
    olga: Person, world: World, database: str
) -> None:
    await retention.carry_out(world.organization.id)
    async with past_triggers(database) as run:
        at = now() - timedelta(days=31)
        bound = at if database.startswith("postgres") else str(at)
        await run("UPDATE audit_retentions SET created_at = $1", bound)
    data = await olga.data(RETENTION)
    expected = (now() - timedelta(days=2555)).date().isoformat()
    assert data["organization"]["auditRetention"]["windowStartsAt"].startswith(expected)


@pytest.mark.parametrize("builtin", OTHERS)
async def test_nobody_else_does(
    http: httpx.AsyncClient, world: World, builtin: BuiltinRole
) -> None:
    member = await world.member("Mia")
    await world.give(member, builtin, world.everywhere)
    mia = await sign_in(http, world, member)
    body = await mia.ask(HOLD, {"held": True, "reason": "Case 7"})
    assert body["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await AuditRetention.all().count() == 0


async def test_a_role_with_the_permission_makes_no_owner(
    http: httpx.AsyncClient, world: World
) -> None:
    chief = await world.custom_role("Chief", Permission.ORGANIZATION_UPDATE)
    member = await world.member("Chris")
    await world.give(member, chief, world.everywhere)
    chris = await sign_in(http, world, member)
    body = await chris.ask(HOLD, {"held": True, "reason": "Case 7"})
    assert body["errors"][0]["extensions"]["reason"] == "OWNER_ONLY"
    assert await AuditRetention.all().count() == 0
    event = (await world.events())[-1]
    assert (event.action, event.outcome.value) == ("audit.hold", "denied")


async def test_who_may_not_read_the_log_is_not_told(http: httpx.AsyncClient, world: World) -> None:
    member = await world.member("Vera")
    await world.give(member, BuiltinRole.VIEWER, world.everywhere)
    vera = await sign_in(http, world, member)
    body = await vera.ask(RETENTION)
    assert body["data"]["organization"]["auditRetention"] is None
    assert body["errors"][0]["extensions"]["missing"] == ["AUDIT_READ"]
