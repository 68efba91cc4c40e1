"""`@auth` and `@public`: the one declaration on a field that enforces, documents and prints.

Every field of an object type carries one of the two (an architecture test holds the schema to it).
`guard` reads these declarations from the finished schema and enforces them.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import Any, TypeVar, cast

import strawberry
from strawberry.schema_directive import Location

import schema.enums  # noqa: F401 - the enums must be registered before the first type
from identity.access.permissions import Permission
from identity.audit.actions import Action
from schema.mapping import SOURCE, Column, Source

ResolverT = TypeVar("ResolverT", bound=Callable[..., Any])


class At(StrEnum):
    """Where a declaration's permissions are checked, unless it is the path of an argument."""

    ORGANIZATION = "organization"
    ANYWHERE = "anywhere"
    SELF = "self"
    EACH = "each"
    VALUE = "value"


PLACES: Mapping[str, str] = {
    At.ORGANIZATION: "at the organization",
    At.ANYWHERE: "anywhere in the organization",
    At.SELF: "on this object",
    At.EACH: "on each item; the others are left out",
    At.VALUE: "on the object it returns",
}


@strawberry.schema_directive(
    locations=[
        Location.FIELD_DEFINITION,
        Location.ARGUMENT_DEFINITION,
        Location.INPUT_FIELD_DEFINITION,
        Location.ENUM_VALUE,
    ],
    name="auth",
    description=(
        "Needs one of these permissions. `at` says where: `organization`, `anywhere` in it, `self` "
        "(the object the field is on), `value` (the object it returns), `each` (item of a list, of "
        "which the others are left out), or "
        "the argument that names the target, such as `input.campaignId`. On an argument, an input "
        "field or an enum value it is needed by whoever gives it."
    ),
)
class Auth:
    requires: list[Permission]
    at: str


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="public",
    description=(
        "Needs no permission of its own: whoever reaches the object the field is on may read it."
    ),
)
class Public:
    pass


AUDITS = "audits"
"""The key in a field's metadata under which a mutation names its audit action."""


def auth(
    description: str,
    *,
    requires: Sequence[Permission],
    at: str,
    audits: Action | None = None,
) -> Callable[[ResolverT], ResolverT]:
    """A field with a resolver that needs one of `requires` at the place `at`."""
    decorator = strawberry.field(
        description=f"{description} {needs(requires, at)}",
        directives=[Auth(requires=list(requires), at=at)],
        metadata={AUDITS: audits} if audits is not None else {},
    )
    return cast("Callable[[ResolverT], ResolverT]", decorator)


def public(description: str, *, audits: Action | None = None) -> Callable[[ResolverT], ResolverT]:
    """A field with a resolver that needs no permission of its own."""
    decorator = strawberry.field(
        description=description,
        directives=[Public()],
        metadata={AUDITS: audits} if audits is not None else {},
    )
    return cast("Callable[[ResolverT], ResolverT]", decorator)


def subscription(
    description: str, *, requires: Sequence[Permission] = (), at: str = At.ORGANIZATION
) -> Callable[[ResolverT], ResolverT]:
    """A subscription, whose resolver is an asynchronous generator. With `requires` it needs one of
    them at `at`, when it begins and before each event (`schema.streams`).

    `at` may name an argument, which may be null for the organization.
    """
    without = "" if at in PLACES else " Without it: at the organization."
    decorator = strawberry.subscription(
        description=f"{description} {needs(requires, at)}{without}" if requires else description,
        directives=[Auth(requires=list(requires), at=at) if requires else Public()],
    )
    return cast("Callable[[ResolverT], ResolverT]", decorator)


def column(
    source: str, description: str, *, requires: Sequence[Permission], at: str = At.SELF
) -> Any:
    """A guarded field whose value is the attribute `source` of the object's row."""
    return mapped(Column(source), _reader(source), description, requires, at)


def public_column(source: str, description: str) -> Any:
    """The attribute `source` of the row, for whoever reaches the object."""
    return mapped(Column(source), _reader(source), description, PUBLIC, At.SELF)


PUBLIC: Sequence[Permission] = ()
"""What a mapped field requires that needs no permission of its own."""


def mapped(
    source: Source,
    resolver: Callable[..., Any],
    description: str,
    requires: Sequence[Permission],
    at: str,
) -> Any:
    """A field whose value comes from `source`, which `resolver` reads for graphql-core.

    The GraphQL type is the annotation of the field.
    """
    resolver.__annotations__.pop("return", None)
    return strawberry.field(
        resolver=resolver,
        description=f"{description} {needs(requires, at)}" if requires else description,
        directives=[Auth(requires=list(requires), at=at) if requires else Public()],
        metadata={SOURCE: source},
    )


def _reader(source: str) -> Callable[[Any], Any]:
    read = attrgetter(source)

    def resolve(root: Any) -> Any:
        return read(root.row)

    return resolve


def needs(requires: Sequence[Permission], at: str) -> str:
    """The sentence about it in the field's description."""
    names = " or ".join(f"`{permission.value}`" for permission in requires)
    return f"Needs {names} {PLACES.get(at, f'at `{at}`')}."
