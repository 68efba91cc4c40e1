"""The requirement tree of an operation: what it selects, and what each coordinate needs.

It is computed from the schema and the document alone, once, in time linear in the document: a
fragment is read once for each type that it is spread on, and the places that spread it share the
result. So the tree is a graph without cycles; whoever lists its paths expands it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)
from graphql.language import SelectionNode

from schema.fragments import Fragments, fragments_of, innermost_first
from schema.requirements.guards import Guard, existence_of, guards_of
from schema.requirements.inputs import Given, Inputs, inputs_of

Conditions = tuple[str, ...]
"""What must be so, all of it: a Boolean variable (`$details`, `not $brief`), or that a variable
gives a guarded input (`$input.mailingListId`, `$plan = STARTER`).
"""


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What is selected on objects of one type, in the order of the document. `guarded` is whether
    anything in it is, `gives` whether anything guarded is given to a field in it.
    """

    type_name: str
    parts: "tuple[Selected | Spread, ...]"
    guarded: bool
    gives: bool


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """A fragment's selection, as a part of another."""

    conditions: Conditions
    selection: Selection


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    """A field as it is selected. All `guards` must be open; without any it is public.

    `key` is its name in the answer. `inside` has an entry for each type that an object there can
    have; a field without is a leaf. What is `given` guarded is refused before anything runs.
    """

    key: str
    coordinate: str
    is_list: bool
    conditions: Conditions
    guards: tuple[Guard, ...]
    given: tuple[Given, ...]
    inside: "tuple[Inside, ...]"


@dataclass(frozen=True, slots=True, eq=False)
class Inside:
    """What is selected if the object is of this type, and when it is there at all.

    `asked_for` is false for a type that a selection on an interface does not name beside others.
    """

    exists: Guard | None
    asked_for: bool
    selection: Selection


@dataclass(frozen=True, slots=True, eq=False)
class Requirements:
    """The requirement tree of one operation, independent of who asks, and everything guarded that
    it gives to its fields.
    """

    kind: OperationType
    name: str | None
    root: Selection
    given: "tuple[Requirement, ...]"


@dataclass(frozen=True, slots=True)
class Requirement:
    """A guard as a document meets it. `path` is the place in the answer, such as
    `workspace.campaigns.nodes[].subject`.
    """

    path: str
    guard: Guard
    conditions: Conditions


