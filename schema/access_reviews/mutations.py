"""Opening access reviews, deciding about their items, and ending them."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum

import strawberry

from identity.access.permissions import Permission
from identity.access_reviews import closing, deciding, opening
from identity.access_reviews.deciding import Answer, Answered
from identity.audit.actions import Action
from identity.refusals import Refusal
from models.access_review import AccessReview as AccessReviewRow
from models.access_review import Unanswered
from schema.access_reviews.types import AccessReview, AccessReviewItem
from schema.context import ContextInfo
from schema.directives import PUBLIC, At, auth, public, public_column
from schema.enums import describe
from schema.fields import embedded
from schema.ids import optional_row_id, row_id


class AccessReviewAnswer(Enum):
    CONFIRM = "confirm"
    REVOKE = "revoke"


describe(
    AccessReviewAnswer,
    "What a reviewer says of an assignment.",
    {
        AccessReviewAnswer.CONFIRM: "It stays.",
        AccessReviewAnswer.REVOKE: "It is taken away.",
    },
)


@strawberry.input(description="An access review to open.")
class OpenAccessReviewInput:
    title: str = strawberry.field(description="What it is called.")
    due_at: datetime = strawberry.field(description="When it ends by itself.")
    unanswered: Unanswered = strawberry.field(
        description="What becomes of assignments that nobody has decided about."
    )
    workspace_id: strawberry.ID | None = strawberry.field(
        default=None, description="The workspace to review; without it, all of Owner."
    )
    reviewer_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description=(
            "The members who are asked, in turn, and never about what they hold; at most "
            f"{opening.MOST_REVIEWERS}. Any owner may decide as well."
        ),
    )


@strawberry.input(description="What a reviewer says of one item.")
class AccessReviewItemDecisionInput:
    item_id: strawberry.ID = strawberry.field(description="The item.")
    answer: AccessReviewAnswer = strawberry.field(description="Whether the assignment stays.")
    note: str | None = strawberry.field(default=None, description="Why, in your words.")


@strawberry.input(description="What a reviewer says of items of an access review.")
class DecideAccessReviewItemsInput:
    access_review_id: strawberry.ID = strawberry.field(description="The access review.")
    decisions: list[AccessReviewItemDecisionInput] = strawberry.field(
        description=f"One for each item, at most {deciding.MOST_ANSWERS}."
    )


@strawberry.input(description="An access review to end now.")
class CloseAccessReviewInput:
    access_review_id: strawberry.ID = strawberry.field(description="The access review.")


@strawberry.input(description="An access review to call off.")
class CancelAccessReviewInput:
    access_review_id: strawberry.ID = strawberry.field(description="The access review.")


@strawberry.type(description="The access review as it is now.")
class AccessReviewPayload:
    row: strawberry.Private[AccessReviewRow]

    access_review: AccessReview = embedded("The access review.", requires=PUBLIC)


@strawberry.type(description="Why a decision was not carried out, as the errors of the API say it.")
class AccessReviewRefusal:
    row: strawberry.Private[Refusal]

    code: str = public_column("code", "The code, such as `ESCALATION` or `LAST_OWNER`.")
    message: str = public_column("message", "The sentence for people.")


@strawberry.type(description="What became of one decision.")
class AccessReviewItemResult:
    row: strawberry.Private[Answered]

    @public("The item as it is now.")
    def item(self) -> AccessReviewItem:
        return AccessReviewItem(row=self.row.item)

    @public("Why it was not carried out; null if it was, or if the assignment was found GONE.")
    def refusal(self) -> AccessReviewRefusal | None:
        return None if self.row.refusal is None else AccessReviewRefusal(row=self.row.refusal)


@strawberry.type(description="The access review as it is now, and what became of each decision.")
class DecideAccessReviewItemsPayload:
    row: strawberry.Private[AccessReviewRow]
    answered: strawberry.Private[Sequence[Answered]]

    access_review: AccessReview = embedded("The access review.", requires=PUBLIC)

    @public("What became of the decisions, in the order in which they were given.")
    def results(self) -> list[AccessReviewItemResult]:
        return [AccessReviewItemResult(row=each) for each in self.answered]


@strawberry.type
class AccessReviewMutation:
    @auth(
        "Have the assignments of a workspace, or those of Owner, reviewed. For owners.",
        requires=[Permission.MEMBERS_ASSIGN],
        at=At.ORGANIZATION,
        audits=Action.ACCESS_REVIEW_OPEN,
    )
    async def open_access_review(
        self, info: ContextInfo, input: OpenAccessReviewInput
    ) -> AccessReviewPayload | None:
        row = await opening.open_review(
            info.context.subject,
            title=input.title,
            workspace_id=optional_row_id(
                input.workspace_id, "Workspace", field="input.workspaceId"
            ),
            due_at=input.due_at,
            unanswered=input.unanswered,
            reviewer_ids=[
                row_id(each, "Member", field=f"input.reviewerIds.{index}")
                for index, each in enumerate(input.reviewer_ids)
            ],
        )
        return AccessReviewPayload(row=row)

    @auth(
        "Confirm or revoke assignments under review, each by itself.",
        requires=[Permission.MEMBERS_ASSIGN],
        at="input.accessReviewId",
        audits=Action.ACCESS_REVIEW_DECIDE,
    )
    async def decide_access_review_items(
        self, info: ContextInfo, input: DecideAccessReviewItemsInput
    ) -> DecideAccessReviewItemsPayload | None:
        row, answered = await deciding.decide(
            info.context.subject,
            row_id(input.access_review_id, "AccessReview", field="input.accessReviewId"),
            [
                Answer(
                    row_id(each.item_id, "AccessReviewItem", field=f"input.decisions.{n}.itemId"),
                    each.answer is AccessReviewAnswer.CONFIRM,
                    each.note,
                )
                for n, each in enumerate(input.decisions)
            ],
        )
        return DecideAccessReviewItemsPayload(row=row, answered=answered)

    @auth(
        "End an access review now, as it would when it is due. For owners.",
        requires=[Permission.MEMBERS_ASSIGN],
        at="input.accessReviewId",
        audits=Action.ACCESS_REVIEW_CLOSE,
    )
    async def close_access_review(
        self, info: ContextInfo, input: CloseAccessReviewInput
    ) -> AccessReviewPayload | None:
        review_id = row_id(input.access_review_id, "AccessReview", field="input.accessReviewId")
        return AccessReviewPayload(row=await closing.close(info.context.subject, review_id))

    @auth(
        "Call an access review off: what was decided stays so. For owners.",
        requires=[Permission.MEMBERS_ASSIGN],
        at="input.accessReviewId",
        audits=Action.ACCESS_REVIEW_CANCEL,
    )
    async def cancel_access_review(
        self, info: ContextInfo, input: CancelAccessReviewInput
    ) -> AccessReviewPayload | None:
        review_id = row_id(input.access_review_id, "AccessReview", field="input.accessReviewId")
        return AccessReviewPayload(row=await closing.cancel(info.context.subject, review_id))
