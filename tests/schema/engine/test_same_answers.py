"""The engine and graphql-core give the same answer: random operations, random permissions.

Each document is made from the schema and asked by several subjects. `long_run` does it at length.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from identity.access.load import cache
from models.database import opened
from schema.schema import graphql_schema
from tests.clock import MovableClock
from tests.conftest import SECRET_KEYS
from tests.examples import examples
from tests.schema.engine.both import Tally
from tests.schema.engine.changes import given_to
from tests.schema.engine.choices import Choices, seeded
from tests.schema.engine.comparing import compare_gated, compare_mutation, compare_query
from tests.schema.engine.documents import Document
from tests.schema.engine.stage import Stage, new_stage

Compare = Callable[[Stage, Choices, Tally], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Running:
    """A loop that stays for all examples, with the stage in its database."""

    runner: asyncio.Runner
    stage: Stage

    def compared(self, compare: Compare, documents: int) -> Tally:
        """How many operations were the same. Hypothesis makes the documents, and shrinks one that
        makes a difference.
        """
        tally = Tally()

        @examples(documents, at_length=50 * documents)
        @given(st.data())
        def same(data: st.DataObject) -> None:
            choices = Choices(lambda n: data.draw(st.integers(0, n - 1)))
            self.runner.run(compare(self.stage, choices, tally))

        same()
        return tally


@asynccontextmanager
async def staged(database_url: str) -> AsyncIterator[Stage]:
    cache.clear()
    async with opened(database_url, SECRET_KEYS):
        yield await new_stage()


@pytest.fixture
def running(database_url: str, movable_clock: MovableClock) -> Iterator[Running]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            yield Running(runner, runner.run(stack.enter_async_context(staged(database_url))))
        finally:
            runner.run(stack.aclose())


def test_queries(running: Running) -> None:
    tally = running.compared(compare_query, 60)

    assert tally.by_engine > 140, tally
    assert tally.with_errors > 40, tally


def test_queries_of_callers_who_are_presumed(running: Running) -> None:
    tally = running.compared(compare_gated, 120)

    assert tally.by_engine == tally.gated > 40, tally


def test_mutations(running: Running) -> None:
    """Equal answers, and equal rows and audit events left behind."""
    tally = running.compared(compare_mutation, 80)

    assert tally.by_engine > 20, tally


def test_every_mutation_is_given_what_it_needs(running: Running) -> None:
    root = graphql_schema.mutation_type
    assert root is not None
    for name in root.fields:
        assert given_to(name, Document(seeded(0), running.stage.pool))
