"""What waits for somebody else's lock is answered in time, and changes nothing."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from identity import workspaces
from identity.refusals import Busy
from identity.sso import domains
from models import AuditEvent, LoginAttempt, Session, Workspace, database
from models.database import opened
from models.migrating import LOCK_KEY, upgrade
from models.sql import is_postgres
from tests.conftest import SECRET_KEYS
from tests.models.catalog import rows
from tests.sso.browser import Browser, denials, prove, reason_of
from tests.sso.conftest import add_connection
from tests.sso.hostile_provider import HostileProvider
from tests.world import World, new_world


@pytest.fixture
async def impatient(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The opened database, in which nobody waits for more than 50 ms."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
    on_postgres = database_url.startswith("postgres")
    url = f"{database_url}?lock_timeout=50ms" if on_postgres else database_url
    async with opened(url, SECRET_KEYS):
        yield database_url


@asynccontextmanager
async def held(url: str, world: World) -> AsyncIterator[None]:
    """Another process's transaction, with the organization's lock."""
    if url.startswith("postgres"):
        other = await asyncpg.connect(url)
        async with other.transaction():
            await other.execute(
                "SELECT 1 FROM organizations WHERE id = $1 FOR UPDATE", world.organization.id
            )
            yield
        await other.close()
        return
    writer = sqlite3.connect(url.removeprefix("sqlite://"), isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    yield
    writer.execute("ROLLBACK")
    writer.close()


async def test_a_lock_that_is_held_is_busy(impatient: str) -> None:
    world = await new_world("acme")
    before = (await Workspace.all().count(), await AuditEvent.all().count())
    async with held(impatient, world):
        with pytest.raises(Busy) as refused:
            await workspaces.create(world.operator, slug="late", name="Late")

    assert (refused.value.code, refused.value.status) == ("BUSY", 503)
    assert (await Workspace.all().count(), await AuditEvent.all().count()) == before
    await workspaces.create(world.operator, slug="late", name="Late")
    assert await Workspace.all().count() == before[0] + 1


async def test_another_organization_goes_on_meanwhile(impatient: str) -> None:
    world, other = await new_world("acme"), await new_world("globex")
    if not is_postgres():
        pytest.skip("SQLite has one writer.")
    async with held(impatient, world):
        created = await workspaces.create(other.operator, slug="own", name="Own")

    assert created.organization_id == other.organization.id


async def test_the_limits_hold_in_every_connection(database: str) -> None:
    if not is_postgres():
        pytest.skip("SQLite waits for the busy timeout.")
    names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    found = {name: (await rows(f"SHOW {name}"))[0][name] for name in names}

    assert found == {
        "lock_timeout": "3s",
        "statement_timeout": "15s",
        "idle_in_transaction_session_timeout": "1min",
    }


async def test_a_sign_in_that_meets_a_held_lock_is_not_over(
    impatient: str, hostile: HostileProvider
) -> None:
    world, browser = await new_world("acme"), Browser()
    await domains.verify_by_operator(world.operator, "acme.example")
    await world.member("Bob")
    page = await prove(browser, hostile, await add_connection(world, hostile.issuer))
    async with held(impatient, world):
        answer = await browser.finish(page)
        assert (answer.status_code, reason_of(answer)) == (503, "busy")

    assert await Session.all().count() == 0
    assert (await LoginAttempt.get()).finished_at is None
    assert await denials() == []
    assert (await browser.finish(page)).status_code == 303


async def test_a_migration_waits_as_long_as_it_takes(empty_database_url: str) -> None:
    if not empty_database_url.startswith("postgres"):
        pytest.skip("SQLite has no such limits.")
    other = await asyncpg.connect(empty_database_url)
    await other.execute(f"SELECT pg_advisory_lock({LOCK_KEY})")
    limits = "lock_timeout=50ms&statement_timeout=200ms"
    async with opened(f"{empty_database_url}?{limits}", SECRET_KEYS):
        upgrading = asyncio.create_task(upgrade())
        await asyncio.sleep(0.4)
        assert not upgrading.done()
        await other.close()
        assert await upgrading != []
