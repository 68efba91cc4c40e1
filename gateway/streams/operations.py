"""The operations that run on one connection at a time, each by the id that its client gave it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Protocol

from starlette.requests import HTTPConnection

from gateway.graphql.door import meant
from gateway.graphql.parsing import Asked
from gateway.graphql.responses import refusal_body
from gateway.rate_limits import RateLimits
from gateway.settings import Settings
from gateway.streams.bounds import StreamBounds, TooManyStreams
from identity.credentials.key_uses import key_uses
from identity.presence import Presence
from identity.refusals import Conflict, RateLimited, Refusal
from identity.subject import Subject
from schema.cost import Cost
from schema.execution import Answer, Prepared
from schema.streams import answers

LONGEST_ID = 100
TO_END_SECONDS = 0.3
"""How long a connection waits for its operations; what cannot be interrupted ends by itself."""

Begin = Callable[[], AsyncGenerator[Answer, None]]


async def ready(connection: HTTPConnection, asked: Asked, subject: Subject) -> Prepared | Answer:
    """What to run, counted among what the caller may spend; or the answer that says why not.

    Raises `RateLimited`, and what is wrong with the request.
    """
    found = await meant(connection, asked, subject)
    await _spend(connection, subject, found.cost)
    return found


async def _spend(connection: HTTPConnection, subject: Subject, cost: Cost | None) -> None:
    rate_limits: RateLimits = connection.app.state.rate_limits
    await rate_limits.spend(subject, cost.requested if cost is not None else 1)


async def answers_to(
    connection: HTTPConnection, asked: Asked, presence: Presence
) -> AsyncGenerator[Answer, None]:
    """Every answer to a request; one that was not executed is the last. Raises `Unauthenticated`
    when the session is over.
    """
    try:
        found = await ready(connection, asked, presence.subject)
    except Refusal as refusal:
        yield Answer(refusal_body(refusal), executed=False)
        return
    async with aclosing(answers_of(connection, found, presence)) as each_answer:
        async for each in each_answer:
            yield each


async def answers_of(
    connection: HTTPConnection, found: Prepared | Answer, presence: Presence
) -> AsyncGenerator[Answer, None]:
    """The same for what was found ready. Each answer after the first costs what the first did."""
    if isinstance(found, Answer):
        yield found
        return
    key_uses.note(presence.subject, found.name)
    settings: Settings = connection.app.state.settings
    paid = True
    each_answer = answers(found, presence, seconds=settings.operation_seconds)
    async with aclosing(each_answer):
        async for each in each_answer:
            try:
                if not paid:
                    await _spend(connection, presence.subject, found.cost)
            except RateLimited as refusal:
                yield Answer(refusal_body(refusal), executed=False)
                return
            paid = False
            yield each


class Outlet(Protocol):
    """Where answers go, in the words of a protocol. All wait until there is room."""

    async def result(self, operation_id: str, answer: Answer) -> None: ...

    async def refused(self, operation_id: str, answer: Answer) -> None:
        """The last word: what was asked for is not executed, or no longer."""

    async def complete(self, operation_id: str) -> None:
        """The last word otherwise."""


class AlreadyRunning(Conflict):
    def __init__(self, operation_id: str) -> None:
        super().__init__(f"There is an operation {operation_id!r} already on this stream.")


class Operations:
    """What runs for one caller; `run` is running while the connection is open."""

    def __init__(self, presence: Presence, outlet: Outlet, bounds: StreamBounds) -> None:
        self.presence = presence
        self._outlet = outlet
        self._bounds = bounds
        self._held = 0
        self._begins: dict[str, tuple[Begin, int]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] | None = None
        self.unfinished: list[str] = []
        """The ids of what was stopped because the connection ended."""

    @property
    def ids(self) -> list[str]:
        return [*self._begins, *self._tasks]

    def require_free(self, operation_id: str, size: int) -> None:
        """Raise `AlreadyRunning`, and `TooManyStreams` when no more may run. `size` is how many
        characters the request has.
        """
        if operation_id in self._begins or operation_id in self._tasks:
            raise AlreadyRunning(operation_id)
        most = self._bounds.operations
        if len(self.ids) + len(self._ending) >= most:
            raise TooManyStreams(f"A stream runs {most} operations at most.", limit=most)
        most = self._bounds.held
        if self._held + size > most:
            raise TooManyStreams(
                f"What a stream runs has {most:,} characters at most, together.", limit=most
            )

    def start(self, operation_id: str, begin: Begin, *, size: int) -> None:
        """Run it now, or as soon as the connection is open. Raises what `require_free` raises."""
        self.require_free(operation_id, size)
        self._held += size
        if self._failed is None:
            self._begins[operation_id] = begin, size
        else:
            self._start(operation_id, begin, size)

    def _start(self, operation_id: str, begin: Begin, size: int) -> None:
        task = asyncio.create_task(self._run(operation_id, begin))
        self._tasks[operation_id] = task
        task.add_done_callback(lambda ended: self._end(operation_id, ended, size))

    def stop(self, operation_id: str) -> None:
        """Let it deliver nothing more. One that is not there has ended already."""
        if operation_id in self._begins:
            _, size = self._begins.pop(operation_id)
            self._held -= size
        if operation_id in self._tasks:
            self._leave(operation_id).cancel()

    async def run(self) -> None:
        """Raises `Unauthenticated` when the caller's session is over, and what fails."""
        self._failed = asyncio.get_running_loop().create_future()
        for operation_id in list(self._begins):
            self._start(operation_id, *self._begins.pop(operation_id))
        try:
            await until_one_ends(self.presence.stay(), _outcome(self._failed))
        finally:
            self.unfinished = self.ids
            tasks = {*self._tasks.values(), *self._ending}
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=TO_END_SECONDS)

    async def _run(self, operation_id: str, begin: Begin) -> None:
        async with aclosing(begin()) as each_answer:
            async for answer in each_answer:
                if not answer.executed:
                    self._leave(operation_id)
                    await self._outlet.refused(operation_id, answer)
                    return
                await self._outlet.result(operation_id, answer)
        self._leave(operation_id)
        await self._outlet.complete(operation_id)

    def _leave(self, operation_id: str) -> asyncio.Task[None]:
        """Its id is free for another one; it counts until it has ended."""
        task = self._tasks.pop(operation_id)
        self._ending.add(task)
        return task

    def _end(self, operation_id: str, task: asyncio.Task[None], size: int) -> None:
        self._held -= size
        self._ending.discard(task)
        if self._tasks.get(operation_id) is task:
            del self._tasks[operation_id]
        if task.cancelled() or (error := task.exception()) is None:
            return
        if self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)


async def _outcome(failed: asyncio.Future[None]) -> None:
    await failed


async def until_one_ends(*work: Coroutine[Any, Any, Any]) -> None:
    """Run all until the first ends, and stop the others. Raises what that one raised."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        ended = [task for task in tasks if task.done()]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in ended:
        task.result()
