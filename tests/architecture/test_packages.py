"""The house has the rooms that are drawn in it, and each says what belongs there."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.architecture.sources import (
    PACKAGES,
    Source,
    assert_none,
    python_sources,
    repository_files,
)

FOLDERS = PACKAGES | {"tests", "docs", "benchmarks", ".ci"}
SENTENCES = ("Owns:", "May import:", "Leaves to others:")


def silent_packages(source: Source) -> Iterator[str]:
    if source.is_product and source.path.name == "__init__.py":
        docstring = ast.get_docstring(source.tree) or ""
        for sentence in SENTENCES:
            if sentence not in docstring:
                yield f"{source.path} does not say {sentence!r}"


def packages_without_init(paths: Iterator[PurePosixPath]) -> list[str]:
    modules = {path for path in paths if path.suffix == ".py" and path.parts[0] in PACKAGES}
    return sorted(
        {str(path.parent) for path in modules if path.parent / "__init__.py" not in modules}
    )


def unknown_folders(paths: Iterator[PurePosixPath]) -> list[str]:
    return sorted({path.parts[0] for path in paths if len(path.parts) > 1} - FOLDERS)


def test_every_package_says_what_it_owns_imports_and_leaves() -> None:
    assert_none(offence for source in python_sources() for offence in silent_packages(source))
    assert_none(packages_without_init(iter(repository_files())))


def test_top_level_folders_are_fixed() -> None:
    assert_none(unknown_folders(iter(repository_files())))


def test_a_silent_package_is_found() -> None:
    text = '"""Owns: the roles.\n\nLeaves to others: groups.\n"""'
    assert list(silent_packages(Source.parse("schema/roles/__init__.py", text))) == [
        "schema/roles/__init__.py does not say 'May import:'"
    ]
    assert len(list(silent_packages(Source.parse("schema/roles/__init__.py", "")))) == 3
    assert list(silent_packages(Source.parse("tests/scim/__init__.py", ""))) == []


def test_a_package_without_init_is_found() -> None:
    paths = (PurePosixPath("scim/app.py"), PurePosixPath("tests/scim/test_users.py"))
    assert packages_without_init(iter(paths)) == ["scim"]


def test_an_unknown_folder_is_found() -> None:
    paths = (PurePosixPath("scripts/run.py"), PurePosixPath("Makefile"))
    assert unknown_folders(iter(paths)) == ["scripts"]
