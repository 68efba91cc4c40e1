"""House rules of the GraphQL schema: every field says who may read it."""

from collections.abc import Callable, Iterator

import pytest
import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
    get_named_type,
)
from strawberry.utils.str_converters import to_camel_case

from identity.access.permissions import Permission
from identity.audit.actions import Action
from schema.directives import AUDITS, PLACES, At, Auth, Public, auth, public
from schema.guard import Guarded, declared_auth
from schema.schema import graphql_schema
from tests.architecture.coordinates import places
from tests.architecture.sources import assert_none, assert_only


def fields() -> Iterator[tuple[str, GraphQLField]]:
    for name, type_ in graphql_schema.type_map.items():
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__"):
            for field_name, field in type_.fields.items():
                yield f"{name}.{field_name}", field


def declarations(field: GraphQLField) -> list[object]:
    definition = field.extensions.get("strawberry-definition")
    return [d for d in getattr(definition, "directives", ()) if isinstance(d, Auth | Public)]


def undeclared(field: GraphQLField) -> bool:
    return len(declarations(field)) != 1


def nullable(type_: GraphQLType) -> bool:
    return not isinstance(type_, GraphQLNonNull)


def test_every_field_is_guarded_or_public() -> None:
    assert [name for name, field in fields() if undeclared(field)] == []


def test_a_field_without_a_declaration_is_found() -> None:
    assert undeclared(GraphQLField(graphql_schema.type_map["Role"]))  # type: ignore[arg-type]


def test_guarded_fields_are_nullable() -> None:
    """A denied non-null field would take its siblings along."""
    wrong = [
        name
        for name, field in fields()
        if (guard := declared_auth(field)) and guard.at != At.EACH and not nullable(field.type)
    ]
    assert wrong == []


def test_every_guard_says_a_known_place_or_an_argument() -> None:
    wrong = [
        name
        for name, field in fields()
        if (guard := declared_auth(field))
        and guard.at not in PLACES
        and not has_argument(field, guard.at)
    ]
    assert wrong == []


def has_argument(field: GraphQLField, path: str) -> bool:
    """Whether `input.name` is an argument `input` with a required field `name`; or, of a
    subscription, `name` is an argument, without which the place is the organization.
    """
    argument, _, name = path.partition(".")
    type_ = get_named_type(field.args[argument].type)
    if (
        graphql_schema.subscription_type
        and field in graphql_schema.subscription_type.fields.values()
    ):
        return not name and type_ is GraphQLID
    assert isinstance(type_, GraphQLInputObjectType)
    return isinstance(type_.fields[name].type, GraphQLNonNull)


def misplaced_input_guards(schema: GraphQLSchema) -> Iterator[str]:
    """What is given is judged before there is an object, or on the one that the field is on."""
    for place in places(schema):
        if isinstance(place.element, GraphQLNamedType | GraphQLField):
            continue
        guard = declared_auth(place.element)
        if guard is not None and guard.at not in (At.ORGANIZATION, At.ANYWHERE, At.SELF):
            yield place.coordinate


def looser_interfaces(schema: GraphQLSchema) -> Iterator[str]:
    """What an object guards, its interfaces guard too: an operation may come through either."""
    for type_ in schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType):
            continue
        for interface, name in [(i, name) for i in type_.interfaces for name in i.fields]:
            field, same = interface.fields[name], type_.fields[name]
            pairs = [(field, same), *((a, same.args[n]) for n, a in field.args.items())]
            if any(declared_auth(a) != declared_auth(b) for a, b in pairs):
                yield f"{interface.name}.{name} and {type_.name}.{name}"


# The field of a filter: the fields of the items that it tells of, where these are called otherwise.
READ_BY = {
    "fromAt": ["createdAt"],
    "beforeAt": ["createdAt"],
    "text": ["action", "actorName", "onBehalfOfName", "targetName", "reason"],
}


