"""Seeing access reviews: whoever may read members where a review is, sees it and its items."""

from collections.abc import Sequence
from uuid import UUID

from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION, Target
from identity.access.lookup import Lookup, Place, seen_with
from identity.access.permissions import Permission
from identity.audit.record import AuditTarget
from models import rows
from models.access_review import AccessReview, AccessReviewItem
from models.assignment import Assignment
from models.clock import now
from models.listing import Listing, Rows

REVIEW = Lookup(
    AccessReview,
    "access review",
    Place.WITHIN,
    seen_with(Permission.MEMBERS_READ),
)
ITEM = Lookup(
    AccessReviewItem,
    "item of an access review",
    Place.SCOPE,
    seen_with(Permission.MEMBERS_READ),
)


def listing(access: Access, *, workspace_id: UUID | None = None) -> Listing:
    """The reviews of the whole organization, or of one workspace, newest first.

    Raises `Forbidden` without `members:read` there.
    """
    at = ORGANIZATION if workspace_id is None else Target(workspace_id)
    access.require(Permission.MEMBERS_READ, at)
    where: dict[str, object] = {"organization_id": access.organization_id}
    if workspace_id is not None:
        where["workspace_id"] = workspace_id
    return Rows(AccessReview, where)


def items(access: Access, review_id: UUID) -> Listing:
    """The items of a review that the subject sees, by the names of the holders."""
    where = {"organization_id": access.organization_id, "review_id": review_id}
    return Rows(AccessReviewItem, where)


async def standing(
    organization_id: UUID, items: Sequence[AccessReviewItem]
) -> dict[UUID, Assignment]:
    """By item, the assignments that still are what they were, with their roles: not taken away, not
    ended, and with the role and the end that they had.
    """
    moment = now()
    found: dict[UUID, Assignment] = {}
    for some in rows.batches([item.assignment_id for item in items]):
        assignments = await Assignment.filter(
            organization_id=organization_id, id__in=some
        ).select_related("role")
        found.update((assignment.id, assignment) for assignment in assignments)

    def is_as_it_was(item: AccessReviewItem) -> bool:
        assignment = found.get(item.assignment_id)
        return (
            assignment is not None
            and (assignment.role_id, assignment.expires_at) == (item.role_id, item.expires_at)
            and (assignment.expires_at is None or assignment.expires_at > moment)
        )

    return {item.id: found[item.assignment_id] for item in items if is_as_it_was(item)}


def holder_of(item: AccessReviewItem) -> AuditTarget:
    """Whose assignment it is, for the audit log."""
    return AuditTarget(item.principal_type.value, item.principal_id, item.principal_name)
