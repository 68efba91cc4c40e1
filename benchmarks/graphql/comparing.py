"""The comparison: all contenders run at once, and are asked in turn, in short rounds."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.graphql.answers import Answers, is_asked
from benchmarks.graphql.database import Database
from benchmarks.graphql.load import Sample, Spent, driven
from benchmarks.graphql.operations import MUTATION, Operation
from benchmarks.graphql.servers import Contender, Server, settings_of_peers

WARM_SECONDS = 0.4
NEVER_REACHED = 10**15
"""What people may spend: it is counted all the same."""
FIRST_WARM_SECONDS = 1.5
"""Before the first round: the compilers of JavaScript need a thousand requests."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long each contender is asked, and how many times over."""

    rounds: int
    seconds: float


@dataclass
class Result:
    """What one contender did in one operation, one sample a round."""

    samples: list[Sample] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self._median(lambda sample: sample.rate)

    @property
    def p50(self) -> float:
        return self._median(lambda sample: sample.percentile(0.5))

    @property
    def p99(self) -> float:
        return self._median(lambda sample: sample.percentile(0.99))

    @property
    def cpu(self) -> float:
        """Seconds of the server a request."""
        return self._median(lambda sample: sample.cpu_seconds / len(sample.latencies))

    @property
    def database_cpu(self) -> float:
        return self._median(lambda sample: sample.database_cpu_seconds / len(sample.latencies))

    def times(self, other: "Result") -> float:
        """How many times the requests of `other` this one served: the median of the rounds."""
        pairs = zip(self.samples, other.samples, strict=True)
        return statistics.median(mine.rate / theirs.rate for mine, theirs in pairs)

    def _median(self, of: Callable[[Sample], float]) -> float:
        return statistics.median(of(sample) for sample in self.samples)


@dataclass
class Comparison:
    """The results by operation and contender, and the peak memory and the log of each contender."""

    results: dict[str, dict[str, Result]]
    peaks_mb: Mapping[str, float]
    tracebacks: Mapping[str, int]


async def compare(
    database: Database,
    answers: Answers,
    contenders: Sequence[Contender],
    asked: Sequence[Operation],
    pace: Pace,
    folder: Path,
    progress: Callable[[str], object],
) -> Comparison:
    """Check every answer, then measure. Raises `WrongAnswer` when contenders disagree."""
    environment = environment_of(database, folder)
    results = {
        operation.name: {c.name: Result() for c in contenders if is_asked(c.name, operation)}
        for operation in asked
    }
    with ExitStack() as running:
        servers = [running.enter_context(Server(c, environment, folder)) for c in contenders]
        for server in servers:
            await server.ready()
            for operation in asked:
                if is_asked(server.contender.name, operation):
                    await answers.check(server.contender.name, server.port, operation)
            progress(f"{server.contender.name} agrees.")
        for turn in range(pace.rounds):
            for operation in asked:
                progress(f"round {turn + 1} of {pace.rounds}: {operation.name}")
                for server in servers[turn % len(servers) :] + servers[: turn % len(servers)]:
                    if not is_asked(server.contender.name, operation):
                        continue
                    warm = WARM_SECONDS if turn else FIRST_WARM_SECONDS
                    sample = await measured(database, server, answers, operation, warm, pace)
                    results[operation.name][server.contender.name].samples.append(sample)
        peaks = {server.contender.name: server.peak_mb() for server in servers}
        tracebacks = {s.contender.name: s.log.read_text().count("Traceback") for s in servers}
    return Comparison(results, peaks, tracebacks)


async def measured(
    database: Database,
    server: Server,
    answers: Answers,
    operation: Operation,
    warm: float,
    pace: Pace,
) -> Sample:
    """One contender asked one operation for one round."""

    async def spent() -> Spent:
        return Spent(server.cpu_seconds(), await database.spent())

    sample = await driven(
        server.port,
        answers.asking(server.contender.name, operation),
        warm=warm,
        seconds=pace.seconds,
        cpu=spent,
    )
    if operation.name == MUTATION:
        answers.settled()
    return sample


def environment_of(database: Database, folder: Path) -> dict[str, str]:
    """What Gatepost and its peers find in their environment."""
    peers = settings_of_peers(database.url, database.secret_keys, folder)
    return {
        "GATEPOST_DATABASE_URL": database.url,
        "GATEPOST_SECRET_KEYS": ",".join(database.secret_keys),
        "GATEPOST_RATE_LIMIT_MEMBER": str(NEVER_REACHED),
        "GATEPOST_RATE_LIMIT_ORGANIZATION": str(NEVER_REACHED),
        "BENCH_SETTINGS": str(peers),
    }
