"""What the declarations of a finished schema say, held to the models when the process starts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, get_args, get_type_hints

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    get_named_type,
    is_non_null_type,
)
from tortoise import fields
from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.models import Model

from identity.access.lookup import Place
from models.record import Record
from schema.connection import Connection
from schema.directives import Auth
from schema.guard import declared_auth
from schema.mapping import SOURCE, Column, Computed, Source, ToMany, ToOne


class MappingError(Exception):
    """A declaration that the models do not bear out; the text names the field."""


@dataclass(frozen=True, slots=True)
class MappedField:
    """A field of the schema with its source, if it has one, and its guard, if it has one."""

    name: str
    definition: GraphQLField
    source: Source | None
    auth: Auth | None

    @property
    def named_type(self) -> GraphQLNamedType:
        return get_named_type(self.definition.type)


@dataclass(frozen=True, slots=True)
class MappedType:
    """An object type. `model` is the table its objects stand on; without one they stand on an
    object in memory, or the type is a root.
    """

    graphql: GraphQLObjectType
    origin: Any
    model: type[Record] | None
    place: Place
    fields: Mapping[str, MappedField]

    @property
    def name(self) -> str:
        return self.graphql.name

    @property
    def is_connection(self) -> bool:
        return isinstance(self.origin, type) and issubclass(self.origin, Connection)


def mapped_types(schema: GraphQLSchema) -> Mapping[str, MappedType]:
    """Every object type of the schema by name. Raises `MappingError`."""
    types = {
        name: _mapped(type_)
        for name, type_ in schema.type_map.items()
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__")
    }
    wrong = [problem for type_ in types.values() for problem in _problems(type_, types)]
    if wrong:
        raise MappingError("; ".join(wrong))
    return types


def _mapped(type_: GraphQLObjectType) -> MappedType:
    definition = type_.extensions.get("strawberry-definition")
    origin = getattr(definition, "origin", None)
    row = get_type_hints(origin).get("row") if isinstance(origin, type) else None
    mapped_fields = {
        name: MappedField(
            name,
            field,
            getattr(field.extensions.get("strawberry-definition"), "metadata", {}).get(SOURCE),
            declared_auth(field),
        )
        for name, field in type_.fields.items()
    }
    place = getattr(origin, "place", Place.ORGANIZATION)
    return MappedType(type_, origin, _model(row), place, mapped_fields)


def _model(row: object) -> type[Record] | None:
    """The table that objects with such a row stand on, as all do but those of a dry run."""
    possible = [each for each in get_args(row) or (row,) if each is not NoneType]
    is_model = len(possible) == 1 and isinstance(possible[0], type)
    return possible[0] if is_model and issubclass(possible[0], Record) else None


def _problems(type_: MappedType, types: Mapping[str, MappedType]) -> Iterator[str]:
    if type_.model is None:
        return
    columns = columns_of(type_.model)
    for column in type_.place.columns:
        if column not in columns:
            yield f"{type_.name}: {column} is no column of {type_.model.__name__}"
    for field in type_.fields.values():
        for problem in _wrong_source(type_.model, field, types):
            yield f"{type_.name}.{field.name}: {problem}"


def _wrong_source(
    model: type[Record], field: MappedField, types: Mapping[str, MappedType]
) -> Iterator[str]:
    columns = columns_of(model)
    source = field.source
    if isinstance(source, Column):
        if source.name not in columns:
            yield f"{source.name} is no column of {model.__name__}"
        else:
            yield from _wrong_column(columns[source.name], field)
    elif isinstance(source, Computed):
        yield from (
            f"{name} is no column of {model.__name__}"
            for name in source.reads
            if name not in columns
        )
    elif isinstance(source, ToOne):
        key = foreign_key(model, source.relation)
        if key is None:
            yield f"{source.relation} is no foreign key of {model.__name__}"
        elif types[field.named_type.name].model is not key.related_model:
            yield f"{source.relation} points at {key.related_model.__name__}"
        elif key.null and is_non_null_type(field.definition.type):
            yield f"{source.relation} may be null"
    elif isinstance(source, ToMany):
        others = columns_of(source.model)
        if types[field.named_type.name].model is not source.model:
            yield f"its objects do not stand on {source.model.__name__}"
        if source.column not in others or "organization_id" not in others:
            yield f"{source.model.__name__} has no {source.column}, or no organization"


def _wrong_column(column: fields.Field[Any], field: MappedField) -> Iterator[str]:
    named = field.named_type
    if column.null and is_non_null_type(field.definition.type):
        yield f"the column {column.model_field_name} may be null"
    if not isinstance(named, GraphQLScalarType | GraphQLEnumType):
        yield f"a column is no {named.name}"


def columns_of(model: type[Model]) -> Mapping[str, fields.Field[Any]]:
    """The columns of a table by their names."""
    return {name: model._meta.fields_map[name] for name in model._meta.fields_db_projection}


def foreign_key(model: type[Model], relation: str) -> ForeignKeyFieldInstance[Any] | None:
    """The foreign key of that name; its column is the name with `_id`."""
    key = model._meta.fields_map.get(relation)
    return key if isinstance(key, ForeignKeyFieldInstance) else None
