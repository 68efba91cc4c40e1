"""`simulate`: what a change of access would do, over HTTP."""

from typing import Any

import pytest

from identity.access.permissions import Permission
from models import BuiltinRole, Organization, Plan
from schema.ids import global_id
from tests.door import Person, sign_in
from tests.identity.rehearsing import leaving_nothing
from tests.schema.test_dry_runs import PREVIEW, lines, mutation
from tests.world import World, at_workspace

ANSWER = PREVIEW.strip().removeprefix("preview")
SIMULATE = f"query ($change: AccessChangeInput!) {{ simulate(change: $change) {ANSWER} }}"


async def simulated(person: Person, **change: Any) -> Any:
    async with leaving_nothing():
        return (await person.data(SIMULATE, {"change": change}))["simulate"]


async def test_it_tells_what_the_mutation_does(olga: Person, world: World) -> None:
    role = await world.custom_role("Sender", Permission.CAMPAIGNS_SEND)
    ann = await world.member("Ann")
    held = await world.give(ann, role, at_workspace(world.a))
    role_id, ann_id = global_id("Role", role.id), global_id("Member", ann.id)
    changes: dict[str, dict[str, Any]] = {
        "updateRole": {"roleId": role_id, "expectedVersion": 1, "remove": ["CAMPAIGNS_SEND"]},
        "unassignRole": {"assignmentId": global_id("Assignment", held.id)},
        "suspendMember": {"memberId": ann_id},
        "removeMember": {"memberId": ann_id},
    }
    for name, change in changes.items():
        answer = await simulated(olga, **{name: change})
        assert lines(answer) == [
            ("Ann", global_id("Workspace", world.a.id), [], ["CAMPAIGNS_READ", "CAMPAIGNS_SEND"])
        ]
        dry = await olga.data(mutation(name), {"input": {**change, "dryRun": True}})
        assert dry["done"]["preview"] == answer


async def test_a_smaller_plan_takes_what_it_does_not_include(olga: Person, world: World) -> None:
    answer = await simulated(olga, changePlan={"plan": "STARTER"})
    assert lines(answer) == [
        (
            world.owner.name,
            global_id("Organization", world.organization.id),
            [],
            ["IDENTITY_MANAGE"],
        )
    ]
    assert (await Organization.get(id=world.organization.id)).plan is Plan.ENTERPRISE


async def test_who_may_not_make_the_change_reads_so(olga: Person, world: World) -> None:
    auditor = await world.member("Aud")
    await world.give(auditor, BuiltinRole.AUDITOR, world.everywhere)
    person = await sign_in(olga.http, world, auditor)
    await person.data("{ __typename }")
    for change, missing in (
        ({"changePlan": {"plan": "STARTER"}}, "ORGANIZATION_PLAN"),
        ({"suspendMember": {"memberId": global_id("Member", world.owner.id)}}, "MEMBERS_REMOVE"),
    ):
        answer = await simulated(person, **change)
        assert answer["refusal"]["code"] == "FORBIDDEN"
        assert answer["refusal"]["missing"] == [missing]
        assert answer["members"]["nodes"] == []


async def test_it_needs_to_read_members_at_the_organization(otto: Person) -> None:
    body = await otto.ask(SIMULATE, {"change": {"changePlan": {"plan": "STARTER"}}})
    assert body["data"] == {"simulate": None}
    assert body["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert body["errors"][0]["extensions"]["missing"] == ["MEMBERS_READ"]


async def test_wrong_input_is_named_by_its_path(olga: Person, world: World) -> None:
    wrong = {"suspendMember": {"memberId": global_id("Workspace", world.a.id)}}
    (error,) = (await olga.ask(SIMULATE, {"change": wrong}))["errors"]
    assert error["extensions"]["code"] == "BAD_INPUT"
    assert error["extensions"]["field"] == "change.suspendMember.memberId"


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"changePlan": None},
        {"changePlan": {"plan": "STARTER"}, "suspendMember": {"memberId": "x"}},
    ],
)
async def test_it_takes_exactly_one_change(olga: Person, change: dict[str, Any]) -> None:
    response = await olga.post({"query": SIMULATE, "variables": {"change": change}})
    assert response.status_code == 200
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_INPUT"


async def test_a_guarded_input_is_guarded_here_too(olga: Person, world: World) -> None:
    role = await world.custom_role("Sender", Permission.CAMPAIGNS_SEND)
    reader = await world.custom_role("Reader", Permission.MEMBERS_READ, Permission.ROLES_DELETE)
    rea = await world.member("Rea")
    await world.give(rea, reader, world.everywhere)
    change = {"roleId": global_id("Role", role.id), "replacementId": global_id("Role", reader.id)}
    person = await sign_in(olga.http, world, rea)
    body = await person.ask(SIMULATE, {"change": {"deleteRole": change}})
    extensions = body["errors"][0]["extensions"]
    assert (extensions["code"], extensions["missing"]) == ("FORBIDDEN", ["MEMBERS_ASSIGN"])
    assert extensions["field"] == "change.deleteRole.replacementId"


async def test_several_are_too_expensive(olga: Person) -> None:
    one = "simulate(change: {changePlan: {plan: STARTER}}) { membersAffected }"
    many = " ".join(f"a{number}: {one}" for number in range(5))
    response = await olga.post({"query": f"{{ {many} }}"})
    assert response.json()["errors"][0]["extensions"]["code"] == "TOO_EXPENSIVE"
