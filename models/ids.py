"""Time-sortable identifiers (RFC 9562, UUID version 7)."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A UUIDv7: later ids sort after earlier ones, within one process also inside a millisecond."""
    return uuid7()
