"""`python -m benchmarks.graphql`: see README.md."""

import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import uvloop

from benchmarks.graphql import cold, documents, floor, layers, workers
from benchmarks.graphql.answers import Answers
from benchmarks.graphql.comparing import Pace, compare
from benchmarks.graphql.database import Database, on_postgres, on_sqlite
from benchmarks.graphql.load import WrongAnswer
from benchmarks.graphql.operations import Operation, operations
from benchmarks.graphql.report import GATEPOST, aims, tables
from benchmarks.graphql.servers import Contender, contenders

FULL = Pace(rounds=3, seconds=1.5)
QUICK = Pace(rounds=1, seconds=0.8)
PARTS = ("compare", "cold", "layers", "workers", "sqlite")
EXTRA = ("memory",)
"""Takes long, and so runs only by name."""


@dataclass(frozen=True, slots=True)
class Run:
    """What was asked for on the command line."""

    parts: Sequence[str]
    only: Sequence[str]
    against: Sequence[str]
    pace: Pace
    documents: int
    folder: Path

    def contenders(self) -> list[Contender]:
        every = contenders()
        names = [GATEPOST, *(n for n in (self.against or every) if n != GATEPOST)]
        return [every[name] for name in names]

    def operations(self, database: Database) -> list[Operation]:
        every = operations(database.seeded)
        return [every[name] for name in (self.only or every)]


@click.command()
@click.option("--only", multiple=True, help="An operation to measure; every one without it.")
@click.option("--against", multiple=True, help="A peer to measure; every one without it.")
@click.option("--part", "parts", multiple=True, type=click.Choice([*PARTS, *EXTRA]))
@click.option("--quick", is_flag=True, help="One short round.")
@click.option("--rounds", type=int, help="How many rounds, instead of the usual number.")
@click.option("--seconds", type=float, help="How long a round of one contender is.")
@click.option("--documents", default=100_000, help="For the part `memory`.")
def main(
    only: tuple[str, ...],
    against: tuple[str, ...],
    parts: tuple[str, ...],
    quick: bool,
    rounds: int | None,
    seconds: float | None,
    documents: int,
) -> None:
    """Measure Gatepost beside other GraphQL servers, on this machine."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the servers end with us
    usual = QUICK if quick else FULL
    pace = Pace(rounds or usual.rounds, seconds or usual.seconds)
    chosen = parts or (("compare", "cold") if quick else PARTS)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(chosen, only, against, pace, documents, Path(folder))
        try:
            uvloop.run(measured(run))
        except WrongAnswer as wrong:
            logs = "\n".join(path.read_text()[-3000:] for path in Path(folder).glob("*.log"))
            sys.exit(f"A wrong answer: {wrong}\n{logs}")


async def measured(run: Run) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:  # the first is for the servers
        os.sched_setaffinity(0, cores[1:2])
    async with on_postgres() as database:
        answers = Answers(database.seeded)
        if "compare" in run.parts:
            await _compare(run, database, answers)
        if "cold" in run.parts:
            await _lines(cold.measured(database, answers, run.contenders(), run.folder))
        if "layers" in run.parts:
            await _lines(layers.measured(database, answers, run.operations(database), run.folder))
        if "workers" in run.parts:
            os.sched_setaffinity(0, cores)
            await _lines(workers.measured(database, answers, run.operations(database), run.folder))
            os.sched_setaffinity(0, cores[1:2])
        if "memory" in run.parts:
            await _lines(documents.measured(database, run.documents, run.folder))
    if "sqlite" in run.parts:
        async with on_sqlite(run.folder) as database:
            click.echo("\nGatepost alone, on SQLite")
            alone = Run(run.parts, run.only, (GATEPOST,), run.pace, 0, run.folder)
            await _compare(alone, database, Answers(database.seeded))


async def _compare(run: Run, database: Database, answers: Answers) -> None:
    asked = run.operations(database)
    click.echo(f"The client alone: {await floor.measured():.0f} answers a second.")
    comparison = await compare(
        database,
        answers,
        run.contenders(),
        asked,
        run.pace,
        run.folder,
        lambda t: click.echo(t, err=True),
    )
    for line in tables(comparison, {operation.name: operation for operation in asked}):
        click.echo(line)
    for line in aims(comparison):
        click.echo(line)


async def _lines(lines: AsyncIterator[str]) -> None:
    async for line in lines:
        click.echo(line)


if __name__ == "__main__":
    main()
