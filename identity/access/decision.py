"""What the engine answers: Allow or Deny, always with its reason."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from identity.access.permissions import Permission
from models.assignment import PrincipalType, ScopeType
from models.role import BuiltinRole


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


class Grant(NamedTuple):
    """One assignment as it takes effect for a subject: directly, or through a group.

    `role_version` is that of the role whose permissions are in `mask`. `workspace_id` is the
    workspace the scope is or lies in; null at the organization. `builtin` says which of the fixed
    roles it is, if any.
    """

    role_id: UUID
    role_name: str
    role_version: int
    principal_type: PrincipalType
    principal_id: UUID
    principal_name: str
    scope_type: ScopeType
    workspace_id: UUID | None
    mask: int
    assignment_id: UUID
    scope_id: UUID
    expires_at: datetime | None = None
    builtin: BuiltinRole | None = None

    def said(self, *, naming_role: bool = True) -> str:
        """A few words for a sentence about it."""
        role = f"role {self.role_name}" if naming_role else "a role"
        through = f" through group {self.principal_name}" * (
            self.principal_type is PrincipalType.GROUP
        )
        return f"{role} at {self.scope_type.value}{through}"


class DeniedBy(StrEnum):
    """What stands in the way."""

    NOT_ACTIVE = "not_active"
    MISSING_PERMISSION = "missing_permission"
    MISSING_SCOPE = "missing_scope"
    """Of an API key: what is behind it holds the permission, and the key does not carry it."""
    OUT_OF_BOUNDS = "out_of_bounds"
    """Of an API key: it carries the permission, and is limited to other places."""
    PLAN = "plan"
    WORKSPACE_ARCHIVED = "workspace_archived"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer for one permission at one target, with what it rests on.

    `grants` are the assignments that hold the permission there; they may be non-empty for a denial,
    when something else than the permission stands in the way. `obstacles` are all that do, in the
    order of `DeniedBy`; none for an allow.
    """

    permission: Permission
    target: Target
    allowed: bool
    grants: tuple[Grant, ...]
    obstacles: tuple[DeniedBy, ...] = ()

    @property
    def denied_by(self) -> DeniedBy | None:
        """What stands in the way first."""
        return self.obstacles[0] if self.obstacles else None

    @property
    def reason(self) -> str:
        """One sentence for the person it is about."""
        return self.said()

    def said(self, *, whose: str = "yours", naming_roles: bool = True) -> str:
        """One sentence about it, to or of the person it is about."""
        if self.allowed:
            sources = (grant.said(naming_role=naming_roles) for grant in self.grants)
            return f"Allowed by {', '.join(sources) or 'the kind of credential'}."
        if self.denied_by is DeniedBy.NOT_ACTIVE:
            return "The member is not active, and so holds nothing."
        if self.denied_by is DeniedBy.MISSING_SCOPE:
            return f"This API key does not carry the scope {self.permission.value}."
        if self.denied_by is DeniedBy.OUT_OF_BOUNDS:
            return (
                f"This needs {self.permission.value} at {self.target.level}, "
                "and this API key is limited to other places."
            )
        if self.denied_by is DeniedBy.PLAN:
            return f"The plan of the organization does not include {self.permission.value}."
        if self.denied_by is DeniedBy.WORKSPACE_ARCHIVED:
            return "The workspace is archived: it can be read, but nothing in it changed."
        return (
            f"This needs {self.permission.value} at {self.target.level}, "
            f"and no role of {whose} holds it there."
        )
