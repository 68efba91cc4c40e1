"""Moments that people choose."""

from datetime import UTC, datetime

from identity.refusals import BadInput
from models.clock import now


def future(moment: datetime, *, what: str, field: str) -> datetime:
    """The moment in UTC, which is how SQLite can compare it.

    Raises `BadInput` when it lies in the past, or has no time zone and so could be any hour.
    """
    if moment.tzinfo is None:
        raise BadInput("Give the time with its zone, e.g. 2030-01-01T09:00:00Z.", field=field)
    if moment <= now():
        raise BadInput(f"The {what} lies in the past.", field=field)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise BadInput(f"The {what} lies too far ahead.", field=field) from error
