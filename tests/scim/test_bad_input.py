"""What a directory should not send: the SCIM error that says so, and nothing written."""

import json
from typing import Any

import httpx
import pytest

from models import AuditEvent, Group, Member, User
from models.ids import new_id
from scim import storage
from tests.scim.directory import ENTERPRISE, GROUP, PATCH, USER, Directory, refusal


async def send(
    directory: Directory, method: str, path: str, content: bytes, content_type: str | None
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {directory.token}"}
    if content_type is not None:
        headers["Content-Type"] = content_type
    return await directory.http.request(method, f"/scim/v2{path}", content=content, headers=headers)


async def rows() -> list[int]:
    return [await model.all().count() for model in (Member, User, Group, AuditEvent)]


BODIES: dict[str, tuple[bytes, str | None, tuple[int, str | None]]] = {
    "empty": (b"", None, (400, "invalidSyntax")),
    "not json": (b"{", None, (400, "invalidSyntax")),
    "not utf-8": (b'{"userName": "\xff"}', None, (400, "invalidSyntax")),
    "a list": (b"[]", None, (400, "invalidSyntax")),
    "text": (b'"bob"', None, (400, "invalidSyntax")),
    "deep": (b"[" * 5_000 + b"]" * 5_000, None, (400, "invalidSyntax")),
    "a form": (b"userName=bob", "application/x-www-form-urlencoded", (415, None)),
    "xml": (b"<user/>", "text/xml", (415, None)),
    "huge": (b'{"userName": "' + b"x" * 1_000_000 + b'"}', None, (413, None)),
    "lone surrogate": (b'{"userName": "\\ud800"}', None, (400, "invalidSyntax")),
    "infinity": (b'{"userName": Infinity}', None, (400, "invalidSyntax")),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_cannot_be_read(directory: Directory, name: str) -> None:
    content, content_type, expected = BODIES[name]
    before = await rows()

    for method, path in (("POST", "/Users"), ("POST", "/Groups"), ("POST", "/Users/.search")):
        response = await send(directory, method, path, content, content_type)
        assert refusal(response) == expected
    assert await rows() == before


USERS: dict[str, tuple[dict[str, Any], str]] = {
    "no userName": ({}, "invalidValue"),
    "empty userName": ({"userName": ""}, "invalidValue"),
    "blank userName": ({"userName": " "}, "invalidValue"),
    "null character": ({"userName": "bob\0"}, "invalidValue"),
    "null character inside": ({"userName": "bob", "name": {"givenName": "a\0b"}}, "invalidValue"),
    "null character in a name": ({"userName": "bob", "a\0b": 1}, "invalidValue"),
    "control character": ({"userName": "bob\n"}, "invalidValue"),
    "long userName": ({"userName": "b" * 321}, "invalidValue"),
    "userName that unfolds": ({"userName": "\ufdfa" * 30}, "invalidValue"),
    "long externalId": ({"userName": "bob", "externalId": "x" * 321}, "invalidValue"),
    "long email": (
        {"userName": "bob", "emails": [{"value": "x" * 321, "primary": True}]},
        "invalidValue",
    ),
    "too many attributes": ({"userName": "bob", "title": "x" * 300_000}, "invalidValue"),
    "unknown attribute": ({"userName": "bob", "shoeSize": 46}, "invalidSyntax"),
    "unknown extension": ({"userName": "bob", "urn:x:y:2.0:User": {"a": 1}}, "invalidSyntax"),
    "wrong type": ({"userName": ["bob"]}, "invalidValue"),
    "not a boolean": ({"userName": "bob", "active": "perhaps"}, "invalidValue"),
    "not a list": ({"userName": "bob", "emails": "bob@acme.example"}, "invalidValue"),
    "not an object": ({"userName": "bob", ENTERPRISE: "x"}, "invalidValue"),
}


@pytest.mark.parametrize("name", USERS)
async def test_a_user_that_cannot_be(directory: Directory, name: str) -> None:
    content, scim_type = USERS[name]
    bob = await directory.create_user("robert")
    before = await rows()

    posted = await directory.request("POST", "/Users", {"schemas": [USER], **content})
    put = await directory.request("PUT", f"/Users/{bob['id']}", {"schemas": [USER], **content})

    assert refusal(posted) == refusal(put) == (400, scim_type)
    assert await rows() == before
    assert await directory.body(f"/Users/{bob['id']}") == bob


PATCHES: dict[str, tuple[dict[str, Any], tuple[int, str | None]]] = {
    "unknown operation": (
        {"op": "move", "path": "title", "value": "x"},
        (400, "invalidValue"),
    ),
    "no operation": ({"path": "title", "value": "x"}, (400, "invalidValue")),
    "unknown path": ({"op": "add", "path": "shoeSize", "value": 46}, (400, "invalidPath")),
    "unknown attribute": ({"op": "add", "value": {"shoeSize": 46}}, (400, "invalidValue")),
    "malformed path": ({"op": "add", "path": "emails[", "value": "x"}, (400, "invalidPath")),
    "deep path": (
        {"op": "remove", "path": "emails[" + "(" * 41 + "type pr" + ")" * 41 + "]"},
        (400, "invalidPath"),
    ),
    "read-only": ({"op": "replace", "path": "id", "value": "x"}, (400, "mutability")),
    "groups": (
        {"op": "add", "path": "groups", "value": [{"value": "x"}]},
        (400, "mutability"),
    ),
    "required": ({"op": "remove", "path": "userName"}, (400, "mutability")),
    "remove without a path": ({"op": "remove"}, (400, "noTarget")),
    "add without a value": ({"op": "add", "path": "title"}, (400, "invalidValue")),
    "null character": ({"op": "add", "path": "title", "value": "a\0"}, (400, "invalidValue")),
    "null character in an entry to be made": (
        {"op": "add", "path": 'emails[type eq "\\u0000"].value', "value": "x"},
        (400, "invalidValue"),
    ),
    "lone surrogate in an entry to be made": (
        {"op": "add", "path": 'emails[type eq "\\ud800"].value', "value": "x"},
        (400, "invalidFilter"),
    ),
    "wrong type": ({"op": "add", "path": "active", "value": {"a": 1}}, (400, "invalidValue")),
    "two primaries": (
        {
            "op": "add",
            "path": "emails",
            "value": [{"value": v, "primary": True} for v in ("a@x.example", "b@x.example")],
        },
        (400, "invalidValue"),
    ),
}


@pytest.mark.parametrize("name", PATCHES)
async def test_a_patch_that_cannot_be(directory: Directory, name: str) -> None:
    operation, expected = PATCHES[name]
    bob = await directory.create_user("bob")
    before = await rows()

    response = await directory.patch(
        f"/Users/{bob['id']}", {"op": "replace", "path": "nickName", "value": "B"}, operation
    )

    assert refusal(response) == expected
    assert await rows() == before
    assert await directory.body(f"/Users/{bob['id']}") == bob


@pytest.mark.parametrize(
    "operations", [None, [], {}, "add", [1]], ids=["null", "none", "object", "text", "number"]
)
async def test_operations_that_are_none(directory: Directory, operations: Any) -> None:
    bob = await directory.create_user("bob")
    group = await directory.create_group("Ops")
    before = await rows()

    for path in (f"/Users/{bob['id']}", f"/Groups/{group['id']}"):
        body = {"schemas": [PATCH], "Operations": operations}
        assert refusal(await directory.request("PATCH", path, body))[0] == 400
    assert await rows() == before


def titles(number: int) -> list[dict[str, Any]]:
    return [{"op": "replace", "path": "title", "value": str(n)} for n in range(number)]


def selecting(number: int) -> list[dict[str, Any]]:
    path = 'emails[type eq "work"].display'
    return [{"op": "replace", "path": path, "value": str(n)} for n in range(number)]


def emails(number: int) -> list[dict[str, str]]:
    return [{"value": f"{n}@acme.example", "type": "work"} for n in range(number)]


LONG = 'emails[type eq "work" and (' + " or ".join(["display pr"] * 140) + ")].display"

WIDE: dict[str, tuple[list[dict[str, Any]], tuple[int, str | None], str]] = {
    "operations": (titles(101), (413, None), "at most 100 operations"),
    "operations in two lists": (titles(60), (413, None), "at most 100 operations"),
    "many more": (titles(5_000), (413, None), "at most 1000 operations"),
    "filters": (selecting(16), (413, None), "at most 15 paths with a filter"),
    "long paths": (
        [{"op": "replace", "path": LONG, "value": "x"}] * 3,
        (400, "invalidPath"),
        "at most 4000 characters",
    ),
    "entries": (
        [{"op": "add", "path": "emails", "value": emails(51)}],
        (400, "invalidValue"),
        "at most 50 entries",
    ),
    "entries without a path": (
        [{"op": "add", "value": {"emails": emails(26), "roles": emails(25)}}],
        (400, "invalidValue"),
        "at most 50 entries",
    ),
    "entries in the end": (
        [{"op": "add", "path": "emails", "value": emails(50)}],
        (400, "invalidValue"),
        "emails: A user has at most 50 entries",
    ),
    "names": (
        [{"op": "add", "value": {f"a{n}": n for n in range(101)}}],
        (400, "invalidSyntax"),
        "at most 100 names",
    ),
}


@pytest.mark.parametrize("name", WIDE)
async def test_a_patch_of_a_user_is_bounded(directory: Directory, name: str) -> None:
    operations, expected, sentence = WIDE[name]
    work = [{"value": "bob@acme.example", "type": "work"}]
    bob = await directory.create_user("bob", emails=work)
    before = await rows()

    body = {"schemas": [PATCH], "Operations": operations}
    if name == "operations in two lists":
        body["operation\u017f"] = operations
    response = await directory.request("PATCH", f"/Users/{bob['id']}", body)

    assert refusal(response) == expected
    assert sentence in response.json()["detail"]
    assert await rows() == before
    assert await directory.body(f"/Users/{bob['id']}") == bob


async def test_the_largest_patch_of_a_user_is_taken(directory: Directory) -> None:
    bob = await directory.create_user("bob", emails=emails(50))

    response = await directory.patch(f"/Users/{bob['id']}", *titles(85), *selecting(15))

    assert response.status_code == 204
    patched = await directory.body(f"/Users/{bob['id']}")
    assert patched["title"] == "84"
    assert {email["display"] for email in patched["emails"]} == {"14"}


async def test_a_user_is_bounded(directory: Directory) -> None:
    bob = await directory.create_user("bob")
    before = await rows()

    for content, scim_type in (
        ({"emails": emails(51)}, "invalidValue"),
        ({f"a{n}": n for n in range(100)}, "invalidSyntax"),
    ):
        body = {"schemas": [USER], "userName": "robert", **content}
        posted = await directory.request("POST", "/Users", body)
        put = await directory.request("PUT", f"/Users/{bob['id']}", body)
        assert refusal(posted) == refusal(put) == (400, scim_type)
    assert await rows() == before
    assert await directory.body(f"/Users/{bob['id']}") == bob


def leave(member: object) -> dict[str, Any]:
    return {"op": "remove", "path": f'members[value eq "{member}"]'}


SEARCH = {"op": "remove", "path": 'members[type eq "nothing"]'}
ADD_NOBODY = {"op": "add", "path": "members", "value": []}

CROWDED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "operations": ([leave(new_id()) for _ in range(1_001)], "at most 1000 operations"),
    "two paths": (
        [{"op": "add", "Path": "members", "path": "externalId", "value": "x"}] * 101,
        "at most 100 operations other than",
    ),
    "filters": (
        [{"op": "remove", "path": 'members[value eq "a" or value eq "b"]'}] * 16,
        "at most 15 paths with a filter",
    ),
    "replaced by id": (
        [{**leave(new_id()), "op": "replace", "value": {"type": "User"}}] * 16,
        "at most 15 paths with a filter",
    ),
    "beside a search": ([SEARCH, *[ADD_NOBODY] * 100], "with a filter on members among them"),
    "members beside a search": (
        [SEARCH, {**ADD_NOBODY, "value": [{"value": str(new_id())}] * 201}],
        "at most 200 members beside",
    ),
}


@pytest.mark.parametrize("name", CROWDED)
async def test_a_patch_of_a_group_is_bounded(directory: Directory, name: str) -> None:
    operations, sentence = CROWDED[name]
    group = await directory.create_group("Ops", (await directory.create_user("bob"))["id"])
    before = await rows()

    response = await directory.patch(f"/Groups/{group['id']}", *operations)

    assert refusal(response) == (413, None)
    assert sentence in response.json()["detail"]
    assert await rows() == before
    assert await directory.body(f"/Groups/{group['id']}") == group


async def test_the_longest_patch_of_members_is_taken(directory: Directory) -> None:
    bob, carol = [(await directory.create_user(name))["id"] for name in ("bob", "carol")]
    group = await directory.create_group("Ops", bob, carol)

    strangers = [leave(new_id()) for _ in range(999)]
    response = await directory.patch(f"/Groups/{group['id']}", *strangers, leave(bob))

    assert response.status_code == 204
    assert await directory.members(group["id"]) == {carol}


async def test_a_large_group_is_searched_for_ids_alone(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "MOST_SEARCHED_MEMBERS", 1)
    bob, carol = [(await directory.create_user(name))["id"] for name in ("bob", "carol")]
    group = await directory.create_group("Ops", bob, carol)
    path, search = f"/Groups/{group['id']}", {"op": "remove", "path": 'members[type eq "User"]'}

    assert refusal(await directory.patch(path, search)) == (400, "tooMany")
    assert await directory.body(path) == group
    assert (await directory.patch(path, leave(bob))).status_code == 204
    assert (await directory.patch(path, search)).status_code == 204
    assert await directory.members(group["id"]) == set()
    assert refusal(await directory.patch(f"/Groups/{new_id()}", search)) == (404, None)


async def test_a_body_is_bounded_before_it_is_read(directory: Directory) -> None:
    largest = json.dumps({"schemas": [USER], "userName": "bob", "title": ""})
    padded = largest.encode() + b" " * (1_000_000 - len(largest))

    assert (await send(directory, "POST", "/Users", padded, None)).status_code == 201
    assert refusal(await send(directory, "POST", "/Users", padded + b" ", None)) == (413, None)


async def test_addresses_where_nothing_is(directory: Directory) -> None:
    for method, path, expected in (
        ("GET", "/Nothing", 404),
        ("GET", "/Groups/x/y", 404),
        ("GET", "/Users/%00", 404),
        ("GET", "/Users/1", 404),
        ("POST", "/Users/1", 405),
        ("DELETE", "/Users", 405),
        ("POST", "/Schemas", 405),
        ("GET", "/Me", 501),
        ("POST", "/Bulk", 501),
    ):
        body = {"schemas": [GROUP], "displayName": "x"} if method == "POST" else None
        response = await directory.request(method, path, body)
        assert refusal(response) == (expected, None), (method, path)
