"""Answers about access: what may be done, why or why not, who else may, and what somebody holds.

Each is given by the compiled access that authorises. About oneself anybody may ask; about others it
takes `members:read` where the answer is about. The roles of others are named to who may read roles,
and a scope to who may see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from identity import assignments, roles
from identity.access import targets
from identity.access.bounds import read_bounded_access
from identity.access.compiled import Access, narrowed, nowhere
from identity.access.decision import ORGANIZATION, Decision, DeniedBy, Grant, Target
from identity.access.demanded import demand
from identity.access.entitlements import plans
from identity.access.holders import Holder, MembersHolding, members_holding
from identity.access.kinds import KINDS
from identity.access.load import read_access, read_accesses, read_group_access
from identity.access.lookup import Place
from identity.access.permissions import Permission, permissions_in
from identity.api_keys.reading import API_KEY
from identity.assignments import Principal, Scope
from identity.refusals import NotFound, Unauthenticated
from identity.subject import Subject
from models.assignment import PrincipalType, ScopeType
from models.audit_event import ActorType
from models.group import Group
from models.listing import count_up_to_cap, page
from models.member import Member, MemberStatus
from models.organization import Plan
from models.role import Role
from models.window import COUNT_CAP, Window

MOST_SUGGESTIONS = 5
MOST_GRANTORS = 20

PLACES = {kind.scope_type: kind.label for kind in KINDS.values()} | {
    ScopeType.WORKSPACE: "workspace"
}


class GrantSource(StrEnum):
    """How a grant comes to who holds it."""

    DIRECT = "direct"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class HeldGrant:
    """A grant of somebody, as far as the subject who asks may know of it.

    `permissions` are those that take effect at its scope now. They and the role are told only with
    `names_role`, the scope only with `names_scope`.
    """

    grant: Grant
    source: GrantSource
    permissions: tuple[Permission, ...]
    names_role: bool
    names_scope: bool

    @property
    def id(self) -> UUID:
        return self.grant.assignment_id

    @property
    def group_id(self) -> UUID | None:
        """The group that it comes through."""
        return self.grant.principal_id if self.source is GrantSource.GROUP else None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why somebody may or may not do something: the decision, and what it rests on.

    `scopes` are those where a role would reach the target, the narrowest first.
    """

    holder: Holder
    decision: Decision
    grants: tuple[HeldGrant, ...]
    scopes: tuple[Scope, ...]
    reason: str

    @property
    def id(self) -> UUID:
        return self.holder.id

    @property
    def giving(self) -> Scope:
        """The narrowest scope where a role can give the permission."""
        bit = self.decision.permission.bit
        return next(scope for scope in self.scopes if narrowed(bit, scope.type))

    @property
    def required_plan(self) -> Plan | None:
        """The smallest plan that would allow it, if the present one stands in the way."""
        if DeniedBy.PLAN not in self.decision.obstacles:
            return None
        return plans.smallest_with(self.decision.permission)

    @property
    def advice(self) -> list[str]:
        """What would allow it, one sentence for each obstacle; all of it is needed."""
        return [self._advice(obstacle) for obstacle in self.decision.obstacles]

    def _advice(self, obstacle: DeniedBy) -> str:
        if obstacle is DeniedBy.NOT_ACTIVE:
            if self.holder.type is PrincipalType.API_KEY:
                return "The key is over, or its owner is not active."
            return "The member has to be active."
        if obstacle is DeniedBy.MISSING_SCOPE:
            return f"The key has to carry the scope {self.decision.permission.value}."
        if obstacle is DeniedBy.OUT_OF_BOUNDS:
            return "It takes a key that is not limited to other places."
        if obstacle is DeniedBy.PLAN:
            plan = self.required_plan
            return f"The plan {plan.name} includes it." if plan else "No plan includes it."
        if obstacle is DeniedBy.WORKSPACE_ARCHIVED:
            return "The workspace has to be active again: no role changes what is archived."
        needed, scope_type = self.decision.permission.value, self.giving.type
        if scope_type is ScopeType.ORGANIZATION:
            return f"A role with {needed} has to be given at the organization."
        return f"A role with {needed} has to be given at this {PLACES[scope_type]}, or around it."


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A role that, given at the scope, would give the permission; `gains` is all it would add."""

    role: Role
    scope: Scope
    at: Target
    gains: tuple[Permission, ...]


@dataclass(frozen=True, slots=True)
class Grantors:
    """The members who could give a suggested role: the first of them by name, and how many there
    are among the first `COUNT_CAP` who give roles there at all.
    """

    members: tuple[Member, ...]
    count: int


@dataclass(frozen=True, slots=True)
class WhoCan:
    """The active members who hold a permission at a target, by pages, newest first."""

    subject: Subject
    permission: Permission
    at: Target
    scopes: tuple[Scope, ...]
    members: MembersHolding

    async def page(self, window: Window) -> list[Explanation]:
        """Each with the decision of its own access, in four statements."""
        subject = self.subject
        found: list[Member] = await page(self.members, window)
        accesses = await read_accesses(
            subject.organization_id, [member.id for member in found], subject.plan
        )
        holders = [_member(member, accesses[member.id]) for member in found]
        explained = (
            _explained(subject, holder, holder.check(self.permission, self.at), self.scopes)
            for holder in holders
        )
        return [each for each in explained if each.decision.allowed]

    async def count(self) -> int:
        """How many there are, counted no further than `COUNT_CAP`."""
        return await count_up_to_cap(self.members)


async def can(subject: Subject, permission: Permission, scope: Scope) -> Decision:
    """Whether the subject itself may. Raises `NotFound` for a scope that it does not see."""
    at = await targets.scope(subject.access, scope.type, scope.id)
    return subject.access.check(permission, at)


async def explain(
    subject: Subject, principal: Principal | None, permission: Permission, scope: Scope
) -> Explanation:
    """Why a member or a group, or without one the subject itself, may or may not.

    Raises `NotFound` for a scope that is not visible and for a principal that is not there, and
    `Forbidden` without `members:read` at the scope, unless it is about the subject.
    """
    at = await targets.scope(subject.access, scope.type, scope.id)
    holder = await _holder(subject, principal, at)
    scopes = _reaching(subject.organization_id, scope, at)
    return _explained(subject, holder, holder.check(permission, at), scopes)


async def who_can(subject: Subject, permission: Permission, scope: Scope) -> WhoCan:
    """Who may. Raises `NotFound`, and `Forbidden` without `members:read` at the scope."""
    at = await targets.scope(subject.access, scope.type, scope.id)
    subject.access.require(Permission.MEMBERS_READ, at)
    scopes = _reaching(subject.organization_id, scope, at)
    members = await members_holding(subject.organization_id, subject.plan, permission, scopes)
    return WhoCan(subject, permission, at, scopes, members)


async def access_of(subject: Subject, principal: Principal | None) -> tuple[HeldGrant, ...]:
    """Everything that a member or a group, or without one the subject itself, was given and has not
    ended, newest first.

    Raises `NotFound`, and `Forbidden` without `members:read` at the organization, unless it is
    about the subject.
    """
    return held_by(subject, await _holder(subject, principal, ORGANIZATION))


def held_by(subject: Subject, holder: Holder) -> tuple[HeldGrant, ...]:
    """All grants of a holder, newest first, as far as the subject may know of them."""
    newest = sorted(holder.access.grants, key=lambda grant: grant.assignment_id, reverse=True)
    return tuple(_held(subject, holder, grant) for grant in newest)


def asked_about(subject: Subject, principal: Principal | None) -> Principal:
    """Who is asked about: the subject itself, unless somebody is named. Raises `Unauthenticated`
    for a subject that is no member and names nobody.
    """
    asked = principal or _own(subject)
    if asked is None:
        raise Unauthenticated
    return asked


def _own(subject: Subject) -> Principal | None:
    if subject.actor_type is ActorType.API_KEY and subject.actor_id is not None:
        return Principal(PrincipalType.API_KEY, subject.actor_id)
    member_id = subject.member_id
    return None if member_id is None else Principal(PrincipalType.MEMBER, member_id)


async def suggestions(subject: Subject, explanation: Explanation) -> list[Suggestion]:
    """The roles that would give a missing permission, at the narrowest scope: those that add least
    first. None where no role is missing, and for who may not read roles.
    """
    if DeniedBy.MISSING_PERMISSION not in explanation.decision.obstacles:
        return []
    scope, wanted = explanation.giving, explanation.decision.permission.bit
    at = _around(explanation.decision.target, scope)
    present = explanation.holder.access.granted_at(at)
    found = []
    for role in await page(roles.listing(subject.access)):
        gained = narrowed(roles.mask_of_role(role), scope.type) & ~present
        if gained & wanted and roles.fits(role, scope.type):
            found.append(Suggestion(role, scope, at, permissions_in(gained)))
    found.sort(key=_smallest_first)
    return found[:MOST_SUGGESTIONS]


def _smallest_first(suggestion: Suggestion) -> tuple[int, int, str]:
    """By what is added; of roles that add as much there, those that would give least elsewhere."""
    role = suggestion.role
    return len(suggestion.gains), roles.mask_of_role(role).bit_count(), role.name_key


async def grantors(
    subject: Subject, explanation: Explanation, suggested: Sequence[Suggestion]
) -> list[Grantors]:
    """Who could give each of the suggestions, which are of one explanation, in a number of
    statements that does not depend on how many they or the members are.

    Raises `Forbidden` without `members:read` at the target.
    """
    subject.access.require(Permission.MEMBERS_READ, explanation.decision.target)
    organization_id, plan = subject.organization_id, subject.plan
    first = explanation.scopes.index(explanation.giving)
    giving = await members_holding(
        organization_id, plan, Permission.MEMBERS_ASSIGN, explanation.scopes[first:]
    )
    members: list[Member] = await page(giving, Window(limit=COUNT_CAP))
    members.sort(key=lambda member: (member.name, member.id))
    accesses = await read_accesses(organization_id, [member.id for member in members], plan)
    found = []
    for each in suggested:
        able = [
            member
            for member in members
            if assignments.could_give(accesses[member.id], each.role, each.scope.type, each.at)
        ]
        found.append(Grantors(tuple(able[:MOST_GRANTORS]), len(able)))
    return found


async def _holder(subject: Subject, principal: Principal | None, at: Target) -> Holder:
    asked = asked_about(subject, principal)
    if asked == _own(subject):
        return Holder(asked.type, asked.id, subject.actor_name, True, subject.access)
    subject.access.require(Permission.MEMBERS_READ, at)
    type_, id_ = asked
    if type_ is PrincipalType.API_KEY:
        return await _key(subject, id_)
    organization_id, plan = subject.organization_id, subject.plan
    if type_ is PrincipalType.GROUP:
        group = await Group.get_or_none(id=id_, organization_id=organization_id)
        if group is None:
            raise NotFound("group")
        access = await read_group_access(organization_id, id_, plan)
        return Holder(PrincipalType.GROUP, id_, group.name, True, access)
    member = await Member.get_or_none(id=id_, organization_id=organization_id)
    if member is None:
        raise NotFound("member")
    return _member(member, await read_access(organization_id, id_, plan))


async def _key(subject: Subject, key_id: UUID) -> Holder:
    """An API key, personal ones included, with what it carries: if it is over, nothing."""
    key = await API_KEY.find(subject.access, key_id)
    access = await read_bounded_access(subject.organization_id, key_id, subject.plan)
    active = access is not None
    return Holder(
        PrincipalType.API_KEY, key_id, key.name, active, access or nowhere(subject.organization_id)
    )


def _member(member: Member, access: Access) -> Holder:
    active = member.status is MemberStatus.ACTIVE
    return Holder(PrincipalType.MEMBER, member.id, member.name, active, access)


def _explained(
    subject: Subject, holder: Holder, decision: Decision, scopes: tuple[Scope, ...]
) -> Explanation:
    reason = decision.reason
    if not _is_own(subject, holder):
        reason = decision.said(whose="theirs", naming_roles=_reads_roles(subject))
    grants = tuple(_held(subject, holder, grant) for grant in decision.grants)
    return Explanation(holder, decision, grants, scopes, reason)


def _held(subject: Subject, holder: Holder, grant: Grant) -> HeldGrant:
    at = Place.SCOPE.target(grant.workspace_id, grant.scope_id, grant.scope_type)
    return HeldGrant(
        grant=grant,
        source=_source(grant, holder),
        permissions=permissions_in(holder.effect_of(grant)),
        names_role=_is_own(subject, holder) or _reads_roles(subject),
        names_scope=targets.sees_scope(subject.access, grant.scope_type, at),
    )


def _source(grant: Grant, holder: Holder) -> GrantSource:
    """What a personal API key carries comes to it as it comes to its owner."""
    is_group = grant.principal_type is PrincipalType.GROUP
    return GrantSource.GROUP if is_group and grant.principal_id != holder.id else GrantSource.DIRECT


def _is_own(subject: Subject, holder: Holder) -> bool:
    own = _own(subject)
    return own is not None and holder.id == own.id


def _reads_roles(subject: Subject) -> bool:
    reads = subject.access.allows_anywhere(Permission.ROLES_READ)
    if reads:
        demand(Permission.ROLES_READ.bit)
    return reads


def _reaching(organization_id: UUID, scope: Scope, at: Target) -> tuple[Scope, ...]:
    """The scopes where a role reaches the target, the narrowest first."""
    found = [Scope(ScopeType.ORGANIZATION, organization_id)]
    if at.workspace_id is not None:
        found.insert(0, Scope(ScopeType.WORKSPACE, at.workspace_id))
    if at.resource_id is not None:
        found.insert(0, scope)
    return tuple(found)


def _around(target: Target, scope: Scope) -> Target:
    """The target itself, or what it lies in, as the scope says."""
    if scope.type is ScopeType.ORGANIZATION:
        return ORGANIZATION
    return Target(target.workspace_id) if scope.type is ScopeType.WORKSPACE else target
