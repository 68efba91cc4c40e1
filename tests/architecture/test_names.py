"""A name says what the thing is; a name that fits everything says nothing."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import Source, assert_none, assert_only, python_sources

EMPTY_MODULE_NAMES = frozenset({"util", "utils", "helper", "helpers", "common", "misc"})
EMPTY_SUFFIX = re.compile(r"(Manager|Handler|Processor|Helper|Util|Utils|Impl|Data|Info)$")

# Class name: who else gave it that name.
GIVEN_NAMES: dict[str, str] = {
    "PageInfo": "Relay's Cursor Connections specification names it",
    "Manager": "the attribute `manager` of RFC 7643, section 4.3",
}


def empty_module_names(source: Source) -> Iterator[str]:
    for part in source.path.with_suffix("").parts:
        if part in EMPTY_MODULE_NAMES:
            yield f"{source.path} is called {part}"


def empty_class_names(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef) and EMPTY_SUFFIX.search(node.name):
            yield f"{source.at(node)} class {node.name}"


def class_of(offence: str) -> str:
    return offence.rpartition(" ")[2]


def test_every_module_is_named_after_its_concept() -> None:
    assert_none(offence for source in python_sources() for offence in empty_module_names(source))


def test_every_class_is_named_after_its_concept() -> None:
    offences = [offence for source in python_sources() for offence in empty_class_names(source)]
    assert_only(GIVEN_NAMES, {offence: class_of(offence) for offence in offences})


def test_an_empty_module_name_is_found() -> None:
    assert list(empty_module_names(Source.parse("identity/utils/text.py", ""))) == [
        "identity/utils/text.py is called utils"
    ]
    assert list(empty_module_names(Source.parse("identity/helpers.py", ""))) == [
        "identity/helpers.py is called helpers"
    ]


def test_an_empty_class_name_is_found() -> None:
    source = Source.parse("identity/roles.py", "class Role: ...\n\nclass RoleManager: ...\n")
    assert list(empty_class_names(source)) == ["identity/roles.py:3 class RoleManager"]
