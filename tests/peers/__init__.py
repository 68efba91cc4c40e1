"""Real programs that Gatepost is tested against, started by the tests or running beside them.

A peer that this machine lacks is a skipped test at a desk and a failed one in CI, so that a green
run in CI means that everything was met.
"""

import os
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """Skips the test because of what this machine lacks; fails it when `CI=true`."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (CI must have it)", pytrace=False)
    pytest.skip(reason)
