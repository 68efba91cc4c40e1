"""Groups, and changes of their members in every way that directories send them."""

from typing import Any

import pytest

from identity import groups
from models import Group, GroupMember, GroupSource
from models.ids import new_id
from tests.scim.directory import BASE, GROUP, Directory, refusal


async def people(directory: Directory, *names: str) -> list[str]:
    return [(await directory.create_user(name))["id"] for name in names]


async def test_a_group_with_members(directory: Directory) -> None:
    (bob,) = await people(directory, "bob")

    created = await directory.create_group("  Mail Ops ", bob, externalId="g-1")

    assert created == await directory.body(f"/Groups/{created['id']}")
    assert (created["displayName"], created["externalId"]) == ("  Mail Ops ", "g-1")
    assert created["members"] == [{"value": bob, "$ref": f"{BASE}/Users/{bob}", "type": "User"}]
    assert (await directory.body(f"/Users/{bob}"))["groups"] == [
        {
            "value": created["id"],
            "$ref": f"{BASE}/Groups/{created['id']}",
            "display": "  Mail Ops ",
            "type": "direct",
        }
    ]
    event = (await directory.world.events())[-1]
    assert (event.action, event.diff) == (
        "group.create",
        [
            {"path": "name", "before": None, "after": "  Mail Ops "},
            {"path": "externalId", "before": None, "after": "g-1"},
            {"path": "members", "added": ["bob"], "removed": []},
            {"path": "memberIds", "added": [bob], "removed": []},
        ],
    )


async def test_members_are_left_out_or_named_on_request(directory: Directory) -> None:
    (bob,) = await people(directory, "bob")
    group = await directory.create_group("Ops", bob)
    path = f"/Groups/{group['id']}"

    assert "members" not in await directory.body(f"{path}?excludedAttributes=members")
    assert (
        "members"
        not in (await directory.body("/Groups?excludedAttributes=members"))["Resources"][0]
    )
    named = await directory.body(f"{path}?attributes=members.display")
    assert named["members"] == [{"display": "bob"}]


def entry(value: str, **more: Any) -> dict[str, Any]:
    return {"value": value, **more}