def requirements_of(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> Requirements:
    """The requirement tree of an operation of a document that is valid for the schema."""
    root = schema.get_root_type(operation.operation)
    assert root is not None  # noqa: S101 - the document is valid
    compilation = _Compilation(schema, fragments_of(document), inputs_of(operation))
    compilation.read_fragments()
    name = operation.name.value if operation.name is not None else None
    selection = compilation.selection(operation.selection_set, root)
    return Requirements(operation.operation, name, selection, tuple(_given(selection)))


@dataclass(slots=True)
class _Compilation:
    """One document on its way to a tree, with each selection set read once for each type."""

    schema: GraphQLSchema
    fragments: Fragments
    inputs: Inputs
    read: dict[tuple[int, str], Selection] = field(default_factory=dict)
    named: dict[int, frozenset[str]] = field(default_factory=dict)

    def read_fragments(self) -> None:
        """Innermost first, because a chain of fragments may be longer than the stack is deep."""
        for name in innermost_first(self.fragments):
            fragment = self.fragments[name]
            on = self.schema.type_map[fragment.type_condition.name.value]
            for type_ in self._possible(on):
                self.selection(fragment.selection_set, type_)

    def selection(self, node: SelectionSetNode, on: GraphQLObjectType) -> Selection:
        key = (id(node), on.name)
        if key not in self.read:
            self.read[key] = self._selection(node, on)
        return self.read[key]

    def _selection(self, node: SelectionSetNode, on: GraphQLObjectType) -> Selection:
        parts: list[Selected | Spread] = []
        for each in node.selections:
            conditions = _conditions(each.directives or ())
            if conditions is None:
                continue
            if isinstance(each, FieldNode):
                parts.extend(self._field(each, on, conditions))
            else:
                parts.extend(self._spread(each, on, conditions))
        return Selection(on.name, tuple(parts), any(map(_guarded, parts)), any(map(_gives, parts)))

    def _field(
        self, node: FieldNode, on: GraphQLObjectType, conditions: Conditions
    ) -> Iterator[Selected]:
        name = node.name.value
        definition = on.fields.get(name)
        if definition is None:  # __typename, __schema and __type are of the language, not ours
            return
        yield Selected(
            key=node.alias.value if node.alias is not None else name,
            coordinate=f"{on.name}.{name}",
            is_list=is_list_type(get_nullable_type(definition.type)),
            conditions=conditions,
            guards=guards_of(on, name, definition),
            given=self.inputs.of(on, name, definition, node),
            inside=tuple(self._inside(node, f"{on.name}.{name}", definition)),
        )

    def _inside(
        self, node: FieldNode, coordinate: str, definition: GraphQLField
    ) -> Iterator[Inside]:
        if node.selection_set is None:
            return
        of = get_named_type(definition.type)
        if isinstance(of, GraphQLObjectType):
            exists = existence_of(coordinate, of, by_id=False)
            yield Inside(exists, asked_for=True, selection=self.selection(node.selection_set, of))
            return
        named = self._types_named(node.selection_set)
        for type_ in self._possible(of):
            by_name = type_.name in named
            exists = existence_of(type_.name, type_, by_id=True) if by_name else None
            selection = self.selection(node.selection_set, type_)
            yield Inside(exists, asked_for=by_name or not named, selection=selection)

    def _spread(
        self, node: SelectionNode, on: GraphQLObjectType, conditions: Conditions
    ) -> Iterator[Spread]:
        condition, inner = self._fragment(node)
        if condition is None or on in self._possible(condition):
            yield Spread(conditions, self.selection(inner, on))

    def _fragment(self, node: SelectionNode) -> tuple[GraphQLNamedType | None, SelectionSetNode]:
        """The type that a fragment is on, if it says so, and what it selects."""
        if isinstance(node, FragmentSpreadNode):
            fragment = self.fragments[node.name.value]
            return self.schema.type_map[fragment.type_condition.name.value], fragment.selection_set
        assert isinstance(node, InlineFragmentNode)  # noqa: S101 - the third kind there is
        on = node.type_condition
        return (self.schema.type_map[on.name.value] if on is not None else None), node.selection_set

    def _types_named(self, node: SelectionSetNode) -> frozenset[str]:
        """The object types that a selection on an abstract type asks about by name."""
        if id(node) not in self.named:
            named: frozenset[str] = frozenset()
            for each in node.selections:
                if not isinstance(each, FieldNode):
                    condition, inner = self._fragment(each)
                    if isinstance(condition, GraphQLObjectType):
                        named |= {condition.name}
                    else:
                        named |= self._types_named(inner)
            self.named[id(node)] = named
        return self.named[id(node)]

    def _possible(self, type_: GraphQLNamedType) -> tuple[GraphQLObjectType, ...]:
        if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
            return tuple(self.schema.get_possible_types(type_))
        return (type_,) if isinstance(type_, GraphQLObjectType) else ()


def _guarded(part: Selected | Spread) -> bool:
    if isinstance(part, Spread):
        return part.selection.guarded
    return bool(part.guards) or any(inside.selection.guarded for inside in part.inside)


def _gives(part: Selected | Spread) -> bool:
    if isinstance(part, Spread):
        return part.selection.gives
    return bool(part.given) or any(inside.selection.gives for inside in part.inside)


def _conditions(directives: tuple[DirectiveNode, ...]) -> Conditions | None:
    """The variables of `@skip` and `@include`; `None` for what is never selected."""
    found: list[str] = []
    for directive in directives:
        if directive.name.value not in ("skip", "include"):
            continue
        skips = directive.name.value == "skip"
        value = directive.arguments[0].value if directive.arguments else None
        if isinstance(value, BooleanValueNode) and value.value is skips:
            return None
        if isinstance(value, VariableNode):
            found.append(("not " if skips else "") + f"${value.name.value}")
    return tuple(found)


def joined(path: str, selected: Selected) -> str:
    """The path of a field of an object at `path`."""
    return f"{path}.{selected.key}" if path else selected.key


def within(path: str, selected: Selected) -> str:
    """The path of what is in the field at `path`: of each item, if it is a list."""
    return f"{path}[]" if selected.is_list else path


def both(outer: Conditions, inner: Conditions) -> Conditions:
    return outer if not inner else tuple(dict.fromkeys((*outer, *inner)))


def listed(requirements: Requirements) -> list[Requirement]:
    """Every guarded coordinate of an operation with its path, in the order of the document."""
    return _collected(
        requirements.root,
        lambda selection: selection.guarded,
        lambda field_: ((guard, ()) for guard in field_.guards if guard.declared),
    )


def _given(root: Selection) -> list[Requirement]:
    """Everything guarded that is given anywhere in a selection."""
    return _collected(
        root,
        lambda selection: selection.gives,
        lambda field_: (
            (each.guard, (each.condition,) if each.condition is not None else ())
            for each in field_.given
        ),
    )


def _collected(
    root: Selection,
    has: Callable[[Selection], bool],
    of: Callable[[Selected], Iterable[tuple[Guard, Conditions]]],
) -> list[Requirement]:
    """The guards `of` every field, each with its own conditions, in the selections that `has` is
    true of. Each is there once at a path: without a condition, if it is met without one.
    """
    found: dict[tuple[str, Guard], Requirement] = {}
    entered: set[tuple[str, int, Conditions]] = set()

    def walk(selection: Selection, path: str, conditions: Conditions) -> None:
        key = (path, id(selection), conditions)
        if not has(selection) or key in entered:
            return
        entered.add(key)
        for part in selection.parts:
            when = both(conditions, part.conditions)
            if isinstance(part, Spread):
                walk(part.selection, path, when)
                continue
            here = joined(path, part)
            for guard, more in of(part):
                requirement = Requirement(here, guard, both(when, more))
                if (here, guard) not in found or not requirement.conditions:
                    found[here, guard] = requirement
            for inside in part.inside:
                walk(inside.selection, within(here, part), when)

    walk(root, "", ())
    return list(found.values())
