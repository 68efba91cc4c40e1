"""Another organization's resources are not there, whatever is asked for."""

from models import GroupMember
from tests.scim.directory import GROUP, Directory, refusal

UPDATE = {"op": "replace", "path": "externalId", "value": "taken"}


async def test_resources_of_others_are_not_found(directory: Directory, stranger: Directory) -> None:
    bob = await directory.create_user("bob")
    group = await directory.create_group("Ops", bob["id"])

    for path, resource in ((f"/Users/{bob['id']}", bob), (f"/Groups/{group['id']}", group)):
        body = {"schemas": resource["schemas"], "userName": "x", "displayName": "x"}
        if "userName" not in resource:
            del body["userName"]
        for response in (
            await stranger.get(path),
            await stranger.request("PUT", path, body),
            await stranger.patch(path, UPDATE),
            await stranger.request("DELETE", path),
        ):
            assert refusal(response) == (404, None)
    assert await directory.body(f"/Groups/{group['id']}") == group
    assert (await directory.body(f"/Users/{bob['id']}"))["userName"] == "bob"


async def test_filters_and_lists_find_only_ones_own(
    directory: Directory, stranger: Directory
) -> None:
    bob = await directory.create_user("bob", externalId="e-1", title="Boss")
    group = await directory.create_group("Ops", bob["id"])

    for scim_filter in (
        'userName eq "bob"',
        'externalId eq "e-1"',
        f'id eq "{bob["id"]}"',
        'title eq "Boss"',
        f'groups.value eq "{group["id"]}"',
        'title eq "Boss" or userName sw "b"',
        'not (userName eq "olga@globex.example")',
    ):
        assert bob["id"] in await directory.found("/Users", scim_filter)
        assert bob["id"] not in await stranger.found("/Users", scim_filter)
    assert await stranger.found("/Groups", f'members.value eq "{bob["id"]}"') == []
    everybody = await stranger.body("/Users")
    assert [user["userName"] for user in everybody["Resources"]] == ["olga@globex.example"]
    assert (await stranger.body("/"))["totalResults"] == 1


async def test_users_of_others_cannot_join(directory: Directory, stranger: Directory) -> None:
    bob = await directory.create_user("bob")
    group = await stranger.create_group("Theirs")
    reference = {"value": bob["id"]}
    before = len(await stranger.world.events())

    patched = await stranger.patch(
        f"/Groups/{group['id']}", {"op": "add", "path": "members", "value": [reference]}
    )
    put = await stranger.request(
        "PUT",
        f"/Groups/{group['id']}",
        {"schemas": [GROUP], "displayName": "New", "members": [reference]},
    )
    posted = await stranger.request(
        "POST", "/Groups", {"schemas": [GROUP], "displayName": "More", "members": [reference]}
    )

    assert refusal(patched) == refusal(put) == refusal(posted) == (400, "invalidValue")
    assert await GroupMember.all().count() == 0
    assert (await stranger.body("/Groups"))["Resources"] == [group]
    assert len(await stranger.world.events()) == before


async def test_names_are_free_in_each_organization(
    directory: Directory, stranger: Directory
) -> None:
    await directory.create_user("bob")
    await directory.create_group("Ops")

    assert (await stranger.create_user("bob"))["userName"] == "bob"
    assert (await stranger.create_group("Ops"))["displayName"] == "Ops"
