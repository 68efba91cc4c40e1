"""The engine's door: from a document and an operation to the data and the errors of its answer."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
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
from identity.credentials.gate import Gate, GateClosed
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


@dataclass(slots=True)
class Compiled:
    """What is kept of a document beside its text."""

    fragments: dict[str, FragmentDetails]
    conditions: tuple[str, ...]
    plans: dict[Any, Plan | str] = field(default_factory=dict)
    """By operation and values of the conditions: the plan, or why there is none."""

    @classmethod
    def of(cls, document: DocumentNode) -> "Compiled":
        return cls(fragments_of(document), conditions_of(document))


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
        self._used: OrderedDict[int, tuple[Compiled, Any, int]] = OrderedDict()
        """The plans used last, by identity, each with where it is kept and how much it weighs."""
        self._weight = 0

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
        if gate is not None and not variant.singles:
            raise GateClosed
        run = self._run(plan, variant, variables, context)
        try:
            data = await run.query(variant, gate)
        except TooExpensive:
            raise
        except Refusal as refusal:
            raise Unusual from refusal
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
        try:
            done = await self._carried_out(kept, plan, selected, run, context)
        except Exception as error:
            path = [selected.key]
            located = located_error(error, list(selected.nodes), path)
            request_id = context.subject.origin.request_id
            return Done({selected.key: None}, [formatted(located, request_id=request_id)])
        context.done[selected.key] = done
        try:
            data = {selected.key: None if done is None else await run.payload(payload, done.row)}
        except Refusal as refusal:
            raise Unusual from refusal
        return Done(data, settled(data) if run.checks.refusing else [])

    async def _carried_out(
        self, kept: Compiled, plan: Plan, selected: Selected, run: Run, context: Context
    ) -> Any:
        """What the field's resolver gives, called as graphql-core calls it."""
        assert selected.field is not None  # noqa: S101 - a payload is no `__typename`
        definition, parent = selected.field.definition, plan.shape.type.graphql
        info = GraphQLResolveInfo(
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
        assert definition.resolve is not None  # noqa: S101 - Strawberry gives every field one
        return await definition.resolve(None, info, **run.arguments(selected))

    def _run(
        self, plan: Plan, variant: Variant, variables: VariableValues, context: Context
    ) -> Run:
        if context.watch is not None:
            context.watch.planned(plan, variant)
        return Run(plan, context.subject, variables, self.config, context.watch)

    def has_plans(self, kept: Compiled) -> bool:
        """Whether an operation of the document was compiled before."""
        return any(isinstance(plan, Plan) for plan in kept.plans.values())

    def _variant(
        self,
        kept: Compiled,
        operation: OperationDefinitionNode,
        variables: VariableValues,
        access: Access,
    ) -> tuple[Plan, Variant]:
        """The plan, and how this subject runs it. Raises `NotCompiled`."""
        name = operation.name.value if operation.name is not None else None
        used = {
            condition: value
            for condition in kept.conditions
            if isinstance(value := variables.coerced.get(condition), bool)
        }
        key = (name, tuple(used.get(condition) for condition in kept.conditions))
        plan = kept.plans.get(key)
        if plan is None:
            plan = self._compiled(kept, operation, VariableValues(variables.sources, used))
            kept.plans[key] = plan
        if isinstance(plan, str):
            raise NotCompiled(plan)
        variant = plan.variant(access)
        self._keep(kept, key, plan)
        return plan, variant

    def _keep(self, kept: Compiled, key: Any, plan: Plan) -> None:
        """Count the plan as used just now, and drop those used longest ago that are too many."""
        before = self._used.pop(id(plan), None)
        weight = plan.weight
        self._weight += weight - (before[2] if before is not None else 0)
        self._used[id(plan)] = (kept, key, weight)
        while self._weight > MOST_FIELDS_KEPT and len(self._used) > 1:
            _, (oldest, its_key, its_weight) = self._used.popitem(last=False)
            oldest.plans.pop(its_key, None)
            self._weight -= its_weight

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


__all__ = ["Compiled", "Done", "Engine", "NotCompiled", "Unusual"]
