"""Functions made for one plan: from the rows of a SELECT to the objects of the answer.

A dictionary display in generated code costs a fraction of anything that looks up field by field
what to do. The text of a function holds names of the schema, positions and numbers; of what a
document says, only the response keys, which GraphQL's grammar limits to names, and those quoted.
"""

from binascii import b2a_base64
from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLOutputType,
    GraphQLScalarType,
    is_list_type,
    is_non_null_type,
)

from identity.refusals import Refusal
from schema.engine.guards import Guard, Outcome, locations_of
from schema.engine.mapped import MappedType
from schema.engine.shapes import NotCompiled, Selected, Shape
from schema.engine.statements import Frame
from schema.ids import TAGS, URL_SAFE
from schema.mapping import All, Column, Computed, Decided, Embedded, GlobalId, Page, ToMany, ToOne
from schema.opaque import encoded

Build = Callable[[Sequence[Any], Any], list[Any]]
"""Of rows and the scope they are read in: the objects, in the order of the rows."""


class Unusual(Exception):
    """Something in a request or in a row that only graphql-core answers exactly."""


@dataclass(frozen=True, slots=True)
class InMemory:
    """An object instead of a row: what an expression reads of `r` are its attributes."""

    def read(self, column: str) -> str:
        return f"r.{column}"

    def there(self) -> str:
        return "r"

    def raw_id(self, names: dict[str, Any]) -> str:
        return "r.id.bytes"

    def python(self, column: str, names: dict[str, Any]) -> str:
        return self.read(column)

    def position(self, column: str) -> int:
        raise NotCompiled("a list below an object in memory")

    def related(self, relation: str) -> Frame:
        raise NotCompiled("a related row of an object in memory")


@dataclass(frozen=True, slots=True)
class Child:
    """A list below the rows: which field, and the position of its parent's id in them.

    `guard` is there if its answer depends on the row; `place` are then the positions it needs.
    """

    selected: Selected
    parent: int
    place: tuple[int, ...]
    guard: Guard | None


@dataclass(slots=True)
class Writer:
    """Writes the functions of one level, for what the guards say of one subject."""

    outcomes: Sequence[Outcome]
    children: list[Child] = field(default_factory=list)
    names: dict[str, Any] = field(default_factory=dict)
    masks: dict[tuple[str, ...], tuple[str, str]] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)
    """What a function takes from its scope before the first row, by the name it has there."""

    def function(self, result: str) -> Build:
        """A function that gives `result` of every row `r`."""
        lines = ["def build(rows, scope):"]
        lines += [f"    {name} = {value}" for name, value in self.used.items()]
        if self.masks:
            lines += ["    built = []", "    for r in rows:"]
            lines += [f"        {name} = {value}" for name, value in self.masks.values()]
            lines += [f"        built.append({result})", "    return built"]
        else:
            lines += [f"    return [{result} for r in rows]"]
        made: dict[str, Build] = {}  # not its own globals, which it would keep alive with itself
        exec(compile("\n".join(lines), "<plan>", "exec"), self.names, made)  # noqa: S102 - see above
        return made["build"]

    def display(self, shape: Shape, frame: Frame | InMemory) -> str:
        """The expression of one object."""
        items = (f"{each.key!r}: {self._value(each, shape, frame)}" for each in shape.fields)
        return "{" + ", ".join(items) + "}"

    def edge(self, shape: Shape, frame: Frame) -> str:
        """The expression of an edge of a connection: the row as its node, and its cursor."""
        items = []
        for each in shape.fields:
            if each.field is None:
                value = repr(shape.type.name)
            elif each.field.name == "node":
                value = self.display(inner_of(each), frame)
            else:
                self.names["encoded"] = encoded
                value = f"encoded({frame.raw_id(self.names)})"
            items.append(f"{each.key!r}: {value}")
        return "{" + ", ".join(items) + "}"

    def _value(self, selected: Selected, shape: Shape, frame: Frame | InMemory) -> str:
        if selected.field is None:
            return repr(shape.type.name)
        guard = selected.guard
        outcome = Outcome.ALLOWED if guard is None else self.outcomes[guard.index]
        if guard is not None and outcome is Outcome.DENIED:
            name = f"d{guard.index}"
            self.used[name] = f"scope.checks.denied({guard.index})"
            return name
        if isinstance(selected.field.source, All | Page | ToMany):
            return self._child(selected, shape, frame, guard if outcome is Outcome.BY_ROW else None)
        value = self._allowed(selected, selected.field.source, shape, frame)
        if guard is None or outcome is Outcome.ALLOWED:
            return value
        places = [frame.read(column) for column in shape.type.place.columns]
        self.used["refused"] = "scope.checks.refused"
        refused = f"refused({', '.join([str(guard.index), *places])})"
        return f"({value} if {self._mask(places, frame)} & {guard.mask} else {refused})"

    def _mask(self, places: Sequence[str], frame: Frame | InMemory) -> str:
        """The name of what the subject holds at the row, taken once a row."""
        key = tuple(places)
        if key not in self.masks:
            self.used["mask"] = "scope.checks.masks()"
            value = f"mask({', '.join(places)}) if {frame.there()} is not None else 0"
            self.masks[key] = (f"m{len(self.masks)}", value)
        return self.masks[key][0]

    def _child(
        self, selected: Selected, shape: Shape, frame: Frame | InMemory, guard: Guard | None
    ) -> str:
        number = len(self.children)
        place = tuple(frame.position(c) for c in shape.type.place.columns) if guard else ()
        self.children.append(Child(selected, frame.position("id"), place, guard))
        self.used[f"k{number}"] = f"scope.lists[{number}]"
        return f"k{number}[{frame.read('id')}]"

    def _allowed(
        self, selected: Selected, source: object, shape: Shape, frame: Frame | InMemory
    ) -> str:
        match source:
            case Column(name):
                return self._leaf(selected, frame, name)
            case GlobalId(type_name):
                self.names |= {"base64": b2a_base64, "safe": URL_SAFE}
                tag = TAGS[type_name or shape.type.name]
                tagged = f"{tag!r} + {frame.raw_id(self.names)}"
                return f"base64({tagged}, newline=False).translate(safe).decode()"
            case Embedded():
                return self.display(inner_of(selected), frame)
            case ToOne(relation):
                related = frame.related(relation)
                inner = self.display(inner_of(selected), related)
                return f"({inner} if {related.there()} is not None else None)"
            case Computed():
                build = None if selected.inner is None else self._in_memory(selected)
                return self._called(Calculation(selected, source, build), frame, source.reads)
            case Decided():
                verdict = Verdict(selected, shape.type, source, self._in_memory(selected))
                return self._called(verdict, frame, shape.type.place.columns)
            case _:
                raise NotCompiled("a field with a resolver")

    def _in_memory(self, selected: Selected) -> Build:
        """The function that makes the field's objects of those in memory that they stand on."""
        writer = Writer(self.outcomes)
        return writer.function(writer.display(inner_of(selected), InMemory()))

    def _leaf(self, selected: Selected, frame: Frame | InMemory, column: str) -> str:
        named = selected.field.named_type if selected.field is not None else None
        if not isinstance(named, GraphQLEnumType):
            return frame.python(column, self.names)
        name = f"e_{named.name}"
        self.names[name] = {v.value: key for key, v in named.values.items()} | {None: None}
        return f"{name}[{frame.read(column)}]"

    def _called(
        self, called: Callable[..., Any], frame: Frame | InMemory, columns: Sequence[str]
    ) -> str:
        """The expression that calls it with these columns of each row."""
        name = f"c{len(self.names)}"
        self.names[name] = called
        given = ["scope", *(frame.python(column, self.names) for column in columns)]
        return f"{name}({', '.join(given)})"