CHANGES: dict[str, Any] = {
    "add": (lambda b, c, d: [{"op": "add", "path": "members", "value": [entry(d)]}], "bcd"),
    "add a single object, capitalised": (
        lambda b, c, d: [{"op": "Add", "path": "members", "value": entry(d, display="Dan")}],
        "bcd",
    ),
    "add without a path": (
        lambda b, c, d: [{"op": "add", "value": {"members": [entry(d)]}}],
        "bcd",
    ),
    "add with a qualified path": (
        lambda b, c, d: [{"op": "add", "path": f"{GROUP}:members", "value": [entry(d)]}],
        "bcd",
    ),
    "add who is there": (
        lambda b, c, d: [{"op": "add", "path": "members", "value": [entry(b), entry(b)]}],
        "bc",
    ),
    "remove by filter": (
        lambda b, c, d: [{"op": "remove", "path": f'members[value eq "{b}"]'}],
        "c",
    ),
    "remove two by filter": (
        lambda b, c, d: [{"op": "remove", "path": f'members[value eq "{b}" or value eq "{c}"]'}],
        "",
    ),
    "remove by a filter that only the engine follows": (
        lambda b, c, d: [
            {"op": "remove", "path": f'members[type eq "User" and not (value eq "{b}")]'}
        ],
        "b",
    ),
    "remove by value, as Entra ID sends it": (
        lambda b, c, d: [
            {"op": "Remove", "path": "members", "value": [entry(b, **{"$ref": None})]}
        ],
        "c",
    ),
    "remove nobody by value": (
        lambda b, c, d: [{"op": "remove", "path": "members", "value": []}],
        "bc",
    ),
    "remove who is not there": (
        lambda b, c, d: [{"op": "remove", "path": f'members[value eq "{d}"]'}],
        "bc",
    ),
    "remove all": (lambda b, c, d: [{"op": "remove", "path": "members"}], ""),
    "replace": (
        lambda b, c, d: [{"op": "replace", "path": "members", "value": [entry(c), entry(d)]}],
        "cd",
    ),
    "replace by nobody": (lambda b, c, d: [{"op": "replace", "path": "members", "value": []}], ""),
    "replace without a path": (
        lambda b, c, d: [{"op": "Replace", "value": {"displayName": "Ops", "members": [entry(d)]}}],
        "d",
    ),
    "several in order": (
        lambda b, c, d: [
            {"op": "add", "path": "members", "value": [entry(d)]},
            {"op": "remove", "path": f'members[value eq "{d}"]'},
            {"op": "remove", "path": f'members[value eq "{b}"]'},
            {"op": "add", "path": "members", "value": [entry(b)]},
            {"op": "remove", "path": f'members[value eq "{c}"]'},
        ],
        "b",
    ),
    "after removing all": (
        lambda b, c, d: [
            {"op": "remove", "path": "members"},
            {"op": "add", "path": "members", "value": [entry(d)]},
        ],
        "d",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_members_change(directory: Directory, name: str) -> None:
    operations, expected = CHANGES[name]
    ids = dict(zip("bcd", await people(directory, "bob", "carol", "dave"), strict=True))
    group = await directory.create_group("Ops", ids["b"], ids["c"])

    response = await directory.patch(f"/Groups/{group['id']}", *operations(**ids))

    assert (response.status_code, response.content) == (204, b"")
    assert await directory.members(group["id"]) == {ids[letter] for letter in expected}
    changed = expected != "bc"
    version = 'W/"2"' if changed else 'W/"1"'
    assert (await directory.body(f"/Groups/{group['id']}"))["meta"]["version"] == version
    events = [e for e in await directory.world.events() if e.action == "group.update"]
    assert len(events) == int(changed)


async def test_members_and_attributes_in_one_patch(directory: Directory) -> None:
    (bob,) = await people(directory, "bob")
    group = await directory.create_group("Ops")

    response = await directory.patch(
        f"/Groups/{group['id']}?attributes=members,displayName",
        {"op": "replace", "path": "displayName", "value": "Mail Ops"},
        {"op": "add", "path": "members", "value": [{"value": bob}]},
    )

    assert response.status_code == 200
    changed = response.json()
    assert (changed["displayName"], [m["value"] for m in changed["members"]]) == ("Mail Ops", [bob])
    event = (await directory.world.events())[-1]
    assert event.diff == [
        {"path": "name", "before": "Ops", "after": "Mail Ops"},
        {"path": "members", "added": ["bob"], "removed": []},
        {"path": "memberIds", "added": [bob], "removed": []},
    ]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"value": str(new_id())}, id="nobody"),
        pytest.param({"value": "bob"}, id="not an id"),
        pytest.param({"value": None}, id="null"),
        pytest.param({}, id="no value"),
        pytest.param("bob", id="not an object"),
    ],
)
async def test_who_is_not_there_cannot_join(directory: Directory, value: Any) -> None:
    (bob,) = await people(directory, "bob")
    group = await directory.create_group("Ops")
    before = len(await directory.world.events())

    response = await directory.patch(
        f"/Groups/{group['id']}",
        {"op": "replace", "path": "displayName", "value": "Renamed"},
        {"op": "add", "path": "members", "value": [{"value": bob}, value]},
    )
    created = await directory.request(
        "POST", "/Groups", {"schemas": [GROUP], "displayName": "Other", "members": [value]}
    )

    assert refusal(response) == (400, "invalidValue")
    assert refusal(created)[0] == 400
    assert await directory.body(f"/Groups/{group['id']}") == group
    assert await Group.all().count() == 1
    assert await GroupMember.all().count() == 0
    assert len(await directory.world.events()) == before


async def test_a_group_cannot_join_a_group(directory: Directory) -> None:
    inner, outer = await directory.create_group("Inner"), await directory.create_group("Outer")

    response = await directory.patch(
        f"/Groups/{outer['id']}",
        {"op": "add", "path": "members", "value": [{"value": inner["id"], "type": "Group"}]},
    )

    assert refusal(response) == (400, "invalidValue")
    assert await GroupMember.all().count() == 0


