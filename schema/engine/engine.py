"""The engine's door: from a document and an operation to the data and the errors of its answer."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    located_error,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues
from graphql.pyutils import Path, is_awaitable
from strawberry.schema.config import StrawberryConfig

from identity.access.compiled import Access
from identity.credentials.gate import Gate
from identity.permission_uses import uses
from identity.refusals import Refusal, TooExpensive
from schema.context import Context
from schema.engine.builders import Unusual
from schema.engine.mapped import MappedType, mapped_types
from schema.engine.plan import Payload, Plan, Variant, compiled
from schema.engine.run import Data, Run, settled
from schema.engine.shapes import NotCompiled, Selected, conditions_of, fragments_of
from schema.errors import formatted

MOST_FIELDS_KEPT = 15_000
"""Fields of all plans together, each counted once more for every variant of its plan: a field
takes about 2 kB.
"""
NO_PLAN = 1
"""What the reason counts for where an operation has no plan: the values of its conditions may be as
many as those of one that has.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """What is kept of a document beside its text. Its plans are found by it."""

    fragments: dict[str, FragmentDetails]
    conditions: tuple[str, ...]

    @classmethod
    def of(cls, document: DocumentNode) -> "Compiled":
        return cls(fragments_of(document), conditions_of(document))


_Key = tuple[Compiled, str | None, tuple[bool | None, ...]]
"""A document, an operation of it, and the values of the conditions."""


@dataclass(frozen=True, slots=True)
class Done:
    """The data of an operation, and its errors as the response has them."""

    data: Data | None
    errors: list[dict[str, Any]]


