"""Time-sortable identifiers (RFC 9562, UUID version 7)."""

from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from models.sql import is_postgres


def new_id() -> UUID:
    """A UUIDv7: later ids sort after earlier ones, within one process also inside a millisecond."""
    return uuid7()


def lowest_id(moment: datetime) -> UUID:
    """Below every id that was made at that moment or later (RFC 9562, section 5.7)."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def numbered_id(first: str, number: str) -> str:
    """SQL for the id of a row that a statement adds beside others: a UUIDv7 of the millisecond of
    the id `first`, which sorts by `number`, below 2^24, among those of the same `first`.
    """
    if is_postgres():
        digits = f"lpad(to_hex({number}), 6, '0')"
        random = "right(CAST(gen_random_uuid() AS text), 12)"
    else:
        digits = f"printf('%06x', {number})"
        random = "lower(hex(randomblob(6)))"
    sql = (
        f"substr(CAST({first} AS text), 1, 14) || '7' || substr({digits}, 1, 3)"
        f" || '-8' || substr({digits}, 4) || '-' || {random}"
    )
    return f"CAST({sql} AS uuid)" if is_postgres() else sql
