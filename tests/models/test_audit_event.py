"""Audit events can be added, and neither changed nor deleted."""

import pytest
from tortoise.exceptions import BaseORMException

from models import ActorType, AuditEvent, Outcome, ViaType
from models.database import transaction
from models.ids import new_id
from models.sql import Statement


async def _event() -> AuditEvent:
    return await AuditEvent.create(
        organization_id=new_id(),
        actor_type=ActorType.SYSTEM,
        actor_name="operator",
        via=ViaType.CLI,
        action="role.create",
        outcome=Outcome.SUCCESS,
    )


@pytest.mark.parametrize(
    ("sql", "operation"),
    [
        ("UPDATE audit_events SET actor_name = 'nobody'", "UPDATE"),
        ("UPDATE audit_events SET actor_name = actor_name WHERE id = $1", "UPDATE"),
        ("DELETE FROM audit_events", "DELETE"),
        ("DELETE FROM audit_events WHERE id = $1", "DELETE"),
    ],
)
async def test_an_event_stays_as_it_was(database: str, sql: str, operation: str) -> None:
    event = await _event()
    values = [event.id] if "$1" in sql else []

    with pytest.raises(BaseORMException, match=f"append-only: {operation} is refused"):
        await Statement(sql).execute(*values)

    assert [(row.id, row.actor_name) for row in await AuditEvent.all()] == [(event.id, "operator")]


async def test_the_change_that_tried_to_alter_the_log_is_undone_as_a_whole(database: str) -> None:
    event = await _event()

    async def tamper() -> None:
        async with transaction():
            await _event()
            await event.delete()

    with pytest.raises(BaseORMException, match="append-only"):
        await tamper()
    assert await AuditEvent.all().count() == 1
