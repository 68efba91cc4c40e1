"""`gatepost review`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import click

from gateway.cli.opening import origin, run
from gateway.cli.options import of_organization
from gateway.cli.places import workspace_named
from gateway.cli.printing import answer, as_json, listed
from gateway.settings import Settings
from identity import organizations
from identity.access_reviews import closing, opening, reading
from models.access_review import AccessReview, AccessReviewItem, Unanswered
from models.listing import page
from schema.ids import PRINCIPAL_NODES, SCOPE_NODES, global_id, row_id

of_review = click.option("--review", "review_id", required=True, help="The id of the review.")


@click.group()
def review() -> None:
    """Access reviews: who holds which role, looked through."""


@review.command("list")
@of_organization
@as_json
def list_reviews(slug: str, as_json: bool) -> None:
    """The reviews of an organization, newest first, with how many items came out how."""

    async def found(settings: Settings) -> list[dict[str, str]]:
        subject = await organizations.operator_of(slug, origin=origin())
        return [_facts(row) for row in await page(reading.listing(subject.access))]

    listed(run(found), none=f"{slug} has no access reviews.", as_json=as_json)


@review.command()
@of_organization
@of_review
@as_json
def show(slug: str, review_id: str, as_json: bool) -> None:
    """The items of a review, by the names of the holders, and what became of each."""

    async def found(settings: Settings) -> list[dict[str, str]]:
        subject = await organizations.operator_of(slug, origin=origin())
        row = await reading.REVIEW.find(subject.access, _row_id(review_id))
        return [_item(each) for each in await page(reading.items(subject.access, row.id))]

    listed(run(found), none="It has no items.", as_json=as_json)


@review.command("open")
@of_organization
@click.option("--title", required=True, help="What it is called.")
@click.option("--workspace", help="The slug of the workspace; without it, all of Owner.")
@click.option(
    "--due",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day, in UTC, at whose beginning it ends by itself.",
)
@click.option(
    "--unanswered",
    required=True,
    type=click.Choice([each.value for each in Unanswered]),
    help="What becomes of assignments that nobody has decided about.",
)
@click.option(
    "--reviewer",
    "reviewers",
    multiple=True,
    metavar="EMAIL",
    help="Who decides, in turn; may be given several times. Without it: any owner.",
)
@as_json
def open_review(
    slug: str,
    title: str,
    workspace: str | None,
    due: datetime,
    unanswered: str,
    reviewers: Sequence[str],
    as_json: bool,
) -> None:
    """Open a review. Nobody is asked about what they hold themselves; owners decide about all."""

    async def opened(settings: Settings) -> dict[str, str]:
        subject = await organizations.operator_of(slug, origin=origin())
        row = await opening.open_review(
            subject,
            title=title,
            workspace_id=None if workspace is None else await workspace_named(subject, workspace),
            due_at=due.replace(tzinfo=UTC),
            unanswered=Unanswered(unanswered),
            reviewer_ids=[
                (await organizations.member_with_address(subject.organization_id, each)).id
                for each in reviewers
            ],
        )
        return _facts(row)

    answer(run(opened), headline=f"{title} is open.", as_json=as_json)


@review.command()
@of_organization
@of_review
@as_json
def close(slug: str, review_id: str, as_json: bool) -> None:
    """End a review now, as it would when it is due."""

    async def closed(settings: Settings) -> dict[str, str]:
        subject = await organizations.operator_of(slug, origin=origin())
        return _facts(await closing.close(subject, _row_id(review_id)))

    answer(run(closed), headline="The access review is closed.", as_json=as_json)


def _row_id(review_id: str) -> UUID:
    return row_id(review_id, "AccessReview", field="--review")


def _facts(row: AccessReview) -> dict[str, str]:
    counts = ("total", "pending", "confirmed", "revoked", "expired", "gone")
    return {
        "review": global_id("AccessReview", row.id),
        "title": row.title,
        "subject": row.subject.value,
        "status": row.status.value,
        "due": row.due_at.isoformat(),
        "unanswered": row.unanswered.value,
        **{name: str(getattr(row, name)) for name in counts},
    }


def _item(row: AccessReviewItem) -> dict[str, str]:
    return {
        "holder": row.principal_name,
        "holder_id": global_id(PRINCIPAL_NODES[row.principal_type], row.principal_id),
        "role": row.role_name,
        "scope": row.scope_type.value,
        "scope_id": global_id(SCOPE_NODES[row.scope_type], row.scope_id),
        "decision": row.decision.value,
        "decided_by": row.decided_by_name or "",
        "note": row.note or "",
        "refusal": row.refusal or "",
    }
