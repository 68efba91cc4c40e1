"""Running what is asked for on a stream: a subscription's answers one after the other, or the one
answer of a query or a mutation.

A subscription's field is checked when it begins, before each event, and whenever the caller's
access changes in between. Each event is executed by the caller as they are then, so that the fields
inside are decided anew as well.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

from graphql import (
    ExecutionResult,
    Executor,
    GraphQLError,
    OperationType,
    create_source_event_stream,
)

from identity.access.decision import ORGANIZATION
from identity.access.permissions import bits_of
from identity.permission_uses import uses
from identity.presence import Presence
from identity.refusals import Refusal, TimedOut, Unauthenticated
from identity.subject import Subject
from schema.context import Context
from schema.directives import At
from schema.execution import Answer, Prepared, answer, executed, wrong
from schema.guard import declared_auth, require_one
from schema.nodes import located
from schema.operations import RootField, root_fields
from schema.schema import graphql_schema

ResultT = TypeVar("ResultT")

_END = object()


async def answers(
    ready: Prepared, presence: Presence, *, seconds: float
) -> AsyncGenerator[Answer, None]:
    """The answers, until there are no more. One that was not executed is the last. A query or a
    mutation has so many `seconds`.

    Raises `Unauthenticated` when the caller's session is over.
    """
    if ready.kind is not OperationType.SUBSCRIPTION:
        subject = await presence.present(used=True)
        try:
            yield await _uninterrupted(_within(seconds, answer(ready, subject)))
        except TimedOut as refusal:
            error = GraphQLError(refusal.message, original_error=refusal)
            yield wrong([error], subject.origin.request_id)
        return
    subscribed = _Subscribed(ready, presence)
    try:
        async with aclosing(_events(subscribed)) as events:
            async for each in events:
                yield each
    except Unauthenticated:
        raise
    except Refusal as refusal:
        yield wrong([subscribed.error(refusal)], presence.subject.origin.request_id)


@dataclass(slots=True)
class _Subscribed:
    """A subscription, and who follows it."""

    ready: Prepared
    presence: Presence
    field: RootField | None = None

    def context(self, subject: Subject) -> Context:
        subject = subject.during(self.ready.name)
        return Context(subject, presence=self.presence, asked=self.asked)

    @property
    def asked(self) -> int:
        """The permissions of which one is needed to follow it, as a mask."""
        auth = declared_auth(self.field.definition) if self.field is not None else None
        return 0 if auth is None else bits_of(auth.requires)

    async def require(self, subject: Subject) -> None:
        """Raise the refusal unless the subject may have the field, there where it is asked for."""
        auth = declared_auth(self.field.definition) if self.field is not None else None
        if self.field is None or auth is None:
            return
        target = ORGANIZATION
        named = None if auth.at == At.ORGANIZATION else self.field.arguments.get(auth.at)
        if named is not None:
            _, target = await located(subject.access, named, field=auth.at)
        require_one(subject.access, auth.requires, target)

    def error(self, refusal: Refusal) -> GraphQLError:
        if self.field is None:
            return GraphQLError(refusal.message, original_error=refusal)
        return GraphQLError(
            refusal.message, self.field.node, path=[self.field.key], original_error=refusal
        )


async def _events(subscribed: _Subscribed) -> AsyncGenerator[Answer, None]:
    presence, ready = subscribed.presence, subscribed.ready
    request_id = presence.subject.origin.request_id
    subject = await presence.present()
    built = Executor.build(
        graphql_schema,
        ready.document.node,
        context_value=subscribed.context(subject),
        raw_variable_values=dict(ready.request.variables),
        operation_name=ready.request.operation_name,
        hide_suggestions=True,
    )
    if isinstance(built, list):
        yield wrong(built, request_id)
        return
    try:
        fields = root_fields(graphql_schema, ready.document.node, ready.operation, ready.variables)
        subscribed.field = next(iter(fields), None)
    except GraphQLError as unusable:  # an argument that has no usable value
        yield wrong([unusable], request_id)
        return
    if subscribed.field is None:
        yield wrong([GraphQLError("This subscription has no field.", ready.operation)], None)
        return
    await subscribed.require(subject)
    context = subscribed.context(subject)
    if refused := ready.refused_inputs(context):
        yield wrong(refused, request_id)
        return
    uses.note(subject, context.asked)
    source = create_source_event_stream(built)
    if not isinstance(source, ExecutionResult | AsyncIterable):
        source = await source
    if isinstance(source, ExecutionResult):
        yield wrong(list(source.errors or []), request_id)
        return
    async with aclosing(_allowed(source, subscribed, subject)) as allowed:
        async for event, present in allowed:
            yield await executed(ready, subscribed.context(present), root=event)


async def _allowed(
    source: AsyncIterable[Any], subscribed: _Subscribed, known: Subject
) -> AsyncGenerator[tuple[Any, Subject], None]:
    """The events of the source, each with the subject that was just found to be allowed to see it.

    Raises the refusal as soon as the subject is not, with an event or without.
    """
    presence = subscribed.presence
    events = aiter(source)
    arriving: asyncio.Task[Any] | None = None
    try:
        while True:
            arriving = arriving or asyncio.create_task(_next(events))
            changing = asyncio.create_task(presence.changed_from(known))
            try:
                await asyncio.wait({arriving, changing}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                changing.cancel()
            known = await presence.present()
            await subscribed.require(known)
            if arriving.done():
                payload, arriving = arriving.result(), None
                if payload is _END:
                    return
                yield payload, known
    finally:
        if arriving is not None:
            arriving.cancel()
            await asyncio.wait({arriving})
        if isinstance(events, AsyncGenerator):
            await events.aclose()


async def _next(events: Any) -> Any:
    return await anext(events, _END)


async def _within(seconds: float, work: Coroutine[Any, Any, ResultT]) -> ResultT:
    budget = asyncio.timeout(seconds)
    try:
        async with budget:
            return await work
    except TimeoutError as error:
        if not budget.expired():
            raise
        raise TimedOut(seconds) from error


_running: set[asyncio.Task[Any]] = set()


async def _uninterrupted(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """The result; a caller that is cancelled waits for the work to end all the same: a mutation
    that began is carried out, and a connection cannot be used to begin more than it may run.
    """
    task = asyncio.create_task(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
