"""The one place that reads the time, so that tests can move it."""

from collections.abc import Callable
from datetime import UTC, datetime


def _system_time() -> datetime:
    return datetime.now(UTC)


_read: Callable[[], datetime] = _system_time


def now() -> datetime:
    """The present moment, always with the UTC time zone."""
    return _read()


def use_source(source: Callable[[], datetime] | None) -> None:
    """Replace the time source; `None` restores the system clock."""
    global _read
    _read = source or _system_time
