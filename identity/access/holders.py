"""Who holds what: a principal with its access, and the members who hold a permission somewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from identity.access.builtin_roles import held
from identity.access.compiled import Access, narrowed
from identity.access.decision import Decision, DeniedBy, Grant, Target
from identity.access.entitlements import plans
from identity.access.load import archived_in
from identity.access.permissions import ARCHIVED_MASK, Permission, mask_of
from models import rows
from models.assignment import PrincipalType, ScopeType
from models.clock import now
from models.listing import Values
from models.member import Member, MemberStatus
from models.organization import Plan
from models.record import Record
from models.role import Role
from models.window import Window


@dataclass(frozen=True, slots=True)
class Holder:
    """A member or a group, with the access that its grants give.

    Of a member who is not active none of it takes effect: ask `check` and `effect_of`.
    """

    type: PrincipalType
    id: UUID
    name: str
    active: bool
    access: Access

    def check(self, permission: Permission, target: Target) -> Decision:
        """The decision that authorises, and for somebody who is not active, what else would stand
        in the way.
        """
        decision = self.access.check(permission, target)
        if self.active:
            return decision
        obstacles = (DeniedBy.NOT_ACTIVE, *decision.obstacles)
        return replace(decision, allowed=False, obstacles=obstacles)

    def effect_of(self, grant: Grant) -> int:
        """What of a grant takes effect at the scope where it was given."""
        return self.access.after_cuts(grant.mask, grant.workspace_id) if self.active else 0


@dataclass(frozen=True, slots=True)
class MembersHolding:
    """The active members with one of the roles at one of the scopes, directly or through a group.

    A listing; see `models.listing.Listing`.
    """

    organization_id: UUID
    role_ids: Sequence[UUID]
    scopes: Sequence[tuple[ScopeType, UUID]]
    order: str = "t.id DESC"

    @property
    def model(self) -> type[Record]:
        return Member

    def rows(self, values: Values, window: Window | None) -> str | None:
        if not self.role_ids:
            return None
        organization = values.add(self.organization_id)
        assigned = self._assigned(values, organization)
        text = (
            f"SELECT t.* FROM members t WHERE t.organization_id = {organization}"  # noqa: S608
            f" AND t.status = {values.add(MemberStatus.ACTIVE.value)} AND t.id IN ("
            f"SELECT a.principal_id FROM assignments a WHERE {assigned} UNION ALL "
            "SELECT gm.member_id FROM group_members gm"
            f" JOIN assignments a ON a.principal_id = gm.group_id WHERE {assigned})"
        )
        if window is not None:
            return text + values.range("t.id", window)
        return f"{text} ORDER BY {self.order}"

    def _assigned(self, values: Values, organization: str) -> str:
        """A condition on an assignment `a`, whose placeholders may be repeated."""
        scopes = " OR ".join(
            f"(a.scope_type = {values.add(scope_type.value)} AND a.scope_id = {values.add(id_)})"
            for scope_type, id_ in self.scopes
        )
        return (
            f"a.organization_id = {organization} AND ({scopes})"
            f" AND a.role_id IN ({values.add_all(self.role_ids)})"
            f" AND (a.expires_at IS NULL OR a.expires_at > {values.add(now())})"
        )


async def members_holding(
    organization_id: UUID,
    plan: Plan,
    permission: Permission,
    scopes: Sequence[tuple[ScopeType, UUID]],
) -> MembersHolding:
    """Who holds a permission at the first of the scopes; the others are those around it.

    Two statements: the roles that hold it, and whether the workspace is archived.
    """
    giving = [scope for scope in scopes if narrowed(permission.bit, scope[0])]
    if not giving or await _is_cut(organization_id, plan, permission, scopes):
        return MembersHolding(organization_id, (), ())
    known = await rows.matching(Role, "t.organization_id = $1", [organization_id])
    role_ids = [
        role.id for role in known if mask_of(held(role.builtin, role.permissions)) & permission.bit
    ]
    return MembersHolding(organization_id, role_ids, giving)


async def _is_cut(
    organization_id: UUID,
    plan: Plan,
    permission: Permission,
    scopes: Sequence[tuple[ScopeType, UUID]],
) -> bool:
    """Whether nobody has it there, because of the plan or of the workspace's state."""
    if plans.cut_mask(plan) & permission.bit:
        return True
    if permission.bit & ARCHIVED_MASK:
        return False
    return not {id_ for _, id_ in scopes}.isdisjoint(await archived_in(organization_id))
