"""What provisioning does to access: groups give and take it, `active: false` ends it at once."""

from typing import Any
from uuid import UUID

import pytest

from identity import assignments
from identity.access.decision import Target
from identity.access.load import read_access
from identity.access.permissions import Permission
from identity.assignments import Principal
from identity.credentials import sessions
from identity.credentials.limits import SessionLimits
from identity.refusals import Unauthenticated
from identity.subject import Origin
from models import BuiltinRole, Member, MemberStatus, Organization, PrincipalType, Session
from tests.scim.directory import Directory, refusal
from tests.world import at_workspace


async def map_to(directory: Directory, group_id: str, builtin: BuiltinRole) -> None:
    """Give the group a role in workspace A."""
    world = directory.world
    await assignments.assign(
        world.operator,
        role_id=(await world.role(builtin)).id,
        principal=Principal(PrincipalType.GROUP, UUID(group_id)),
        scope=at_workspace(world.a),
    )


async def may_send(directory: Directory, user_id: str) -> bool:
    organization = await Organization.get(id=directory.world.organization.id)
    access = await read_access(organization.id, UUID(user_id), organization.plan)
    return access.allows(Permission.CAMPAIGNS_SEND, Target(directory.world.a.id))


async def revision(directory: Directory) -> int:
    organization = await Organization.get(id=directory.world.organization.id)
    return int(organization.access_revision)


async def session_of(directory: Directory, user_id: str) -> str:
    return await directory.world.session(await Member.get(id=user_id))


async def signed_in(token: str) -> UUID | None:
    subject = await sessions.authenticate(token, limits=SessionLimits(), origin=Origin())
    return subject.member_id


async def test_a_mapped_group_gives_and_withdraws_its_role(directory: Directory) -> None:
    bob = (await directory.create_user("bob"))["id"]
    group = (await directory.create_group("Operators"))["id"]
    await map_to(directory, group, BuiltinRole.OPERATOR)
    entries = [{"value": bob}]
    assert not await may_send(directory, bob)
    start = await revision(directory)

    await directory.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": entries})
    assert await may_send(directory, bob)
    await directory.patch(f"/Groups/{group}", {"op": "remove", "path": "members"})
    assert not await may_send(directory, bob)

    assert await revision(directory) == start + 2


async def test_deleting_a_mapped_group_withdraws_its_role(directory: Directory) -> None:
    bob = (await directory.create_user("bob"))["id"]
    group = (await directory.create_group("Operators", bob))["id"]
    await map_to(directory, group, BuiltinRole.OPERATOR)
    start = await revision(directory)

    await directory.request("DELETE", f"/Groups/{group}")

    assert not await may_send(directory, bob)
    assert await revision(directory) == start + 1


async def test_what_changes_no_access_keeps_the_revision(directory: Directory) -> None:
    start = await revision(directory)

    bob = (await directory.create_user("bob"))["id"]
    group = (await directory.create_group("Nothing", bob))["id"]
    await directory.patch(f"/Users/{bob}", {"op": "add", "path": "title", "value": "Boss"})
    await directory.patch(f"/Groups/{group}", {"op": "remove", "path": "members"})
    await directory.request("DELETE", f"/Groups/{group}")

    assert await revision(directory) == start


SUSPENSIONS: list[dict[str, Any]] = [
    {"op": "replace", "path": "active", "value": False},
    {"op": "Replace", "path": "active", "value": "False"},
    {"op": "replace", "value": {"active": False}},
]


@pytest.mark.parametrize("suspension", SUSPENSIONS, ids=["rfc", "entra", "okta"])
async def test_inactive_means_signed_out(directory: Directory, suspension: dict[str, Any]) -> None:
    bob = (await directory.create_user("bob"))["id"]
    token = await session_of(directory, bob)
    assert await signed_in(token) == UUID(bob)
    start = await revision(directory)

    response = await directory.patch(f"/Users/{bob}", suspension)

    assert response.status_code == 204
    with pytest.raises(Unauthenticated):
        await signed_in(token)
    session = await Session.get(member_id=bob)
    assert (session.end_reason, session.ended_at is None) == ("suspended", False)
    assert (await directory.body(f"/Users/{bob}"))["active"] is False
    assert await revision(directory) == start + 1
    event = (await directory.world.events())[-1]
    assert event.action == "member.suspend"
    assert {"path": "status", "before": "active", "after": "suspended"} in event.diff


async def test_reactivation_brings_back_access_but_no_session(directory: Directory) -> None:
    bob = (await directory.create_user("bob"))["id"]
    group = (await directory.create_group("Operators", bob))["id"]
    await map_to(directory, group, BuiltinRole.OPERATOR)
    token = await session_of(directory, bob)
    active = {"op": "replace", "path": "active"}
    await directory.patch(f"/Users/{bob}", {**active, "value": False})

    await directory.patch(f"/Users/{bob}", {**active, "value": True})

    member = await Member.get(id=bob)
    assert (member.status, member.suspended_by) == (MemberStatus.ACTIVE, frozenset())
    assert await may_send(directory, bob)
    with pytest.raises(Unauthenticated):
        await signed_in(token)
    assert await signed_in(await session_of(directory, bob)) == UUID(bob)
    assert (await directory.world.events())[-1].action == "member.reactivate"


async def test_leaving_active_out_suspends_and_brings_back_nobody(directory: Directory) -> None:
    bob = await directory.create_user("bob", active=False)
    bare = {"schemas": bob["schemas"], "userName": "bob"}

    response = await directory.request("PUT", f"/Users/{bob['id']}", bare)

    assert "active" not in response.json()
    assert (await Member.get(id=bob["id"])).status is MemberStatus.SUSPENDED


async def test_a_deleted_user_is_signed_out(directory: Directory) -> None:
    bob = (await directory.create_user("bob"))["id"]
    token = await session_of(directory, bob)

    await directory.request("DELETE", f"/Users/{bob}")

    with pytest.raises(Unauthenticated):
        await signed_in(token)


async def test_a_refused_suspension_keeps_the_session(directory: Directory) -> None:
    owner = directory.world.owner
    token = await directory.world.session(owner)

    response = await directory.patch(f"/Users/{owner.id}", SUSPENSIONS[0])

    assert refusal(response) == (409, None)
    assert await signed_in(token) == owner.id
