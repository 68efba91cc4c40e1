"""Writing down what members use, and when API keys are used, for as long as a process serves."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from identity.credentials.key_uses import key_uses
from identity.permission_uses import drop_old, uses
from models.sql import FAILURES

WRITE_SECONDS = 30.0
"""How old a use becomes before it is written: what a crash may lose."""
LOOK_SECONDS = 1.0
"""How often it is looked if there is much to write earlier."""
LAST_SECONDS = 5.0
"""How long the last writing may take, when the process is told to stop."""

log = logging.getLogger("gatepost.permission_uses")


@asynccontextmanager
async def recording() -> AsyncIterator[None]:
    """While the block runs, what is used is written now and then, and once more at its end."""
    writing = asyncio.create_task(_write_again_and_again())
    try:
        yield
    finally:
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        await _write(LAST_SECONDS)


async def _write_again_and_again() -> None:
    written = time.monotonic()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if uses.many or key_uses.many or time.monotonic() - written >= WRITE_SECONDS:
            await _write()
            written = time.monotonic()


async def _write(seconds: float | None = None) -> None:
    """Write what there is, and drop some of what is old. What fails is tried the next time."""
    try:
        async with asyncio.timeout(seconds):
            await uses.write()
            await key_uses.write()
            await drop_old()
    except FAILURES as error:
        log.warning("what members use could not be written: %r", error)
