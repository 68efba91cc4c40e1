"""What holds of an organization's rows after every change, whatever came before."""

from collections import Counter
from uuid import UUID

from identity.access.kinds import KINDS
from identity.owners import require_owner
from models import (
    AccessReview,
    AccessReviewDecision,
    AccessReviewItem,
    Assignment,
    Group,
    GroupMember,
    Invitation,
    Member,
    PrincipalType,
    Role,
    ScopeType,
    Workspace,
)


async def assert_sound(organization_id: UUID) -> None:
    """Somebody owns it for good; every assignment joins a role, a holder and a place that are
    there, in this organization; groups have members of it; a review counts its items; an
    invitation came to one end.
    """
    await require_owner(organization_id)
    own = {"organization_id": organization_id}
    members = {row.id for row in await Member.filter(**own)}
    groups = {row.id for row in await Group.filter(**own)}
    roles = {row.id for row in await Role.filter(**own)}
    workspaces = {row.id for row in await Workspace.filter(**own)}
    places: dict[tuple[ScopeType, UUID], UUID | None] = {
        (ScopeType.ORGANIZATION, organization_id): None,
        **{(ScopeType.WORKSPACE, workspace_id): workspace_id for workspace_id in workspaces},
    }
    for scope_type, kind in KINDS.items():
        for resource in await kind.model.filter(workspace_id__in=workspaces):
            places[scope_type, resource.id] = resource.workspace_id
    holders = {PrincipalType.MEMBER: members, PrincipalType.GROUP: groups}
    for each in await Assignment.filter(**own):
        assert each.role_id in roles, "its role is there"
        assert each.principal_id in holders[each.principal_type], "its holder is there"
        assert (each.scope_type, each.scope_id) in places, "its place is there"
        assert each.workspace_id == places[each.scope_type, each.scope_id]
    for place in await GroupMember.filter(group_id__in=groups):
        assert place.member_id in members, "groups have members of the organization"
    for review in await AccessReview.filter(**own):
        found = Counter(
            item.decision for item in await AccessReviewItem.filter(review_id=review.id)
        )
        assert found.total() == review.total
        for decision in AccessReviewDecision:
            assert found[decision] == getattr(review, decision.value)
    for invitation in await Invitation.filter(**own):
        assert invitation.accepted_at is None or invitation.revoked_at is None
