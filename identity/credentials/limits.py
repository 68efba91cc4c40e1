"""How long a session lives. It knows no table, so that the settings can be read without any."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lives without use, and at most."""

    idle: timedelta = timedelta(hours=8)
    absolute: timedelta = timedelta(days=7)
