"""What every peer is given: the database, the permissions of the built-in roles, and the ids."""

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

SETTINGS: Mapping[str, Any] = json.loads(Path(os.environ["BENCH_SETTINGS"]).read_text())
BUILTIN = {role: frozenset(held) for role, held in SETTINGS["builtin"].items()}
TAGS = {name: bytes.fromhex(tag) for name, tag in SETTINGS["tags"].items()}
SEEN = ("campaigns:read", "campaigns:results")


def global_id(type_name: str, row_id: UUID) -> str:
    return base64.urlsafe_b64encode(TAGS[type_name] + row_id.bytes).decode()


def row_id(type_name: str, given: str) -> UUID:
    """The row of a global id of that type. Raises `ValueError` for any other text."""
    raw = base64.urlsafe_b64decode(given)
    if not raw.startswith(TAGS[type_name]):
        raise ValueError(f"This is not the id of a {type_name}.")
    return UUID(bytes=raw[2:])


def cursor_of(row_id: UUID) -> str:
    return base64.urlsafe_b64encode(row_id.bytes).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Grant:
    """One assignment with what its role holds."""

    held: frozenset[str]
    scope_type: str
    scope_id: UUID
    workspace_id: UUID | None


def held(builtin: str | None, permissions: list[str]) -> frozenset[str]:
    return frozenset(permissions) if builtin is None else BUILTIN[builtin]


class Access:
    """What the caller may do, by scope."""

    def __init__(self, grants: list[Grant]) -> None:
        self.everywhere: list[frozenset[str]] = []
        self.workspaces: dict[UUID | None, list[frozenset[str]]] = {}
        self.resources: dict[UUID | None, list[Grant]] = {}
        for grant in grants:
            if grant.scope_type == "organization":
                self.everywhere.append(grant.held)
            elif grant.scope_type == "workspace":
                self.workspaces.setdefault(grant.scope_id, []).append(grant.held)
            else:
                self.resources.setdefault(grant.scope_id, []).append(grant)

    def holds(
        self, permission: str, workspace: UUID | None = None, resource: UUID | None = None
    ) -> bool:
        return (
            any(permission in each for each in self.everywhere)
            or any(permission in each for each in self.workspaces.get(workspace, ()))
            or any(permission in each.held for each in self.resources.get(resource, ()))
        )

    def enters(self, workspace: UUID) -> bool:
        if self.everywhere or workspace in self.workspaces:
            return True
        return any(g.workspace_id == workspace for gs in self.resources.values() for g in gs)

    def visible(self, workspace: UUID) -> list[UUID] | None:
        """The campaigns of a workspace that the caller sees; `None` for all of them."""
        if any(self.holds(permission, workspace) for permission in SEEN):
            return None
        return [
            grant.scope_id
            for grants in self.resources.values()
            for grant in grants
            if grant.workspace_id == workspace and grant.held.intersection(SEEN)
        ]
