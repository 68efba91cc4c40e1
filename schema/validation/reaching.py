"""Rules about what an operation reaches through fragments: no cycles, nothing unused, and each
variable declared, used, and of a type that fits where it is used (GraphQL, sections 5.5 and 5.8).

One visit of the document collects spreads and variables by definition; what an operation reaches is
then put together from these.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    SKIP,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLInputType,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
    VariableNode,
    VisitorAction,
    is_input_object_type,
    is_nullable_type,
    type_from_ast,
)
from graphql.validation.rules.variables_in_allowed_position import allowed_variable_usage

from schema.fragments import closing_spreads, fragments_of, spreads_in


@dataclass(frozen=True, slots=True)
class Usage:
    """A variable where it is used: the type and the default of that place."""

    node: VariableNode
    type: GraphQLInputType | None
    parent_type: GraphQLInputType | None
    default: Any


class ReachingRule(ValidationRule):
    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.fragments = fragments_of(context.document)
        self.operations: list[tuple[OperationDefinitionNode, list[Usage]]] = []
        self.usages: dict[str, list[Usage]] = {}
        self.entered: list[Usage] = []
        """The usages of the definition that is being visited."""
        self.steps = 0
        """Fragments and usages looked at, for the tests that hold this to being linear."""

    def enter_operation_definition(self, node: OperationDefinitionNode, *_args: Any) -> None:
        self.entered = []
        self.operations.append((node, self.entered))

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_args: Any) -> None:
        self.entered = self.usages[node.name.value] = []

    def enter_variable_definition(self, *_args: Any) -> VisitorAction:
        return SKIP

    def enter_variable(self, node: VariableNode, *_args: Any) -> None:
        context = self.context
        place = context._type_info  # the context does not tell the default of a place
        self.entered.append(
            Usage(
                node,
                context.get_input_type(),
                context.get_parent_input_type(),
                place.get_default_value(),
            )
        )

    def leave_document(self, *_args: Any) -> None:
        for spread in closing_spreads(self.fragments):
            name = spread.name.value
            self.report_error(
                GraphQLError(f"Cannot spread fragment '{name}' within itself.", spread)
            )
        spreads = {
            name: _names(fragment.selection_set) for name, fragment in self.fragments.items()
        }
        used: set[str] = set()
        for operation, usages in self.operations:
            reached = self._reached(_names(operation.selection_set), spreads)
            used |= reached
            self._variables(operation, usages, sorted(reached))
        for definition in self.context.document.definitions:
            if isinstance(definition, FragmentDefinitionNode):
                name = definition.name.value
                if name not in used:
                    self.report_error(GraphQLError(f"Fragment '{name}' is never used.", definition))

    def _reached(self, names: Iterable[str], spreads: dict[str, list[str]]) -> set[str]:
        reached: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            self.steps += 1
            if name in spreads and name not in reached:
                reached.add(name)
                waiting.extend(spreads[name])
        return reached

    def _variables(
        self, operation: OperationDefinitionNode, own: list[Usage], reached: Iterable[str]
    ) -> None:
        declared = {node.variable.name.value: node for node in operation.variable_definitions or ()}
        unused = dict(declared)
        by = f" by operation '{operation.name.value}'" if operation.name is not None else ""
        for usage in self._all(own, reached):
            name = usage.node.name.value
            unused.pop(name, None)
            definition = declared.get(name)
            if definition is None:
                self.report_error(
                    GraphQLError(f"Variable '${name}' is not defined{by}.", [usage.node, operation])
                )
            elif problem := self._misfit(definition, usage):
                self.report_error(GraphQLError(problem, [definition, usage.node]))
        within = by.replace(" by ", " in ", 1)
        for name, definition in unused.items():
            self.report_error(
                GraphQLError(f"Variable '${name}' is never used{within}.", definition)
            )

    def _all(self, own: list[Usage], reached: Iterable[str]) -> Iterator[Usage]:
        for usages in (own, *(self.usages[name] for name in reached)):
            self.steps += len(usages)
            yield from usages

    def _misfit(self, definition: Any, usage: Usage) -> str | None:
        """What is wrong with using a variable at this place."""
        type_ = type_from_ast(self.context.schema, definition.type)
        if usage.type is None or type_ is None:
            return None
        name = usage.node.name.value
        if not allowed_variable_usage(
            self.context.schema, type_, definition.default_value, usage.type, usage.default
        ):
            return (
                f"Variable '${name}' of type '{type_}' used in position"
                f" expecting type '{usage.type}'."
            )
        parent = usage.parent_type
        if is_input_object_type(parent) and parent.is_one_of and is_nullable_type(type_):
            return (
                f"Variable '${name}' is of type '{type_}' but must be non-nullable"
                f" to be used for OneOf Input Object '{parent}'."
            )
        return None


def _names(selections: SelectionSetNode) -> list[str]:
    """The fragments that are spread, each once."""
    return list(dict.fromkeys(spread.name.value for spread in spreads_in(selections)))
