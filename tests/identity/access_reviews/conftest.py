"""People around an access review."""

from datetime import timedelta
from uuid import UUID

import pytest

from identity.access_reviews import opening
from identity.subject import Subject
from models import BuiltinRole, Member, Unanswered, Workspace
from models.clock import now
from tests.identity.access_reviews.reviews import Open, OpenReview, let_review
from tests.world import World, at_workspace


@pytest.fixture
async def owner(world: World) -> Subject:
    return await world.subject(world.owner)


@pytest.fixture
async def ann(world: World) -> Member:
    """A viewer in workspace a."""
    member = await world.member("Ann")
    await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
    return member


@pytest.fixture
async def bob(world: World) -> Member:
    """An operator in workspace a."""
    member = await world.member("Bob")
    await world.give(member, BuiltinRole.OPERATOR, at_workspace(world.a))
    return member


@pytest.fixture
def reviewing(world: World, owner: Subject) -> Open:
    """Opens a review as the owner: due in ten days, of a workspace if one is given. The reviewers
    are let give and take roles.
    """

    async def opened(
        workspace: Workspace | None = None,
        *,
        unanswered: Unanswered = Unanswered.KEEP,
        due_in: timedelta = timedelta(days=10),
        reviewers: tuple[UUID | None, ...] = (),
    ) -> OpenReview:
        asked = [each for each in reviewers if each is not None]
        await let_review(world, *asked)
        row = await opening.open_review(
            owner,
            title="Spring review",
            workspace_id=None if workspace is None else workspace.id,
            due_at=now() + due_in,
            unanswered=unanswered,
            reviewer_ids=asked,
        )
        return OpenReview(row)

    return opened
