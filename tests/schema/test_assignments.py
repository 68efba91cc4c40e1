"""Assignments through GraphQL: what is changed and what is left out, and who is refused."""

from datetime import timedelta
from typing import Any

import pytest

from identity.assignments import Principal, assign
from models import Assignment, BuiltinRole, PrincipalType
from models.clock import now
from schema.ids import global_id
from tests.door import Person, sign_in
from tests.identity.refusing import everything
from tests.schema.test_dry_runs import rehearsed
from tests.statements import counted_statements
from tests.world import World, at_workspace

HOUR = timedelta(hours=1)
UPDATE = """
    mutation ($input: UpdateAssignmentInput!) {
      updateAssignment(input: $input) {
        assignment { id expiresAt reason role { name } } preview { startsAt }
      }
    }
"""


@pytest.fixture
async def held(world: World) -> Assignment:
    """Ann's role Viewer in workspace a, for an hour."""
    ann = await world.member("Ann")
    return await assign(
        world.operator,
        role_id=(await world.role(BuiltinRole.VIEWER)).id,
        principal=Principal(PrincipalType.MEMBER, ann.id),
        scope=at_workspace(world.a),
        expires_at=now() + HOUR,
        reason="Holidays.",
    )


def named(row: Assignment) -> dict[str, Any]:
    return {"assignmentId": global_id("Assignment", row.id)}


async def test_what_is_left_out_stays_and_null_is_for_good(olga: Person, held: Assignment) -> None:
    assert held.expires_at is not None
    ends, later = held.expires_at.isoformat(), (held.expires_at + HOUR).isoformat()
    for given, expected in (
        ({"reason": "Cover."}, (ends, "Cover.")),
        ({"expiresAt": later}, (later, "Cover.")),
        ({}, (later, "Cover.")),
        ({"reason": None}, (later, None)),
        ({"expiresAt": None, "reason": "Stays."}, (None, "Stays.")),
        ({"expiresAt": None}, (None, "Stays.")),
    ):
        data = await olga.data(UPDATE, {"input": {**named(held), **given}})
        assert data["updateAssignment"] == {
            "assignment": {
                "id": global_id("Assignment", held.id),
                "expiresAt": expected[0],
                "reason": expected[1],
                "role": {"name": "Viewer"},
            },
            "preview": None,
        }
        saved = await Assignment.get(id=held.id)
        assert (saved.expires_at and saved.expires_at.isoformat(), saved.reason) == expected


@pytest.mark.parametrize(
    "text",
    ["{assignmentId: $id}", "{assignmentId: $id, expiresAt: $until, reason: $why}"],
)
async def test_a_variable_that_is_not_given_is_left_out(
    olga: Person, held: Assignment, text: str
) -> None:
    variables = "" if "until" not in text else ", $until: DateTime, $why: String"
    await olga.data(
        f"mutation ($id: ID!{variables})"
        f" {{ updateAssignment(input: {text}) {{ assignment {{ id }} }} }}",
        {"id": global_id("Assignment", held.id)},
    )
    saved = await Assignment.get(id=held.id)
    assert (saved.expires_at, saved.reason) == (held.expires_at, "Holidays.")


async def test_who_may_not_is_refused_and_nothing_changes(
    olga: Person, world: World, held: Assignment
) -> None:
    reader = await world.member("Mia")
    await world.give(reader, BuiltinRole.MEMBER, at_workspace(world.a))
    stranger = await world.member("Sam")
    await world.give(stranger, BuiltinRole.OWNER, at_workspace(world.b))
    for member, code in ((reader, "FORBIDDEN"), (stranger, "NOT_FOUND")):
        person = await sign_in(olga.http, world, member)
        before = await everything()
        body = await person.ask(UPDATE, {"input": {**named(held), "expiresAt": None}})
        assert [error["extensions"]["code"] for error in body["errors"]] == [code]
        after = await everything()
        after["sessions"] = before["sessions"]  # when it was last seen
        assert after == before


async def test_the_last_owner_gets_no_end(olga: Person, world: World) -> None:
    row = await Assignment.get(principal_id=world.owner.id)
    given = {**named(row), "expiresAt": (now() + HOUR).isoformat()}
    body = await olga.ask(UPDATE, {"input": given})
    assert [error["extensions"]["code"] for error in body["errors"]] == ["LAST_OWNER"]
    assert (await Assignment.get(id=row.id)).expires_at is None
    preview = await rehearsed(olga, "updateAssignment", given)
    assert preview["refusal"]["code"] == "LAST_OWNER"


async def test_a_dry_run_tells_from_when_on_who_would_hold_what(
    olga: Person, world: World, held: Assignment
) -> None:
    assert held.expires_at is not None
    longer = {**named(held), "expiresAt": None}
    preview = await rehearsed(olga, "updateAssignment", longer)
    assert (preview["membersGaining"], preview["membersLosing"]) == (1, 0)
    assert preview["members"]["nodes"][0]["changes"][0]["scopeId"] == global_id(
        "Workspace", world.a.id
    )
    data = await olga.data(UPDATE, {"input": {**longer, "dryRun": True}})
    assert data["updateAssignment"] == {
        "assignment": None,
        "preview": {"startsAt": held.expires_at.isoformat()},
    }


@pytest.mark.parametrize("others", [0, 9])
async def test_it_costs_the_same_however_much_is_held(
    olga: Person, world: World, held: Assignment, others: int
) -> None:
    for number in range(others):
        await world.give(await world.member(f"M{number}"), BuiltinRole.VIEWER, world.everywhere)
    await olga.data("{ viewer { name } }")
    with counted_statements() as texts:
        await olga.data(UPDATE, {"input": {**named(held), "expiresAt": None}})
    assert len(texts) == 9, texts
