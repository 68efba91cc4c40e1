"""Compiled access: everything one subject may do, as integer masks.

A check is a dictionary look-up and a bit test. The grants stay beside the masks, by their scopes,
so that the same object gives the reason as quickly. Immutable, and cached per (organization,
member, access revision).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from identity.access.decision import ORGANIZATION, Decision, DeniedBy, Grant, Target
from identity.access.demanded import demand
from identity.access.permissions import (
    ALL_MASK,
    ARCHIVED_MASK,
    EFFECTIVE_MASKS,
    ORGANIZATION_ONLY_MASK,
    Permission,
    mask_of,
    permissions_in,
)
from identity.refusals import Escalation, Forbidden, PlanRequired, Refusal, ScopeMissing
from models.assignment import ScopeType

Within = tuple[ScopeType, UUID | None]
"""A kind of resource and the workspace."""
HeldRole = tuple[UUID, UUID]
"""The principal and the role that it was given."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a subject may do in its organization.

    `fixed_mask` belongs to credentials whose rights are not assigned (the operator, a directory's
    token); people have none. `valid_until` is when the first grant expires.
    """

    organization_id: UUID
    grants: tuple[Grant, ...]
    organization_mask: int
    workspace_masks: Mapping[UUID, int]
    resource_masks: Mapping[UUID, int]
    archived_workspaces: frozenset[UUID]
    plan_cut: int
    fixed_mask: int = 0
    granted_anywhere: int = 0
    """What is held at any scope at all, before every cut."""
    grants_at: Mapping[UUID, Sequence[Grant]] = field(default_factory=dict)
    """The grants by the ids of their scopes."""
    roles_within: Mapping[Within, Mapping[HeldRole, int]] = field(default_factory=dict)
    """What single resources were given: by kind and workspace, who was given which role there."""
    entered_below: frozenset[UUID] = frozenset()
    """The workspaces in which a grant below the organization gives anything."""
    valid_until: datetime | None = None
    whole: "Access | None" = None
    """Of an API key: the access that this one is cut from (`identity.access.bounds`)."""
    scopes: int = ALL_MASK
    """What the key carries of it at most."""
    listed: Mapping[Within, Mapping[UUID, int]] | None = None
    """Of a key that is limited to resources: what it holds at each, by kind and workspace."""

    def mask_at(self, target: Target) -> int:
        """The permissions held at a target, after every cut."""
        return self.after_cuts(self.granted_at(target), target.workspace_id)

    def after_cuts(self, mask: int, workspace_id: UUID | None) -> int:
        """What the plan and the state of the workspace leave of a mask that is granted there."""
        mask &= ~self.plan_cut
        if self.archived_workspaces and workspace_id in self.archived_workspaces:
            mask &= ARCHIVED_MASK
        return mask

    def allows(self, permission: Permission, target: Target) -> bool:
        return bool(self.mask_at(target) & permission.bit)

    def allows_any(self, mask: int, target: Target) -> bool:
        return bool(self.mask_at(target) & mask)

    def allows_anywhere(self, permission: Permission) -> bool:
        """Whether the permission is held at any scope at all, the resources included."""
        return bool(self.anywhere_mask & permission.bit)

    @property
    def anywhere_mask(self) -> int:
        """The permissions held at any scope at all, after the plan's cut."""
        return self.granted_anywhere & ~self.plan_cut

    def enters(self, workspace_id: UUID) -> bool:
        """Whether the subject holds anything at the workspace or in it; else it sees none."""
        return self._enters_all() or workspace_id in self.entered_below

    def enters_at(self, target: Target) -> bool:
        """Whether the subject holds anything in the workspace of a target."""
        return target.workspace_id is not None and self.enters(target.workspace_id)

    def entered(self) -> frozenset[UUID] | None:
        """The workspaces that `enters` is true of; `None` for all of the organization's."""
        return None if self._enters_all() else self.entered_below

    def _enters_all(self) -> bool:
        return bool((self.organization_mask | self.fixed_mask) & ~ORGANIZATION_ONLY_MASK)

    def check(self, permission: Permission, target: Target) -> Decision:
        """The decision with its reason. Costs more than `allows`: for answers, not for loops."""
        grants = tuple(g for g in self._reaching(target) if g.mask & permission.bit)
        if self.allows(permission, target):
            return Decision(permission, target, True, grants)
        obstacles = tuple(self._obstacles(permission, target))
        return Decision(permission, target, False, grants, obstacles)

    def _reaching(self, target: Target) -> Iterator[Grant]:
        """The grants that reach a target: the organization's, its workspace's, its own."""
        yield from self.grants_at.get(self.organization_id, ())
        if target.workspace_id is not None:
            yield from self.grants_at.get(target.workspace_id, ())
            if target.resource_id is not None:
                yield from self.grants_at.get(target.resource_id, ())

    def _obstacles(self, permission: Permission, target: Target) -> Iterator[DeniedBy]:
        """All that stands in the way of a permission that is not held."""
        if not self.granted_at(target) & permission.bit:
            yield self._lacking(permission, target)
        if self.plan_cut & permission.bit:
            yield DeniedBy.PLAN
        if not ARCHIVED_MASK & permission.bit and target.workspace_id in self.archived_workspaces:
            yield DeniedBy.WORKSPACE_ARCHIVED

    def _lacking(self, permission: Permission, target: Target) -> DeniedBy:
        """Why a permission is not granted at a target."""
        if self.whole is None or not self.whole.granted_at(target) & permission.bit:
            return DeniedBy.MISSING_PERMISSION
        carried = self.scopes & permission.bit
        return DeniedBy.OUT_OF_BOUNDS if carried else DeniedBy.MISSING_SCOPE

    def require_scope(self, mask: int) -> None:
        """Raise `ScopeMissing` for an API key that carries none of the permissions in `mask`, of
        which what is behind it holds one somewhere.
        """
        missing = self.beyond_scopes(mask)
        if missing:
            raise scope_missing(permissions_in(missing))

    def beyond_scopes(self, mask: int) -> int:
        """Of an API key that carries none of the permissions in `mask`: those of them that what is
        behind it holds somewhere. 0 for everybody else.
        """
        if self.whole is None or self.scopes & mask:
            return 0
        return self.whole.anywhere_mask & mask

    def require(self, permission: Permission, target: Target) -> None:
        """Raise `Forbidden` with the reason and the missing permission, unless it is held, and
        `PlanRequired` where it is and the plan does not include it.
        """
        if not self.allows(permission, target):
            raise denied(self.check(permission, target))
        demand(permission.bit)

    def require_holding(self, mask: int, target: Target, *, until: datetime | None = None) -> None:
        """Raise `Escalation` with what is missing, unless every bit of `mask` is held there, and
        at least `until` then; without it, for good: nobody makes lasting what they have for a time.

        What only the plan or the state of the workspace takes away counts as held: they cut
        everybody alike, so that giving it on widens nothing.
        """
        missing = mask & ~self._lasting(target, until)
        if missing:
            raise Escalation([permission.value for permission in permissions_in(missing)])
        demand(mask)

    def holds(self, mask: int, target: Target) -> bool:
        """Whether `require_holding` would let it be given for good."""
        return not mask & ~self._lasting(target, None)

    def may_grant(self, permission: Permission) -> bool:
        """Whether the subject could give this permission to others at the organization now: by a
        role that it writes, which takes holding it for good, or by assigning a role for no longer
        than it holds it itself.
        """
        mask = mask_of({permission})
        by_writing = self.holds(mask, ORGANIZATION)
        by_assigning = not mask & ~self.granted_at(ORGANIZATION)
        return (by_writing and self.allows(Permission.ROLES_WRITE, ORGANIZATION)) or (
            by_assigning and self.allows(Permission.MEMBERS_ASSIGN, ORGANIZATION)
        )

    def _lasting(self, target: Target, until: datetime | None) -> int:
        mask = self.fixed_mask
        for grant in self._reaching(target):
            ends = grant.expires_at
            if ends is None or (until is not None and ends >= until):
                mask |= grant.mask
        return mask

    def expired_at(self, moment: datetime) -> bool:
        """Whether a grant has ended since this was read."""
        return self.valid_until is not None and self.valid_until <= moment

    def granted_at(self, target: Target) -> int:
        """What the assignments give at a target, before the plan and the workspace's state cut."""
        mask = self.organization_mask | self.fixed_mask
        if target.workspace_id is not None:
            if self.workspace_masks:  # hashing an id is what costs here
                mask |= self.workspace_masks.get(target.workspace_id, 0)
            if target.resource_id is not None and self.resource_masks:
                mask |= self.resource_masks.get(target.resource_id, 0)
        return mask