def inner_of(selected: Selected) -> Shape:
    if selected.inner is None:
        raise NotCompiled("an object of an abstract type")
    return selected.inner


class Calculation:
    """A computed field at work on one row; with `build`, one that gives a list of objects."""

    def __init__(self, selected: Selected, source: Computed, build: Build | None) -> None:
        assert selected.field is not None  # noqa: S101 - `__typename` is not computed
        self._row: Callable[..., Any] = namedtuple("Row", source.reads)  # type: ignore[misc]
        self._value = source.value
        self._build = build
        self._type = selected.field.definition.type
        self._locations = locations_of(selected.nodes)

    def __call__(self, scope: Any, *columns: object) -> Any:
        try:
            value = self._value(scope.checks.access, self._row(*columns))
        except Refusal as refusal:
            if is_non_null_type(self._type):
                raise Unusual from refusal
            return scope.checks.stand_in(refusal, self._locations)
        if self._build is not None:
            return self._build(value, scope)
        return serialized(value, self._type)


class Verdict:
    """What the access says of one row, as objects of the answer."""

    def __init__(
        self, selected: Selected, type_: MappedType, source: Decided, build: Build
    ) -> None:
        self._selected = selected
        self._type = type_
        self._value = source.value
        self._build = build

    def __call__(self, scope: Any, *place: object) -> list[Any]:
        arguments = scope.run.converted(self._selected)
        target = self._type.place.target(*place)
        found = self._value(self._type.origin, scope.checks.access, target, **arguments)
        return self._build(found, scope)


def serialized(value: Any, type_: GraphQLOutputType) -> Any:
    """A value as its type writes it. Raises `Unusual` for one that the type does not have."""
    if is_non_null_type(type_):
        if value is None:
            raise Unusual
        return serialized(value, type_.of_type)
    if value is None:
        return None
    if is_list_type(type_):
        return [serialized(item, type_.of_type) for item in value]
    if not isinstance(type_, GraphQLScalarType | GraphQLEnumType):
        raise Unusual
    try:
        return type_.coerce_output_value(value)
    except (GraphQLError, TypeError, ValueError) as error:
        raise Unusual from error
