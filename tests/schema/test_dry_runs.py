"""Mutations with `dryRun`: what they would do, over HTTP, with nothing left of it."""

from collections.abc import Mapping
from typing import Any

import pytest

from identity import assignments, manual_groups
from identity.access.permissions import Permission
from identity.assignments import Principal
from models import Assignment, AuditEvent, BuiltinRole, PrincipalType, Role
from schema.cost import MUTATION, REHEARSAL
from schema.ids import global_id
from tests.door import Person, sign_in
from tests.identity.rehearsing import leaving_nothing
from tests.statements import counted_statements
from tests.world import UNKNOWN_ID, World, at_campaign, at_workspace

PREVIEW = """
    preview {
      refusal { code message missing }
      membersAffected membersGaining membersLosing
      permissions { permission gaining losing }
      members { nodes { memberId name changes { scopeType scopeId gained lost } } }
    }
"""
PAYLOADS = {
    "archiveWorkspace": ("ArchiveWorkspaceInput", "workspace { id }"),
    "restoreWorkspace": ("RestoreWorkspaceInput", "workspace { id }"),
    "changePlan": ("ChangePlanInput", "organization { id }"),
    "updateRole": ("UpdateRoleInput", "role { id }"),
    "restoreRole": ("RestoreRoleInput", "role { id }"),
    "deleteRole": ("DeleteRoleInput", "deletedRoleId"),
    "assignRole": ("AssignRoleInput", "assignment { id }"),
    "updateAssignment": ("UpdateAssignmentInput", "assignment { id }"),
    "unassignRole": ("UnassignRoleInput", "deletedAssignmentId"),
    "updateGroup": ("UpdateGroupInput", "group { id }"),
    "deleteGroup": ("DeleteGroupInput", "deletedGroupId"),
    "suspendMember": ("SuspendMemberInput", "member { id }"),
    "reactivateMember": ("ReactivateMemberInput", "member { id }"),
    "removeMember": ("RemoveMemberInput", "removedMemberId"),
}
"""Of each mutation that can be rehearsed: its input, and what it answers with otherwise."""


def mutation(name: str, *, preview: str = PREVIEW) -> str:
    input_, answer = PAYLOADS[name]
    return (
        f"mutation ($input: {input_}!) {{ done: {name}(input: $input) {{ {answer} {preview} }} }}"
    )


async def rehearsed(person: Person, name: str, input_: Mapping[str, Any]) -> Any:
    """The preview of a dry run, of which nothing may be left."""
    async with leaving_nothing():
        done = (await person.data(mutation(name), {"input": {**input_, "dryRun": True}}))["done"]
    preview = done.pop("preview")
    assert set(done.values()) == {None}
    return preview


def lines(preview: Any) -> list[tuple[object, ...]]:
    """Who, where, gained, lost."""
    assert preview["refusal"] is None
    return [
        (member["name"], change["scopeId"], change["gained"], change["lost"])
        for member in preview["members"]["nodes"]
        for change in member["changes"]
    ]


@pytest.fixture
async def sender(world: World) -> Role:
    return await world.custom_role("Sender", Permission.CAMPAIGNS_SEND)


@pytest.fixture
async def held(world: World, sender: Role) -> Assignment:
    """Ann's role Sender in workspace A."""
    return await world.give(await world.member("Ann"), sender, at_workspace(world.a))


async def test_each_mutation_tells_what_it_would_do(
    olga: Person, world: World, sender: Role, held: Assignment
) -> None:
    role_id, workspace_id = global_id("Role", sender.id), global_id("Workspace", world.a.id)
    other = await world.custom_role("Reader", Permission.CAMPAIGNS_READ)
    given: dict[str, dict[str, Any]] = {
        "updateRole": {"roleId": role_id, "expectedVersion": 1, "remove": ["CAMPAIGNS_SEND"]},
        "deleteRole": {"roleId": role_id, "replacementId": global_id("Role", other.id)},
        "unassignRole": {"assignmentId": global_id("Assignment", held.id)},
    }
    lost = {
        "updateRole": ["CAMPAIGNS_READ", "CAMPAIGNS_SEND"],
        "deleteRole": ["CAMPAIGNS_SEND"],
        "unassignRole": ["CAMPAIGNS_READ", "CAMPAIGNS_SEND"],
    }
    for name, input_ in given.items():
        preview = await rehearsed(olga, name, input_)
        assert lines(preview) == [("Ann", workspace_id, [], lost[name])], name
        assert (preview["membersAffected"], preview["membersGaining"]) == (1, 0)
        assert preview["membersLosing"] == 1
        assert preview["permissions"] == [
            {"permission": permission, "gaining": 0, "losing": 1} for permission in lost[name]
        ]

    ben = await world.member("Ben")
    preview = await rehearsed(
        olga,
        "assignRole",
        {"roleId": role_id, "principalId": global_id("Member", ben.id), "scopeId": workspace_id},
    )
    assert lines(preview) == [("Ben", workspace_id, ["CAMPAIGNS_READ", "CAMPAIGNS_SEND"], [])]
    assert preview["members"]["nodes"][0]["memberId"] == global_id("Member", ben.id)
    await olga.data(mutation("updateRole"), {"input": given["updateRole"]})
    versioned = {"roleId": role_id, "version": 1, "expectedVersion": 2}
    preview = await rehearsed(olga, "restoreRole", versioned)
    assert lines(preview) == [("Ann", workspace_id, ["CAMPAIGNS_READ", "CAMPAIGNS_SEND"], [])]


