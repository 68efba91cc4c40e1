"""The variables of a request: coerced once, or what is wrong with them.

What is wrong is told by its place and by the type that is wanted there. The value is never told: it
may be a secret that was put in the wrong field, and errors are shown on pages and written to logs.
Of many mistakes the first few are told, and the others are not looked for: both to find and to tell
them takes a time that is linear in the variables.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    coerce_input_value,
    is_required_input_field,
    type_from_ast,
)
from graphql.execution.values import VariableValues, get_variable_values
from graphql.type import GraphQLInputType, is_input_type

from identity.refusals import BadInput

MOST_MISTAKES = 10
LONGEST_NAME = 40
"""Of a field that does not exist: the name is the caller's."""


@dataclass(frozen=True, slots=True)
class _Mistake:
    path: str
    """Where, as `input.permissions.3`."""
    text: str
    """What, as the end of a sentence about it."""


def coerced(
    schema: GraphQLSchema, operation: OperationDefinitionNode, inputs: Mapping[str, Any]
) -> VariableValues | list[GraphQLError]:
    """The values of a valid operation's variables; else an error for each mistake in what was
    given, `MOST_MISTAKES` at most.
    """
    definitions = operation.variable_definitions or ()
    values = get_variable_values(schema, definitions, dict(inputs), 0, hide_suggestions=True)
    if isinstance(values, VariableValues):
        return values
    return list(islice(_errors(schema, operation, inputs), MOST_MISTAKES)) or [
        GraphQLError("The variables do not fit the operation.", operation)
    ]


def _errors(
    schema: GraphQLSchema, operation: OperationDefinitionNode, inputs: Mapping[str, Any]
) -> Iterator[GraphQLError]:
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        type_ = type_from_ast(schema, definition.type)
        given = inputs.get(name, Undefined)
        if not is_input_type(type_) or (given is Undefined and definition.default_value):
            continue
        for mistake in _mistakes(given, type_, name):
            message = f"Variable '${mistake.path}' {mistake.text}"
            refusal = BadInput(message, field=mistake.path)
            yield GraphQLError(message, definition, original_error=refusal)


def _mistakes(value: Any, type_: GraphQLInputType, path: str) -> Iterator[_Mistake]:
    if isinstance(type_, GraphQLNonNull):
        if value is Undefined:
            yield _Mistake(path, f"is missing: it must be given as {type_}.")
        elif value is None:
            yield _Mistake(path, f"must not be null: its type is {type_}.")
        else:
            yield from _mistakes(value, type_.of_type, path)
    elif value is None or value is Undefined:
        return
    elif isinstance(type_, GraphQLList):
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _mistakes(item, type_.of_type, f"{path}.{index}")
        else:
            yield from _mistakes(value, type_.of_type, path)
    elif isinstance(type_, GraphQLInputObjectType) and isinstance(value, dict):
        yield from _mistakes_in(value, type_, path)
    elif coerce_input_value(value, type_) is Undefined:
        yield _Mistake(path, f"has a value that is not of the type {type_}.")


def _mistakes_in(
    value: Mapping[str, Any], type_: GraphQLInputObjectType, path: str
) -> Iterator[_Mistake]:
    for name, field in type_.fields.items():
        if name in value or is_required_input_field(field):
            yield from _mistakes(value.get(name, Undefined), field.type, f"{path}.{name}")
    for name in value:
        if name not in type_.fields:
            shown = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"
            yield _Mistake(path, f"has a field '{shown}', which {type_} does not have.")
    if type_.is_one_of and (len(value) != 1 or None in value.values()):
        yield _Mistake(path, f"must have exactly one field of {type_}, and not null.")
