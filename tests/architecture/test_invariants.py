"""The index of the invariants names tests that are there, and says something of every door."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, assert_none

PAPER = ROOT / "docs" / "invariants.md"
TEAMS = ROOT / "docs" / "teams.md"
DOORS = ["use case", "GraphQL", "SCIM", "sign-in", "command line", "worker"]
ENTRY = re.compile(r"`(tests/[\w./]+\.py)::(\w+)`")
OUT_OF_REACH = "out of reach: "
SECTION = re.compile(r"^## (\d+)\. ", re.MULTILINE)
ROW = re.compile(r"^\| (.+?) \| (.+) \|$", re.MULTILINE)


@cache
def named_in(path: Path) -> frozenset[str]:
    if not path.exists():
        return frozenset()
    tree = ast.parse(path.read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, functions))


def dangling(text: str) -> Iterator[str]:
    for path, name in ENTRY.findall(text):
        if not name.startswith("test_") or name not in named_in(ROOT / path):
            yield f"{path} has no test {name}"


@pytest.mark.parametrize(("paper", "entries"), [(PAPER, 60), (TEAMS, 20)])
def test_every_entry_names_a_test(paper: Path, entries: int) -> None:
    text = paper.read_text()
    assert len(ENTRY.findall(text)) >= entries
    assert_none(dangling(text))


def test_each_rule_of_teams_says_something_of_every_door() -> None:
    lines = [row.strip("| ").split(" | ") for row in TEAMS.read_text().splitlines() if "|" in row]
    assert lines[0] == ["rule", "GraphQL", "SCIM", "command line"]
    for rule, *cells in lines[2:]:
        assert len(cells) == 3, rule
        assert any(ENTRY.search(cell) for cell in cells), rule
        for cell in cells:
            assert ENTRY.search(cell) or cell.startswith(OUT_OF_REACH), (rule, cell)


def test_an_entry_without_a_test_is_found() -> None:
    here = "tests/architecture/test_invariants.py"
    entries = f"`{here}::test_no_such` `{here}::{test_every_entry_names_a_test.__name__}`"
    assert list(dangling(entries)) == [f"{here} has no test test_no_such"]


def test_each_of_the_ten_says_something_of_every_door() -> None:
    _, *parts = SECTION.split(PAPER.read_text())
    assert parts[::2] == [str(number) for number in range(1, 11)]
    for number, section in zip(parts[::2], parts[1::2], strict=True):
        rows = [row for row in ROW.findall(section) if row[0] not in ("door", "---")]
        assert [door for door, _ in rows] == DOORS, number
        for door, cell in rows:
            tested = ENTRY.search(cell) is not None
            assert tested or (door != "use case" and cell.startswith(OUT_OF_REACH)), (number, door)


def test_the_matrix_says_what_the_sections_say() -> None:
    matrix, *parts = SECTION.split(PAPER.read_text())
    lines = [line.strip("| ").split(" | ") for line in matrix.splitlines() if line.startswith("|")]
    assert lines[0] == DOORS
    said = {number: cells for number, *cells in lines[2:]}
    found = {
        number: ["tested" if ENTRY.search(cell) else "-" for _, cell in ROW.findall(section)[2:]]
        for number, section in zip(parts[::2], parts[1::2], strict=True)
    }
    assert said == found
