"""Column types that Tortoise has, with the exact Python type that it does not declare."""

from enum import StrEnum
from typing import TypeVar, cast

from tortoise import fields

EnumT = TypeVar("EnumT", bound=StrEnum)


def optional_enum(enum: type[EnumT], *, max_length: int) -> fields.Field[EnumT | None]:
    """A nullable text column that holds a member of `enum`."""
    column = fields.CharEnumField(enum, max_length=max_length, null=True)
    return cast("fields.Field[EnumT | None]", column)


def optional_text() -> fields.Field[str | None]:
    """A nullable text column of any length."""
    return cast("fields.Field[str | None]", fields.TextField(null=True))
