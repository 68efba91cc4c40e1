"""Users: created, read, replaced, patched and deleted (RFC 7644 sections 3.3 to 3.6)."""

from typing import Any
from uuid import UUID

import pytest

from identity import members
from models import ActorType, Member, MemberStatus, SuspendedBy, User, ViaType
from tests.scim.directory import BASE, ENTERPRISE, USER, Directory, refusal

BOB: dict[str, Any] = {
    "externalId": "00uBOB",
    "name": {"givenName": "Bob", "familyName": "Ångström"},
    "displayName": "  Bob Ångström ",
    "emails": [
        {"value": "Bob@Acme.LOCAL", "type": "work"},
        {"value": "bob@home.example", "type": "home", "primary": True},
    ],
    "x509Certificates": [{"value": "aGVsbG8="}],
    "active": True,
    ENTERPRISE: {"employeeNumber": "701984", "manager": {"value": "26118915"}},
}


async def test_values_are_kept_as_they_were_sent(directory: Directory) -> None:
    created = await directory.create_user("Bob@ACME.example", **BOB)

    assert created == await directory.body(f"/Users/{created['id']}")
    assert {name: created[name] for name in BOB} == BOB
    assert created["userName"] == "Bob@ACME.example"
    assert created["schemas"] == [USER, ENTERPRISE]
    assert created["meta"]["location"] == f"{BASE}/Users/{created['id']}"
    assert created["meta"]["lastModified"] == created["meta"]["created"]
    assert created["meta"]["version"] == 'W/"1"'


async def test_what_the_product_knows_of_a_user(directory: Directory) -> None:
    created = await directory.create_user("Bob@ACME.example", **BOB)

    member = await Member.get(id=created["id"]).select_related("user")
    assert (member.email, member.email_key) == ("bob@home.example", "bob@home.example")
    assert (member.name, member.user_name_key) == ("Bob Ångström", "bob@acme.example")
    assert (member.status, member.external_id) == (MemberStatus.ACTIVE, "00uBOB")
    assert (member.user.email, member.user.name) == ("bob@home.example", "Bob Ångström")
    (event,) = [e for e in await directory.world.events() if e.action == "member.provision"]
    assert (event.actor_name, event.target_id, event.operation) == (
        "Directory",
        member.id,
        "POST /Users",
    )


async def test_a_password_is_never_kept(directory: Directory) -> None:
    created = await directory.create_user("bob", password="correct horse")

    assert "password" not in created
    (stored,) = await Member.filter(id=created["id"]).values()
    assert "correct horse" not in repr(stored)


async def test_a_user_name_is_taken_in_any_case(directory: Directory) -> None:
    await directory.create_user("bob@acme.example")
    accounts = await User.all().count()

    again = await directory.request(
        "POST", "/Users", {"schemas": [USER], "userName": "BOB@acme.example"}
    )

    assert refusal(again) == (409, "uniqueness")
    assert await User.all().count() == accounts


async def test_replacing_unassigns_what_is_left_out(directory: Directory) -> None:
    created = await directory.create_user("bob", **BOB)

    response = await directory.request(
        "PUT",
        f"/Users/{created['id']}",
        {"schemas": [USER], "userName": "robert", "displayName": "Rob", "active": True},
    )

    assert response.status_code == 200
    replaced = response.json()
    assert replaced == await directory.body(f"/Users/{created['id']}")
    assert replaced.pop("meta")["version"] == response.headers["etag"] == 'W/"2"'
    assert replaced == {
        "schemas": [USER],
        "id": created["id"],
        "userName": "robert",
        "displayName": "Rob",
        "active": True,
    }


async def test_a_change_is_recorded_with_what_it_changed(directory: Directory) -> None:
    created = await directory.create_user("bob", displayName="Bob")

    response = await directory.patch(
        f"/Users/{created['id']}", {"op": "replace", "path": "displayName", "value": "Rob"}
    )

    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["etag"] == 'W/"2"'
    event = (await directory.world.events())[-1]
    assert event.action == "member.update"
    assert (event.actor_type, event.via) == (ActorType.SCIM_TOKEN, ViaType.SCIM_TOKEN)
    assert event.actor_id == event.via_id is not None
    assert directory.token.startswith(event.via_name or "no name")
    assert event.operation == "PATCH /Users"
    assert event.request_id == response.headers["x-request-id"]
    assert (event.ip, event.user_agent) == (
        "127.0.0.1",
        response.request.headers["user-agent"],
    )
    assert event.diff == [
        {"path": "name", "before": "Bob", "after": "Rob"},
        {"path": "scim.displayName", "before": "Bob", "after": "Rob"},
    ]


