"""What an access review does by itself: it closes when it is due, and reminds before, by mail.

Each step takes the organization's lock and looks again, so that one of several workers does it.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

from identity import mail
from identity.access_reviews import closing
from identity.access_reviews.reading import REVIEW
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.mail import Message
from identity.refusals import Conflict
from identity.subject import Behalf, Subject, job
from identity.writing import writing
from models.access_review import (
    AccessReview,
    AccessReviewDecision,
    AccessReviewStatus,
    Unanswered,
)
from models.clock import now
from models.member import MemberStatus
from models.sql import Statement

ACTOR = "access review"
REMIND_BEFORE = (timedelta(days=3), timedelta(days=1))

_ASKED = Statement("""
    SELECT DISTINCT m.email FROM members m
    JOIN access_reviews v ON v.id = $1 AND v.organization_id = m.organization_id
    JOIN access_review_items i ON i.review_id = v.id AND i.decision = $2
        AND m.id = COALESCE(i.reviewer_id, v.opened_by_id)
    WHERE m.status = $3
    ORDER BY m.email
""")


async def due() -> Sequence[UUID]:
    """The open reviews, of every organization, of which something is due now."""
    moment = now()
    waiting = await AccessReview.filter(
        status=AccessReviewStatus.OPEN, due_at__lte=moment + max(REMIND_BEFORE)
    ).order_by("due_at")
    return [
        review.id for review in waiting if review.is_over(moment) or is_to_remind(review, moment)
    ]


async def carry_out(review_id: UUID) -> None:
    """Do what is due of one review, if it still is. Raises `Busy`."""
    review = await AccessReview.get_or_none(id=review_id).select_related("organization")
    if review is None:
        return
    opener = None
    if review.opened_by_id is not None:
        opener = Behalf(review.opened_by_id, review.opened_by_name)
    organization = review.organization
    subject = job(ACTOR, organization.id, organization.plan, on_behalf_of=opener)
    if not review.is_over(now()):
        await _remind(subject, review_id)
        return
    with suppress(Conflict):  # somebody ended it meanwhile
        await closing.close(subject, review_id)


def is_to_remind(review: AccessReview, moment: datetime) -> bool:
    """Whether items are pending, and a time to remind has come since the last reminder."""
    times = (review.due_at - before for before in REMIND_BEFORE)
    latest = max((time for time in times if time <= moment), default=None)
    since = review.reminded_at or review.created_at
    return review.pending > 0 and latest is not None and latest > since


async def _remind(subject: Subject, review_id: UUID) -> None:
    async with writing(subject, Action.ACCESS_REVIEW_REMIND, exclusive=True) as write:
        review = await REVIEW.find(write.access, review_id)
        if review.is_over(now()) or not is_to_remind(review, now()):
            return
        before = review.reminders_sent
        review.reminders_sent += 1
        review.reminded_at = now()
        review.touch()
        await review.save()
        for recipient in await _asked(review):
            await mail.put(review.organization_id, recipient, _reminder(review))
        await write.record(
            target(review),
            changes(
                {"remindersSent": before},
                {"remindersSent": review.reminders_sent, "pending": review.pending},
            ),
            workspace_id=review.workspace_id,
        )


async def _asked(review: AccessReview) -> Sequence[str]:
    """The addresses of those who are asked about what is pending; where nobody is, of whoever
    opened the review.
    """
    found = await _ASKED.rows(
        review.id, AccessReviewDecision.PENDING.value, MemberStatus.ACTIVE.value
    )
    return [row["email"] for row in found]


def _reminder(review: AccessReview) -> Message:
    fate = "is taken away" if review.unanswered is Unanswered.REVOKE else "stays"
    return Message(
        f"Access review: {review.title}",
        (
            f"Roles that people hold ({review.pending}) wait to be confirmed or revoked.",
            f"The review ends at {review.due_at.astimezone(UTC):%d %B %Y, %H:%M} UTC.",
            f"What nobody has decided about by then {fate}.",
        ),
        "/",
    )
