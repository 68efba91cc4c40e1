"""Events as lines of a file: CSV for people, JSON for machines.

A spreadsheet takes a cell for a formula by its first character (OWASP, CSV Injection). Such a cell
gets an apostrophe in front, which spreadsheets show as text, and every cell is quoted. JSON has the
values as they are.
"""

import csv
import io
from collections.abc import Sequence

import orjson

from identity.audit.canonical import canonical_bytes, document
from identity.audit.ocsf import ocsf
from models.audit_event import AuditEvent

COLUMNS = (
    "id",
    "time",
    "organization",
    "workspace",
    "actor_type",
    "actor_id",
    "actor_name",
    "via_type",
    "via_id",
    "via_name",
    "via_connection",
    "on_behalf_of_id",
    "on_behalf_of_name",
    "action",
    "target_type",
    "target_id",
    "target_name",
    "outcome",
    "reason",
    "diff",
    "diff_withheld",
    "request_id",
    "operation",
    "ip",
    "user_agent",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What begins a formula; the last four are the full-width forms of the first four."""
NESTED = ("actor", "via", "on_behalf_of", "target")

Readable = Sequence[tuple[AuditEvent, bool]]
"""Events, and whether their diffs may be read."""


def csv_header() -> bytes:
    return _csv([COLUMNS])


def csv_lines(events: Readable) -> bytes:
    """A line for each event (RFC 4180, UTF-8); the diff is JSON in its cell."""
    return _csv([[_cell(value) for value in _flat(event, diff)] for event, diff in events])


def _csv(lines: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(lines)
    return text.getvalue().encode()


def _flat(event: AuditEvent, with_diff: bool) -> list[object]:
    found = document(event)
    for name in NESTED:
        part = found.pop(name) or {}
        found.update((f"{name}_{key}", value) for key, value in part.items())
    found["diff"] = canonical_bytes(event.diff).decode() if with_diff else None
    found["diff_withheld"] = None if with_diff else "true"
    return [found.get(name) for name in COLUMNS]


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def json_lines(events: Readable) -> bytes:
    """The canonical document of each event; where its diff may not be read, `diff` is null and
    `diff_withheld` is true.
    """
    return b"".join(_json(event, diff) + b"\n" for event, diff in events)


def _json(event: AuditEvent, with_diff: bool) -> bytes:
    found = document(event)
    if not with_diff:
        found["diff"], found["diff_withheld"] = None, True
    return canonical_bytes(found)


def ocsf_lines(events: Readable) -> bytes:
    """The OCSF object of each event."""
    return b"".join(
        orjson.dumps(ocsf(event, with_diff=diff), option=orjson.OPT_APPEND_NEWLINE)
        for event, diff in events
    )