async def test_what_changes_nothing_writes_nothing(directory: Directory) -> None:
    created = await directory.create_user("bob", **BOB)
    before = len(await directory.world.events())
    same = {name: value for name, value in created.items() if name not in ("id", "meta")}

    put = await directory.request("PUT", f"/Users/{created['id']}", same)
    patch = await directory.patch(
        f"/Users/{created['id']}", {"op": "replace", "value": {"displayName": BOB["displayName"]}}
    )

    assert (put.status_code, patch.status_code) == (200, 204)
    assert await directory.body(f"/Users/{created['id']}") == created
    assert len(await directory.world.events()) == before


async def test_deleting_frees_the_user_name_and_the_account(directory: Directory) -> None:
    created = await directory.create_user("bob")
    accounts = await User.all().count()

    response = await directory.request("DELETE", f"/Users/{created['id']}")

    assert (response.status_code, response.content) == (204, b"")
    assert refusal(await directory.get(f"/Users/{created['id']}")) == (404, None)
    assert await User.all().count() == accounts - 1
    assert (await directory.world.events())[-1].action == "member.remove"
    await directory.create_user("BOB")


async def test_whom_no_directory_manages_is_a_user_too(directory: Directory) -> None:
    owner = directory.world.owner

    resource = await directory.body(f"/Users/{owner.id}")

    assert resource.pop("meta")["version"] == 'W/"1"'
    assert resource == {
        "schemas": [USER],
        "id": str(owner.id),
        "userName": "olga@acme.example",
        "emails": [{"value": "olga@acme.example", "primary": True}],
        "active": True,
    }
    assert await directory.found("/Users", 'emails eq "OLGA@acme.example"') == [str(owner.id)]
    assert await directory.found("/Users", "active eq true") == [str(owner.id)]


async def test_a_directory_adds_to_a_member_without_losing_the_name(directory: Directory) -> None:
    owner = directory.world.owner
    await Member.filter(id=owner.id).update(name="Olga Owner")

    response = await directory.patch(
        f"/Users/{owner.id}", {"op": "add", "path": "title", "value": "Founder"}
    )

    assert response.status_code == 204
    member = await Member.get(id=owner.id)
    assert (member.name, member.email) == ("Olga Owner", "olga@acme.example")
    assert member.scim is not None
    assert not member.provisioned, "the directory did not bring her in"


MOVES: dict[str, tuple[str, dict[str, Any]]] = {
    "emails": (
        "PATCH",
        {
            "op": "replace",
            "path": "emails",
            "value": [{"value": "mallory@evil.example", "primary": True}],
        },
    ),
    "one more, that is primary": (
        "PATCH",
        {
            "op": "add",
            "path": "emails",
            "value": [{"value": "mallory@evil.example", "primary": True}],
        },
    ),
    "the address itself": (
        "PATCH",
        {"op": "replace", "path": "emails[primary eq true].value", "value": "mallory@evil.example"},
    ),
    "userName": ("PATCH", {"op": "replace", "value": {"userName": "mallory", "title": "CEO"}}),
    "a replacement": ("PUT", {"userName": "mallory@evil.example"}),
    "a replacement of the address": (
        "PUT",
        {"userName": "olga@acme.example", "emails": [{"value": "mallory@evil.example"}]},
    ),
}


@pytest.mark.parametrize("name", MOVES)
async def test_whom_no_directory_provisioned_keeps_name_and_address(
    directory: Directory, name: str
) -> None:
    method, content = MOVES[name]
    owner = directory.world.owner
    path = f"/Users/{owner.id}"
    assert (
        await directory.patch(path, {"op": "add", "path": "title", "value": "Founder"})
    ).status_code == 204
    before = await Member.filter(id=owner.id).values()

    if method == "PATCH":
        response = await directory.patch(path, content)
    else:
        response = await directory.request("PUT", path, {"schemas": [USER], **content})

    assert refusal(response) == (403, None)
    assert "provision the person anew" in response.json()["detail"]
    assert await Member.filter(id=owner.id).values() == before
    denial = (await directory.world.events())[-1]
    assert (denial.action, denial.outcome, denial.target_id) == (
        "member.update",
        "denied",
        owner.id,
    )


