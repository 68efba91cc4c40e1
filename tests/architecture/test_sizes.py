"""Files and functions stay short enough to be read at once."""

from collections.abc import Iterator

from tests.architecture.sources import Source, assert_none, python_sources, texts

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 70
MAX_README_LINES = 150


def long_files(source: Source) -> Iterator[str]:
    lines = len(source.text.splitlines())
    # A migration is one step, written once and never changed, however many tables it has.
    if lines > MAX_FILE_LINES and source.path.parts[:2] != ("models", "migrations"):
        yield f"{source.path} has {lines} lines"


def long_functions(source: Source) -> Iterator[str]:
    if not source.is_product:
        return
    for function in source.functions():
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > MAX_FUNCTION_LINES:
            yield f"{source.at(function)} {function.name} has {lines} lines"


def test_no_file_is_too_long() -> None:
    assert_none(offence for source in python_sources() for offence in long_files(source))


def test_no_function_is_too_long() -> None:
    assert_none(offence for source in python_sources() for offence in long_functions(source))


def test_the_readme_is_short() -> None:
    lines = [len(text.splitlines()) for path, text in texts() if str(path) == "README.md"]
    assert max(lines, default=0) <= MAX_README_LINES


def test_a_long_file_is_found() -> None:
    text = "x = 1\n" * 601
    assert list(long_files(Source.parse("models/role.py", text))) == [
        "models/role.py has 601 lines"
    ]
    assert list(long_files(Source.parse("models/migrations/0001_initial.py", text))) == []


def test_a_long_function_is_found() -> None:
    text = "async def f():\n" + "    x = 1\n" * 70
    assert list(long_functions(Source.parse("models/role.py", text))) == [
        "models/role.py:1 f has 71 lines"
    ]
    assert list(long_functions(Source.parse("tests/test_role.py", text))) == []
