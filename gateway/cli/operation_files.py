"""The operations of a frontend, from its source files or from the manifest that its build wrote."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    Source,
    parse,
    print_ast,
    validate,
)

from identity.refusals import BadInput, TooExpensive
from schema.fragments import spreads_in
from schema.limits import parsed, require_within_limits
from schema.manifests import documents_in
from schema.requirements.tree import Requirements, requirements_of
from schema.schema import graphql_schema

SUFFIXES = frozenset({".graphql", ".gql", ".graphqls"})
MOST_ERRORS = 20

Fragments = Mapping[str, FragmentDefinitionNode]


@dataclass(frozen=True, slots=True)
class OperationFile:
    """An operation with the place that it was read from, and what it needs."""

    name: str
    place: str
    requirements: Requirements


class WrongOperations(Exception):
    """The operations cannot be judged; the text has a line for each reason, `file:line: why`."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(slots=True)
class _Reading:
    """Operations by name, and everything that is wrong with them."""

    found: dict[str, OperationFile] = field(default_factory=dict)
    problems: dict[str, None] = field(default_factory=dict)

    def add(self, operation: OperationDefinitionNode, name: str, fragments: Fragments) -> None:
        """Take an operation with the fragments that it spreads, if it would be run."""
        place = _place(operation)
        if name in self.found:
            self.problem(f"{place}: {name} is in {self.found[name].place} already.")
            return
        document = DocumentNode(definitions=(operation, *_used(operation, fragments)))
        errors = validate(
            graphql_schema, document, max_errors=MOST_ERRORS, hide_suggestions=True
        ) or _over_limits(document, operation)
        for error in errors:
            self.problem(_told(error, place))
        if not errors:
            requirements = requirements_of(graphql_schema, document, operation)
            self.found[name] = OperationFile(name, place, requirements)

    def problem(self, text: str) -> None:
        self.problems[text] = None


def operations_in(paths: Sequence[Path]) -> Sequence[OperationFile]:
    """The operations of files, folders of them, and manifests (`.json`), by name.

    The fragments of all files are one namespace, as for the build tools. An operation without a
    name has that of its file. Raises `WrongOperations`.
    """
    reading = _Reading()
    documents: list[tuple[Path, DocumentNode]] = []
    for path in _files(paths):
        if path.suffix == ".json":
            _read_manifest(path, reading)
        else:
            documents.extend((path, each) for each in _read(path, reading))
    fragments = _fragments([document for _, document in documents], reading)
    for path, document in documents:
        _add_all(document, path.stem, fragments, reading)
    if not reading.found and not reading.problems:
        reading.problem(f"{', '.join(map(str, paths))}: There is no operation here.")
    if reading.problems:
        raise WrongOperations(list(reading.problems))
    return sorted(reading.found.values(), key=lambda operation: operation.name)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inside = (each for each in path.rglob("*") if each.suffix in SUFFIXES)
            yield from sorted(each for each in inside if each.is_file())
        else:
            yield path


def _read(path: Path, reading: _Reading) -> list[DocumentNode]:
    """The document of a file, if it can be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reading.problem(f"{path}: This cannot be read: {error}")
        return []
    document = _parsed(text, str(path), reading)
    return [] if document is None else [document]


def _parsed(text: str, name: str, reading: _Reading) -> DocumentNode | None:
    try:
        return parse(Source(text, name))
    except GraphQLSyntaxError as error:
        reading.problem(_told(error, name))
        return None


def _read_manifest(path: Path, reading: _Reading) -> None:
    """Each document of a manifest stands by itself."""
    try:
        texts = documents_in(orjson.loads(path.read_bytes()))
    except (OSError, orjson.JSONDecodeError) as error:
        reading.problem(f"{path}: This is not JSON: {error}")
        return
    except BadInput as refusal:
        reading.problem(f"{path}: {refusal.field}: {refusal.message}")
        return
    for text, identifier in {text: identifier for identifier, text in texts.items()}.items():
        document = _parsed(text, f"{path}#{identifier}", reading)
        if document is not None:
            _add_all(document, identifier, _fragments([document], reading), reading)


def _add_all(document: DocumentNode, name: str, fragments: Fragments, reading: _Reading) -> None:
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            own = definition.name.value if definition.name is not None else name
            reading.add(definition, own, fragments)


def _fragments(documents: Sequence[DocumentNode], reading: _Reading) -> Fragments:
    """The fragments of documents by name. Twice the same text is one fragment."""
    found: dict[str, FragmentDefinitionNode] = {}
    for document in documents:
        for definition in document.definitions:
            if isinstance(definition, FragmentDefinitionNode):
                name = definition.name.value
                first = found.setdefault(name, definition)
                if first is not definition and print_ast(first) != print_ast(definition):
                    where = f"{_place(definition)}: The fragment {name}"
                    reading.problem(f"{where} is another one in {_place(first)}.")
    return found


def _used(operation: OperationDefinitionNode, fragments: Fragments) -> list[FragmentDefinitionNode]:
    """The fragments that an operation spreads, also through others."""
    used: dict[str, FragmentDefinitionNode] = {}
    waiting = [operation.selection_set]
    while waiting:
        for spread in spreads_in(waiting.pop()):
            name = spread.name.value
            if name in fragments and name not in used:
                used[name] = fragments[name]
                waiting.append(fragments[name].selection_set)
    return list(used.values())


def _over_limits(document: DocumentNode, node: OperationDefinitionNode) -> list[GraphQLError]:
    """Why the server would not run a valid document, as a client sends it."""
    try:
        require_within_limits(parsed(print_ast(document)))
    except TooExpensive as refusal:
        return [GraphQLError(refusal.message, node)]
    return []


def _place(node: OperationDefinitionNode | FragmentDefinitionNode) -> str:
    assert node.loc is not None  # noqa: S101 - the parser was not told to leave it out
    line = node.loc.source.get_location(node.loc.start).line
    return f"{node.loc.source.name}:{line}"


def _told(error: GraphQLError, place: str) -> str:
    if error.source is not None and error.locations:
        place = f"{error.source.name}:{error.locations[0].line}"
    return f"{place}: {error.message}"
