"""Many operations, without Hypothesis: `python -m tests.schema.engine.long_run NUMBER SEED URL`.

NUMBER is of documents, each asked by several subjects; the URL is that of an empty database. What
differs is shown with its seed, by which it comes again.
"""

import asyncio
import logging
import sys
import time
from dataclasses import replace

from identity.access.load import cache
from models import clock
from models.database import opened
from models.migrating import upgrade
from tests.clock import MovableClock
from tests.conftest import SECRET_KEYS
from tests.schema.engine.both import Tally, fallbacks
from tests.schema.engine.choices import seeded
from tests.schema.engine.comparing import compare_gated, compare_mutation, compare_query
from tests.schema.engine.stage import new_stage

MOST_DIFFERENCES = 10
ASKERS = 50
COMPARED = (compare_query, compare_query, compare_gated, compare_mutation)

log = logging.getLogger("long run")


async def run(number: int, first_seed: int, url: str) -> int:
    """Compare that many documents; how many of them differ."""
    clock.use_source(MovableClock())
    cache.clear()
    tally, different, began = Tally(), 0, time.monotonic()
    async with opened(url, SECRET_KEYS):
        await upgrade()
        stage = replace(await new_stage(), askers=ASKERS)
        for seed in range(first_seed, first_seed + number):
            try:
                await COMPARED[seed % len(COMPARED)](stage, seeded(seed), tally)
            except AssertionError:
                different += 1
                log.exception("seed %s differs", seed)
                if different == MOST_DIFFERENCES:
                    break
            if seed % 100 == 99:
                log.info("%s: %s in %.0f s", seed, tally, time.monotonic() - began)
    log.info("%s differ of %s; left to graphql-core: %s", different, tally, fallbacks())
    return different


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s")
    log.setLevel(logging.INFO)
    logging.getLogger("gatepost").setLevel(logging.CRITICAL)
    sys.exit(asyncio.run(run(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