# A type that tells how many items there are: the type of these.
COUNTED = {"AuditExportEstimate": "AuditEvent"}


def unguarded_filters(schema: GraphQLSchema) -> Iterator[str]:
    """What a list is narrowed or ordered by needs the permission that reads it on the items."""
    for type_name, type_ in schema.type_map.items():
        for name, field in type_.fields.items() if isinstance(type_, GraphQLObjectType) else ():
            for argument in sorted({"filter", "orderBy"} & set(field.args)):
                for by, element in narrowed_by(field.args[argument]):
                    items = items_of(field).fields
                    reads = [items.get(each) for each in READ_BY.get(by, (by,))]
                    if any(r is None or declared_auth(r) != declared_auth(element) for r in reads):
                        yield f"{type_name}.{name}({argument}:) by {by}"


def items_of(field: GraphQLField) -> GraphQLObjectType:
    """The type of the items of a list or a connection."""
    type_ = get_named_type(field.type)
    assert isinstance(type_, GraphQLObjectType)
    if type_.name in COUNTED:
        type_ = graphql_schema.type_map[COUNTED[type_.name]]
        assert isinstance(type_, GraphQLObjectType)
    return items_of(type_.fields["nodes"]) if "nodes" in type_.fields else type_


def narrowed_by(argument: GraphQLArgument) -> Iterator[tuple[str, Guarded]]:
    type_ = get_named_type(argument.type)
    if isinstance(type_, GraphQLInputObjectType):
        yield from type_.fields.items()
    if isinstance(type_, GraphQLEnumType):
        for name, value in type_.values.items():
            yield to_camel_case(name.lower()), value


@pytest.mark.parametrize("rule", [misplaced_input_guards, looser_interfaces, unguarded_filters])
def test_the_guards_of_inputs_keep_the_rule(rule: Callable[[GraphQLSchema], Iterator[str]]) -> None:
    assert_none(rule(graphql_schema))


@strawberry.input
class LooseFilter:
    title: str | None = strawberry.field(
        default=None, directives=[Auth(requires=[Permission.AUDIT_READ], at=At.VALUE)]
    )
    price: int | None = None


@strawberry.interface
class Readable:
    @public("Its title.")
    def title(self) -> str:
        return "Emma"


@strawberry.type
class Novel(Readable):
    @auth("Its title.", requires=[Permission.AUDIT_READ], at=At.SELF)
    def title(self) -> str:
        return "Emma"

    @auth("Its price.", requires=[Permission.AUDIT_READ], at=At.SELF)
    def price(self) -> int:
        return 12

    @public("The others.")
    def others(self, filter: LooseFilter | None = None) -> "list[Novel]":
        return []


@pytest.mark.parametrize(
    ("rule", "offences"),
    [
        (misplaced_input_guards, ["LooseFilter.title"]),
        (looser_interfaces, ["Readable.title and Novel.title"]),
        (unguarded_filters, ["Novel.others(filter:) by title", "Novel.others(filter:) by price"]),
    ],
)
def test_a_loose_guard_is_found(
    rule: Callable[[GraphQLSchema], Iterator[str]], offences: list[str]
) -> None:
    assert list(rule(strawberry.Schema(query=Novel)._schema)) == offences


# Mutation: why it needs no permission.
OF_ONESELF = {
    "leaveOrganization": "whoever is in the organization may leave it",
    "revokeOwnApiKey": "whoever has a credential may end it",
}


def test_every_mutation_is_guarded_and_names_its_audit_action() -> None:
    assert graphql_schema.mutation_type is not None
    fields_of_mutation = graphql_schema.mutation_type.fields
    unguarded = [n for n, field in fields_of_mutation.items() if declared_auth(field) is None]
    assert_only(OF_ONESELF, {name: name for name in unguarded})
    for name, field in fields_of_mutation.items():
        metadata = field.extensions["strawberry-definition"].metadata
        assert isinstance(metadata[AUDITS], Action), name
