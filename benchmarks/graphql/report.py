"""The tables, and the aims beside what was measured."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.graphql.comparing import Comparison
from benchmarks.graphql.operations import Operation

GATEPOST = "gatepost"
Row = tuple[str, ...]
HEADINGS = (
    "",
    "req/s",
    "Gatepost is",
    "by CPU",
    "p50 ms",
    "p99 ms",
    "CPU ms",
    "database ms",
    "peak MB",
)


@dataclass(frozen=True, slots=True)
class Aim:
    """At least (or with `most`, at most) this much of something."""

    operation: str
    text: str
    value: float
    measure: Callable[[Comparison, str], float | None]
    most: bool = False


def times(peer: str) -> Callable[[Comparison, str], float | None]:
    def measure(comparison: Comparison, operation: str) -> float | None:
        results = comparison.results[operation]
        return results[GATEPOST].times(results[peer]) if peer in results else None

    return measure


def spread(comparison: Comparison, operation: str) -> float:
    result = comparison.results[operation][GATEPOST]
    return result.p99 / result.p50


def tracebacks(comparison: Comparison, operation: str) -> float:
    return comparison.tracebacks[GATEPOST]


def peak(comparison: Comparison, operation: str) -> float:
    return comparison.peaks_mb[GATEPOST]


AIMS = (
    Aim("page", "times the usual way", 55, times("strawberry")),
    Aim("page", "times Mercurius with loaders", 3, times("mercurius")),
    Aim("page", "times Mercurius with the same joined SQL", 1.5, times("mercurius-sql")),
    Aim("nested", "times the usual way", 35, times("strawberry")),
    Aim("nested", "times Mercurius", 1.5, times("mercurius")),
    Aim("mutation", "times Mercurius", 1.0, times("mercurius")),
    Aim("small", "times Mercurius", 0.7, times("mercurius")),
    Aim("denied", "times Mercurius", 2.5, times("mercurius")),
    Aim("denied", "tracebacks in the log", 0, tracebacks, most=True),
    *(
        Aim(name, "p99 in p50s", 3, spread, most=True)
        for name in ("page", "small", "nested", "mutation", "denied")
    ),
    Aim("page", "MB at the peak", 100, peak, most=True),
)


def tables(comparison: Comparison, operations: Mapping[str, Operation]) -> Iterator[str]:
    for name, results in comparison.results.items():
        yield ""
        yield f"{name}: {operations[name].about}"
        yield from aligned(
            [HEADINGS, *(_row(comparison, name, each) for each in results)],
        )


def _row(comparison: Comparison, operation: str, contender: str) -> Row:
    results = comparison.results[operation]
    result = results[contender]
    own = results[GATEPOST]
    other = contender != GATEPOST
    return (
        contender,
        f"{result.rate:.0f}",
        f"{own.times(result):.2f} x" if other else "",
        f"{result.cpu / own.cpu:.2f} x" if other else "",
        f"{result.p50 * 1000:.2f}",
        f"{result.p99 * 1000:.2f}",
        f"{result.cpu * 1000:.3f}",
        f"{result.database_cpu * 1000:.3f}",
        f"{comparison.peaks_mb[contender]:.0f}",
    )


def aims(comparison: Comparison) -> Iterator[str]:
    """Each aim that this run can speak to, with what was measured."""
    rows: list[Row] = [("aim", "", "measured", "")]
    for aim in AIMS:
        if aim.operation not in comparison.results:
            continue
        value = aim.measure(comparison, aim.operation)
        if value is None:
            continue
        reached = value <= aim.value if aim.most else value >= aim.value
        sign = "<=" if aim.most else ">="
        rows.append(
            (
                f"{aim.operation}: {aim.text}",
                f"{sign} {aim.value:g}",
                f"{value:.2f}",
                "reached" if reached else "missed",
            )
        )
    yield ""
    yield from aligned(rows)


def aligned(rows: Sequence[Row]) -> Iterator[str]:
    """The rows with the first column to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *cells]).rstrip()