def denied(decision: Decision, *, instead_of: Sequence[Permission] = ()) -> Refusal:
    """A denial as a refusal: `PlanRequired` when only the plan stands in the way, else `Forbidden`.

    `instead_of` are the permissions of which any one would do; by default the decision's own.
    """
    names = [permission.name for permission in instead_of or (decision.permission,)]
    by = decision.denied_by or DeniedBy.MISSING_PERMISSION
    if by is DeniedBy.MISSING_SCOPE:
        return scope_missing([decision.permission], reason=decision.reason)
    kind = PlanRequired if by is DeniedBy.PLAN else Forbidden
    return kind(decision.reason, reason=by.name, missing=names)


def scope_missing(permissions: Sequence[Permission], *, reason: str | None = None) -> Refusal:
    """The refusal of an API key that would need one of these scopes."""
    names = " or ".join(permission.value for permission in permissions)
    return ScopeMissing(
        reason or f"This API key does not carry the scope {names}.",
        reason=DeniedBy.MISSING_SCOPE.name,
        missing=[permission.name for permission in permissions],
    )


def compile_access(
    organization_id: UUID,
    grants: Iterable[Grant],
    *,
    archived_workspaces: frozenset[UUID] = frozenset(),
    plan_cut: int = 0,
) -> Access:
    """Fold grants into masks. Organization-only permissions count at the organization alone."""
    compiling = Compiling(organization_id)
    compiling.add(grants)
    return compiling.access(archived_workspaces=archived_workspaces, plan_cut=plan_cut)


