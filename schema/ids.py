"""Relay's global object identification: opaque ids that name the type and the row."""

from binascii import b2a_base64
from collections.abc import Container, Sequence
from uuid import UUID

import strawberry

from identity.refusals import BadInput
from models.assignment import PrincipalType, ScopeType
from schema.opaque import decoded

TAGS = {
    "AccessReview": b"ar",
    "AccessReviewItem": b"ai",
    "ApiKey": b"ak",
    "Assignment": b"as",
    "AuditEvent": b"ae",
    "Campaign": b"ca",
    "Group": b"gr",
    "Invitation": b"in",
    "Job": b"jo",
    "MailingList": b"ml",
    "Member": b"me",
    "Organization": b"or",
    "Role": b"ro",
    "RoleVersion": b"rv",
    "SendingServer": b"ss",
    "Webhook": b"wh",
    "WebhookDelivery": b"wd",
    "Workspace": b"wo",
}
"""The two bytes that stand for a type in its ids. They never change: clients keep ids."""

SCOPE_NODES = {
    ScopeType.ORGANIZATION: "Organization",
    ScopeType.WORKSPACE: "Workspace",
    ScopeType.CAMPAIGN: "Campaign",
    ScopeType.MAILING_LIST: "MailingList",
    ScopeType.SENDING_SERVER: "SendingServer",
}
"""The GraphQL type whose global ids name a scope."""

PRINCIPAL_NODES = {
    PrincipalType.MEMBER: "Member",
    PrincipalType.GROUP: "Group",
    PrincipalType.API_KEY: "ApiKey",
}
"""The GraphQL type whose global ids name a principal."""

MOST_IDS = 100

TYPES = {tag: name for name, tag in TAGS.items()}
URL_SAFE = bytes.maketrans(b"+/", b"-_")


def global_id(type_name: str, row_id: UUID) -> strawberry.ID:
    """URL-safe base64 (RFC 4648, section 5) of the tag and the 16 bytes of the row's id.

    That makes 18 bytes, and so 24 characters without padding.
    """
    tagged = TAGS[type_name] + row_id.bytes
    return strawberry.ID(b2a_base64(tagged, newline=False).translate(URL_SAFE).decode())


def parse_id(
    value: str, *, field: str, types: Container[str] = frozenset(TAGS)
) -> tuple[str, UUID]:
    """The type and the row of a global id. Raises `BadInput` for what is none of these types."""
    try:
        raw = decoded(value)
        named, row = TYPES[raw[:2]], UUID(bytes=raw[2:])
    except (ValueError, KeyError) as error:
        raise _unknown(field) from error
    if named not in types:
        raise _unknown(field)
    return named, row


def _unknown(field: str) -> BadInput:
    return BadInput("This is not an id that this API gave out.", field=field)


def row_id(value: str, type_name: str, *, field: str) -> UUID:
    """The row of a global id of that type. Raises `BadInput` for an id of another type."""
    named, row = parse_id(value, field=field)
    if named != type_name:
        raise BadInput(f"This is the id of a {named}; give that of a {type_name}.", field=field)
    return row


def row_ids(values: Sequence[str], type_name: str, *, field: str) -> list[UUID]:
    """The rows of some global ids of that type. Raises `BadInput`, also for too many of them."""
    require_few(values, field=field)
    return [row_id(each, type_name, field=f"{field}.{n}") for n, each in enumerate(values)]


def require_few(ids: Sequence[str], *, field: str = "ids") -> None:
    """Raise `BadInput` for more ids than one field may name."""
    if len(ids) > MOST_IDS:
        raise BadInput(f"This names {len(ids)} objects; {MOST_IDS} are the most.", field=field)


def optional_row_id(value: str | None, type_name: str, *, field: str) -> UUID | None:
    return None if value is None else row_id(value, type_name, field=field)
