"""One request answered by the engine and by graphql-core, which must not differ in a byte."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from identity.subject import Subject
from schema import execution
from schema.engine.engine import Done, Engine
from schema.engine.shapes import NotCompiled
from schema.execution import BROKEN, Answer, Request
from schema.metrics import FALLBACKS
from tests.schema.asking import answered


def fallbacks() -> dict[str, float]:
    """How often graphql-core executed an operation, by reason."""
    samples = (sample for family in FALLBACKS.collect() for sample in family.samples)
    return {s.labels["reason"]: s.value for s in samples if s.name.endswith("_total")}


class NothingCompiles:
    """In the place of the engine: leaves every operation to graphql-core."""

    def knows(self, *_: object) -> bool:
        return False

    async def query(self, *_: object) -> Done:
        raise NotCompiled(FORCED)

    async def mutation(self, *_: object) -> Done:
        raise NotCompiled(FORCED)


FORCED = "a test"
ENGINE = "engine"
"""The name of the engine in `schema.execution`."""


@dataclass(slots=True)
class Tally:
    """How many operations were compared: how many the engine answered, how many of those had
    errors, and how many were asked by callers who were only presumed.
    """

    asked: int = 0
    by_engine: int = 0
    with_errors: int = 0
    gated: int = 0


@dataclass(frozen=True, slots=True)
class Counting:
    """The engine, and how often it gave an answer."""

    engine: Engine
    tally: Tally

    async def query(self, *arguments: Any) -> Done:
        return self._counted(await self.engine.query(*arguments))

    async def mutation(self, *arguments: Any) -> Done:
        return self._counted(await self.engine.mutation(*arguments))

    def _counted(self, done: Done) -> Done:
        self.tally.by_engine += 1
        self.tally.with_errors += bool(done.errors)
        return done


@contextmanager
def instead_of_the_engine(other: Any) -> Iterator[None]:
    engine = getattr(execution, ENGINE)
    setattr(execution, ENGINE, other)
    try:
        yield
    finally:
        setattr(execution, ENGINE, engine)


@contextmanager
def counting(tally: Tally) -> Iterator[None]:
    """Counts what the engine answers, which must not break."""
    broken = fallbacks().get(BROKEN, 0)
    with instead_of_the_engine(Counting(getattr(execution, ENGINE), tally)):
        yield
    assert fallbacks().get(BROKEN, 0) == broken, "the engine broke"


async def by_engine(request: Request, subject: Subject, tally: Tally) -> Answer:
    """The answer as the door gives it: of the engine, if it compiles the operation."""
    tally.asked += 1
    with counting(tally):
        return await answered(request, subject)


async def by_graphql_core(request: Request, subject: Subject) -> Answer:
    with instead_of_the_engine(NothingCompiles()):
        return await answered(request, subject)


def text(found: Answer) -> str:
    """The body as the response has it."""
    return orjson.dumps(found.body, option=orjson.OPT_INDENT_2).decode()


def require_same(request: Request, engine: Answer, core: Answer) -> None:
    """The same data, keys in the same order, and the same errors."""
    assert text(engine) == text(core), shown(request)
    assert (engine.executed, engine.cost) == (core.executed, core.cost)


def shown(request: Request) -> str:
    given: Any = dict(request.variables)
    return f"{request.query}\n{given} {request.operation_name}"