class Compiling:
    """Grants that are folded into masks, some at a time."""

    def __init__(self, organization_id: UUID) -> None:
        self._organization_id = organization_id
        self._grants: list[Grant] = []
        self._masks: dict[ScopeType, dict[UUID, int]] = {each: {} for each in ScopeType}
        self._grants_at: dict[UUID, list[Grant]] = {}
        self._roles_within: dict[Within, dict[HeldRole, int]] = {}
        self._anywhere = 0
        self._entered: set[UUID] = set()
        self._ends: set[datetime] = set()

    def add(self, grants: Iterable[Grant]) -> None:
        """Fold in these, too."""
        organization_id, all_masks, grants_at = self._organization_id, self._masks, self._grants_at
        noted = None
        for grant in grants:
            scope_type, scope_id, mask = grant.scope_type, grant.scope_id, grant.mask
            if scope_type is ScopeType.ORGANIZATION:
                scope_id = organization_id
            masks, there = all_masks[scope_type], grants_at.get(scope_id)
            if there is None:
                grants_at[scope_id], masks[scope_id] = [grant], mask
            else:
                there.append(grant)
                masks[scope_id] = masks.get(scope_id, 0) | mask
            self._grants.append(grant)
            if noted is None or not _alike(grant, noted):  # of a thousand, most are
                noted = grant
                self._note(grant)
            if grant.expires_at is not None:
                self._ends.add(grant.expires_at)

    def _note(self, grant: Grant) -> None:
        self._anywhere |= grant.mask
        if grant.mask and grant.workspace_id is not None:
            self._entered.add(grant.workspace_id)
        if grant.scope_type not in (ScopeType.ORGANIZATION, ScopeType.WORKSPACE):
            held = self._roles_within.setdefault((grant.scope_type, grant.workspace_id), {})
            held[grant.principal_id, grant.role_id] = grant.mask

    def access(
        self, *, archived_workspaces: frozenset[UUID] = frozenset(), plan_cut: int = 0
    ) -> Access:
        """What they come to."""
        organization = self._masks.pop(ScopeType.ORGANIZATION)
        workspaces = self._masks.pop(ScopeType.WORKSPACE)
        resources: dict[UUID, int] = {}
        for masks in self._masks.values():
            resources |= masks
        return Access(
            organization_id=self._organization_id,
            grants=tuple(self._grants),
            organization_mask=organization.get(self._organization_id, 0),
            workspace_masks=workspaces,
            resource_masks=resources,
            archived_workspaces=archived_workspaces,
            plan_cut=plan_cut,
            granted_anywhere=self._anywhere,
            grants_at=self._grants_at,
            roles_within=self._roles_within,
            entered_below=frozenset(self._entered),
            valid_until=min(self._ends, default=None),
        )


def _alike(grant: Grant, other: Grant) -> bool:
    """Whether they differ at most in what they are given at, and until when."""
    return (
        grant.role_id is other.role_id
        and grant.workspace_id is other.workspace_id
        and grant.principal_id is other.principal_id
        and grant.scope_type is other.scope_type
        and grant.mask == other.mask
    )


def fixed_access(organization_id: UUID, mask: int) -> Access:
    """The access of a credential that holds exactly these permissions everywhere."""
    return Access(
        organization_id=organization_id,
        grants=(),
        organization_mask=0,
        workspace_masks={},
        resource_masks={},
        archived_workspaces=frozenset(),
        plan_cut=0,
        fixed_mask=mask,
        granted_anywhere=mask,
    )


def operator_access(organization_id: UUID) -> Access:
    """The operator's: everything, whatever the plan."""
    return fixed_access(organization_id, ALL_MASK)


def nowhere(organization_id: UUID) -> Access:
    """The access of a member without any assignment."""
    return fixed_access(organization_id, 0)


def narrowed(mask: int, scope_type: ScopeType) -> int:
    """What of a role's mask takes effect at a scope: at a single resource, what is about its kind,
    and who has roles there. The rest would be held at nothing, and yet count as held anywhere.
    """
    return mask & EFFECTIVE_MASKS[scope_type]
