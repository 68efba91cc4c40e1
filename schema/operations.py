"""Checking a mutation before anything of it runs: all root fields, or none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution.collect_fields import FragmentDetails, collect_fields
from graphql.execution.values import VariableValues, get_argument_values

from identity.access.decision import ORGANIZATION, Target
from identity.audit.actions import Action
from identity.audit.record import AuditTarget, Denial, record_denial, target
from identity.credentials.gate import Gate, GateClosed
from identity.refusals import BadInput, Refusal
from schema import guarded_inputs
from schema.context import Context
from schema.cost import DRY_RUN
from schema.directives import AUDITS, At, Auth
from schema.guard import declared_auth, require_anywhere, require_one
from schema.nodes import named


@dataclass(frozen=True, slots=True)
class RootField:
    """A root field as it is asked for: its answer key, its definition, its coerced arguments."""

    key: str
    node: FieldNode
    definition: GraphQLField
    arguments: Mapping[str, Any]
    uses: Sequence[guarded_inputs.Use]
    """The guarded inputs that it is given."""

    @property
    def rehearses(self) -> bool:
        """Whether it is a dry run, of which nothing is left."""
        return bool(self.arguments.get("input", {}).get(DRY_RUN))


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """The operation that a request means: the named one, or the only one."""
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if name is None:
        return operations[0] if len(operations) == 1 else None
    return next((o for o in operations if o.name is not None and o.name.value == name), None)


async def refused_root_fields(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    values: VariableValues,
    context: Context,
    gate: Gate | None = None,
) -> list[GraphQLError]:
    """What speaks against running a mutation: one error for each root field that is not allowed.

    Denials are recorded, but for those of dry runs. An empty list means that the operation may run;
    each use case decides again, inside its transaction. With a `gate` the subject is only presumed:
    raises `GateClosed`, with nothing done, unless the statement that reads the target of the only
    root field finds the gate open.
    """
    try:
        fields = list(root_fields(schema, document, operation, values))
    except GraphQLError as unusable:  # an argument or a condition that has no usable value
        if gate is not None:
            raise GateClosed from unusable
        return [unusable]
    if gate is not None:
        await _ask(gate, fields, context)
    errors: list[GraphQLError] = []
    for field in fields:
        try:
            await _require_allowed(field, context)
        except Refusal as refusal:
            error = GraphQLError(
                refusal.message, field.node, path=[field.key], original_error=refusal
            )
            errors.append(error)
    return errors


def root_fields(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    values: VariableValues,
) -> Iterator[RootField]:
    """The root fields, after fragments and @skip and @include."""
    root = schema.get_root_type(operation.operation)
    if root is None:
        return
    fragments = {
        d.name.value: FragmentDetails(d)
        for d in document.definitions
        if isinstance(d, FragmentDefinitionNode)
    }
    collected = collect_fields(schema, fragments, values, root, operation)
    for key, details in collected.grouped_field_set.items():
        yield from _root_field(key, details[0].node, root, values)


def _root_field(
    key: str, node: FieldNode, root: GraphQLObjectType, values: VariableValues
) -> Iterator[RootField]:
    definition = root.fields.get(node.name.value)
    if definition is not None:  # __typename has none
        arguments = get_argument_values(definition, node, values)
        uses = tuple(guarded_inputs.uses(definition, node, values))
        yield RootField(key, node, definition, arguments, uses)


async def _ask(gate: Gate, fields: Sequence[RootField], context: Context) -> None:
    """Find the target of the only field, and that the caller is certain. Raises `GateClosed`."""
    auths = [declared_auth(field.definition) for field in fields]
    if len(auths) != 1 or auths[0] is None or auths[0].at in (At.ORGANIZATION, At.ANYWHERE):
        raise GateClosed
    try:
        lookup, row_id = named(_argument(fields[0], auths[0]), field=auths[0].at)
    except BadInput as refusal:
        raise GateClosed from refusal
    row = await gate.find(lookup, context.access, row_id)
    if row is not None:
        context.found[row.id] = row


async def _require_allowed(field: RootField, context: Context) -> None:
    auth = declared_auth(field.definition)
    if auth is None:
        return
    about: AuditTarget | None = None
    at = ORGANIZATION
    try:
        if auth.at not in (At.ORGANIZATION, At.ANYWHERE):
            lookup, row_id = named(_argument(field, auth), field=auth.at)
            row = context.taken(lookup.model, row_id) or await lookup.find(context.access, row_id)
            about, at = target(row), lookup.place.target_of(row)
            context.found[row.id] = row
        if auth.at == At.ANYWHERE:
            require_anywhere(context.access, auth.requires)
        else:
            require_one(context.access, auth.requires, at)
        for use in field.uses:
            guarded_inputs.require(use, context.access)
    except Refusal as refusal:
        if not field.rehearses:
            await record_denial(_denial(field, refusal, context, about, at))
        raise


def _argument(field: RootField, auth: Auth) -> str:
    """The global id that the declaration's path points at."""
    value: Any = field.arguments
    for name in auth.at.split("."):
        value = value[name]
    return str(value)


def _denial(
    field: RootField, refusal: Refusal, context: Context, about: AuditTarget | None, at: Target
) -> Denial:
    definition = field.definition.extensions["strawberry-definition"]
    action: Action = definition.metadata[AUDITS]
    return Denial(action, refusal, context.subject, about, at.workspace_id)
