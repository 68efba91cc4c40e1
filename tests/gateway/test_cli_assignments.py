"""`gatepost assignment`: what is given at one place, given, changed and taken away."""

import json
from typing import Any

import pytest

from identity import manual_groups, organizations
from models import Assignment, AuditEvent, Organization
from tests.gateway.commands import Gatepost
from tests.gateway.test_cli_dry_runs import state

OF = ("--org", "acme")
ANN = ("--member", "ann@acme.example")


@pytest.fixture
def acme(gatepost: Gatepost) -> dict[str, str]:
    """Acme with Ann, who is in the group Team."""
    made = gatepost.acme()

    async def peopled() -> None:
        organization = await Organization.get(slug="acme")
        ann = await organizations.add_member(organization.id, email="ann@acme.example", name="Ann")
        subject = await organizations.operator_of("acme")
        await manual_groups.create(subject, name="Team", member_ids=[ann.id])

    gatepost.look(peopled)
    return made


def rows(gatepost: Gatepost, *options: str) -> list[dict[str, str]]:
    said = gatepost.run("assignment", "list", *OF, *options, "--json")
    assert (said.exit_code, said.stderr) == (0, "")
    found: list[dict[str, str]] = json.loads(said.stdout)
    return found


async def told() -> list[tuple[str, str | None]]:
    events = await AuditEvent.filter(action__contains="assign").order_by("id")
    return [(event.action, event.reason) for event in events]


def test_a_role_is_given_changed_and_taken_away(gatepost: Gatepost, acme: dict[str, str]) -> None:
    at = ("--at", acme["workspace"])
    given = gatepost.json(
        *("assignment", "add", *OF, "--role", "viewer", *ANN, *at),
        *("--until", "2999-01-31", "--reason", "Holidays."),
    )
    assert given == {
        "assignment": given["assignment"],
        "role": "Viewer",
        "holder_id": given["holder_id"],
        "scope": "workspace",
        "scope_id": acme["workspace"],
        "until": "2999-01-31T00:00:00+00:00",
        "reason": "Holidays.",
        "given_at": given["given_at"],
    }
    assert rows(gatepost, *at) == [{"holder": "Ann", **given, "given_by": ""}]
    named = ("--assignment", given["assignment"])
    for options, until, reason in (
        (("--reason", "Cover."), given["until"], "Cover."),
        (("--until", "2999-02-01"), "2999-02-01T00:00:00+00:00", "Cover."),
        ((), "2999-02-01T00:00:00+00:00", "Cover."),
        (("--for-good",), "", "Cover."),
    ):
        changed = gatepost.json("assignment", "change", *OF, *named, *options)
        assert changed == {**given, "until": until, "reason": reason}
    removed = gatepost.json("assignment", "remove", *OF, *named)
    assert removed == {"assignment": given["assignment"]}
    assert rows(gatepost, *at) == []
    assert gatepost.look(told) == [
        ("role.assign", "Holidays."),
        ("assignment.update", "Cover."),
        ("assignment.update", "Cover."),
        ("assignment.update", "Cover."),
        ("role.unassign", None),
    ]


def test_a_list_is_narrowed_and_goes_by_pages(gatepost: Gatepost, acme: dict[str, str]) -> None:
    for role in ("viewer", "operator"):
        gatepost.json("assignment", "add", *OF, "--role", role, *ANN)
    gatepost.json("assignment", "add", *OF, "--role", "viewer", "--group", "Team")
    everything = rows(gatepost)
    assert [(row["holder"], row["role"]) for row in everything] == [
        ("Team", "Viewer"),
        ("Ann", "Operator"),
        ("Ann", "Viewer"),
        ("olga@acme.example", "Owner"),
    ]
    assert rows(gatepost, *ANN) == everything[1:3]
    assert rows(gatepost, "--group", "Team") == everything[:1]
    assert rows(gatepost, "--role", "viewer") == [everything[0], everything[2]]
    assert rows(gatepost, "--role", "viewer", *ANN) == [everything[2]]
    after = ("--after", everything[0]["assignment"])
    assert rows(gatepost, "--first", "2", *after) == everything[1:3]
    assert rows(gatepost, "--at", acme["workspace"]) == []


def test_a_dry_run_changes_nothing(gatepost: Gatepost, acme: dict[str, str]) -> None:
    given = gatepost.json(
        *("assignment", "add", *OF, "--role", "viewer", *ANN, "--until", "2999-01-31")
    )
    named = ("--assignment", given["assignment"])
    for command, gaining, losing, starts_at in (
        (("add", "--role", "operator", *ANN), 1, 0, None),
        (("change", *named, "--for-good"), 1, 0, "2999-01-31T00:00:00+00:00"),
        (("change", *named, "--until", "2998-01-31"), 0, 1, "2998-01-31T00:00:00+00:00"),
        (("remove", *named), 0, 1, None),
    ):
        before = gatepost.look(state)
        said = gatepost.run("assignment", *command, *OF, "--dry-run", "--json")
        assert said.exit_code == 0
        answer: dict[str, Any] = json.loads(said.stdout)
        found = answer["members_gaining"], answer["members_losing"], answer["starts_at"]
        assert found == (gaining, losing, starts_at)
        assert gatepost.look(state) == before
    said = gatepost.run("assignment", "change", *OF, *named, "--for-good", "--dry-run")
    assert said.stdout.splitlines()[0] == "From 2999-01-31T00:00:00+00:00 on:"


async def owning() -> list[dict[str, Any]]:
    return await Assignment.all().values()


def test_what_is_refused_changes_nothing(gatepost: Gatepost, acme: dict[str, str]) -> None:
    own = rows(gatepost)[0]["assignment"]
    before = gatepost.look(owning)
    last = "Error: This would leave the organization without an active owner."
    for command in (
        ("remove", "--assignment", own),
        ("change", "--assignment", own, "--until", "2999-01-31"),
    ):
        said = gatepost.run("assignment", *command, *OF)
        assert (said.exit_code, said.stdout) == (1, "")
        assert said.stderr.startswith(last)
        assert gatepost.run("assignment", *command, *OF, "--dry-run").exit_code == 1
    assert gatepost.look(owning) == before
    for wrong in (
        ("change", "--assignment", own, "--until", "2999-01-31", "--for-good"),
        ("add", "--role", "viewer"),
        ("add", "--role", "viewer", *ANN, "--group", "Team"),
    ):
        assert gatepost.run("assignment", *wrong, *OF).exit_code == 2
    assert gatepost.run("assignment", "remove", *OF, "--assignment", "nope").exit_code == 1