async def test_the_directory_moves_the_address_of_whom_it_provisioned(
    directory: Directory,
) -> None:
    created = await directory.create_user("bob@acme.example")

    response = await directory.patch(
        f"/Users/{created['id']}",
        {"op": "replace", "value": {"userName": "rob@acme.example"}},
        {"op": "add", "path": "emails", "value": [{"value": "rob@mail.example", "primary": True}]},
    )

    assert response.status_code == 204
    member = await Member.get(id=created["id"])
    assert (member.user_name, member.email) == ("rob@acme.example", "rob@mail.example")
    assert member.provisioned


async def test_the_last_owner_stays(directory: Directory) -> None:
    path = f"/Users/{directory.world.owner.id}"
    before = await directory.body(path)

    suspended = await directory.patch(path, {"op": "replace", "path": "active", "value": False})
    deleted = await directory.request("DELETE", path)

    assert refusal(suspended) == refusal(deleted) == (409, None)
    assert await directory.body(path) == before
    denials = [e for e in await directory.world.events() if e.outcome == "denied"]
    assert [e.action for e in denials] == ["member.suspend", "member.remove"]
    assert {e.target_id for e in denials} == {directory.world.owner.id}


async def test_an_old_version_is_not_overwritten(directory: Directory) -> None:
    created = await directory.create_user("bob", displayName="Bob")
    path, version = f"/Users/{created['id']}", created["meta"]["version"]
    change = {"op": "replace", "path": "displayName"}
    assert (await directory.patch(path, {**change, "value": "Rob"})).status_code == 204

    late = await directory.patch(path, {**change, "value": "Rod"}, **{"If-Match": version})
    gone = await directory.request("DELETE", path, **{"If-Match": version})

    assert refusal(late) == refusal(gone) == (412, None)
    assert (await directory.body(path))["displayName"] == "Rob"
    unchanged = await directory.get(path, **{"If-None-Match": 'W/"2"'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


ACTIVE = {"op": "replace", "path": "active"}


async def _suspended_by_an_owner(directory: Directory) -> str:
    """The path of a user of the directory whom an owner suspended."""
    created = await directory.create_user("bob")
    owner = await directory.world.subject(directory.world.owner)
    await members.suspend(owner, UUID(created["id"]))
    return f"/Users/{created['id']}"


async def _kept_out_by(path: str) -> frozenset[SuspendedBy]:
    return (await Member.get(id=path.removeprefix("/Users/"))).suspended_by


async def test_who_is_suspended_by_an_owner_is_not_brought_back(directory: Directory) -> None:
    path = await _suspended_by_an_owner(directory)
    before = await Member.get(id=path.removeprefix("/Users/")).values()
    count = len(await directory.world.events())

    response = await directory.patch(path, {**ACTIVE, "value": True})
    again = await directory.patch(f"{path}?attributes=active", {**ACTIVE, "value": True})

    assert (response.status_code, again.json()["active"]) == (204, False)
    assert (await directory.body(path))["active"] is False
    assert await Member.get(id=path.removeprefix("/Users/")).values() == before
    assert len(await directory.world.events()) == count


async def test_what_a_directory_says_of_a_suspended_user_stays_beside_it(
    directory: Directory,
) -> None:
    """The owner lifts their own suspension, and the directory's word still stands."""
    path = await _suspended_by_an_owner(directory)
    owner = await directory.world.subject(directory.world.owner)

    response = await directory.patch(path, {**ACTIVE, "value": False})
    assert response.status_code == 204
    assert await _kept_out_by(path) == {SuspendedBy.ADMIN, SuspendedBy.DIRECTORY}

    await members.reactivate(owner, UUID(path.removeprefix("/Users/")))
    assert await _kept_out_by(path) == {SuspendedBy.DIRECTORY}
    assert (await directory.body(path))["active"] is False
    await directory.patch(path, {**ACTIVE, "value": True})
    assert (await directory.body(path))["active"] is True
    assert (await Member.get(id=path.removeprefix("/Users/"))).status is MemberStatus.ACTIVE


async def test_a_change_of_something_else_says_nothing_of_a_suspension(
    directory: Directory,
) -> None:
    path = await _suspended_by_an_owner(directory)

    await directory.patch(path, {"op": "replace", "path": "title", "value": "Chief"})
    boss = {"schemas": [USER], "userName": "bob", "title": "Boss", "active": True}
    put = await directory.request("PUT", path, boss)

    assert put.json()["active"] is False
    assert (await directory.body(path))["title"] == "Boss"
    assert await _kept_out_by(path) == {SuspendedBy.ADMIN}
