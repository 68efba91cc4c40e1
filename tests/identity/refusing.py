"""What every refusal has in common: nothing has changed, and the audit log knows of the attempt."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from identity.audit.record import REASON_LENGTH
from identity.refusals import Refusal
from models import AuditEvent, Outcome
from tests.models.catalog import OF_THE_LOG, all_models


@asynccontextmanager
async def refused(
    kind: type[Refusal], *, denied: str | None = None, **details: Any
) -> AsyncIterator[None]:
    """The block is refused so, with these details, and leaves every table as it was.

    `denied` is the action that is recorded as denied; without it, nothing is recorded.
    """
    before, log = await everything(), await AuditEvent.all().count()
    with pytest.raises(kind) as caught:
        yield
    refusal = caught.value
    assert type(refusal) is kind
    assert {name: refusal.details[name] for name in details} == details
    assert await everything() == before
    events = (await AuditEvent.all().order_by("id"))[log:]
    assert [(event.action, event.outcome) for event in events] == (
        [(denied, Outcome.DENIED)] if denied else []
    )
    for event in events:
        assert event.reason == f"{refusal.code}: {refusal.message}"[:REASON_LENGTH]
        assert event.diff == []


async def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table but the audit log."""
    return {
        str(model._meta.db_table): await model.all().order_by("id").values()
        for model in all_models()
        if model not in OF_THE_LOG
    }


async def outcome(change: Awaitable[object]) -> str:
    """The code of the refusal, or DONE: for changes that race."""
    try:
        await change
    except Refusal as refusal:
        return refusal.code
    return "DONE"


def story(event: AuditEvent) -> tuple[str, str, str | None, str | None]:
    """Who did what to whom: (actor, action, kind of target, its name)."""
    assert event.outcome is Outcome.SUCCESS
    return event.actor_name, event.action, event.target_type, event.target_name
