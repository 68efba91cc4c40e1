"""What the engine answers: Allow or Deny, always with its reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from identity.access.permissions import Permission
from models.assignment import PrincipalType, ScopeType


@dataclass(frozen=True, slots=True)
class Target:
    """Where a permission is asked for: the organization, a workspace, or a resource in one."""

    workspace_id: UUID | None = None
    resource_id: UUID | None = None

    @property
    def level(self) -> str:
        if self.resource_id is not None:
            return "this resource"
        return "this workspace" if self.workspace_id is not None else "the organization"


ORGANIZATION = Target()


@dataclass(frozen=True, slots=True)
class Grant:
    """One assignment as it takes effect for a subject: directly, or through a group.

    `workspace_id` is the workspace the scope is or lies in; null at the organization.
    """

    assignment_id: UUID
    role_id: UUID
    role_name: str
    principal_type: PrincipalType
    principal_id: UUID
    principal_name: str
    scope_type: ScopeType
    scope_id: UUID
    workspace_id: UUID | None
    mask: int
    expires_at: datetime | None = None

    def reaches(self, target: Target) -> bool:
        if self.scope_type is ScopeType.ORGANIZATION:
            return True
        return self.scope_id in (target.workspace_id, target.resource_id)

    def __str__(self) -> str:
        through = f" through group {self.principal_name}" * (
            self.principal_type is PrincipalType.GROUP
        )
        return f"role {self.role_name} at {self.scope_type.value}{through}"


class DeniedBy(StrEnum):
    """What stood in the way."""

    MISSING_PERMISSION = "missing_permission"
    PLAN = "plan"
    WORKSPACE_ARCHIVED = "workspace_archived"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer for one permission at one target, with what it rests on.

    `grants` are the assignments that hold the permission there; they may be non-empty for a denial,
    which then is the plan's or the workspace's.
    """

    permission: Permission
    target: Target
    allowed: bool
    grants: tuple[Grant, ...]
    denied_by: DeniedBy | None = None

    @property
    def reason(self) -> str:
        """One sentence for people."""
        if self.allowed:
            return f"Allowed by {', '.join(self._sources()) or 'the kind of credential'}."
        if self.denied_by is DeniedBy.PLAN:
            return f"The plan of the organization does not include {self.permission.value}."
        if self.denied_by is DeniedBy.WORKSPACE_ARCHIVED:
            return "The workspace is archived: it can be read, but nothing in it changed."
        return (
            f"This needs {self.permission.value} at {self.target.level}, "
            "and no role of yours holds it there."
        )

    def _sources(self) -> Iterator[str]:
        return (str(grant) for grant in self.grants)
