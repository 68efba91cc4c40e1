"""A process that serves writes what members use, now and then and when it ends."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from gateway import recording as module
from gateway.recording import recording
from identity import permission_uses
from identity.access.permissions import Permission
from identity.permission_uses import uses
from identity.subject import Subject
from models import BuiltinRole, PermissionUse
from models.sql import Statement
from tests.world import World, at_workspace


@pytest.fixture
async def vera(world: World) -> Subject:
    return await world.someone("Vera", BuiltinRole.VIEWER, at_workspace(world.a))


async def until(happened: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(10):
        while not await happened():  # noqa: ASYNC110 - nothing tells of a row
            await asyncio.sleep(0.02)


async def test_it_is_written_while_the_process_serves(
    vera: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(module, "WRITE_SECONDS", 0.02)
    async with recording():
        uses.note(vera, Permission.CAMPAIGNS_READ.bit)
        await until(PermissionUse.all().exists)
    assert (await PermissionUse.get()).permissions == ["campaigns:read"]


async def test_it_is_written_when_the_process_ends(vera: Subject) -> None:
    async with recording():
        uses.note(vera, Permission.CAMPAIGNS_READ.bit)
        assert await PermissionUse.all().count() == 0
    assert (await PermissionUse.get()).permissions == ["campaigns:read"]


async def test_what_fails_is_said_and_written_the_next_time(
    vera: Subject, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(module, "WRITE_SECONDS", 0.02)
    with monkeypatch.context() as broken, caplog.at_level(logging.WARNING):
        for name in ("_ADD_ON_POSTGRES", "_ADD_ON_SQLITE"):
            broken.setattr(permission_uses, name, Statement("INSERT INTO nowhere VALUES ($1, $2)"))
        async with recording():
            uses.note(vera, Permission.CAMPAIGNS_READ.bit)
            async with asyncio.timeout(10):
                while len(caplog.records) < 2:  # noqa: ASYNC110 - nothing tells of a log record
                    await asyncio.sleep(0.02)
            broken.undo()
            await until(PermissionUse.all().exists)
    assert "what members use could not be written" in caplog.text
    assert (await PermissionUse.get()).permissions == ["campaigns:read"]
