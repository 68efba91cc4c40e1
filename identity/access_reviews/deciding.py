"""Deciding about the items of an access review: who may, and what a decision does.

Nobody decides about what they hold themselves, directly or through a group. A revocation takes the
role away by the rule of `identity.assignments`; one that is refused leaves the item pending.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from identity import assignments, owners, text
from identity.access.lookup import Place
from identity.access.permissions import Permission
from identity.access_reviews.reading import REVIEW, holder_of, standing
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import new_event, record_all, target
from identity.refusals import BadInput, Conflict, Forbidden, NotFound, Refusal
from identity.subject import Subject
from identity.writing import Write, writing
from models.access_review import AccessReview, AccessReviewDecision, AccessReviewItem
from models.clock import now
from models.group import GroupMember

MOST_ANSWERS = 100
NOTE_LENGTH = 500


class Answer(NamedTuple):
    """What a reviewer says of an item."""

    item_id: UUID
    confirms: bool
    note: str | None = None


class Answered(NamedTuple):
    """The item as it is now, and why the answer was not carried out, if it was not."""

    item: AccessReviewItem
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who decides; `holds_as` are the principals through which they hold roles."""

    subject: Subject
    holds_as: frozenset[UUID]

    def require(self, item: AccessReviewItem) -> None:
        """Raise `Forbidden` unless they may decide about the item."""
        if item.principal_id in self.holds_as:
            raise Forbidden(
                "Nobody decides about what they hold themselves.",
                reason="OWN_ASSIGNMENT",
                missing=[],
            )
        member_id = self.subject.member_id
        is_asked = member_id is not None and member_id == item.reviewer_id
        if not is_asked and not owners.is_owner(self.subject):
            raise Forbidden(
                "An owner, or the reviewer who is asked, decides about this.",
                reason="OTHER_REVIEWER",
                missing=[],
            )
        self.subject.access.require(Permission.MEMBERS_ASSIGN, Place.SCOPE.target_of(item))


async def decide(
    subject: Subject, review_id: UUID, answers: Sequence[Answer]
) -> tuple[AccessReview, list[Answered]]:
    """Confirm or revoke assignments under review, each by itself: what is refused of one, such as
    `Forbidden`, `Escalation`, `LastOwner`, or `Conflict` where somebody has decided already, is in
    its answer. An assignment that is not what it was any more makes its item GONE.

    The number of statements does not grow with the answers. Raises `NotFound` for the review or an
    item of it, `Forbidden`, `BadInput`, and `Conflict` when the review is over.
    """
    answers = _checked(answers)
    async with writing(subject, Action.ACCESS_REVIEW_DECIDE, changes_access=True) as write:
        review = await REVIEW.find(write.access, review_id)
        write.about(target(review), workspace_id=review.workspace_id)
        write.access.require(Permission.MEMBERS_ASSIGN, REVIEW.place.target_of(review))
        if review.is_over(now()):
            raise Conflict("The access review is over.")
        items = await _items(write, review, answers)
        refusals = await _refused(write, items.values())
        left = [answer for answer in answers if answer.item_id not in refusals]
        decided, further = await _carry_out(write, review, left, items)
        refusals.update(further)
        for item_id, refusal in refusals.items():
            item = items[item_id]
            write.refuse(refusal, holder_of(item), workspace_id=item.workspace_id)
        await _save(write, review, decided)
        write.changes_access = any(
            item.decision is AccessReviewDecision.REVOKED for item in decided
        )
    return review, [Answered(items[a.item_id], refusals.get(a.item_id)) for a in answers]


def _checked(answers: Sequence[Answer]) -> list[Answer]:
    if not 1 <= len(answers) <= MOST_ANSWERS:
        raise BadInput(f"Answer 1 to {MOST_ANSWERS} items at a time.", field="decisions")
    if len({answer.item_id for answer in answers}) < len(answers):
        raise BadInput("An item is named twice.", field="decisions")
    return [
        answer
        if answer.note is None
        else answer._replace(note=text.prose(answer.note, field="note", longest=NOTE_LENGTH))
        for answer in answers
    ]