async def test_members_and_groups_tell_who_would_gain_and_lose(
    olga: Person, world: World, sender: Role, held: Assignment
) -> None:
    workspace_id, ann_id = global_id("Workspace", world.a.id), held.principal_id
    both = ["CAMPAIGNS_READ", "CAMPAIGNS_SEND"]
    ann = {"memberId": global_id("Member", ann_id)}
    for name in ("suspendMember", "removeMember"):
        assert lines(await rehearsed(olga, name, ann)) == [("Ann", workspace_id, [], both)]
    await olga.data(mutation("suspendMember"), {"input": ann})
    back = await rehearsed(olga, "reactivateMember", ann)
    assert lines(back) == [("Ann", workspace_id, both, [])]

    ben, cat = await world.member("Ben"), await world.member("Cat")
    group = await manual_groups.create(world.operator, name="Team", member_ids=[ben.id])
    await assignments.assign(
        world.operator,
        role_id=sender.id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=at_workspace(world.a),
    )
    group_id = {"groupId": global_id("Group", group.id)}
    joining = {
        **group_id,
        "expectedVersion": 1,
        "addMemberIds": [global_id("Member", cat.id)],
        "removeMemberIds": [global_id("Member", ben.id)],
    }
    assert lines(await rehearsed(olga, "updateGroup", joining)) == [
        ("Cat", workspace_id, both, []),
        ("Ben", workspace_id, [], both),
    ]
    deleting = await rehearsed(olga, "deleteGroup", group_id)
    assert lines(deleting) == [("Ben", workspace_id, [], both)]


async def test_without_a_preview_a_change_answers_with_what_it_changed(
    olga: Person, sender: Role
) -> None:
    input_ = {"roleId": global_id("Role", sender.id), "expectedVersion": 1, "name": "New"}
    done = (await olga.data(mutation("updateRole"), {"input": {**input_, "dryRun": False}}))["done"]
    assert done == {"role": {"id": global_id("Role", sender.id)}, "preview": None}
    assert (await Role.get(id=sender.id)).name == "New"


async def test_a_dry_run_that_asks_for_no_preview_changes_nothing(
    olga: Person, sender: Role
) -> None:
    input_ = {"roleId": global_id("Role", sender.id), "expectedVersion": 1, "name": "New"}
    async with leaving_nothing():
        done = await olga.data(
            mutation("updateRole", preview=""), {"input": {**input_, "dryRun": True}}
        )
    assert done == {"done": {"role": None}}


async def test_an_invariant_that_refuses_is_told_and_not_recorded(
    olga: Person, world: World, sender: Role, held: Assignment
) -> None:
    owning = await Assignment.get(principal_id=world.owner.id)
    preview = await rehearsed(
        olga, "unassignRole", {"assignmentId": global_id("Assignment", owning.id)}
    )
    assert preview["refusal"]["code"] == "LAST_OWNER"
    assert (preview["membersAffected"], preview["members"]["nodes"]) == (0, [])
    role_id = global_id("Role", sender.id)
    preview = await rehearsed(olga, "deleteRole", {"roleId": role_id})
    assert preview["refusal"]["code"] == "IN_USE"
    preview = await rehearsed(olga, "updateRole", {"roleId": role_id, "expectedVersion": 9})
    assert preview["refusal"]["code"] == "CONFLICT"


async def test_what_one_does_not_hold_is_told_as_missing(
    olga: Person, world: World, sender: Role
) -> None:
    assigner = await world.custom_role("Giver", Permission.MEMBERS_ASSIGN, Permission.ROLES_READ)
    gia = await world.member("Gia")
    await world.give(gia, assigner, world.everywhere)
    preview = await rehearsed(
        await sign_in(olga.http, world, gia),
        "assignRole",
        {
            "roleId": global_id("Role", sender.id),
            "principalId": global_id("Member", gia.id),
            "scopeId": global_id("Workspace", world.a.id),
        },
    )
    assert preview["refusal"]["code"] == "ESCALATION"
    assert preview["refusal"]["missing"] == ["CAMPAIGNS_READ", "CAMPAIGNS_SEND"]


