"""One condition on a coordinate: the permissions that open it, and the level they are asked for at.

Everything is read from the `@auth` that enforces. What a declaration leaves open is filled in from
where roles can be given: the level of an object is the scope that its type names, and the object
that an argument names is of the type in the argument's name (`campaignId`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
)

from identity.access.kinds import KINDS
from identity.access.permissions import (
    ALL_MASK,
    ORGANIZATION_ONLY_MASK,
    Permission,
    bits_of,
)
from models.assignment import ScopeType
from schema.directives import At, Auth, needs
from schema.guard import declared_auth
from schema.ids import SCOPE_NODES
from schema.members.mutations import SCOPES_BY_NODE

Level = ScopeType | None
"""Where permissions are asked for; `None` is wherever a role is given."""


@dataclass(frozen=True, slots=True)
class Guard:
    """One of `requires` must be held at `level`. `mask` is their bits.

    `coordinate` is what the condition is declared on. `declared` is false for an object that exists
    only for some: then nothing of it is asked for by permission, and `requires` may be empty.
    `sees_scope` is whether the role must also show the object that it is given at.
    """

    coordinate: str
    requires: tuple[Permission, ...]
    mask: int
    level: Level
    sentence: str
    at: str
    declared: bool = True
    sees_scope: bool = False


Existence = tuple[tuple[Permission, ...], Level]

EXISTS_WITH: Mapping[str, Existence] = {
    **{SCOPE_NODES[kind.scope_type]: (kind.seen_with, kind.scope_type) for kind in KINDS.values()},
    "AccessReview": ((Permission.MEMBERS_READ,), None),
    "AccessReviewItem": ((Permission.MEMBERS_READ,), None),
    "ApiKey": ((Permission.API_KEYS_READ,), None),
    "Assignment": ((Permission.MEMBERS_READ,), None),
    "Group": ((Permission.MEMBERS_READ,), ScopeType.ORGANIZATION),
    "Invitation": ((Permission.MEMBERS_READ,), None),
    "Job": ((Permission.AUDIT_EXPORT,), ScopeType.ORGANIZATION),
    "Member": ((Permission.MEMBERS_READ,), ScopeType.ORGANIZATION),
    "Role": ((Permission.ROLES_READ,), None),
    "RoleVersion": ((Permission.ROLES_READ,), None),
    "Webhook": ((Permission.AUDIT_EXPORT,), ScopeType.ORGANIZATION),
    "WebhookDelivery": ((Permission.AUDIT_EXPORT,), ScopeType.ORGANIZATION),
}
"""What finds an object by its global id (`schema.nodes`), for the types that not everybody finds.
A workspace stands by itself: it exists for who holds anything in it, however it is reached.
"""


def guards_of(parent: GraphQLNamedType, name: str, field: GraphQLField) -> tuple[Guard, ...]:
    """The conditions on a field, all of which must hold; none if it is public."""
    auth = declared_auth(field)
    return () if auth is None else tuple(_guards(parent, f"{parent.name}.{name}", field, auth))


def _guards(
    parent: GraphQLNamedType, coordinate: str, field: GraphQLField, auth: Auth
) -> Iterator[Guard]:
    named = _named_by(auth.at)
    yield Guard(
        coordinate,
        tuple(auth.requires),
        bits_of(auth.requires),
        _level(parent, field, auth.at),
        needs(auth.requires, auth.at),
        auth.at,
        sees_scope=named == "Scope",
    )
    if named is not None and named in EXISTS_WITH:
        yield _existence(coordinate, named, at=auth.at)


def guard_of(parent: GraphQLNamedType, coordinate: str, auth: Auth) -> Guard:
    """The condition on something that a field of `parent` is given."""
    level = level_of(parent) if auth.at == At.SELF else None
    return Guard(
        coordinate,
        tuple(auth.requires),
        bits_of(auth.requires),
        ScopeType.ORGANIZATION if auth.at == At.ORGANIZATION else level,
        needs(auth.requires, auth.at),
        auth.at,
    )


def _level(parent: GraphQLNamedType, field: GraphQLField, at: str) -> Level:
    if at == At.ORGANIZATION:
        return ScopeType.ORGANIZATION
    if at == At.ANYWHERE:
        return None
    if at == At.SELF:
        return level_of(parent)
    if at in (At.VALUE, At.EACH):
        return level_of(_item(get_named_type(field.type)))
    return SCOPES_BY_NODE.get(_named_by(at) or "")


def level_of(type_: GraphQLNamedType) -> ScopeType:
    """Where permissions on an object of a type are checked: as `access_target` of its class."""
    return SCOPES_BY_NODE.get(type_.name, ScopeType.ORGANIZATION)


def _item(type_: GraphQLNamedType) -> GraphQLNamedType:
    """The type of the items of a connection; any other type is its own."""
    if isinstance(type_, GraphQLObjectType) and "pageInfo" in type_.fields:
        items: GraphQLNamedType = get_named_type(type_.fields["nodes"].type)
        return items
    return type_


def _named_by(at: str) -> str | None:
    """The type whose id an argument takes by its name: `Campaign` for `input.campaignId`.

    `None` for a declaration that is not the path of an argument.
    """
    if at in list(At):
        return None
    name = at.rpartition(".")[2].removesuffix("Id")
    return name[:1].upper() + name[1:]


def existence_of(coordinate: str, type_: GraphQLNamedType, *, by_id: bool) -> Guard | None:
    """The condition under which an object of a type is there at all.

    `by_id` is whether it is looked up by its global id, and not reached from another object.
    """
    if type_.name == SCOPE_NODES[ScopeType.WORKSPACE]:
        mask = ALL_MASK & ~ORGANIZATION_ONLY_MASK
        sentence = "Needs anything that is held in the workspace."
        return Guard(coordinate, (), mask, None, sentence, At.ANYWHERE, declared=False)
    by_its_id = by_id and type_.name in EXISTS_WITH
    return _existence(coordinate, type_.name, at=At.SELF) if by_its_id else None


def _existence(coordinate: str, type_name: str, *, at: str) -> Guard:
    requires, level = EXISTS_WITH[type_name]
    mask, sentence = bits_of(requires), needs(requires, at)
    return Guard(coordinate, requires, mask, level, sentence, at, declared=False)
