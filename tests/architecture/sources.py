"""The files of the repository, read once for all rules."""

import ast
import re
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Self

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = frozenset({"gateway", "schema", "identity", "scim", "models"})
NOT_OURS = re.compile(
    r"\.git|\.venv|\.hypothesis|node_modules|build|dist|var|.*(_cache|__pycache__|\.egg-info)"
)


@dataclass(frozen=True)
class Source:
    """One Python file; `path` is relative to the repository."""

    path: PurePosixPath
    text: str
    tree: ast.Module

    @classmethod
    def parse(cls, path: str | PurePosixPath, text: str) -> Self:
        return cls(PurePosixPath(path), text, ast.parse(text, str(path)))

    @property
    def is_product(self) -> bool:
        return self.path.parts[0] in PACKAGES

    def at(self, node: ast.stmt | ast.expr | ast.excepthandler) -> str:
        return f"{self.path}:{node.lineno}"

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


@cache
def repository_files() -> tuple[PurePosixPath, ...]:
    """Every file that is, or is about to be, under version control."""
    if (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(
            command, cwd=ROOT, check=True, capture_output=True, encoding="utf-8"
        )
        names = filter(None, listed.stdout.split("\0"))
        return tuple(PurePosixPath(name) for name in names if (ROOT / name).is_file())
    walked = (path.relative_to(ROOT) for path in sorted(ROOT.rglob("*")) if path.is_file())
    return tuple(
        PurePosixPath(path) for path in walked if not any(map(NOT_OURS.fullmatch, path.parts))
    )


@cache
def python_sources() -> tuple[Source, ...]:
    return tuple(
        Source.parse(path, (ROOT / path).read_text(encoding="utf-8"))
        for path in repository_files()
        if path.suffix == ".py"
    )


@cache
def texts() -> tuple[tuple[PurePosixPath, str], ...]:
    """The path and content of every file that is UTF-8 text and not vendored."""
    found = []
    for path in repository_files():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content and "vendor" not in path.parts:
            found.append((path, content.decode()))
    return tuple(found)


def assert_none(offences: Iterable[str]) -> None:
    """Fails with all offences, one a line."""
    if found := list(offences):
        pytest.fail("\n".join(found), pytrace=False)


def assert_only(known: Collection[str], offences: Mapping[str, str]) -> None:
    """Fails with each offence (key) whose place (value) is unknown, and each place without one."""
    assert_none(offence for offence, place in offences.items() if place not in known)
    assert_none(f"{place} needs no exception" for place in set(known) - set(offences.values()))


def file_and_name(offence: str) -> str:
    """ "scim/app.py:4 f" → "scim/app.py f": a place that survives an edit above it."""
    location, name = offence.split(" ")
    return f"{location.partition(':')[0]} {name}"
