"""Whether fields with one answer key can be answered together (GraphQL, section 5.3.2).

The specification compares each pair of them. Here a group of them is compared as a whole, as in
"GraphQL validation in O(n log n)" by Simon Adameit (XING, 2017): having the same shape, and being
the same field with the same arguments, are equivalences, so that everything is compared with the
first only. Selections below are joined for the group and looked at once, level by level; a level
that was looked at already, with the same fields, is not looked at again.
"""

from collections.abc import Hashable, Iterable
from typing import Any

from graphql import (
    SKIP,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    InlineFragmentNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    ValidationContext,
    ValidationRule,
    ValueNode,
    VariableNode,
    VisitorAction,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.type import GraphQLType

from schema.fragments import closing_spreads, fragments_of

Selections = tuple[GraphQLType | None, SelectionSetNode]
"""A selection set, and the type that it selects on; `None` when that is unknown."""


class Field:
    """A field where it stands in the document, with the type that it is selected on."""

    __slots__ = ("definition", "node", "parent")

    def __init__(self, node: FieldNode, parent: GraphQLType | None) -> None:
        self.node = node
        self.parent = parent
        has_fields = isinstance(parent, GraphQLObjectType | GraphQLInterfaceType)
        self.definition: GraphQLField | None = (
            parent.fields.get(node.name.value) if has_fields else None  # type: ignore[union-attr]
        )

    @property
    def key(self) -> str:
        return (self.node.alias or self.node.name).value

    @property
    def shape(self) -> Hashable:
        """Equal for two fields whose answers have one shape: lists, nulls, and the leaf type."""
        wrapped = []
        type_: Any = self.definition.type if self.definition is not None else None
        while is_list_type(type_) or is_non_null_type(type_):
            wrapped.append(is_list_type(type_))
            type_ = type_.of_type
        return tuple(wrapped), type_ if is_leaf_type(type_) else None

    @property
    def call(self) -> Hashable:
        """Equal for two fields that ask for the same with the same arguments."""
        arguments = ((a.name.value, _written(a.value)) for a in self.node.arguments or ())
        return self.node.name.value, tuple(sorted(arguments, key=lambda argument: argument[0]))


def _written(value: ValueNode) -> Hashable:
    """A value as it is written, but for the order of an object's fields."""
    if isinstance(value, VariableNode):
        return value.kind, value.name.value
    if isinstance(value, ListValueNode):
        return value.kind, tuple(_written(item) for item in value.values)
    if isinstance(value, ObjectValueNode):
        fields = ((field.name.value, _written(field.value)) for field in value.fields)
        return value.kind, tuple(sorted(fields, key=lambda field: field[0]))
    if isinstance(value, StringValueNode):
        return value.kind, value.value, bool(value.block)
    if isinstance(value, NullValueNode):
        return value.kind
    return value.kind, getattr(value, "value", None)


class FieldsMergeRule(ValidationRule):
    """A group is the fields of one level that have one answer key.

    Conflicts are reported once for each group. A document with a cycle of fragments is left to the
    rule about these.
    """

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.operations: list[OperationDefinitionNode] = []
        self.fragments = fragments_of(context.document)
        self.fields: dict[int, Field] = {}
        self.steps = 0
        """Fields looked at, for the tests that hold this to being linear."""

    def enter_operation_definition(
        self, node: OperationDefinitionNode, *_args: Any
    ) -> VisitorAction:
        self.operations.append(node)
        return SKIP

    def enter_fragment_definition(self, _node: FragmentDefinitionNode, *_args: Any) -> Any:
        return SKIP

    def leave_document(self, *_args: Any) -> None:
        if next(closing_spreads(self.fragments), None) is not None:
            return
        schema = self.context.schema
        roots = [(schema.get_root_type(o.operation), o.selection_set) for o in self.operations]
        for check in (self._shapes, self._calls):
            seen: set[frozenset[Field]] = set()
            levels: list[list[Selections]] = [[root] for root in roots]
            while levels:
                fields = self._collected(levels.pop())
                if (level := frozenset(fields)) not in seen:
                    seen.add(level)
                    levels.extend(check(fields))

    def _shapes(self, fields: Iterable[Field]) -> Iterable[list[Selections]]:
        """Whatever object is answered, a key has one shape."""
        for group in _by_key(fields):
            known = [field for field in group if field.definition is not None]
            self._require_one(known, "shape", "they return conflicting types")
            yield _below(group)

    def _calls(self, fields: Iterable[Field]) -> Iterable[list[Selections]]:
        """On one object, a key is one field with the same arguments.

        Fields of different object types never meet; those of an interface, or of an unknown type,
        may meet any.
        """
        for group in _by_key(fields):
            of_objects: dict[GraphQLType, list[Field]] = {}
            of_any: list[Field] = []
            for field in group:
                if isinstance(field.parent, GraphQLObjectType):
                    of_objects.setdefault(field.parent, []).append(field)
                else:
                    of_any.append(field)
            for meeting in of_objects.values() or [[]]:
                together = [*of_any, *meeting]
                self._require_one(together, "call", "they are different fields or arguments")
                yield _below(together)

    def _require_one(self, fields: list[Field], aspect: str, reason: str) -> None:
        if len(fields) < 2:
            return
        first = fields[0]
        expected = getattr(first, aspect)
        for field in fields[1:]:
            self.steps += 1
            if getattr(field, aspect) != expected:
                self.report_error(
                    GraphQLError(
                        f"Fields '{first.key}' conflict because {reason}."
                        " Use different aliases on the fields to fetch both"
                        " if this was intentional.",
                        [first.node, field.node],
                    )
                )
                return

    def _collected(self, selections: list[Selections]) -> list[Field]:
        """The fields of a level, each once, with the fragments that are spread in it."""
        found: dict[Field, None] = {}
        spread: set[str] = set()
        waiting = selections
        while waiting:
            parent, selection_set = waiting.pop()
            for selection in selection_set.selections:
                self.steps += 1
                if isinstance(selection, FieldNode):
                    found[self._field(selection, parent)] = None
                elif isinstance(selection, InlineFragmentNode):
                    named = selection.type_condition
                    on = self.context.schema.get_type(named.name.value) if named else parent
                    waiting.append((on, selection.selection_set))
                elif isinstance(selection, FragmentSpreadNode):
                    name = selection.name.value
                    fragment = self.fragments.get(name)
                    if fragment is not None and name not in spread:
                        spread.add(name)
                        condition = fragment.type_condition.name.value
                        waiting.append(
                            (self.context.schema.get_type(condition), fragment.selection_set)
                        )
        return list(found)

    def _field(self, node: FieldNode, parent: GraphQLType | None) -> Field:
        """The same object for the same place: nodes themselves are compared by their content."""
        field = self.fields.get(id(node))
        if field is None:
            field = self.fields[id(node)] = Field(node, parent)
        return field


def _by_key(fields: Iterable[Field]) -> Iterable[list[Field]]:
    groups: dict[str, list[Field]] = {}
    for field in fields:
        groups.setdefault(field.key, []).append(field)
    return groups.values()


def _below(group: Iterable[Field]) -> list[Selections]:
    """The selections of all of a group's fields, which are one level of the answer."""
    return [
        (
            get_named_type(field.definition.type) if field.definition is not None else None,
            field.node.selection_set,
        )
        for field in group
        if field.node.selection_set is not None
    ]
