"""Opening an access review: which assignments it is about, and who is asked about each."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from identity import moments, owners, text
from identity.access import targets
from identity.access.decision import Target
from identity.access.load import read_accesses
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.refusals import BadInput, Conflict, NotFound
from identity.subject import Subject
from identity.writing import Write, writing
from models.access_review import (
    AccessReview,
    AccessReviewItem,
    AccessReviewStatus,
    AccessReviewSubject,
    Unanswered,
)
from models.clock import now
from models.ids import numbered_id
from models.listing import Values
from models.member import Member, MemberStatus
from models.role import BuiltinRole
from models.sql import Statement

MOST_REVIEWERS = 20

_COPIED = (
    "assignment_id",
    "role_id",
    "role_name",
    "principal_type",
    "principal_id",
    "principal_name",
    "scope_type",
    "scope_id",
    "workspace_id",
    "expires_at",
)
"""The columns of an item that are those of the assignment, its role and its principal."""


async def open_review(
    subject: Subject,
    *,
    title: str,
    workspace_id: UUID | None,
    due_at: datetime,
    unanswered: Unanswered,
    reviewer_ids: Sequence[UUID] = (),
) -> AccessReview:
    """Open a review of the assignments in a workspace, or without one of all of Owner.

    Each assignment is given to one of the reviewers in turn, but not to who holds it; to any owner
    where that leaves nobody. Raises `Forbidden` for anybody but an owner, `BadInput` (also for a
    reviewer who may not give and take roles there), `NotFound` for the workspace or a reviewer, and
    `Conflict` when there is an open review of the same, or nothing to review.
    """
    title = text.label(title, field="title", longest=200)
    due_at = moments.future(due_at, what="due date", field="dueAt")
    reviewer_ids = list(dict.fromkeys(reviewer_ids))
    if len(reviewer_ids) > MOST_REVIEWERS:
        raise BadInput(f"Name at most {MOST_REVIEWERS} reviewers.", field="reviewerIds")
    async with writing(subject, Action.ACCESS_REVIEW_OPEN, exclusive=True) as write:
        about = AccessReviewSubject.OWNERS
        if workspace_id is not None:
            about = AccessReviewSubject.WORKSPACE
            workspace = await targets.visible_workspace(write.access, workspace_id)
            write.about(target(workspace), workspace_id=workspace_id)
        owners.require_being_owner(write.subject)
        reviewers = await _reviewers(write, reviewer_ids, Target(workspace_id))
        if await AccessReview.exists(
            organization_id=write.organization_id,
            subject=about,
            workspace_id=workspace_id,
            status=AccessReviewStatus.OPEN,
        ):
            raise Conflict("An access review of the same is open. Close or cancel it first.")
        review = await AccessReview.create(
            organization_id=write.organization_id,
            title=title,
            subject=about,
            workspace_id=workspace_id,
            opened_by_id=write.subject.member_id,
            opened_by_name=write.subject.actor_name,
            due_at=due_at,
            unanswered=unanswered,
        )
        await _add_items(review, reviewer_ids)
        review.total = review.pending = await AccessReviewItem.filter(review_id=review.id).count()
        if not review.total:
            raise Conflict("There is no assignment to review.")
        await review.save(update_fields=["total", "pending"])
        facts = {
            "title": title,
            "subject": about,
            "dueAt": due_at,
            "unanswered": unanswered,
            "items": review.total,
            "reviewers": frozenset(member.name for member in reviewers),
        }
        await write.record(target(review), changes({}, facts), workspace_id=workspace_id)
    return review


async def _reviewers(write: Write, ids: Sequence[UUID], at: Target) -> Sequence[Member]:
    """The reviewers: active members who may give and take roles there, which is asked again of each
    decision. Raises `NotFound` and `BadInput`.
    """
    if not ids:
        return []
    found = await Member.filter(
        id__in=ids, organization_id=write.organization_id, status=MemberStatus.ACTIVE
    )
    if len(found) < len(ids):
        raise NotFound("active member")
    accesses = await read_accesses(write.organization_id, ids, write.subject.plan)
    for member in found:
        if not accesses[member.id].allows(Permission.MEMBERS_ASSIGN, at):
            raise BadInput(
                f"{member.name} may not give and take roles there, and so decides about none.",
                field="reviewerIds",
            )
    return found


async def _add_items(review: AccessReview, reviewer_ids: Sequence[UUID]) -> None:
    """An item for each assignment that holds now, in one statement.

    The ids of the items begin as that of the review and go on with the item's number, so that pages
    by ids come in the order of the holders' names.
    """
    values = Values(review.id, now(), review.organization_id)
    if review.workspace_id is None:
        about = f"r.builtin = {values.add(BuiltinRole.OWNER.value)}"
    else:
        about = f"a.workspace_id = {values.add(review.workspace_id)}"
    copied = ", ".join(_COPIED)
    await Statement(f"""
        INSERT INTO access_review_items (
            id, created_at, organization_id, review_id, reviewer_id, decision, {copied})
        SELECT {numbered_id("v.id", "s.place")}, created_at, organization_id, v.id,
            {_reviewer(values, reviewer_ids)}, 'pending', {copied}
        FROM (
            SELECT a.id AS assignment_id, a.role_id, r.name AS role_name, a.principal_type,
                a.principal_id, COALESCE(m.name, g.name, k.name) AS principal_name, a.scope_type,
                a.scope_id, a.workspace_id, a.expires_at, row_number() OVER in_order AS place
            FROM assignments a
            JOIN roles r ON r.id = a.role_id
            LEFT JOIN members m ON m.id = a.principal_id
            LEFT JOIN groups g ON g.id = a.principal_id
            LEFT JOIN api_keys k ON k.id = a.principal_id
            WHERE a.organization_id = $3 AND {about}
                AND (a.expires_at IS NULL OR a.expires_at > $2)
            WINDOW in_order AS (ORDER BY COALESCE(m.name, g.name, k.name) DESC, a.id DESC)
        ) s
        CROSS JOIN (
            SELECT id, created_at, organization_id FROM access_reviews WHERE id = $1
        ) v
    """).execute(*values.given)  # noqa: S608 - constants and placeholders


def _reviewer(values: Values, reviewer_ids: Sequence[UUID]) -> str:
    """SQL for who is asked about the assignment `s`."""
    if not reviewer_ids:
        return "NULL"
    places = [(values.add(each), place) for place, each in enumerate(reviewer_ids)]
    in_turn = " ".join(f"WHEN {each} THEN {place}" for each, place in places)
    return f"""(
        SELECT id FROM (
            SELECT m.id, (CASE m.id {in_turn} END + s.place) % {len(places)} AS turn
            FROM members m
            WHERE m.id IN ({", ".join(each for each, _ in places)}) AND m.id <> s.principal_id
                AND NOT EXISTS (SELECT 1 FROM group_members gm
                    WHERE gm.group_id = s.principal_id AND gm.member_id = m.id)
        ) AS asked ORDER BY turn LIMIT 1)
    """  # noqa: S608 - constants and placeholders
