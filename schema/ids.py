"""Relay's global object identification: opaque ids that name the type and the row."""

from binascii import b2a_base64
from collections.abc import Sequence
from uuid import UUID

import strawberry

from identity.refusals import BadInput
from schema.opaque import decoded

TAGS = {
    "Assignment": b"as",
    "AuditEvent": b"ae",
    "Campaign": b"ca",
    "Group": b"gr",
    "MailingList": b"ml",
    "Member": b"me",
    "Organization": b"or",
    "Role": b"ro",
    "SendingServer": b"ss",
    "Workspace": b"wo",
}
"""The two bytes that stand for a type in its ids. They never change: clients keep ids."""

MOST_IDS = 100

TYPES = {tag: name for name, tag in TAGS.items()}
URL_SAFE = bytes.maketrans(b"+/", b"-_")


def global_id(type_name: str, row_id: UUID) -> strawberry.ID:
    """URL-safe base64 (RFC 4648, section 5) of the tag and the 16 bytes of the row's id.

    That makes 18 bytes, and so 24 characters without padding.
    """
    tagged = TAGS[type_name] + row_id.bytes
    return strawberry.ID(b2a_base64(tagged, newline=False).translate(URL_SAFE).decode())


def parse_id(value: str, *, field: str) -> tuple[str, UUID]:
    """The type and the row of a global id. Raises `BadInput` for what is none of ours."""
    try:
        raw = decoded(value)
        return TYPES[raw[:2]], UUID(bytes=raw[2:])
    except (ValueError, KeyError) as error:
        raise BadInput("This is not an id that this API gave out.", field=field) from error


def row_id(value: str, type_name: str, *, field: str) -> UUID:
    """The row of a global id of that type. Raises `BadInput` for an id of another type."""
    named, row = parse_id(value, field=field)
    if named != type_name:
        raise BadInput(f"This is the id of a {named}; give that of a {type_name}.", field=field)
    return row


def require_few(ids: Sequence[str]) -> None:
    """Raise `BadInput` for more ids than one field may name."""
    if len(ids) > MOST_IDS:
        raise BadInput(f"This names {len(ids)} objects; {MOST_IDS} are the most.", field="ids")


def optional_row_id(value: str | None, type_name: str, *, field: str) -> UUID | None:
    return None if value is None else row_id(value, type_name, field=field)
