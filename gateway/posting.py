"""Delivering what is due to webhooks, for as long as a process works."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from identity.refusals import Refusal
from identity.webhooks import delivering, feed, managing
from models.sql import FAILURES

LOOK_SECONDS = 1.0
"""How often it is looked for what is due."""
AT_A_TIME = 8
"""Webhooks that one process serves at a time."""

log = logging.getLogger("gatepost.webhooks")


@asynccontextmanager
async def posting() -> AsyncIterator[None]:
    """While the block runs, webhooks are served. At its end, what is under way is finished."""
    stopping = asyncio.Event()
    task = asyncio.create_task(_post_until(stopping))
    try:
        yield
    finally:
        stopping.set()
        await task


async def post() -> None:
    """Deliver all that is due now. What fails is logged, and due again when its lease is over."""
    if await _is_ready():
        await asyncio.gather(*(_serve(lambda: False) for _ in range(AT_A_TIME)))


async def _post_until(stopping: asyncio.Event) -> None:
    """A webhook that is slow takes one place of several; the others do not wait for it."""
    serving: set[asyncio.Task[None]] = set()
    while not stopping.is_set():
        free = AT_A_TIME - len(serving)
        if free and await _is_ready():
            for _ in range(free):
                task = asyncio.create_task(_serve(stopping.is_set))
                serving.add(task)
                task.add_done_callback(serving.discard)
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await stopping.wait()
    if serving:
        await asyncio.wait(serving)


async def _is_ready() -> bool:
    try:
        await feed.catch_up()
        return await delivering.is_ready()
    except (Refusal, *FAILURES) as error:
        log.warning("it could not be looked for webhooks: %r", error)
        return False


async def _serve(stopped: Callable[[], bool]) -> None:
    """Serve webhooks as long as there is one for which something is due."""
    try:
        while not stopped() and (taken := await delivering.take()) is not None:
            await delivering.serve(taken, managing.client(), stopped=stopped)
    except Exception:
        log.exception("a webhook was not served")
