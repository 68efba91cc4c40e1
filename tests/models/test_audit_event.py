"""What the audit log holds is added, and neither changed nor deleted: by whatever SQL is tried."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from tortoise.exceptions import BaseORMException

from models import (
    ActorType,
    AuditCheckpoint,
    AuditEvent,
    AuditKey,
    AuditRetention,
    AuditSeal,
    AuditUnsealed,
    Outcome,
    ViaType,
)
from models.clock import now
from models.database import transaction
from models.ids import new_id
from models.sql import Statement, connection, is_postgres
from tests.tampering import past_triggers

ACME = UUID("01a20000-0000-7000-8000-00000000acae")
TABLES = (AuditEvent, AuditUnsealed, AuditSeal, AuditCheckpoint, AuditKey, AuditRetention)


async def _event(created_at: datetime | None = None) -> AuditEvent:
    return await AuditEvent.create(
        created_at=created_at or now(),
        organization_id=ACME,
        actor_type=ActorType.SYSTEM,
        actor_name="operator",
        via=ViaType.CLI,
        action="role.create",
        outcome=Outcome.SUCCESS,
    )


async def _seal(event: AuditEvent, sequence: int = 1) -> AuditSeal:
    return await AuditSeal.create(
        id=event.id, organization_id=ACME, sequence=sequence, salt=b"s", digest=b"d", hash=b"h"
    )


async def _everything() -> AuditEvent:
    """A row in every table of the log; its event is sealed and waits in the queue as well."""
    event = await _event()
    await _seal(event)
    await AuditCheckpoint.create(
        organization_id=ACME, sequence=1, hash=b"h", kept_from=1, key_id="k", signature=b"s"
    )
    await AuditKey.create(number=1, key_id="k", public_key="p", private_key_encrypted="e")
    await AuditRetention.create(organization_id=ACME, days=30)
    return event


async def _contents() -> list[object]:
    return [await model.all().order_by("id").values() for model in TABLES]


async def _refused(sql: str, *values: object, operation: str) -> None:
    before = await _contents()
    with pytest.raises(BaseORMException, match=f"is append-only: {operation} is refused"):
        await Statement(sql).execute(*values)
    assert await _contents() == before


@pytest.mark.parametrize(
    ("sql", "operation"),
    [
        ("UPDATE audit_events SET actor_name = 'nobody'", "UPDATE"),
        ("UPDATE audit_events SET actor_name = actor_name", "UPDATE"),
        ("DELETE FROM audit_events", "DELETE"),
        ("UPDATE audit_seals SET hash = digest", "UPDATE"),
        ("DELETE FROM audit_seals", "DELETE"),
        ("UPDATE audit_unsealed SET organization_id = id", "UPDATE"),
        ("UPDATE audit_checkpoints SET kept_from = 2", "UPDATE"),
        ("DELETE FROM audit_checkpoints", "DELETE"),
        ("UPDATE audit_retentions SET days = 1", "UPDATE"),
        ("DELETE FROM audit_retentions", "DELETE"),
        ("UPDATE audit_keys SET public_key = 'mine'", "UPDATE"),
        ("DELETE FROM audit_keys", "DELETE"),
    ],
)
async def test_a_row_stays_as_it_was(database: str, sql: str, operation: str) -> None:
    await _everything()
    await _refused(sql, operation=operation)


async def test_an_event_leaves_the_queue_only_when_it_is_sealed(database: str) -> None:
    event = await _event()
    assert [row.id for row in await AuditUnsealed.all()] == [event.id]
    await _refused("DELETE FROM audit_unsealed", operation="DELETE")
    await _seal(event)
    assert await Statement("DELETE FROM audit_unsealed").execute() == 1


async def test_how_a_private_key_is_encrypted_may_change(database: str) -> None:
    await _everything()
    await Statement("UPDATE audit_keys SET private_key_encrypted = 'anew'").execute()
    assert [key.private_key_encrypted for key in await AuditKey.all()] == ["anew"]


@pytest.mark.parametrize("model", TABLES)
async def test_no_table_is_emptied_at_once(database: str, model: type[AuditEvent]) -> None:
    await _everything()
    if not is_postgres():
        pytest.skip("SQLite has no TRUNCATE")
    await _refused(f"TRUNCATE {model._meta.db_table}", operation="TRUNCATE")


@pytest.mark.parametrize("model", TABLES)
@pytest.mark.parametrize("by", ["id", "rowid"])
async def test_no_row_is_replaced(database: str, model: type[AuditEvent], by: str) -> None:
    """SQLite's REPLACE deletes the row that stands in the way, and fires no delete trigger."""
    await _everything()
    if is_postgres():
        pytest.skip("PostgreSQL has no REPLACE")
    table, columns = model._meta.db_table, list(model._meta.fields_db_projection)
    values = [f"'{new_id()}'" if by == "rowid" and c == "id" else c for c in columns]
    rowid = ("rowid", "rowid") if by == "rowid" else (columns[0], values[0])
    names, given = [rowid[0], *columns], [rowid[1], *values]
    if by == "id":
        names, given = columns, values
    await _refused(
        f"INSERT OR REPLACE INTO {table} ({', '.join(names)})"
        f" SELECT {', '.join(given)} FROM {table}",
        operation="INSERT",
    )


