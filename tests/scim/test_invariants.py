"""What always holds (docs/invariants.md), tried by a directory: all of it stays as it was."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from identity import assignments, manual_groups, organizations
from identity.assignments import Principal
from identity.credentials import scim_tokens
from identity.subject import Origin
from models import (
    Assignment,
    AuditEvent,
    BuiltinRole,
    GroupMember,
    Member,
    MemberStatus,
    Outcome,
    Plan,
    PrincipalType,
    Role,
)
from tests.identity.refusing import everything
from tests.scim.directory import GROUP, USER, Directory, refusal
from tests.world import at_workspace


@asynccontextmanager
async def nothing_changes(*denied: str) -> AsyncIterator[None]:
    """No row is another one after the block, and the log has these denials more, and nothing."""
    before, log = await everything(), await AuditEvent.all().count()
    yield
    after = await everything()
    for noted in (before, after):
        noted.pop("scim_tokens")  # the last use of a token
    assert after == before
    events = (await AuditEvent.all().order_by("id"))[log:]
    assert [(event.action, event.outcome) for event in events] == [
        (action, Outcome.DENIED) for action in denied
    ]


async def owning_group(directory: Directory) -> tuple[str, str]:
    """The path of a directory's group through which alone the owner owns, and the owner's id."""
    world = directory.world
    owner = str(world.owner.id)
    group = (await directory.create_group("Owners", owner))["id"]
    given = await Assignment.get(principal_id=world.owner.id)
    await assignments.assign(
        world.operator,
        role_id=given.role_id,
        principal=Principal(PrincipalType.GROUP, UUID(group)),
        scope=world.everywhere,
    )
    await assignments.unassign(world.operator, given.id)
    return f"/Groups/{group}", owner


ALL_OUT: dict[str, tuple[str, dict[str, Any] | None]] = {
    "one removed": ("PATCH", {"op": "remove", "path": 'members[value eq "{owner}"]'}),
    "all removed": ("PATCH", {"op": "remove", "path": "members"}),
    "replaced by nobody": ("PATCH", {"op": "replace", "path": "members", "value": []}),
    "put without members": ("PUT", {"schemas": [GROUP], "displayName": "Owners"}),
    "deleted": ("DELETE", None),
}


@pytest.mark.parametrize("how", ALL_OUT)
async def test_the_last_owner_stays_in_the_group_that_makes_them_one(
    directory: Directory, how: str
) -> None:
    path, owner = await owning_group(directory)
    method, body = ALL_OUT[how]
    denied = "group.delete" if method == "DELETE" else "group.update"

    async with nothing_changes(denied):
        if method == "PATCH" and body is not None:
            whom = str(body["path"]).format(owner=owner)
            response = await directory.patch(path, {**body, "path": whom})
        else:
            response = await directory.request(method, path, body)
        assert refusal(response) == (409, None)

    assert (await Member.get(id=owner)).status is MemberStatus.ACTIVE


@pytest.mark.parametrize("how", ["inactive", "put", "deleted"])
async def test_the_last_owner_is_not_taken_out(directory: Directory, how: str) -> None:
    world = directory.world
    path = f"/Users/{world.owner.id}"
    denied = "member.remove" if how == "deleted" else "member.suspend"
    async with nothing_changes(denied):
        if how == "inactive":
            response = await directory.patch(path, {"op": "replace", "value": {"active": False}})
        elif how == "put":
            off = {"schemas": [USER], "userName": world.owner.user_name, "active": False}
            response = await directory.request("PUT", path, off)
        else:
            response = await directory.request("DELETE", path)
        assert refusal(response) == (409, None)


NAMING_ACCESS: dict[str, Any] = {
    "roles": [{"value": "owner", "primary": True}],
    "entitlements": [{"value": "organization:delete"}, {"value": "no:such"}],
    "userType": "Owner",
}
"""Attributes of SCIM that are called like ours, which are kept and mean nothing."""


async def test_no_attribute_of_a_user_gives_a_role(directory: Directory) -> None:
    world = directory.world
    kept = await manual_groups.create(world.operator, name="Owners")
    await assignments.assign(
        world.operator,
        role_id=(await world.role(BuiltinRole.OWNER)).id,
        principal=Principal(PrincipalType.GROUP, kept.id),
        scope=world.everywhere,
    )
    held, roles = await Assignment.all().values(), await Role.all().values()
    groups = [{"value": str(kept.id), "display": "Owners"}]

    bob = await directory.create_user("bob", **NAMING_ACCESS, groups=groups)
    await directory.patch(f"/Users/{bob['id']}", {"op": "add", "value": NAMING_ACCESS})

    member = await Member.get(id=bob["id"])
    access = (await world.subject(member)).access
    assert (access.anywhere_mask, await GroupMember.filter(group_id=kept.id).count()) == (0, 0)
    assert await Assignment.all().values() == held
    assert await Role.all().values() == roles


@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
async def test_a_group_that_people_keep_is_not_there(directory: Directory, method: str) -> None:
    """Whoever joined it would get what nobody gave to the directory."""
    world = directory.world
    bob = (await directory.create_user("bob"))["id"]
    kept = await manual_groups.create(world.operator, name="Crew", member_ids=[world.owner.id])
    members = [{"value": bob}]
    bodies: dict[str, Any] = {
        "PATCH": {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "add", "path": "members", "value": members}],
        },
        "PUT": {"schemas": [GROUP], "displayName": "Crew", "members": members},
    }
    async with nothing_changes():
        response = await directory.request(method, f"/Groups/{kept.id}", bodies.get(method))
        assert refusal(response) == (404, None)
    assert (await directory.body("/Groups"))["totalResults"] == 0


async def test_a_smaller_plan_leaves_what_was_provisioned_and_takes_no_more(
    directory: Directory,
) -> None:
    world = directory.world
    bob = (await directory.create_user("bob"))["id"]
    group = (await directory.create_group("Operators", bob))["id"]
    await assignments.assign(
        world.operator,
        role_id=(await world.role(BuiltinRole.OPERATOR)).id,
        principal=Principal(PrincipalType.GROUP, UUID(group)),
        scope=at_workspace(world.a),
    )
    before = (await world.subject(await Member.get(id=bob))).access
    await organizations.change_plan(world.operator, Plan.PREMIUM)

    after = (await world.subject(await Member.get(id=bob))).access
    assert after.grants == before.grants
    assert not after.anywhere_mask & ~before.anywhere_mask
    active = {"op": "replace", "path": "active", "value": False}
    async with nothing_changes("member.update", "group.delete", "member.provision"):
        for response in (
            await directory.patch(f"/Users/{bob}", active),
            await directory.request("DELETE", f"/Groups/{group}"),
            await directory.request("POST", "/Users", {"schemas": [USER], "userName": "eve"}),
        ):
            assert refusal(response) == (403, None)


async def test_a_token_is_nobody_in_another_organization(
    directory: Directory, stranger: Directory
) -> None:
    """Also as the caller of a use case: what it finds is its own organization's."""
    subject = await scim_tokens.authenticate(stranger.token, origin=Origin())
    bob = (await directory.create_user("bob"))["id"]
    assert subject.organization_id == stranger.world.organization.id
    async with nothing_changes():
        for path in (f"/Users/{bob}", f"/Users/{directory.world.owner.id}"):
            response = await stranger.request("DELETE", path)
            assert refusal(response) == (404, None)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "grant", "path": "roles", "value": "owner"},
        {"op": "replace", "path": "permissions", "value": ["organization:delete"]},
        {"op": "add", "path": "urn:gatepost:2.0:User:role", "value": "owner"},
    ],
    ids=["operation", "attribute", "schema"],
)
async def test_what_is_not_known_is_refused(
    directory: Directory, operation: dict[str, Any]
) -> None:
    bob = (await directory.create_user("bob"))["id"]
    async with nothing_changes():
        response = await directory.patch(f"/Users/{bob}", operation)
        assert refusal(response)[0] == 400
