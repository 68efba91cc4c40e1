"""`gatepost review`."""

import json

from identity import assignments, organizations, roles
from identity.access.permissions import Permission
from identity.assignments import Principal, Scope
from models import (
    AccessReview,
    AccessReviewItem,
    AuditEvent,
    Organization,
    PrincipalType,
    ScopeType,
)
from tests.gateway.commands import Gatepost

OPEN = ("review", "open", "--org", "acme", "--title", "Owners", "--due", "2999-01-31")


async def told() -> list[tuple[str, str, str | None]]:
    events = await AuditEvent.filter(action__startswith="access_review").order_by("id")
    return [(event.action, event.actor_name, event.operation) for event in events]


async def reviews() -> int:
    return await AccessReview.all().count()


def test_a_review_is_opened_shown_and_closed(gatepost: Gatepost) -> None:
    acme = gatepost.acme()
    opened = gatepost.json(*OPEN, "--unanswered", "revoke")
    assert opened == {
        "review": opened["review"],
        "title": "Owners",
        "subject": "owners",
        "status": "open",
        "due": "2999-01-31T00:00:00+00:00",
        "unanswered": "revoke",
        "total": "1",
        "pending": "1",
        "confirmed": "0",
        "revoked": "0",
        "expired": "0",
        "gone": "0",
    }
    listed = json.loads(gatepost.run("review", "list", "--org", "acme", "--json").stdout)
    assert listed == [opened]

    named = ("--org", "acme", "--review", opened["review"])
    closed = gatepost.json("review", "close", *named)
    assert (closed["status"], closed["pending"], closed["expired"]) == ("closed", "1", "0")
    (item,) = json.loads(gatepost.run("review", "show", *named, "--json").stdout)
    assert item == {
        "holder": "olga@acme.example",
        "holder_id": acme["owner"],
        "role": "Owner",
        "scope": "organization",
        "scope_id": acme["organization"],
        "decision": "pending",
        "decided_by": "",
        "note": "",
        "refusal": "LAST_OWNER",
    }
    assert gatepost.look(told) == [
        ("access_review.open", "operator", "gatepost review open"),
        ("access_review.close", "operator", "gatepost review close"),
    ]


def test_without_json_it_is_told_in_words(gatepost: Gatepost) -> None:
    gatepost.acme()
    assert gatepost.run("review", "list", "--org", "acme").stdout == "acme has no access reviews.\n"
    said = gatepost.run(*OPEN, "--unanswered", "keep")
    assert said.stdout.splitlines()[0] == "Owners is open."
    header, row = gatepost.run("review", "list", "--org", "acme").stdout.splitlines()
    assert header.split()[:4] == ["review", "title", "subject", "status"]
    assert row.split()[1:4] == ["Owners", "owners", "open"]


def test_what_is_not_there_is_a_sentence(gatepost: Gatepost) -> None:
    acme = gatepost.acme()
    for arguments, error in (
        ((*OPEN, "--unanswered", "keep", "--workspace", "none"), "--workspace: There is no"),
        (("review", "show", "--org", "acme", "--review", acme["owner"]), "--review: This is the"),
        (("review", "close", "--org", "acme", "--review", "x"), "--review: This is not an id"),
        ((*OPEN, "--unanswered", "keep", "--workspace", "main"), "There is no assignment"),
    ):
        said = gatepost.run(*arguments)
        assert (said.exit_code, said.stdout) == (1, "")
        assert said.stderr.startswith(f"Error: {error}")
    assert gatepost.look(reviews) == 0


def test_the_reviewers_are_named_by_their_addresses(gatepost: Gatepost) -> None:
    gatepost.acme()

    async def rita() -> str:
        organization = await Organization.get(slug="acme")
        member = await organizations.add_member(
            organization.id, email="rita@acme.example", name="Rita"
        )
        subject = await organizations.operator_of("acme")
        role = await roles.create(subject, name="Lead", permissions=[Permission.MEMBERS_ASSIGN])
        await assignments.assign(
            subject,
            role_id=role.id,
            principal=Principal(PrincipalType.MEMBER, member.id),
            scope=Scope(ScopeType.ORGANIZATION, organization.id),
        )
        return str(member.id)

    member_id = gatepost.look(rita)
    gatepost.json(*OPEN, "--unanswered", "keep", "--reviewer", "rita@acme.example")

    async def asked() -> list[str]:
        return [str(item.reviewer_id) for item in await AccessReviewItem.all()]

    assert gatepost.look(asked) == [member_id]


def test_a_reviewer_who_is_not_there_opens_no_review(gatepost: Gatepost) -> None:
    gatepost.acme()
    said = gatepost.run(*OPEN, "--unanswered", "keep", "--reviewer", "nobody@acme.example")
    assert (said.exit_code, said.stdout) == (1, "")
    assert gatepost.look(reviews) == 0
