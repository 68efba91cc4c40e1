"""Gatepost as it is served, with a profiler that looks where it is after each millisecond of CPU.

`python -m benchmarks.graphql.sampled PORT FILE` writes the counts by layer into the file when it is
interrupted; SIGUSR1 starts counting anew. A sample belongs to the innermost frame of a known layer.
"""

import json
import signal
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import FrameType

import uvicorn

from gateway.cli.serve import from_environment, listening, server_configuration

EVERY_SECONDS = 0.001
PACKAGES = {
    "uvicorn": "HTTP server",
    "starlette": "Starlette",
    "logging": "logging",
    "gateway": "gateway",
    "strawberry": "Strawberry",
    "graphql": "graphql-core",
    "schema.engine": "engine",
    "schema": "schema",
    "identity": "identity",
    "models": "models",
    "tortoise": "Tortoise",
    "pypika_tortoise": "Tortoise",
    "asyncpg": "asyncpg",
}
EVENT_LOOP = "event loop"
OUTERMOST = ("asyncio_run", "run_asgi")
"""Uvicorn's functions that only wait: found in them, no Python ran (uvloop, its sockets, asyncpg
reading rows)."""
LAYERS = (EVENT_LOOP, *dict.fromkeys(PACKAGES.values()))
"""From the outside in."""

counts: Counter[str] = Counter()


def look(number: int, frame: FrameType | None) -> None:
    """Count the layer of the innermost frame that belongs to one."""
    while frame is not None:
        package, *inner = str(frame.f_globals.get("__name__", "")).split(".")
        layer = PACKAGES.get(".".join([package, *inner[:1]])) or PACKAGES.get(package)
        if layer is not None:
            counts[EVENT_LOOP if frame.f_code.co_name in OUTERMOST else layer] += 1
            return
        frame = frame.f_back


def main(port: int, path: Path) -> None:
    signal.signal(signal.SIGPROF, look)
    signal.signal(signal.SIGUSR1, lambda number, frame: counts.clear())
    configuration = server_configuration(from_environment())
    signal.setitimer(signal.ITIMER_PROF, EVERY_SECONDS, EVERY_SECONDS)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(configuration).run(sockets=[listening("127.0.0.1", port)])
    signal.setitimer(signal.ITIMER_PROF, 0)
    path.write_text(json.dumps(counts))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
