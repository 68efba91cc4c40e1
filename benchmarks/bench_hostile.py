"""Hostile documents, each judged cold: parsed, measured, validated and priced.

Prints the slowest, the median and the 99th percentile, in milliseconds of processor time.
"""

import statistics
import time

from schema.execution import document_errors
from tests.schema.hostile.corpus import FAMILIES, SIZES

ROUNDS = 3
SLOWEST = 10


def milliseconds(source: str) -> float:
    """The least of some rounds. A space more each time: documents seen before are remembered."""
    taken = []
    for number in range(ROUNDS):
        text = source + " " * number
        start = time.process_time()
        document_errors(text)
        taken.append((time.process_time() - start) * 1e3)
    return min(taken)


def main() -> None:
    times = [
        (milliseconds(family(size)), name, size)
        for name, family in FAMILIES.items()
        for size in SIZES
        if not (name == "operations_by_fragments" and size > 400)  # gigabytes of text
    ]
    times.sort(reverse=True)
    print(f"{len(times)} documents of {len(FAMILIES)} families")
    for taken, name, size in times[:SLOWEST]:
        print(f"{taken:8.1f} ms  {name} of {size}")
    values = [taken for taken, _, _ in times]
    print(
        f"max {values[0]:.1f} ms, p99 {statistics.quantiles(values, n=100)[98]:.1f} ms, "
        f"median {statistics.median(values):.2f} ms"
    )


if __name__ == "__main__":
    main()
