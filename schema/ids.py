"""Relay's global object identification: opaque ids that name the type and the row."""

from uuid import UUID

import strawberry

from identity.refusals import BadInput
from schema.opaque import decoded, encoded


def global_id(type_name: str, row_id: UUID) -> strawberry.ID:
    return strawberry.ID(encoded(f"{type_name}:{row_id.hex}".encode()))


def parse_id(value: str, *, field: str) -> tuple[str, UUID]:
    """The type and the row of a global id. Raises `BadInput` for what is none of ours."""
    try:
        type_name, separator, hexadecimal = decoded(value).decode("ascii").partition(":")
        if not separator or len(hexadecimal) != 32:
            raise ValueError("not a type and a row")
        return type_name, UUID(hex=hexadecimal)
    except ValueError as error:
        raise BadInput("This is not an id that this API gave out.", field=field) from error


def row_id(value: str, type_name: str, *, field: str) -> UUID:
    """The row of a global id of that type. Raises `BadInput` for an id of another type."""
    named, row = parse_id(value, field=field)
    if named != type_name:
        raise BadInput(f"This is the id of a {named}; give that of a {type_name}.", field=field)
    return row


def optional_row_id(value: str | None, type_name: str, *, field: str) -> UUID | None:
    return None if value is None else row_id(value, type_name, field=field)
