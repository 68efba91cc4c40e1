"""An event as one text that is always the same: what exports hold and seals are made of.

The form is that of the JSON Canonicalization Scheme (RFC 8785): no white space, members sorted by
UTF-16 code units, numbers as ECMAScript writes them. Whole numbers beyond 2^53, which the scheme
would round, are written with all their digits. Both databases give an event back alike, so the
text is the same wherever it is kept.

What is sealed must read the same for ever: a column that is added to events after a release is left
out of the document where it is null.
"""

from datetime import UTC, datetime
from json.encoder import encode_basestring
from typing import Any
from uuid import UUID

from models.audit_event import AuditEvent

Document = dict[str, Any]


def document(event: AuditEvent) -> Document:
    """The event for machines: ids and enums as text, the time in UTC to the microsecond, and
    `null` for what is not there.
    """
    return {
        "id": str(event.id),
        "time": canonical_time(event.created_at),
        "organization": str(event.organization_id),
        "workspace": _text(event.workspace_id),
        "actor": {
            "type": event.actor_type.value,
            "id": _text(event.actor_id),
            "name": event.actor_name,
        },
        "via": {
            "type": event.via.value,
            "id": _text(event.via_id),
            "name": event.via_name,
            "connection": _text(event.connection_id),
        },
        "on_behalf_of": _behalf(event),
        "action": event.action,
        "target": _target(event),
        "outcome": event.outcome.value,
        "reason": event.reason,
        "diff": event.diff,
        "request_id": event.request_id,
        "operation": event.operation,
        "ip": event.ip,
        "user_agent": event.user_agent,
    }


def _behalf(event: AuditEvent) -> Document | None:
    parts = (_text(event.on_behalf_of_id), event.on_behalf_of_name)
    return None if parts == (None, None) else dict(zip(("id", "name"), parts, strict=True))


def _target(event: AuditEvent) -> Document | None:
    parts = (event.target_type, _text(event.target_id), event.target_name)
    if parts == (None, None, None):
        return None
    return dict(zip(("type", "id", "name"), parts, strict=True))


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def canonical_time(moment: datetime) -> str:
    """RFC 3339 in UTC, always with six digits of the second's fraction."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def canonical_bytes(document: object) -> bytes:
    """The one text of a JSON value, in UTF-8.

    Raises `ValueError` for a number that is none (NaN, infinity) and a character that is none (half
    of a surrogate pair), and `TypeError` for what JSON does not have.
    """
    return _canonical(document).encode()


def _canonical(value: object) -> str:
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None or isinstance(value, bool):
        return "null" if value is None else "true" if value else "false"
    if isinstance(value, dict):
        names = sorted(value) if all(map(str.isascii, value)) else sorted(value, key=_utf_16)
        return f"{{{','.join([f'{encode_basestring(n)}:{_canonical(value[n])}' for n in names])}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join([_canonical(item) for item in value])}]"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return _number(value)
    raise TypeError(f"JSON has no {type(value).__name__}")


def _utf_16(name: str) -> bytes:
    return name.encode("utf-16-be")


def _number(value: float) -> str:
    """As ECMAScript's Number::toString (section 6.1.6.1.20) writes it: the same shortest digits as
    Python's, and an exponent only outside of 1e-6 to 1e21.
    """
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("JSON has no NaN and no infinity")
    if value == 0:
        return "0"
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)
    digits = whole + fraction
    leading = len(digits) - len(digits.lstrip("0"))
    digits, point = digits.strip("0"), point - leading
    return ("-" if value < 0 else "") + _placed(digits, point)


def _placed(digits: str, point: int) -> str:
    """The digits with the decimal point behind the first `point` of them."""
    if len(digits) <= point <= 21:
        return digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{rest}e{point - 1:+d}"
