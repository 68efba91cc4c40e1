"""Valid operations, written from the schema itself: any type, field, interface and argument."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
    is_required_argument,
)

from identity.access.permissions import Permission
from schema.execution import Request
from schema.schema import graphql_schema
from tests.schema.engine.choices import Choices

MOST_FIELDS = 40
DEEPEST = 5
SELDOM = (
    "accessAsOf",
    "accessOf",
    "auditExportEstimate",
    "auditRetention",
    "can",
    "compareRoles",
    "explainAccess",
    "operationAccess",
    "permissionCatalogue",
    "preview",
    "principal",
    "scope",
    "simulate",
    "token",
    "unusedPermissions",
    "viewerApiKey",
    "whoCan",
    "_entities",
    "_service",
)
"""Fields that the engine leaves to graphql-core."""
DOCUMENT = "query ($w: ID!) { workspace(id: $w) { campaigns { nodes { body } } } }"


class Name(str):
    """A value that stands in a document without quotes: one of an enum."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Pool:
    """What documents can name: global ids by type, and positions in lists."""

    ids: Mapping[str, Sequence[str]]
    strange_ids: Sequence[str]
    cursors: Sequence[str]


def literal(value: Any) -> str:
    """The value as a document has it."""
    if isinstance(value, Name):
        return value
    if isinstance(value, list):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {literal(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)


@dataclass(slots=True)
class Document:
    """A document in the making: its fragments, its variables with what they are given, and which
    response key stands for what, so that all of it merges.
    """

    choices: Choices
    pool: Pool
    left: int = MOST_FIELDS
    keys: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    fragments: list[tuple[str, GraphQLNamedType, str]] = field(default_factory=list)
    declared: dict[str, str] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    reusable: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def request(self, kind: str, selections: str) -> Request:
        """The whole document around the selections of its operation."""
        name = self.choices.of(["", "Asked"])
        variables = ", ".join(f"${each}: {type_}" for each, type_ in self.declared.items())
        head = f"{kind} {name}" + (f"({variables})" if variables else "")
        texts = [f"{head} {selections}"]
        texts += [f"fragment {n} on {t.name} {text}" for n, t, text in self.fragments]
        if name and self.choices.once_in(8):
            texts.append("query Other { organization { slug } }")
            return Request("\n".join(texts), self.given, name)
        return Request("\n".join(texts), self.given, None)

    def selections(self, type_: GraphQLNamedType, depth: int) -> str:
        """A selection set of the type."""
        parts = [
            self.selection(type_, depth)
            for _ in range(1 + self.choices.below(5 if self.left > 0 else 2))
        ]
        return "{ " + " ".join(parts) + " }"

    def selection(self, type_: GraphQLNamedType, depth: int) -> str:
        kind = self.choices.below(12)
        if kind == 10:
            on = self.choices.of([f" on {type_.name}", ""])
            return f"...{on}{self.directives()} {self.selections(type_, depth)}"
        abstract = isinstance(type_, GraphQLInterfaceType | GraphQLUnionType)
        if kind == 11 or (abstract and kind > 3):
            return self._fragment(type_, depth)
        return self.field(type_, depth)

    def _fragment(self, type_: GraphQLNamedType, depth: int) -> str:
        """A fragment, inline or named, perhaps one that is there already, perhaps on an interface
        or on one type of it.
        """
        on = self.choices.of([type_, *_related(type_)])
        if self.choices.once_in(2):
            return f"... on {on.name}{self.directives()} {self.selections(on, depth)}"
        known = [name for name, t, _ in self.fragments if t is on]
        if known and self.choices.once_in(2):
            return f"...{self.choices.of(known)}{self.directives()}"
        text = self.selections(on, depth)
        name = f"F{len(self.fragments)}"
        self.fragments.append((name, on, text))
        return f"...{name}{self.directives()}"

    def field(self, type_: GraphQLNamedType, depth: int) -> str:
        """A field of the type that can still be afforded."""
        self.left -= 1
        name = self.choices.of(self._names(type_, depth))
        if name == "__typename":
            key = self._key(name, "", "String!")
            return f"{key}{self.directives()}"
        assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        definition = type_.fields[name]
        arguments = self.arguments(type_, name, definition)
        key = self._key(name, arguments, str(definition.type))
        text = f"{key}{arguments}{self.directives()}"
        of = get_named_type(definition.type)
        return f"{text} {self.selections(of, depth - 1)}" if is_composite_type(of) else text

    def _names(self, type_: GraphQLNamedType, depth: int) -> list[str]:
        """Those that can be chosen: objects twice, and none when the document is long or deep."""
        names = ["__typename"]
        if isinstance(type_, GraphQLUnionType):
            return names
        assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        for name, definition in type_.fields.items():
            if name in SELDOM and not self.choices.once_in(40):
                continue
            if not is_composite_type(get_named_type(definition.type)):
                names.append(name)
            elif depth > 0 and self.left > 0:
                names += [name, name]
        return names

    def _key(self, name: str, arguments: str, type_: str) -> str:
        """What stands before the arguments: the name, or an alias and the name."""
        meant = (name, arguments, type_)
        alias = self.choices.of([*[name] * 6, f"{name}2", "a", "if", "r"])
        while self.keys.setdefault(alias, meant) != meant:
            alias = f"k{len(self.keys)}"
        return name if alias == name else f"{alias}: {name}"

    def directives(self) -> str:
        if not self.choices.once_in(7):
            return ""
        text = ""
        for name in self.choices.of([["include"], ["skip"], ["skip", "include"]]):
            value = self.choices.below(2) == (name == "skip")
            text += f" @{name}(if: {self.value('Boolean!', 'if', value)})"
        return text

    def arguments(self, type_: GraphQLNamedType, name: str, definition: GraphQLField) -> str:
        given = []
        for argument, declared in definition.args.items():
            if is_required_argument(declared) or self.choices.once_in(
                3 if argument in ("first", "permissions") else 8
            ):
                value = self._meant(name, argument, declared)
                given.append(f"{argument}: {self.value(str(declared.type), argument, value)}")
        return f"({', '.join(given)})" if given else ""

    def _meant(self, field_name: str, argument: str, declared: GraphQLArgument) -> Any:
        """A value for an argument, mostly one that makes sense."""
        choices = self.choices
        match argument:
            case "first" | "last":
                return choices.of([2, 1, 3, 0, 5, 25, 100, None, *(choices.of([[1], [-1, 101]]))])
            case "after" | "before":
                strange = choices.once_in(12)
                return choices.of([None, "nope", "", "AAAA"] if strange else self.pool.cursors)
            case "id":
                return self.id_of(field_name.capitalize())
            case "filter" if field_name == "assignments":
                return self._assignment_filter()
            case "filter":
                return self._filter()
            case "permissions":
                return [Name(p.name) for p in choices.subset(list(Permission), most=4)]
            case "document":
                return choices.of([DOCUMENT, "{ viewer { email } }", "{ nothing }"])
            case "representations":
                kind = choices.of(list(self.pool.ids))
                return [{"__typename": kind, "id": self.id_of(kind)}]
            case "change":
                return {"suspendMember": {"memberId": self.id_of("Member")}}
            case "scopeType":
                return Name(choices.of(["WORKSPACE", "CAMPAIGN"]))
        return None

    def _filter(self) -> dict[str, Any] | None:
        """What may be asked of the audit log, seldom what may not."""
        choices = self.choices
        possible: dict[str, Any] = {
            "action": choices.of(
                [["role.*"], ["*.create", "member.suspend"], ["*"], "role.assign"]
            ),
            "outcome": choices.of([[Name("SUCCESS")], [Name("DENIED"), Name("ERROR")]]),
            "via": [Name("CLI")],
            "actorId": self.id_of("Member"),
            "workspaceId": self.id_of("Workspace"),
            "text": choices.of(["olga", "rol ass", "nobody at all", "-"]),
            "fromAt": "2020-01-01T00:00:00Z",
            "beforeAt": "2020-01-01T00:00:00Z",
        }
        return {name: possible[name] for name in choices.subset(list(possible), most=3)}

    def _assignment_filter(self) -> dict[str, Any]:
        """Which assignments: seldom by something that none can be of."""
        possible: dict[str, Any] = {
            "principalType": Name(self.choices.of(["MEMBER", "GROUP"])),
            "principalId": self.id_of(self.choices.of(["Member", "Group"])),
            "roleId": self.id_of("Role"),
        }
        return {name: possible[name] for name in self.choices.subset(list(possible), most=2)}

    def id_of(self, type_name: str) -> str:
        """A global id, mostly of the type; of any if it is none."""
        if self.choices.once_in(12):
            return self.choices.of(self.pool.strange_ids)
        if type_name not in self.pool.ids or self.choices.once_in(15):
            type_name = self.choices.of(list(self.pool.ids))
        return self.choices.of(self.pool.ids[type_name])

    def value(self, type_: str, purpose: str, value: Any) -> str:
        """The value in the document, or a variable that is given it, or that has it by default."""
        if "_Any" in type_ or not self.choices.once_in(3):
            return literal(value)
        known = self.reusable.setdefault((type_, purpose), [])
        if known and self.choices.once_in(2):
            return "$" + self.choices.of(known)
        name = f"v{len(self.declared)}"
        known.append(name)
        nullable = type_.removesuffix("!")
        default = f" = {literal(value)}" if value is not None or type_ == nullable else ""
        ways = [type_, type_ + default, nullable + default]
        if type_ == nullable and value is not None:
            ways.append(nullable + "!")
        self.declared[name] = way = self.choices.of(ways)
        if "=" in way and self.choices.once_in(2):
            return f"${name}"  # left out
        optional = not way.partition(" = ")[0].endswith("!")
        self.given[name] = None if optional and self.choices.once_in(8) else value
        return f"${name}"


def _related(type_: GraphQLNamedType) -> Sequence[GraphQLNamedType]:
    """The other types that a fragment in a selection of this type can be on."""
    if isinstance(type_, GraphQLObjectType):
        interfaces: Sequence[GraphQLNamedType] = type_.interfaces
        return interfaces
    assert isinstance(type_, GraphQLInterfaceType | GraphQLUnionType)
    possible: Sequence[GraphQLNamedType] = graphql_schema.get_possible_types(type_)
    return possible


def query(choices: Choices, pool: Pool) -> Request:
    document = Document(choices, pool)
    root = graphql_schema.query_type
    assert root is not None
    return document.request("query", document.selections(root, DEEPEST))


def varied(choices: Choices, request: Request) -> Request:
    """The same document, with its conditions given otherwise."""
    given = {
        name: choices.below(2) == 1 if isinstance(value, bool) else value
        for name, value in request.variables.items()
    }
    return replace(request, variables=given)
