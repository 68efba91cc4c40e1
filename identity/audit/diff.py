"""What changed, as a list that people and machines read."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

Change = dict[str, Any]

LONGEST_TEXT = 2000


def changes(before: Mapping[str, object], after: Mapping[str, object]) -> list[Change]:
    """One entry for each key whose value differs: {path, before, after}, or for sets
    {path, added, removed}. A long text is shortened, and told apart by its length and SHA-256.

    Give an empty mapping for what did not exist. Secrets must come as fingerprints.
    """
    return [
        _change(path, before.get(path), after.get(path))
        for path in dict.fromkeys([*before, *after])
        if before.get(path) != after.get(path)
    ]


def _change(path: str, before: object, after: object) -> Change:
    if isinstance(before, frozenset) or isinstance(after, frozenset):
        old = before if isinstance(before, frozenset) else frozenset()
        new = after if isinstance(after, frozenset) else frozenset()
        return {
            "path": path,
            "added": sorted(str(_plain(value)) for value in new - old),
            "removed": sorted(str(_plain(value)) for value in old - new),
        }
    return {"path": path, "before": _plain(before), "after": _plain(after)}


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        digest = hashlib.sha256(value.encode()).hexdigest()
        return f"{value[:LONGEST_TEXT]}… ({len(value)} characters, SHA-256 {digest})"
    if isinstance(value, datetime):
        return value.isoformat()
    return value
