"""Who may do what, worked out the long way: plain loops over plain facts.

It shares nothing with the engine but the ids of the facts. The vocabulary and its READ level are
read from the design's table in `test_builtin_roles`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import NamedTuple
from uuid import UUID

from tests.identity.access.test_builtin_roles import VOCABULARY, cells, expanded

BUILTIN = {
    role.lower(): frozenset(
        permission
        for r, group, cell in cells()
        if r == role
        for permission in expanded(group, cell)
    )
    for role, _, _ in cells()
}
EVERYTHING = [f"{group}:{action}" for group, actions in VOCABULARY.items() for action in actions]
READS = {f"{group}:{a}" for group, actions in VOCABULARY.items() for a in actions if actions[a]}
AT_A_WORKSPACE = {
    permission
    for permission in EVERYTHING
    if not permission.startswith(("identity:", "organization:"))
}
AT_A_CAMPAIGN = {permission for permission in EVERYTHING if permission.startswith("campaigns:")} | {
    "members:read",
    "members:assign",
    "roles:read",
}

LEFT_BY_ARCHIVING = READS | {"members:assign", "members:remove", "workspace:delete"}


class Held(NamedTuple):
    """One assignment. The holder is a member or a group, the scope an organization, workspace or
    campaign.
    """

    id: UUID
    role: UUID
    holder: UUID
    scope: UUID
    until: datetime | None


@dataclass
class Facts:
    """What was done so far, as it should count. `roles` holds permissions as they were written."""

    organization: UUID
    now: datetime
    identity_in_plan: bool = True
    roles: dict[UUID, frozenset[str]] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)
    groups: dict[UUID, set[UUID]] = field(default_factory=dict)
    archived: set[UUID] = field(default_factory=set)
    suspended: set[UUID] = field(default_factory=set)
    campaigns: dict[UUID, UUID] = field(default_factory=dict)
    """Campaign to workspace."""

    def lasting(self, member: UUID) -> list[Held]:
        """What the member, or group, has and has not ended."""
        return [
            held
            for held in self.held
            if (held.until is None or held.until > self.now)
            and (held.holder == member or member in self.groups.get(held.holder, ()))
        ]

    def granting(
        self, member: UUID, permission: str, workspace: UUID | None, campaign: UUID | None
    ) -> set[UUID]:
        """The assignments that give it there, before plan and state cut anything."""
        found = set()
        for held in self.lasting(member):
            if held.scope not in (self.organization, workspace, campaign):
                continue
            if held.scope == workspace and permission not in AT_A_WORKSPACE:
                continue
            if held.scope == campaign and permission not in AT_A_CAMPAIGN:
                continue
            if permission in with_implied(self.roles[held.role]):
                found.add(held.id)
        return found

    def may(
        self, member: UUID, permission: str, workspace: UUID | None, campaign: UUID | None
    ) -> bool:
        if permission == "identity:manage" and not self.identity_in_plan:
            return False
        if workspace in self.archived and permission not in LEFT_BY_ARCHIVING:
            return False
        return bool(self.granting(member, permission, workspace, campaign))

    def holds(
        self, holder: UUID, permission: str, workspace: UUID | None, campaign: UUID | None
    ) -> bool:
        """The same, of a member who may be suspended, or of a group."""
        return holder not in self.suspended and self.may(holder, permission, workspace, campaign)

    def sees(self, member: UUID, workspace: UUID) -> bool:
        """Whether the member holds anything at the workspace or at a campaign in it."""
        within = [None, *(c for c, w in self.campaigns.items() if w == workspace)]
        return any(
            self.granting(member, permission, workspace, campaign)
            for permission in AT_A_WORKSPACE
            for campaign in within
        )


@cache
def with_implied(permissions: frozenset[str]) -> set[str]:
    found = set(permissions)
    for permission in permissions:
        group, action = permission.split(":")
        if action not in ("use", "results") and "read" in VOCABULARY[group]:
            found.add(f"{group}:read")
    return found
