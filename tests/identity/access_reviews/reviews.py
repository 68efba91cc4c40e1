"""An open access review in the hands of a test."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from identity import groups
from identity.access.permissions import Permission
from identity.access_reviews import deciding
from identity.access_reviews.deciding import Answer
from identity.groups import DirectoryGroup
from identity.refusals import Refusal
from identity.subject import Subject
from models import AccessReview, AccessReviewItem, Assignment, Group, Member, Role
from tests.world import World

Open = Callable[..., Coroutine[Any, Any, "OpenReview"]]


@dataclass(frozen=True, slots=True)
class OpenReview:
    """An open review and those who answer in it."""

    row: AccessReview

    async def item(self, holder: Member | Group) -> AccessReviewItem:
        """The only item of that holder."""
        return await AccessReviewItem.get(review_id=self.row.id, principal_id=holder.id)

    async def answer(
        self,
        reviewer: Subject,
        holder: Member | Group,
        *,
        confirms: bool = False,
        note: str | None = None,
    ) -> tuple[AccessReviewItem, Refusal | None]:
        """One answer, and what became of it."""
        item = await self.item(holder)
        _, ((answered, refusal),) = await deciding.decide(
            reviewer, self.row.id, [Answer(item.id, confirms, note)]
        )
        return answered, refusal

    async def counts(self) -> dict[str, int]:
        """How many items came out how, as counted in the review, and as they are."""
        row = await AccessReview.get(id=self.row.id)
        names = ("pending", "confirmed", "revoked", "expired", "gone")
        counted = {name: getattr(row, name) for name in names if getattr(row, name)}
        decisions = await AccessReviewItem.filter(review_id=row.id).values_list(
            "decision", flat=True
        )
        found = {name: list(map(str, decisions)).count(name) for name in names}
        assert counted == {name: number for name, number in found.items() if number}
        assert row.total == len(decisions)
        return counted


async def let_review(world: World, *member_ids: UUID) -> None:
    """Have these members give and take roles everywhere; they hold nothing to give."""
    role = await Role.get_or_none(organization=world.organization, name="Reviewer")
    if role is None:
        role = await world.custom_role("Reviewer", Permission.MEMBERS_ASSIGN)
    for member_id in member_ids:
        if not await Assignment.exists(role=role, principal_id=member_id):
            await world.give(await Member.get(id=member_id), role, world.everywhere)


async def group_of(world: World, name: str, *members: Member) -> Group:
    return await groups.create(
        world.operator,
        DirectoryGroup(name, None, {}),
        member_ids=[member.id for member in members],
    )