async def test_a_name_is_taken_once_in_any_case(directory: Directory) -> None:
    await directory.create_group("Ops")
    other = await directory.create_group("Other")

    again = await directory.request("POST", "/Groups", {"schemas": [GROUP], "displayName": "OPS"})
    renamed = await directory.patch(
        f"/Groups/{other['id']}", {"op": "replace", "path": "displayName", "value": "ops"}
    )

    assert refusal(again) == refusal(renamed) == (409, "uniqueness")
    assert await directory.body(f"/Groups/{other['id']}") == other


async def test_replacing_a_group_replaces_its_members(directory: Directory) -> None:
    bob, carol = await people(directory, "bob", "carol")
    group = await directory.create_group("Ops", bob, externalId="g-1")

    response = await directory.request(
        "PUT",
        f"/Groups/{group['id']}",
        {"schemas": [GROUP], "displayName": "Ops", "members": [{"value": carol}]},
    )

    assert response.status_code == 200
    assert [member["value"] for member in response.json()["members"]] == [carol]
    assert "externalId" not in response.json()


async def test_members_come_and_go_a_number_at_a_time(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database binds some 32,000 parameters; a group may have more members."""
    monkeypatch.setattr(groups, "AT_ONCE", 2)
    ids = await people(directory, "bob", "carol", "dave", "erin", "frank")
    group = await directory.create_group("Ops", *ids[:3])
    path = f"/Groups/{group['id']}"

    everybody = {"op": "add", "path": "members", "value": [entry(each) for each in ids]}
    stranger = {"op": "add", "path": "members", "value": [entry(str(new_id()))]}
    assert (await directory.patch(path, everybody)).status_code == 204
    assert await directory.members(group["id"]) == set(ids)
    assert (await directory.world.events())[-1].diff == [
        {"path": "members", "added": ["erin", "frank"], "removed": []},
        {"path": "memberIds", "added": sorted(ids[3:]), "removed": []},
    ]
    assert refusal(await directory.patch(path, everybody, stranger)) == (400, "invalidValue")
    emptied = await directory.patch(path, {"op": "remove", "path": "members"})

    assert emptied.status_code == 204
    assert await directory.members(group["id"]) == set()
    assert (await directory.world.events())[-1].diff == [
        {
            "path": "members",
            "added": [],
            "removed": ["bob", "carol", "dave", "erin", "frank"],
        },
        {"path": "memberIds", "added": [], "removed": sorted(ids)},
    ]


async def test_deleting_a_group_keeps_its_members(directory: Directory) -> None:
    (bob,) = await people(directory, "bob")
    group = await directory.create_group("Ops", bob)

    response = await directory.request("DELETE", f"/Groups/{group['id']}")

    assert response.status_code == 204
    assert refusal(await directory.get(f"/Groups/{group['id']}")) == (404, None)
    assert "groups" not in await directory.body(f"/Users/{bob}")


async def test_a_deleted_user_leaves_the_groups(directory: Directory) -> None:
    (bob,) = await people(directory, "bob")
    group = await directory.create_group("Ops", bob)

    await directory.request("DELETE", f"/Users/{bob}")

    left = await directory.body(f"/Groups/{group['id']}")
    assert "members" not in left
    assert left["meta"]["version"] == 'W/"2"'


async def test_groups_made_by_hand_are_not_the_directorys(directory: Directory) -> None:
    manual = await Group.create(
        organization=directory.world.organization,
        name="By hand",
        name_key="by hand",
        source=GroupSource.MANUAL,
    )
    await GroupMember.create(group=manual, member=directory.world.owner)
    path = f"/Groups/{manual.id}"

    assert refusal(await directory.get(path)) == (404, None)
    assert refusal(await directory.request("DELETE", path)) == (404, None)
    assert refusal(await directory.patch(path, {"op": "remove", "path": "members"})) == (404, None)
    assert await directory.found("/Groups", 'displayName eq "By hand"') == []
    assert "groups" not in await directory.body(f"/Users/{directory.world.owner.id}")
    assert await GroupMember.filter(group=manual).count() == 1
