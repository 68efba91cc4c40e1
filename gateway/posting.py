"""Delivering what is due to webhooks, for as long as a process works."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from identity.fetching import Client
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


async def _post_until(stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        await post(stopping)
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await stopping.wait()


async def post(stopping: asyncio.Event | None = None) -> None:
    """Deliver all that is due now. What fails is logged, and due again when its lease is over."""
    stopped = asyncio.Event().is_set if stopping is None else stopping.is_set
    try:
        await feed.catch_up()
        if not await delivering.is_ready():
            return
    except (Refusal, *FAILURES) as error:
        log.warning("it could not be looked for webhooks: %r", error)
        return
    await asyncio.gather(*(_serve(managing.client(), stopped) for _ in range(AT_A_TIME)))


async def _serve(client: Client, stopped: Callable[[], bool]) -> None:
    try:
        while not stopped() and (taken := await delivering.take()) is not None:
            await delivering.serve(taken, client, stopped=stopped)
    except Exception:
        log.exception("a webhook was not served")
