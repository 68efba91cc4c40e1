"""What a file needs stands at its top. (import-linter holds the direction, in `make lint`.)"""

import ast
from collections.abc import Iterator

from tests.architecture.sources import Source, assert_only, file_and_name, python_sources

# "file imported module": why it cannot stand at the top.
LATE_IMPORTS: dict[str, str] = {}

# Files that may import unittest.mock: the clock and the outside network have named fakes instead.
MOCK_BUDGET = 2


def imported_modules(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield node.module or "."
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def late_imports(source: Source) -> Iterator[str]:
    late = {
        node
        for scope in ast.walk(source.tree)
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for node in ast.walk(scope)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    for node in sorted(late, key=lambda node: node.lineno):
        yield f"{source.at(node)} {next(imported_modules(node))}"


def imports_mock(source: Source) -> bool:
    return any(
        module == "unittest.mock" or module.startswith("unittest.mock.")
        for node in ast.walk(source.tree)
        for module in imported_modules(node)
    )


def test_imports_stand_at_the_top() -> None:
    offences = [offence for source in python_sources() for offence in late_imports(source)]
    assert_only(LATE_IMPORTS, {offence: file_and_name(offence) for offence in offences})


def test_hardly_anything_is_mocked() -> None:
    mocking = [str(source.path) for source in python_sources() if imports_mock(source)]
    assert len(mocking) <= MOCK_BUDGET, mocking


def test_a_late_import_is_found() -> None:
    text = """
import json
def outer():
    def inner():
        import a
    if json:
        from b import c
    try:
        pass
    except KeyError:
        import d.e
class Late:
    from f import g
"""
    assert list(late_imports(Source.parse("scim/app.py", text))) == [
        "scim/app.py:5 a",
        "scim/app.py:7 b",
        "scim/app.py:11 d.e",
        "scim/app.py:13 f",
    ]


def test_a_mock_is_found() -> None:
    for statement in (
        "import unittest.mock",
        "from unittest import mock",
        "from unittest.mock import patch",
    ):
        assert imports_mock(Source.parse("tests/test_role.py", statement))
    assert not imports_mock(Source.parse("tests/test_role.py", "import unittest"))
