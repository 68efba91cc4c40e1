"""What is compared of one operation: its answer, and what it leaves behind."""

import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from identity.credentials import key_tokens, sessions
from identity.credentials.gate import GateClosed
from identity.credentials.limits import SessionLimits
from models import ids
from models.database import transaction
from models.sql import Statement
from schema.execution import Answer, Request
from tests.schema.asking import answered_behind
from tests.schema.engine.both import (
    Tally,
    by_engine,
    by_graphql_core,
    counting,
    require_same,
    shown,
)
from tests.schema.engine.changes import mutation
from tests.schema.engine.choices import Choices
from tests.schema.engine.documents import query, varied
from tests.schema.engine.stage import ORIGIN, Stage
from tests.uses import Noted, noting

CHANGED = (
    ("organizations", "*"),
    ("workspaces", "*"),
    ("members", "*"),
    ("sessions", "*"),
    ("groups", "*"),
    ("group_members", "*"),
    ("roles", "*"),
    ("assignments", "*"),
    ("campaigns", "*"),
    ("mailing_lists", "*"),
    (
        "sending_servers",
        "id, name, host, port, username, version, updated_at, password_fingerprint",
    ),
    ("api_keys", "*"),
    ("audit_events", "*"),
)
"""The tables that mutations write, but for what is encrypted: that is never the same twice."""


async def compare_query(stage: Stage, choices: Choices, tally: Tally) -> None:
    """What the engine leaves to graphql-core is not compared: that would be with itself, and of
    several errors below the same null it gives whichever happens first.
    """
    first = query(choices, stage.pool)
    for _ in range(stage.askers):
        request = varied(choices, first)
        subject = stage.subject(choices)
        answered = tally.by_engine
        with noting() as used:
            engine = await by_engine(request, subject, tally)
        if tally.by_engine > answered:
            with noting() as used_by_core:
                require_same(request, engine, await by_graphql_core(request, subject))
            require_noted(request, used, used_by_core)


async def compare_gated(stage: Stage, choices: Choices, tally: Tally) -> None:
    """The same for callers who are only presumed, unless the gate is closed to the operation."""
    first = query(choices, stage.pool)
    for _ in range(stage.askers):
        request = varied(choices, first)
        caller = choices.of(stage.signed_in)
        subject = await sessions.authenticate(caller, limits=SessionLimits(), origin=ORIGIN)
        presumed = sessions.presumed(caller, limits=SessionLimits(), origin=ORIGIN)
        assert presumed is not None
        try:
            with counting(tally):
                engine = await answered_behind(request, *presumed)
        except GateClosed:
            continue
        tally.asked, tally.gated = tally.asked + 1, tally.gated + 1
        require_same(request, engine, await by_graphql_core(request, subject))


async def compare_mutation(stage: Stage, choices: Choices, tally: Tally) -> None:
    request, subject = mutation(choices, stage.pool), stage.able(choices)
    with noting() as used:
        engine, left = await _undone(lambda: by_engine(request, subject, tally))
    with noting() as used_by_core:
        core, same = await _undone(lambda: by_graphql_core(request, subject))
    require_same(request, engine, core)
    assert left == same, shown(request)
    require_noted(request, used, used_by_core)


def require_noted(request: Request, engine: Noted, core: Noted) -> None:
    """graphql-core decides field by field, and the engine before it reads: it may take more for
    used, but never less.
    """
    assert core.permissions <= engine.permissions, shown(request)


MAKER = "uuid7"
"""The name in `models.ids` of what makes ids."""
SECRET = "_secret"
"""The name in `identity.credentials.key_tokens` of what makes secrets."""


class _Undo(Exception):
    """Rolls a transaction back."""


async def _undone(ask: Callable[[], Awaitable[Answer]]) -> tuple[Answer, dict[str, list[object]]]:
    """The answer, and the rows that were there after it, before all of it was rolled back."""
    with suppress(_Undo):
        async with transaction():
            with counted_ids():
                found = await ask()
            left = {table: await _rows(table, columns) for table, columns in CHANGED}
            raise _Undo
    return found, left


async def _rows(table: str, columns: str) -> list[object]:
    rows = await Statement(f"SELECT {columns} FROM {table} ORDER BY id").rows()
    return [tuple(row) for row in rows]


@contextmanager
def counted_ids() -> Iterator[None]:
    """New rows get the same ids each time, and still sort after those that are there; new secrets
    are the same.
    """
    made = iter(range(1, 10_000))
    real, secret = getattr(ids, MAKER), getattr(key_tokens, SECRET)
    random_bytes = secrets.token_bytes
    secrets.token_bytes = lambda nbytes=None: (nbytes or 32) * b"s"
    setattr(key_tokens, SECRET, lambda: 43 * "s")
    setattr(ids, MAKER, lambda: UUID(f"fe000000-0000-7000-8000-{next(made):012d}"))
    try:
        yield
    finally:
        setattr(ids, MAKER, real)
        setattr(key_tokens, SECRET, secret)
        secrets.token_bytes = random_bytes