async def _items(
    write: Write, review: AccessReview, answers: Iterable[Answer]
) -> Mapping[UUID, AccessReviewItem]:
    ids = [answer.item_id for answer in answers]
    found = await AccessReviewItem.filter(
        organization_id=write.organization_id, review_id=review.id, id__in=ids
    )
    if len(found) < len(ids):
        raise NotFound("item of this access review")
    return {item.id: item for item in found}


async def _refused(write: Write, items: Iterable[AccessReviewItem]) -> dict[UUID, Refusal]:
    """Why the subject may not decide about those items about which it may not."""
    reviewer = await _reviewer(write)
    refusals: dict[UUID, Refusal] = {}
    for item in items:
        try:
            reviewer.require(item)
            if item.decision is not AccessReviewDecision.PENDING:
                raise Conflict(f"This is {item.decision.value} already.")
        except Refusal as refusal:
            refusals[item.id] = refusal
    return refusals


async def _reviewer(write: Write) -> Reviewer:
    member_id = write.subject.member_id
    if member_id is None:
        return Reviewer(write.subject, frozenset())
    places = await GroupMember.filter(member_id=member_id)
    return Reviewer(write.subject, frozenset({member_id, *(place.group_id for place in places)}))


async def _carry_out(
    write: Write,
    review: AccessReview,
    answers: Sequence[Answer],
    items: Mapping[UUID, AccessReviewItem],
) -> tuple[list[AccessReviewItem], Mapping[UUID, Refusal]]:
    """Take away what is revoked; the items that are decided now, and the refusals of the others."""
    stands = await standing(write.organization_id, [items[answer.item_id] for answer in answers])
    revoked = [stands[a.item_id] for a in answers if not a.confirms and a.item_id in stands]
    refused = await assignments.unassign_all(
        write, revoked, reason=f"Access review: {review.title}"
    )
    decided = []
    refusals = {}
    for answer in answers:
        item = items[answer.item_id]
        if item.assignment_id in refused:
            refusals[item.id] = refused[item.assignment_id]
            continue
        item.decision = AccessReviewDecision.GONE
        if item.id in stands:
            item.decision = (
                AccessReviewDecision.CONFIRMED if answer.confirms else AccessReviewDecision.REVOKED
            )
        item.note = answer.note
        item.decided_by_id, item.decided_by_name = write.subject.member_id, write.subject.actor_name
        item.decided_at = now()
        decided.append(item)
    return decided, refusals


async def _save(write: Write, review: AccessReview, decided: Sequence[AccessReviewItem]) -> None:
    if not decided:
        return
    await AccessReviewItem.bulk_update(
        decided, ["decision", "note", "decided_by_id", "decided_by_name", "decided_at"]
    )
    count(review, Counter(item.decision for item in decided))
    await review.save()
    await record_all(
        [
            new_event(
                write.action,
                subject=write.subject,
                target=holder_of(item),
                diff=changes({"decision": AccessReviewDecision.PENDING}, _facts(review, item)),
                workspace_id=item.workspace_id,
                reason=item.note,
            )
            for item in decided
        ]
    )


def count(review: AccessReview, decided: Counter[AccessReviewDecision]) -> None:
    """Count items of the review that were pending and are decided now; the caller saves it."""
    review.pending -= decided.total()
    review.confirmed += decided[AccessReviewDecision.CONFIRMED]
    review.revoked += decided[AccessReviewDecision.REVOKED]
    review.expired += decided[AccessReviewDecision.EXPIRED]
    review.gone += decided[AccessReviewDecision.GONE]
    review.touch()


def _facts(review: AccessReview, item: AccessReviewItem) -> dict[str, object]:
    return {
        "decision": item.decision,
        "review": review.title,
        "role": item.role_name,
        "scope": f"{item.scope_type.value}:{item.scope_id}",
    }
