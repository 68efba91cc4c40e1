"""Enforcing `@auth`: each guarded field's resolver is wrapped once, when the schema is built.

The check is an integer-mask test on the access that came with the request. A denied field raises
`Forbidden` with reason and missing permission; since it is nullable, the rest of the data stays.

Root fields of mutations are checked beforehand, all together (`schema.operations`), and those of
subscriptions again and again (`schema.streams`).
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
)

from identity.access.compiled import Access, denied
from identity.access.decision import ORGANIZATION, Target
from identity.access.demanded import demand, demanding
from identity.access.permissions import Permission, bits_of
from identity.permission_uses import uses
from identity.refusals import BadInput
from schema.context import Context
from schema.directives import At, Auth

Resolver = Callable[..., Any]
Check = Callable[[Access, Any], None]
Guarded = GraphQLField | GraphQLArgument | GraphQLInputField | GraphQLEnumValue
"""What `@auth` can stand on."""


def declared_auth(element: Guarded) -> Auth | None:
    """The `@auth` of an element of the finished schema, if it has one."""
    definition = element.extensions.get("strawberry-definition")
    directives = getattr(definition, "directives", ())
    return next((each for each in directives if isinstance(each, Auth)), None)


def enforce(schema: GraphQLSchema) -> None:
    """Wrap the resolver of every guarded field of the schema, in place."""
    elsewhere = (schema.mutation_type, schema.subscription_type)
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and type_ not in elsewhere:
            for field in type_.fields.values():
                auth = declared_auth(field)
                if auth is not None and field.resolve is not None:
                    field.resolve = _guarded(field.resolve, auth)
    for field in schema.mutation_type.fields.values() if schema.mutation_type else ():
        if field.resolve is not None:
            field.resolve = _carrying_out(field.resolve)


def _carrying_out(resolve: Resolver) -> Resolver:
    """A use case names what is wrong by its own parameter; here that is a field of `input`. What it
    demanded was used when it is done.
    """

    async def resolve_mutation(
        source: Any, info: GraphQLResolveInfo[Context], **input_: Any
    ) -> Any:
        if info.path.key in info.context.done:
            return info.context.done[info.path.key]
        try:
            with demanding() as demanded:
                done = await resolve(source, info, **input_)
        except BadInput as wrong:
            field = wrong.field.removeprefix("input.")
            raise BadInput(wrong.message, field=f"input.{field}") from wrong
        uses.note(info.context.subject, demanded.mask)
        return done

    return resolve_mutation


def require_one(access: Access, requires: list[Permission], target: Target) -> None:
    """Raise `Forbidden` unless one of the permissions is held at the target.

    The refusal explains the first of them and lists all that would do.
    """
    held = access.mask_at(target) & bits_of(requires)
    if held:
        demand(held)
        return
    raise denied(access.check(_told(access, requires, target), target), instead_of=requires)


def _told(access: Access, requires: list[Permission], target: Target) -> Permission:
    """The permission that a refusal explains: of an API key, one that only its scopes lack."""
    whole = access.whole
    if whole is None:
        return requires[0]
    return next((each for each in requires if whole.allows(each, target)), requires[0])


def require_anywhere(access: Access, requires: list[Permission]) -> None:
    """The same for any place in the organization."""
    mask = bits_of(requires)
    held = access.anywhere_mask & mask
    if held:
        demand(held)
    else:
        access.require_scope(mask)
        require_one(access, requires, ORGANIZATION)


def _guarded(resolve: Resolver, auth: Auth) -> Resolver:
    if auth.at == At.VALUE:
        return _checking_value(resolve, auth.requires)
    check = _check_before(auth)

    def guard(source: Any, info: GraphQLResolveInfo[Context], **arguments: Any) -> Any:
        check(info.context.access, source)
        return resolve(source, info, **arguments)

    return guard


def _check_before(auth: Auth) -> Check:
    requires = list(auth.requires)

    def at_self(access: Access, source: Any) -> None:
        require_one(access, requires, source.access_target())

    def at_organization(access: Access, source: Any) -> None:
        require_one(access, requires, ORGANIZATION)

    def anywhere(access: Access, source: Any) -> None:
        require_anywhere(access, requires)

    def each(access: Access, source: Any) -> None:
        access.require_scope(bits_of(requires))
        demand(access.anywhere_mask & bits_of(requires))  # its SQL leaves the others out

    checks = {
        At.SELF: at_self,
        At.ORGANIZATION: at_organization,
        At.ANYWHERE: anywhere,
        At.EACH: each,
    }
    return checks[At(auth.at)]


def _checking_value(resolve: Resolver, requires: list[Permission]) -> Resolver:
    def checked(value: Any, access: Access) -> Any:
        if value is not None:
            require_one(access, requires, value.access_target())
        return value

    async def later(value: Awaitable[Any], access: Access) -> Any:
        return checked(await value, access)

    def guard(source: Any, info: GraphQLResolveInfo[Context], **arguments: Any) -> Any:
        value = resolve(source, info, **arguments)
        access: Access = info.context.access
        return later(value, access) if inspect.isawaitable(value) else checked(value, access)

    return guard
