"""The time that an operation has. When it is over, or when nobody waits for the answer any more,
the task is cancelled: asyncpg then has PostgreSQL cancel the statement, and open transactions are
rolled back.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.requests import Request

from identity.refusals import TimedOut

WATCHED_AFTER = 0.1
"""Seconds, after which the connection is watched. Most operations are done before, and pay nothing
for it.
"""


@asynccontextmanager
async def time_budget(request: Request, seconds: float) -> AsyncIterator[None]:
    """Run the block within so many seconds. Raises `TimedOut`, and so it does, to nobody, when the
    client has gone. The body of the request must have been read.
    """
    loop = asyncio.get_running_loop()
    watching: list[asyncio.Task[None]] = []
    budget = asyncio.timeout(seconds)

    def watch() -> None:
        watching.append(loop.create_task(_end_when_gone(request, budget)))

    later = loop.call_later(WATCHED_AFTER, watch)
    try:
        async with budget:
            yield
    except TimeoutError as error:
        if not budget.expired():
            raise
        raise TimedOut(seconds) from error
    finally:
        later.cancel()
        for task in watching:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _end_when_gone(request: Request, budget: asyncio.Timeout) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    budget.reschedule(asyncio.get_running_loop().time())