async def test_who_may_not_make_the_change_may_not_rehearse_it(
    olga: Person, world: World, sender: Role
) -> None:
    vera = await world.member("Vera")
    await world.give(vera, BuiltinRole.AUDITOR, world.everywhere)
    person = await sign_in(olga.http, world, vera)
    input_ = {"roleId": global_id("Role", sender.id), "expectedVersion": 1, "dryRun": True}
    async with leaving_nothing():
        body = await person.ask(mutation("updateRole"), {"input": input_})
    assert body["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert body["data"] is None

    await person.ask(mutation("updateRole"), {"input": {**input_, "dryRun": False}})
    denied = (await AuditEvent.all().order_by("id"))[-1]
    assert (denied.action, denied.outcome.value) == ("role.update", "denied")


async def test_who_may_not_read_all_members_may_not_rehearse(
    olga: Person, world: World, sender: Role
) -> None:
    local = await world.custom_role(
        "Local", Permission.MEMBERS_ASSIGN, Permission.ROLES_READ, Permission.CAMPAIGNS_SEND
    )
    gia = await world.member("Gia")
    await world.give(gia, local, at_workspace(world.a))
    input_ = {
        "roleId": global_id("Role", sender.id),
        "principalId": global_id("Member", gia.id),
        "scopeId": global_id("Workspace", world.a.id),
        "dryRun": True,
    }
    person = await sign_in(olga.http, world, gia)
    await person.data("{ __typename }")  # so that the session is seen
    async with leaving_nothing():
        body = await person.ask(mutation("assignRole"), {"input": input_})
    (error,) = body["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert error["extensions"]["missing"] == ["MEMBERS_READ"]


async def test_wrong_input_is_an_error_as_without_a_dry_run(olga: Person, world: World) -> None:
    wrong = {
        "roleId": global_id("Workspace", world.a.id),
        "expectedVersion": 1,
        "dryRun": True,
    }
    (error,) = (await olga.ask(mutation("updateRole"), {"input": wrong}))["errors"]
    assert (error["extensions"]["code"], error["extensions"]["field"]) == (
        "BAD_INPUT",
        "input.roleId",
    )
    unknown = {**wrong, "roleId": global_id("Role", UNKNOWN_ID)}
    (error,) = (await olga.ask(mutation("updateRole"), {"input": unknown}))["errors"]
    assert error["extensions"]["code"] == "NOT_FOUND"


async def test_the_members_come_by_pages(olga: Person, world: World, sender: Role) -> None:
    for number in range(5):
        await world.give(await world.member(f"M{number}"), sender, world.everywhere)
    paged = """
        mutation ($input: UpdateRoleInput!, $after: String) {
          updateRole(input: $input) {
            preview {
              membersAffected
              members(first: 2, after: $after) {
                nodes { name } totalCount pageInfo { hasNextPage endCursor }
              }
            }
          }
        }
    """
    input_ = {
        "roleId": global_id("Role", sender.id),
        "expectedVersion": 1,
        "add": ["FORMS_READ"],
        "dryRun": True,
    }
    seen, after, preview = [], None, {}
    for _ in range(3):
        data = await olga.data(paged, {"input": input_, "after": after})
        preview = data["updateRole"]["preview"]
        assert (preview["membersAffected"], preview["members"]["totalCount"]) == (5, 5)
        seen += [node["name"] for node in preview["members"]["nodes"]]
        after = preview["members"]["pageInfo"]["endCursor"]
    assert seen == ["M4", "M3", "M2", "M1", "M0"]
    assert not preview["members"]["pageInfo"]["hasNextPage"]


async def test_the_number_of_statements_does_not_grow(
    olga: Person, world: World, sender: Role
) -> None:
    input_ = {
        "roleId": global_id("Role", sender.id),
        "expectedVersion": 1,
        "add": ["CAMPAIGNS_DELETE"],
        "dryRun": True,
    }
    await world.give(await world.member("Ann"), sender, world.everywhere)
    counts, data = [], {}
    for more in (1, 9, 0):
        with counted_statements() as texts:
            data = await olga.data(mutation("updateRole"), {"input": input_})
        counts.append(len(texts))
        for number in range(more):
            scope = at_campaign(await world.campaign(world.b, f"C{more} {number}"))
            await world.give(await world.member(f"M{more}-{number}"), sender, scope)
    assert data["done"]["preview"]["membersAffected"] == 11
    assert counts[0] == counts[1] == counts[2]


async def test_a_dry_run_costs_what_it_reads(olga: Person, sender: Role) -> None:
    role_id = global_id("Role", sender.id)
    once = """
        mutation ($input: UpdateRoleInput!) { updateRole(input: $input) { role { id } } }
    """
    for dry, cost in ((False, MUTATION + 2), (True, MUTATION + 2 + REHEARSAL)):
        input_ = {"roleId": role_id, "expectedVersion": 1, "dryRun": dry}
        body = await olga.ask(once, {"input": input_})
        assert body["extensions"]["cost"]["requestedQueryCost"] == cost

    often = " ".join(
        f'a{n}: updateRole(input: {{roleId: "{role_id}", expectedVersion: 1, dryRun: $dry}})'
        " { role { id } }"
        for n in range(5)
    )
    response = await olga.post(
        {"query": f"mutation ($dry: Boolean!) {{ {often} }}", "variables": {"dry": True}}
    )
    assert response.json()["errors"][0]["extensions"]["code"] == "TOO_EXPENSIVE"
    assert "errors" not in await olga.ask(
        f"mutation ($dry: Boolean!) {{ {often} }}", {"dry": False}
    )