async def test_no_seal_takes_the_place_of_another(database: str) -> None:
    await _everything()
    replace = "INSERT" if is_postgres() else "INSERT OR REPLACE"
    before = await _contents()
    with pytest.raises(BaseORMException):
        await Statement(
            f"{replace} INTO audit_seals (id, organization_id, sequence, salt, digest, hash)"
            " SELECT $1, organization_id, sequence, salt, digest, hash FROM audit_seals"
        ).execute(new_id())
    assert await _contents() == before


async def test_the_change_that_tried_to_alter_the_log_is_undone_as_a_whole(database: str) -> None:
    event = await _event()

    async def tamper() -> None:
        async with transaction():
            await _event()
            await event.delete()

    with pytest.raises(BaseORMException, match="append-only"):
        await tamper()
    assert await AuditEvent.all().count() == 1
    assert await AuditUnsealed.all().count() == 1


async def _declared(
    database: str, *, days: int, ago: timedelta, held: bool = False, organization: UUID = ACME
) -> None:
    """A window that was declared in the past, which nobody can do but past the triggers."""
    async with past_triggers(database) as run:
        at = now() - ago
        await run(
            "INSERT INTO audit_retentions (id, created_at, organization_id, days, held)"
            " VALUES ($1, $2, $3, $4, $5)",
            new_id(),
            at if database.startswith("postgres") else str(at),
            organization,
            days,
            held,
        )


MONTH, DAY = timedelta(days=30), timedelta(days=1)


@pytest.mark.parametrize(
    ("declared", "age", "goes"),
    [
        ([], 5000 * DAY, False),
        ([(40, MONTH + DAY, False)], 41 * DAY, True),
        ([(40, MONTH + DAY, False)], 39 * DAY, False),
        ([(40, MONTH - DAY, False)], 5000 * DAY, False),
        ([(1, MONTH + DAY, False)], 29 * DAY, False),
        ([(365, 2 * MONTH, False), (30, MONTH - DAY, False)], 364 * DAY, False),
        ([(365, 2 * MONTH, False), (30, MONTH - DAY, False)], 366 * DAY, True),
        ([(365, 3 * MONTH, False), (30, MONTH + DAY, False)], 31 * DAY, True),
        ([(30, 2 * MONTH, False), (365, DAY, False)], 364 * DAY, False),
        ([(30, 2 * MONTH, False), (30, DAY, True)], 5000 * DAY, False),
        ([(30, 3 * MONTH, False), (30, 2 * MONTH, True), (30, DAY, False)], 5000 * DAY, False),
        ([(30, 3 * MONTH, True), (30, MONTH + DAY, False)], 31 * DAY, True),
    ],
    ids=[
        "never declared",
        "past the window",
        "within the window",
        "declared lately",
        "shorter than the shortest",
        "shortened lately, within",
        "shortened lately, past",
        "shortened long ago",
        "lengthened lately",
        "held",
        "released lately",
        "released long ago",
    ],
)
async def test_an_event_goes_when_it_is_older_than_every_window_of_the_last_month(
    database: str, declared: list[tuple[int, timedelta, bool]], age: timedelta, goes: bool
) -> None:
    event = await _event(now() - age)
    await _seal(event)
    for days, ago, held in declared:
        await _declared(database, days=days, ago=ago, held=held)
    if not goes:
        await _refused("DELETE FROM audit_events WHERE id = $1", event.id, operation="DELETE")
        return
    await _refused("DELETE FROM audit_seals", operation="DELETE")
    assert await Statement("DELETE FROM audit_events WHERE id = $1").execute(event.id) == 1
    assert await Statement("DELETE FROM audit_seals").execute() == 1


async def test_what_is_not_sealed_stays_however_old_it_is(database: str) -> None:
    event = await _event(now() - 5000 * DAY)
    await _declared(database, days=30, ago=2 * MONTH)
    await _refused("DELETE FROM audit_events WHERE id = $1", event.id, operation="DELETE")


async def test_a_window_of_another_organization_deletes_nothing(database: str) -> None:
    event = await _event(now() - 5000 * DAY)
    await _seal(event)
    await _declared(database, days=30, ago=2 * MONTH, organization=new_id())
    await _refused("DELETE FROM audit_events WHERE id = $1", event.id, operation="DELETE")


async def test_nobody_declares_a_window_in_the_past(database: str) -> None:
    with pytest.raises(BaseORMException, match="an earlier time is refused"):
        await AuditRetention.create(
            created_at=now() - timedelta(hours=2), organization_id=ACME, days=30
        )
    assert await AuditRetention.all().count() == 0


async def test_no_table_of_the_same_name_stands_in(database: str) -> None:
    """A temporary table comes first where a name is looked up."""
    event = await _event(now() - 5000 * DAY)
    await _declared(database, days=30, ago=2 * MONTH)

    async def shadowed(sql: str) -> None:
        async with transaction():
            await connection().execute_query(
                "CREATE TEMPORARY TABLE audit_seals AS SELECT id FROM audit_events"
            )
            await Statement(sql).execute()

    with pytest.raises(BaseORMException, match="DELETE is refused"):
        await shadowed("DELETE FROM audit_events")
    with pytest.raises(BaseORMException, match="DELETE is refused"):
        await shadowed("DELETE FROM audit_unsealed")
    assert [row.id for row in await AuditEvent.all()] == [event.id]
    assert await AuditUnsealed.all().count() == 1
