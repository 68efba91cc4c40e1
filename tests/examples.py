"""How many examples Hypothesis makes, and of what.

They are the same in every run and on every worker: a test that passed fails because something was
changed, and not by bad luck. With `HYPOTHESIS_PROFILE=long` they are many, and others each time.
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"


def use() -> None:
    """Make this the default of every test."""
    settings.register_profile(
        "gatepost",
        deadline=None,
        derandomize=not LONG,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("gatepost")
    if not LONG:
        providers._get_local_constants = _no_constants


def _no_constants() -> Constants:
    """Hypothesis draws numbers and words from the modules that are loaded, which are others for
    each worker and each selection of tests: so none.
    """
    return Constants()


def examples(quick: int, *, at_length: int, steps: tuple[int, int] = (50, 50)) -> settings:
    """So many examples, and for state machines so many `steps` in each; the second number of the
    two is the long run's.
    """
    return settings(
        max_examples=at_length if LONG else quick, stateful_step_count=steps[1 if LONG else 0]
    )
