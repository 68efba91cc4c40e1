"""Ending an access review: what nobody answered stays or is taken away, as it says."""

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from identity import assignments, owners
from identity.access_reviews.deciding import count
from identity.access_reviews.reading import REVIEW, standing
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.refusals import Conflict, Refusal
from identity.subject import Subject
from identity.writing import Write, writing
from models import rows
from models.access_review import (
    AccessReview,
    AccessReviewDecision,
    AccessReviewItem,
    AccessReviewStatus,
    Unanswered,
)
from models.assignment import Assignment
from models.clock import now

AT_ONCE = 500
"""Items that are decided about in one transaction."""


async def close(subject: Subject, review_id: UUID) -> AccessReview:
    """End a review now. Unanswered assignments stay, or are taken away where that is what the
    review says: each by the rule for the subject, and a refused one stays with the code of it.

    Of many, some are done in a transaction of their own after the other, so that nobody waits for
    all of them; one that is interrupted is open, and goes on when it is closed again. Raises
    `NotFound`, `Forbidden` for anybody but an owner, and `Conflict` when it has ended.
    """
    after: UUID | None = None
    while True:
        review, after = await _close_some(subject, review_id, after)
        if after is None:
            return review


async def _close_some(
    subject: Subject, review_id: UUID, after: UUID | None
) -> tuple[AccessReview, UUID | None]:
    """Decide about the next items, by the ids of their assignments, the last first. The assignment
    with which to go on; without one, the review has ended.
    """
    async with writing(subject, Action.ACCESS_REVIEW_CLOSE, changes_access=True) as write:
        review = await _open(write, review_id)
        waiting = AccessReviewItem.filter(
            review_id=review.id, decision=AccessReviewDecision.PENDING
        )
        if after is not None:
            waiting = waiting.filter(assignment_id__lt=after)
        pending = await waiting.order_by("-assignment_id").limit(AT_ONCE)
        stands = await standing(write.organization_id, pending)
        gone = [item.id for item in pending if item.id not in stands]
        refused: Mapping[UUID, Refusal] = {}
        expired: list[UUID] = []
        if review.unanswered is Unanswered.REVOKE:
            refused = await _expire(write, review, list(stands.values()))
            expired = [each for each, a in stands.items() if a.id not in refused]
        write.changes_access = bool(expired)
        await _mark(gone, AccessReviewDecision.GONE)
        await _mark(expired, AccessReviewDecision.EXPIRED)
        await _explain(review, refused)
        decided = {AccessReviewDecision.GONE: len(gone), AccessReviewDecision.EXPIRED: len(expired)}
        count(review, Counter(decided))
        if len(pending) == AT_ONCE:
            await review.save()
            return review, pending[-1].assignment_id
        await _end(write, review, AccessReviewStatus.CLOSED)
    return review, None


async def cancel(subject: Subject, review_id: UUID) -> AccessReview:
    """Call a review off: what was decided stays so, and nothing else happens.

    Raises `NotFound`, `Forbidden` for anybody but an owner, and `Conflict` when it has ended.
    """
    async with writing(subject, Action.ACCESS_REVIEW_CANCEL, exclusive=True) as write:
        review = await _open(write, review_id)
        review.touch()
        await _end(write, review, AccessReviewStatus.CANCELLED)
    return review


async def _open(write: Write, review_id: UUID) -> AccessReview:
    review = await REVIEW.find(write.access, review_id)
    write.about(target(review), workspace_id=review.workspace_id)
    owners.require_being_owner(write.subject)
    if review.status is not AccessReviewStatus.OPEN:
        raise Conflict(f"The access review is {review.status.value} already.")
    return review


async def _expire(
    write: Write, review: AccessReview, unanswered: list[Assignment]
) -> Mapping[UUID, Refusal]:
    """Take these away; the refusals of those that stay. Of the last owners, the one who was made an
    owner first stays.
    """
    unanswered.sort(key=lambda assignment: assignment.id, reverse=True)
    return await assignments.unassign_all(
        write, unanswered, reason=f"Unanswered in the access review: {review.title}"
    )


async def _mark(item_ids: Sequence[UUID], decision: AccessReviewDecision) -> None:
    for some in rows.batches(item_ids):
        await AccessReviewItem.filter(id__in=some).update(decision=decision, decided_at=now())


async def _explain(review: AccessReview, refused: Mapping[UUID, Refusal]) -> None:
    """Write down why assignments stay that were to be taken away."""
    by_code: dict[str, list[UUID]] = {}
    for assignment_id, refusal in refused.items():
        by_code.setdefault(refusal.code, []).append(assignment_id)
    for code, assignment_ids in by_code.items():
        for some in rows.batches(assignment_ids):
            await AccessReviewItem.filter(review_id=review.id, assignment_id__in=some).update(
                refusal=code
            )


async def _end(write: Write, review: AccessReview, status: AccessReviewStatus) -> None:
    review.status = status
    review.closed_at = now()
    await review.save()
    await write.record(
        target(review),
        changes({"status": AccessReviewStatus.OPEN}, {"status": status, **_result(review)}),
        workspace_id=review.workspace_id,
    )


def _result(review: AccessReview) -> dict[str, object]:
    return {
        "pending": review.pending,
        "confirmed": review.confirmed,
        "revoked": review.revoked,
        "expired": review.expired,
        "gone": review.gone,
    }
