"""The rules see the files, and an exception to a rule is known, used and named by its place."""

import re
from pathlib import PurePosixPath

import pytest

from tests.architecture.sources import assert_only, file_and_name, python_sources, repository_files


def test_the_repository_is_read() -> None:
    assert PurePosixPath("pyproject.toml") in repository_files()
    assert PurePosixPath("tests/architecture/sources.py") in {
        source.path for source in python_sources()
    }


def test_only_known_places_pass() -> None:
    assert_only({"a.py f": "why"}, {"a.py:1 f": "a.py f"})
    with pytest.raises(pytest.fail.Exception, match=re.escape("a.py:2 g")):
        assert_only({"a.py f": "why"}, {"a.py:1 f": "a.py f", "a.py:2 g": "a.py g"})


def test_a_place_without_an_offence_is_no_longer_known() -> None:
    with pytest.raises(pytest.fail.Exception, match=re.escape("a.py f needs no exception")):
        assert_only({"a.py f": "why"}, {})


def test_a_place_is_the_file_and_the_name() -> None:
    assert file_and_name("scim/app.py:4 f") == "scim/app.py f"
