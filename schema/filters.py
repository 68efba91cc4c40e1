"""Narrowing and ordering a list by a field needs the permission that reads the field.

Otherwise an order, or the number of items that are left, tells what the field hides. Inputs called
`filter` and `orderBy` are made of these; an architecture test holds them to it. What is read on
`self` is needed on the object that the list is on, and so on all of its items.
"""

from typing import Any

import strawberry
from strawberry.types.base import get_object_definition
from strawberry.types.enum import EnumValueDefinition

from schema.directives import Auth, needs


def filter_by(type_: type, field: str, description: str) -> Any:
    """A field of a filter input: the field `field` of the items, which are of `type_`."""
    auth = reading(type_, field)
    return strawberry.field(
        default=None,
        description=_described(description, auth),
        directives=[auth] if auth is not None else [],
    )


def order_by(type_: type, field: str, description: str) -> Any:
    """A value of an order enum: by the field `field` of the items, which are of `type_`."""
    auth = reading(type_, field)
    value: EnumValueDefinition = strawberry.enum_value(
        field,
        description=_described(description, auth),
        directives=[auth] if auth is not None else [],
    )
    return value


def reading(type_: type, field: str) -> Auth | None:
    """What reading a field of a type needs; nothing, if it is public. Raises `LookupError` for a
    field that the type does not have.
    """
    fields = {f.python_name: f for f in get_object_definition(type_, strict=True).fields}
    declared = (d for d in fields[field].directives if isinstance(d, Auth))
    return next(declared, None)


def _described(description: str, auth: Auth | None) -> str:
    return description if auth is None else f"{description} {needs(auth.requires, auth.at)}"
