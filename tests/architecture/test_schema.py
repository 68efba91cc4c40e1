"""House rules of the GraphQL schema: every field says who may read it."""

from collections.abc import Iterator

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLType,
    get_named_type,
)

from identity.audit.actions import Action
from schema.directives import AUDITS, PLACES, At, Auth, Public
from schema.guard import declared_auth
from schema.schema import graphql_schema


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
        if (auth := declared_auth(field)) and auth.at != At.EACH and not nullable(field.type)
    ]
    assert wrong == []


def test_every_guard_says_a_known_place_or_an_argument() -> None:
    wrong = [
        name
        for name, field in fields()
        if (auth := declared_auth(field))
        and auth.at not in PLACES
        and not has_argument(field, auth.at)
    ]
    assert wrong == []


def has_argument(field: GraphQLField, path: str) -> bool:
    """Whether `input.name` is an argument `input` with a required field `name`."""
    argument, _, name = path.partition(".")
    type_ = get_named_type(field.args[argument].type)
    assert isinstance(type_, GraphQLInputObjectType)
    return isinstance(type_.fields[name].type, GraphQLNonNull)


def test_every_mutation_is_guarded_and_names_its_audit_action() -> None:
    assert graphql_schema.mutation_type is not None
    for name, field in graphql_schema.mutation_type.fields.items():
        assert declared_auth(field) is not None, name
        metadata = field.extensions["strawberry-definition"].metadata
        assert isinstance(metadata[AUDITS], Action), name
