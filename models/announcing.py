"""Telling every process that shares the database what was committed.

On PostgreSQL with LISTEN and NOTIFY. On SQLite within the process, after the commit; what another
process commits (a second worker, the command line) is noticed by the file's version.

`announce` is part of the transaction: it goes out exactly when that commits. PostgreSQL lets
transactions with a NOTIFY commit one after the other, so this is for what is rare and must not be
lost. `mention` costs the transaction nothing: it goes out some milliseconds after the commit,
together with others, and is lost if the process dies between the two.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from models.sql import FAILURES, Statement, connection, is_postgres

CHANNEL = "gatepost"
LONGEST = 200
"""Characters of one text. PostgreSQL takes less than 8000 bytes; a text is a fact, not content."""
TOGETHER_SECONDS = 0.02
"""How long a mention waits for others."""
LOOK_SECONDS = 0.3
"""How often SQLite's file is looked at."""
HEARTBEAT_SECONDS = 5
RETRY_SECONDS = 0.5

Hear = Callable[[str], None]
Missed = Callable[[], None]

_NOTIFY = Statement("SELECT pg_notify($1, $2)")
_NOTIFY_ALL = Statement("SELECT pg_notify($1, text) FROM unnest($2::text[]) AS text")
_FILE_VERSION = Statement("PRAGMA data_version")
"""Changes when another connection has committed; ours is the only one of this process."""

log = logging.getLogger("gatepost.announcing")

_hearing: list[tuple[Hear, Missed]] = []
_said: ContextVar[list[str] | None] = ContextVar("said", default=None)


class _Mentions:
    """What waits to go out to the processes of a PostgreSQL database."""

    def __init__(self) -> None:
        self._texts: dict[str, None] = {}
        self._sending: asyncio.Task[None] | None = None

    def add(self, texts: list[str]) -> None:
        self._texts.update(dict.fromkeys(texts))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_soon())

    async def _send_soon(self) -> None:
        await asyncio.sleep(TOGETHER_SECONDS)
        self._sending = None
        await self._send()

    async def _send(self) -> None:
        texts, self._texts = list(self._texts), {}
        try:
            await _NOTIFY_ALL.rows(CHANNEL, texts)
        except FAILURES as error:
            log.warning("%d mentions were not sent: %r", len(texts), error)

    async def finish(self) -> None:
        """Send what still waits, before the database is closed."""
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
            await self._send()


_mentions = _Mentions()
finish = _mentions.finish


async def announce(text: str) -> None:
    """Tell it with the commit of the caller's transaction. It is not told when that rolls back."""
    if is_postgres():
        await _NOTIFY.rows(CHANNEL, _checked(text))
    else:
        _say(text)


def mention(text: str) -> None:
    """Tell it soon after the commit of the caller's transaction."""
    _say(text)


def _say(text: str) -> None:
    said = _said.get()
    if said is None:
        _tell([_checked(text)])
    else:
        said.append(_checked(text))


def _checked(text: str) -> str:
    if len(text) > LONGEST:
        raise ValueError("too long to announce")
    return text


def _tell(texts: list[str]) -> None:
    if not texts:
        return
    if is_postgres():
        _mentions.add(texts)
        return
    for text in texts:
        for hear, _ in _hearing:
            hear(text)


@contextmanager
def held() -> Iterator[None]:
    """Around a transaction: what is said inside is told when the block, and every block around it,
    has ended well.
    """
    outer, said = _said.get(), list[str]()
    token = _said.set(said)
    try:
        yield
    except asyncio.CancelledError:  # perhaps while it committed
        for _, missed in _hearing:
            missed()
        raise
    finally:
        _said.reset(token)
    if outer is None:
        _tell(said)
    else:
        outer.extend(said)


@asynccontextmanager
async def listening(hear: Hear, missed: Missed) -> AsyncIterator[None]:
    """While the block runs, `hear` gets what any process tells, this one included, once it has
    committed. `missed` says that something may not have been heard: look for yourself. Both must
    return at once. The database is open.
    """
    listener = (hear, missed)
    _hearing.append(listener)
    task = asyncio.create_task(_listen(hear, missed) if is_postgres() else _look(missed))
    try:
        yield
    finally:
        _hearing.remove(listener)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _look(missed: Missed) -> None:
    """Notice what other processes commit to the SQLite file."""
    seen: object = None
    while True:
        try:
            row = await _FILE_VERSION.row()
        except FAILURES as error:
            log.warning("the database was not looked at: %r", error)
            row = None
        version = None if row is None else row["data_version"]
        if version is None or version != seen:
            missed()
        seen = version
        await asyncio.sleep(LOOK_SECONDS)


async def _listen(hear: Hear, missed: Missed) -> None:
    """Hold a connection that listens; after a loss, say so until there is one again."""
    while True:
        try:
            async with connection().acquire_connection() as raw:
                await _listen_until_lost(raw, hear, missed)
            log.warning("the connection that listens was lost")
        except FAILURES as error:
            log.warning("there is no connection that listens: %r", error)
        missed()
        await asyncio.sleep(RETRY_SECONDS)


async def _listen_until_lost(raw: Any, hear: Hear, missed: Missed) -> None:
    lost = asyncio.Event()

    def on_notification(_connection: object, _pid: int, _channel: str, text: str) -> None:
        hear(text)

    def on_termination(_connection: object) -> None:
        lost.set()

    raw.add_termination_listener(on_termination)
    await raw.add_listener(CHANNEL, on_notification)
    try:
        missed()
        while not lost.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await lost.wait()
            if not lost.is_set():
                await raw.execute("SELECT 1", timeout=HEARTBEAT_SECONDS)
    except TimeoutError:
        raw.terminate()  # a network that swallows packets would hold up giving it back, too
        raise
    finally:
        if not raw.is_closed():
            raw.remove_termination_listener(on_termination)
            await raw.remove_listener(CHANNEL, on_notification)
