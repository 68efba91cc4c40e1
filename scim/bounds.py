"""What one request may ask for, checked before any model is built of it.

The engine works in memory, on the event loop and under the organization's lock, and its work grows
with operations times entries. These bounds are several times what directories send.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from scim2_models import (
    InvalidPathException,
    InvalidSyntaxException,
    InvalidValueException,
    PayloadTooLargeException,
)

from scim.resources import Group

MOST_OPERATIONS = 100
"""Operations of a PATCH that the engine runs."""

MOST_MEMBER_OPERATIONS = 1_000
"""Operations of a PATCH that name members of a group by their ids: nothing is searched."""

MOST_SELECTIONS = 15
"""Operations of a PATCH whose path selects entries by a filter: each one looks at every entry."""

MOST_SEARCHED_MEMBERS = 200
"""Members of a group in which such a filter may look for more than ids."""

LONGEST_PATHS = 4_000
"""Characters that the paths of a PATCH have together, but for those that name members."""

LONGEST_EXPRESSION = 4_000
"""Characters of a filter."""

DEEPEST_EXPRESSION = 40
"""Open parentheses and brackets in a filter or a path: evaluation is recursive."""

MOST_ENTRIES = 50
"""Entries of a multi-valued attribute of a user, and entries that one PATCH brings."""

MOST_NAMES = 100
"""Names in one object: each one that is unknown is an error to be told."""

_MEMBERS = re.compile(
    rf'(?:{re.escape(Group.__schema__)}:)?members(\[value eq "[^"\\\[\]]{{1,64}}"\])?',
    re.IGNORECASE,
)


def too_much(expression: str) -> bool:
    """Whether a filter or path is too long, or nested too deep."""
    nested = expression.count("(") + expression.count("[")
    return len(expression) > LONGEST_EXPRESSION or nested > DEEPEST_EXPRESSION


def check_resource(content: Any, *, user: bool) -> None:
    """Raise `InvalidSyntaxException` or `InvalidValueException` for a resource that is too wide."""
    _check_names(content)
    for name, value in content.items() if user and isinstance(content, dict) else ():
        check_entries(name, value)


def check_entries(name: str, value: Any) -> None:
    """Raise `InvalidValueException` when an attribute of a user has too many entries."""
    if isinstance(value, list) and len(value) > MOST_ENTRIES:
        raise InvalidValueException(detail=f"{name}: A user has at most {MOST_ENTRIES} entries.")


def check_patch(operations: list[Any], *, user: bool) -> None:
    """Raise `PayloadTooLargeException`, `InvalidPathException`, `InvalidSyntaxException` or
    `InvalidValueException` for operations that would take too long.
    """
    _check_names(operations)
    searching = [each for each in operations if user or not _by_id(each)]
    paths = [str(path) for operation in searching for path in named(operation, "path")]
    _check_number(len(operations), MOST_MEMBER_OPERATIONS, "operations")
    _check_number(len(searching), MOST_OPERATIONS, "operations other than on members by id")
    _check_number(sum("[" in path for path in paths), MOST_SELECTIONS, "paths with a filter")
    if sum(map(len, paths)) > LONGEST_PATHS or any(map(too_much, paths)):
        raise InvalidPathException(
            detail=f"The paths of a PATCH have at most {LONGEST_PATHS} characters together, and"
            f" {DEEPEST_EXPRESSION} parentheses and brackets each."
        )
    values = (value for operation in operations for value in named(operation, "value"))
    if user and sum(map(_entries, values)) > MOST_ENTRIES:
        raise InvalidValueException(detail=f"A PATCH brings at most {MOST_ENTRIES} entries.")


def check_search(values: list[Any]) -> None:
    """Raise `PayloadTooLargeException` for the values of operations on a group one of which looks
    into the members, so that the engine runs them all.
    """
    _check_number(len(values), MOST_OPERATIONS, "operations with a filter on members among them")
    _check_number(sum(map(_entries, values)), MOST_SEARCHED_MEMBERS, "members beside such a filter")


def named(content: Any, name: str) -> Iterator[Any]:
    """The values that stand under a name, in whatever case it is written."""
    for key, value in content.items() if isinstance(content, dict) else ():
        if str(key).casefold() == name:
            yield value


def _by_id(operation: Any) -> bool:
    """Whether it names members by id, all in its value or one in its path."""
    paths = list(named(operation, "path"))
    matches = [_MEMBERS.fullmatch(path) for path in paths if isinstance(path, str)]
    if len(matches) != 1 or len(paths) != 1 or matches[0] is None:
        return False
    removes = [str(op).casefold() for op in named(operation, "op")] == ["remove"]
    return removes or matches[0][1] is None


def _check_number(number: int, most: int, what: str) -> None:
    if number > most:
        raise PayloadTooLargeException(
            detail=f"A PATCH has at most {most} {what}; this one has {number}. Send several."
        )


def _check_names(value: Any) -> None:
    if isinstance(value, dict) and len(value) > MOST_NAMES:
        raise InvalidSyntaxException(detail=f"An object has at most {MOST_NAMES} names.")
    inside: Iterable[Any] = value.values() if isinstance(value, dict) else value
    for item in inside if isinstance(value, dict | list) else ():
        _check_names(item)


def _entries(value: Any) -> int:
    """The entries that a value brings, also to the attributes in it."""
    if isinstance(value, dict):
        return sum(len(item) for item in value.values() if isinstance(item, list))
    return len(value) if isinstance(value, list) else 0
