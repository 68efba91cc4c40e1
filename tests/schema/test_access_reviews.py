"""Access reviews through GraphQL."""

from datetime import timedelta
from typing import Any

import pytest

from identity.access.permissions import Permission
from models import (
    AccessReview,
    AccessReviewItem,
    AccessReviewStatus,
    Assignment,
    BuiltinRole,
    Member,
)
from models.clock import now
from schema.ids import global_id
from tests.door import Person, sign_in
from tests.identity.access_reviews.reviews import let_review
from tests.statements import counted_statements
from tests.world import World, at_workspace

OPEN = """
    mutation ($input: OpenAccessReviewInput!) {
      openAccessReview(input: $input) {
        accessReview {
          id title subject status unanswered openedByName workspaceId remindersSent remindedAt
          closedAt version
          progress { total pending confirmed revoked expired gone }
          items(first: 10) {
            totalCount
            nodes {
              id principalName principalId roleName roleId scopeType scopeId expiresAt decision
              assignmentId refusal reviewer { name }
            }
          }
        }
      }
    }
"""
DECIDE = """
    mutation ($input: DecideAccessReviewItemsInput!) {
      decideAccessReviewItems(input: $input) {
        accessReview { version progress { pending confirmed revoked } }
        results {
          item { id decision note decidedByName }
          refusal { code message }
        }
      }
    }
"""
CLOSE = """
    mutation ($id: ID!) {
      closeAccessReview(input: {accessReviewId: $id}) {
        accessReview { status progress { pending expired } }
      }
    }
"""
CANCEL = """
    mutation ($id: ID!) {
      cancelAccessReview(input: {accessReviewId: $id}) { accessReview { status } }
    }
"""
LIST = """
    query ($id: ID!) {
      organization { accessReviews(first: 5) { nodes { id } } }
      workspace(id: $id) { accessReviews(first: 5) { nodes { id } } }
    }
"""
PAGE = """
    query ($id: ID!) {
      node(id: $id) {
        ... on AccessReview {
          title progress { total pending }
          items(first: 50) { nodes { principalName decision reviewer { name } } }
        }
      }
    }
"""


@pytest.fixture
async def ann(world: World) -> Member:
    member = await world.member("Ann")
    await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
    return member


async def opened(person: Person, world: World, **more: Any) -> Any:
    input_ = {
        "title": "Spring review",
        "dueAt": (now() + timedelta(days=10)).isoformat(),
        "unanswered": "KEEP",
        "workspaceId": global_id("Workspace", world.a.id),
        **more,
    }
    return await person.ask(OPEN, {"input": input_})


async def test_a_review_from_its_beginning_to_its_end(
    olga: Person, world: World, ann: Member
) -> None:
    bob = await world.member("Bob")
    given = await world.give(bob, BuiltinRole.OPERATOR, at_workspace(world.a))
    await let_review(world, ann.id)
    answer = await opened(
        olga, world, unanswered="REVOKE", reviewerIds=[global_id("Member", ann.id)]
    )
    review = answer["data"]["openAccessReview"]["accessReview"]
    first, second = review.pop("items")["nodes"]
    assert review == {
        "id": review["id"],
        "title": "Spring review",
        "subject": "WORKSPACE",
        "status": "OPEN",
        "unanswered": "REVOKE",
        "openedByName": world.owner.name,
        "workspaceId": global_id("Workspace", world.a.id),
        "remindersSent": 0,
        "remindedAt": None,
        "closedAt": None,
        "version": 1,
        "progress": {
            "total": 2,
            "pending": 2,
            "confirmed": 0,
            "revoked": 0,
            "expired": 0,
            "gone": 0,
        },
    }
    assert (first["principalName"], first["reviewer"]) == ("Ann", None)
    assert second == {
        "id": second["id"],
        "principalName": "Bob",
        "principalId": global_id("Member", bob.id),
        "roleName": "Operator",
        "roleId": global_id("Role", given.role_id),
        "scopeType": "WORKSPACE",
        "scopeId": global_id("Workspace", world.a.id),
        "expiresAt": None,
        "decision": "PENDING",
        "assignmentId": global_id("Assignment", given.id),
        "refusal": None,
        "reviewer": {"name": "Ann"},
    }

    decision = {"itemId": first["id"], "answer": "CONFIRM", "note": "Needed."}
    data = await olga.data(
        DECIDE, {"input": {"accessReviewId": review["id"], "decisions": [decision]}}
    )
    assert data["decideAccessReviewItems"] == {
        "accessReview": {
            "version": 2,
            "progress": {"pending": 1, "confirmed": 1, "revoked": 0},
        },
        "results": [
            {
                "item": {
                    "id": first["id"],
                    "decision": "CONFIRMED",
                    "note": "Needed.",
                    "decidedByName": world.owner.name,
                },
                "refusal": None,
            }
        ],
    }

    data = await olga.data(CLOSE, {"id": review["id"]})
    assert data["closeAccessReview"]["accessReview"] == {
        "status": "CLOSED",
        "progress": {"pending": 0, "expired": 1},
    }
    assert [each.principal_id for each in await Assignment.filter(workspace=world.a)] == [ann.id]