class Engine:
    """Runs the operations of one schema, on the models of the database that is open."""

    def __init__(self, schema: GraphQLSchema, config: StrawberryConfig) -> None:
        self.schema = schema
        self.config = config
        self._plans: OrderedDict[_Key, Plan | str] = OrderedDict()
        """Those used last, or why there is none."""

    @cached_property
    def types(self) -> Mapping[str, MappedType]:
        """What the schema declares. Raises `MappingError` if the models do not bear it out; they
        are complete only when the database was opened once.
        """
        return mapped_types(self.schema)

    def require_mapped(self) -> None:
        """Raise `MappingError` if the schema is declared otherwise than the models are."""
        assert self.types  # noqa: S101 - computed by being asked for

    async def query(
        self,
        kept: Compiled,
        operation: OperationDefinitionNode,
        variables: VariableValues,
        context: Context,
        gate: Gate | None = None,
    ) -> Done:
        """The answer of a query. With a `gate`, the subject is only presumed: raises `GateClosed`.

        Raises `NotCompiled` and `Unusual` for what graphql-core is to execute.
        """
        plan, variant = self._variant(kept, operation, variables, context.access)
        run = self._run(plan, variant, variables, context)
        try:
            data = await run.query(variant, gate)
        except TooExpensive:
            raise
        except Refusal as refusal:
            raise Unusual from refusal
        uses.note(context.subject, context.asked | variant.asked | run.asked)
        return Done(data, settled(data) if run.checks.refusing else [])

    async def mutation(
        self,
        kept: Compiled,
        operation: OperationDefinitionNode,
        variables: VariableValues,
        context: Context,
    ) -> Done:
        """The answer of a mutation with one root field, after carrying it out.

        Raises `NotCompiled` before anything is carried out, and `Unusual` after: then `context`
        has what was done, so that graphql-core completes the answer and does nothing again.
        """
        plan, variant = self._variant(kept, operation, variables, context.access)
        ((selected, payload),) = variant.fields
        if not isinstance(payload, Payload):
            raise NotCompiled("a mutation without a field")
        run = self._run(plan, variant, variables, context)
        assert selected.field is not None  # noqa: S101 - a payload is no `__typename`
        resolve, arguments = selected.field.definition.resolve, run.arguments(selected)
        assert resolve is not None  # noqa: S101 - Strawberry gives every field one
        info = self._info(kept, plan, selected, run, context)
        try:
            done = await resolve(None, info, **arguments)
        except Exception as error:
            path = [selected.key]
            located = located_error(error, list(selected.nodes), path)
            uses.note(context.subject, context.asked)
            request_id = context.subject.origin.request_id
            return Done({selected.key: None}, [formatted(located, request_id=request_id)])
        context.done[selected.key] = done
        if done is not None and done.row is None:
            raise Unusual("a dry run")
        try:
            data = {selected.key: None if done is None else await run.payload(payload, done.row)}
        except Refusal as refusal:
            raise Unusual from refusal
        uses.note(context.subject, context.asked | variant.asked | run.asked)
        return Done(data, settled(data) if run.checks.refusing else [])

    def _info(
        self, kept: Compiled, plan: Plan, selected: Selected, run: Run, context: Context
    ) -> GraphQLResolveInfo[Context]:
        """What graphql-core would call the field's resolver with."""
        assert selected.field is not None  # noqa: S101 - a payload is no `__typename`
        definition, parent = selected.field.definition, plan.shape.type.graphql
        return GraphQLResolveInfo(
            field_name=selected.field.name,
            field_nodes=list(selected.nodes),
            return_type=definition.type,
            parent_type=parent,
            path=Path(None, selected.key, parent.name),
            schema=self.schema,
            fragments={name: each.definition for name, each in kept.fragments.items()},
            root_value=None,
            operation=plan.operation,
            variable_values=run.variables,
            context=context,
            is_awaitable=is_awaitable,
            abort_signal=None,
            async_helpers=cast("Any", None),  # for streams, which no mutation gives
        )

    def _run(
        self, plan: Plan, variant: Variant, variables: VariableValues, context: Context
    ) -> Run:
        if context.watch is not None:
            context.watch.planned(plan, variant)
        return Run(plan, context.subject, variables, self.config, context.watch)

    def knows(
        self, kept: Compiled, operation: OperationDefinitionNode, variables: VariableValues
    ) -> bool:
        """Whether there is a plan for the operation with these values of its conditions."""
        key, _ = self._key(kept, operation, variables)
        return isinstance(self._plans.get(key), Plan)

    def _variant(
        self,
        kept: Compiled,
        operation: OperationDefinitionNode,
        variables: VariableValues,
        access: Access,
    ) -> tuple[Plan, Variant]:
        """The plan, and how this subject runs it. Raises `NotCompiled`."""
        key, used = self._key(kept, operation, variables)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._compiled(kept, operation, VariableValues(variables.sources, used))
            self._plans[key] = plan
            self._drop_the_oldest()
        else:
            self._plans.move_to_end(key)
        if isinstance(plan, str):
            raise NotCompiled(plan)
        if access.whole is not None and plan.lists_beyond(access):
            raise NotCompiled("a list beyond the scopes of an API key")
        made = len(plan.variants)
        variant = plan.variant(access)
        if len(plan.variants) > made:
            self._drop_the_oldest()
        if isinstance(variant, str):
            raise NotCompiled(variant)
        return plan, variant

    @staticmethod
    def _key(
        kept: Compiled, operation: OperationDefinitionNode, variables: VariableValues
    ) -> tuple[_Key, dict[str, Any]]:
        """Where the plan is kept, and those variables that it rests on."""
        name = operation.name.value if operation.name is not None else None
        used = {
            condition: value
            for condition in kept.conditions
            if isinstance(value := variables.coerced.get(condition), bool)
        }
        return (kept, name, tuple(map(used.get, kept.conditions))), used

    def _drop_the_oldest(self) -> None:
        """Drop the plans used longest ago that are too many."""
        weight = sum(map(_weight, self._plans.values()))
        while weight > MOST_FIELDS_KEPT and len(self._plans) > 1:
            _, oldest = self._plans.popitem(last=False)
            weight -= _weight(oldest)

    def _compiled(
        self, kept: Compiled, operation: OperationDefinitionNode, conditions: VariableValues
    ) -> Plan | str:
        """The plan, or why there is none."""
        try:
            return compiled(self.schema, self.types, operation, kept.fragments, conditions)
        except NotCompiled as reason:
            return str(reason)
        except GraphQLError:  # a condition that has no usable value
            return "a condition without a usable value"


def _weight(plan: Plan | str) -> int:
    return NO_PLAN if isinstance(plan, str) else plan.weight