async def test_a_refused_decision_says_why_and_the_others_are_carried_out(
    olga: Person, world: World, ann: Member
) -> None:
    await world.give(world.owner, BuiltinRole.VIEWER, at_workspace(world.a))
    review = (await opened(olga, world))["data"]["openAccessReview"]["accessReview"]
    decisions = [{"itemId": item["id"], "answer": "REVOKE"} for item in review["items"]["nodes"]]
    data = await olga.data(
        DECIDE, {"input": {"accessReviewId": review["id"], "decisions": decisions}}
    )
    anns, own = data["decideAccessReviewItems"]["results"]
    assert (anns["item"]["decision"], anns["refusal"]) == ("REVOKED", None)
    assert own["item"]["decision"] == "PENDING"
    assert own["refusal"] == {
        "code": "FORBIDDEN",
        "message": "Nobody decides about what they hold themselves.",
    }
    left = await Assignment.filter(workspace=world.a)
    assert [each.principal_id for each in left] == [world.owner.id]


async def test_owners_are_reviewed_without_a_workspace(olga: Person, world: World) -> None:
    answer = await opened(olga, world, workspaceId=None)
    review = answer["data"]["openAccessReview"]["accessReview"]
    assert (review["subject"], review["workspaceId"]) == ("OWNERS", None)
    assert [item["roleName"] for item in review["items"]["nodes"]] == ["Owner"]


async def test_it_is_called_off(olga: Person, world: World, ann: Member) -> None:
    review = (await opened(olga, world))["data"]["openAccessReview"]["accessReview"]
    data = await olga.data(CANCEL, {"id": review["id"]})
    assert data["cancelAccessReview"]["accessReview"] == {"status": "CANCELLED"}


async def test_who_reads_members_sees_it_and_changes_nothing(
    olga: Person, otto: Person, world: World, ann: Member
) -> None:
    review = (await opened(olga, world))["data"]["openAccessReview"]["accessReview"]
    item = review["items"]["nodes"][0]["id"]
    member = await world.member("Mia")
    await world.give(member, BuiltinRole.MEMBER, at_workspace(world.a))
    mia = await sign_in(olga.http, world, member)
    workspace = {"id": global_id("Workspace", world.a.id)}
    decisions = {
        "accessReviewId": review["id"],
        "decisions": [{"itemId": item, "answer": "REVOKE"}],
    }
    changes: list[tuple[str, dict[str, Any]]] = [
        (DECIDE, {"input": decisions}),
        (CLOSE, {"id": review["id"]}),
        (CANCEL, {"id": review["id"]}),
    ]

    body = await mia.ask(LIST, workspace)
    assert body["data"]["workspace"]["accessReviews"]["nodes"] == [{"id": review["id"]}]
    assert body["data"]["organization"]["accessReviews"] is None
    assert (await mia.data(PAGE, {"id": review["id"]}))["node"]["items"]["nodes"] == [
        {"principalName": "Ann", "decision": "PENDING", "reviewer": None},
        {"principalName": "Otto", "decision": "PENDING", "reviewer": None},
    ]
    for document, variables in changes:
        body = await mia.ask(document, variables)
        assert body["data"] is None
        assert body["errors"][0]["extensions"]["missing"] == ["MEMBERS_ASSIGN"]

    for node in (review["id"], item):
        body = await otto.ask(PAGE, {"id": node})
        assert body["errors"][0]["extensions"] == {"code": "NOT_FOUND"}
    for document, variables in changes:
        body = await otto.ask(document, variables)
        assert body["errors"][0]["extensions"] == {"code": "NOT_FOUND"}
    row = await AccessReview.get()
    assert (row.status, row.pending, row.version) == (AccessReviewStatus.OPEN, 2, 1)
    assert await Assignment.filter(workspace=world.a).count() == 3


async def test_giving_roles_is_not_being_an_owner(olga: Person, world: World, ann: Member) -> None:
    member = await world.member("Ada")
    role = await world.custom_role("Assigner", Permission.MEMBERS_ASSIGN)
    await world.give(member, role, world.everywhere)
    body = await opened(await sign_in(olga.http, world, member), world)
    assert body["data"] == {"openAccessReview": None}
    assert body["errors"][0]["extensions"] == {
        "code": "FORBIDDEN",
        "reason": "OWNER_ONLY",
        "missing": [],
    }
    assert await AccessReview.all().count() == 0


async def test_pages_follow_the_names_of_the_holders(
    olga: Person, world: World, ann: Member
) -> None:
    for name in ("Zoe", "Bob", "Max", "Cleo"):
        await world.give(await world.member(name), BuiltinRole.VIEWER, at_workspace(world.a))
    review = (await opened(olga, world))["data"]["openAccessReview"]["accessReview"]
    found, after = [], None
    for _ in range(3):
        data = await olga.data(
            """
            query ($id: ID!, $after: String) {
              node(id: $id) { ... on AccessReview { items(first: 2, after: $after) {
                nodes { principalName } pageInfo { endCursor } } } }
            }
            """,
            {"id": review["id"], "after": after},
        )
        items = data["node"]["items"]
        found += [item["principalName"] for item in items["nodes"]]
        after = items["pageInfo"]["endCursor"]
    assert found == ["Ann", "Bob", "Cleo", "Max", "Zoe"]


@pytest.mark.parametrize("people", [1, 12])
async def test_a_page_of_items_is_one_statement(
    olga: Person, world: World, ann: Member, people: int
) -> None:
    """Beside those for who asks and for the review."""
    for number in range(people):
        member = await world.member(f"Member {number}")
        await world.give(member, BuiltinRole.VIEWER, at_workspace(world.a))
    await let_review(world, ann.id)
    answer = await opened(olga, world, reviewerIds=[global_id("Member", ann.id)])
    variables = {"id": answer["data"]["openAccessReview"]["accessReview"]["id"]}
    await olga.data(PAGE, variables)  # compiles the access

    with counted_statements() as statements:
        data = await olga.data(PAGE, variables)

    assert len(data["node"]["items"]["nodes"]) == people + 1 == await AccessReviewItem.all().count()
    assert len(statements) == 3, statements
