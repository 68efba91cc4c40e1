"""Filters, sorting and paging (RFC 7644 section 3.4.2); the contract compares with the library."""

from typing import Any

import pytest

from models.ids import new_id
from tests.scim.directory import ENTERPRISE, PATCH, Directory, refusal

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

PEOPLE: dict[str, dict[str, Any]] = {
    "alice": {
        "externalId": "Ext-A",
        "displayName": "Ärzte_%",
        "title": "Straße",
        "profileUrl": "https://a.example/Alice",
        "emails": [
            {"value": "Alice@Acme.local", "type": "work"},
            {"value": "alice@home.example", "type": "home", "primary": True},
        ],
        ENTERPRISE: {"department": "Send", "manager": {"value": "M-1"}},
    },
    "bob": {"active": False, "emails": [{"value": "bob@acme.local", "type": "home"}]},
    "carol": {"name": {"familyName": "Çelik"}, "title": "ärzte"},
}

FOUND = {
    'userName eq "ALICE"': "alice",
    'USERNAME sw "A"': "alice",
    'externalId eq "Ext-A"': "alice",
    'externalId eq "ext-a"': "",
    'externalId sw "Ext"': "alice",
    "externalId eq null": "bob carol olga@acme.example",
    'externalId ne "Ext-A"': "bob carol olga@acme.example",
    'displayName eq "äRZTE_%"': "alice",
    'displayName ew "_%"': "alice",
    'displayName co "%"': "alice",
    'title eq "STRASSE"': "alice",
    'title gt "strasse"': "carol",
    'profileUrl eq "https://a.example/Alice"': "alice",
    'profileUrl eq "https://a.example/alice"': "",
    'emails.value eq "alice@ACME.local"': "alice",
    'emails[type eq "work" and value ew "@acme.local"]': "alice",
    'emails[type eq "work"].value eq "alice@acme.local"': "alice",
    'emails[type eq "home" and not (primary eq true)]': "bob",
    'emails[type ne "work"]': "alice bob olga@acme.example",
    "not (emails pr)": "carol",
    "emails eq null": "carol",
    "emails.primary eq true": "alice olga@acme.example",
    "active eq false": "bob",
    "active ne false": "alice carol olga@acme.example",
    "name pr": "carol",
    'name.familyName eq "çELIK"': "carol",
    f'{ENTERPRISE}:department eq "send"': "alice",
    f'{ENTERPRISE}:manager.value eq "M-1"': "alice",
    f'{ENTERPRISE}:manager.value eq "m-1"': "",
    f"{ENTERPRISE}:manager pr": "alice",
    'meta.resourceType eq "User" and active eq false': "bob",
    'meta.created gt "2020-01-01T00:00:00Z" and userName eq "bob"': "bob",
    'meta.created gt "2020-01-01T00:00:00+05:00" and meta.lastModified lt "2021-01-01"': "",
    'id eq "nobody"': "",
    'id eq "BOB"': "",
    'groups.display eq "OPS"': "alice",
    'groups[display eq "ops" and type eq "direct"]': "alice",
    "not (groups pr)": "bob carol olga@acme.example",
    'userName eq "x" or (userName eq "bob" and not (title pr))': "bob",
    'userName eq "bob\' OR 1=1 --"': "",
}


@pytest.fixture
async def people(directory: Directory) -> dict[str, str]:
    """The ids of acme's users, by user name. Alice is in Ops."""
    ids = {"olga@acme.example": str(directory.world.owner.id)}
    for user_name, attributes in PEOPLE.items():
        ids[user_name] = (await directory.create_user(user_name, **attributes))["id"]
    await directory.create_group("Ops", ids["alice"])
    return ids


async def test_a_filter_finds_exactly(directory: Directory, people: dict[str, str]) -> None:
    names = dict(zip(people.values(), people, strict=True))
    found = {
        scim_filter: " ".join(
            sorted(names[user] for user in await directory.found("/Users", scim_filter))
        )
        for scim_filter in FOUND
    }
    assert found == FOUND


async def test_ids_are_found(directory: Directory, people: dict[str, str]) -> None:
    bob, alice = people["bob"], people["alice"]
    (group,) = await directory.found("/Groups", 'displayName eq "ops"')

    assert await directory.found("/Users", f'id eq "{bob}"') == [bob]
    assert await directory.found("/Users", f'id sw "{bob[:36]}"') == [bob]
    assert await directory.found("/Users", f'id eq "{bob.upper()}"') == []
    assert await directory.found("/Users", f'groups eq "{group}"') == [alice]
    for matching in (
        f'members eq "{alice}"',
        f'members[value eq "{alice}" and type eq "User"]',
        f'members.value co "{alice[5:30]}"',
        "members pr",
        f'not (members.value eq "{bob}")',
    ):
        assert await directory.found("/Groups", matching) == [group]
    assert await directory.found("/Groups", f'members.value eq "{new_id()}"') == []


REFUSED = {
    'userName xx "a"': "invalidFilter",
    'userName eq "a': "invalidFilter",
    'nonsense eq "a"': "invalidFilter",
    "userName eq 5": "invalidFilter",
    'active gt "a"': "invalidFilter",
    'active eq "perhaps"': "invalidFilter",
    'name eq "Bob"': "invalidFilter",
    'meta.created co "20"': "invalidFilter",
    'meta.version eq "W/1"': "invalidFilter",
    'meta.location sw "http"': "invalidFilter",
    'password eq "secret"': "invalidFilter",
    "password pr": "invalidFilter",
    'schemas eq "urn:x"': "invalidFilter",
    'groups.$ref eq "x"': "invalidFilter",
    'x509Certificates.value eq "aGVsbG8="': "invalidFilter",
    'userName eq "a\\u0000b"': "invalidFilter",
    'userName eq "\\ud800"': "invalidFilter",
    'id sw "\\udfff"': "invalidFilter",
    'emails[type eq "\\ud800"]': "invalidFilter",
    'meta.created gt "0001-01-01T00:00:00+14:00"': "invalidFilter",
    'meta.created lt "9999-12-31T23:59:59-14:00"': "invalidFilter",
    "(" * 41 + "title pr" + ")" * 41: "invalidFilter",
    'title eq "' + "x" * 4000 + '"': "invalidFilter",
    "": "invalidFilter",
}


async def test_what_cannot_be_decided_is_refused(
    directory: Directory, people: dict[str, str]
) -> None:
    answers = {}
    for scim_filter in REFUSED:
        response = await directory.http.get(
            "/scim/v2/Users",
            params={"filter": scim_filter},
            headers={"Authorization": f"Bearer {directory.token}"},
        )
        answers[scim_filter] = refusal(response)
    assert answers == dict.fromkeys(REFUSED, (400, "invalidFilter"))
    named = 'filter=members.display eq "x"'
    assert refusal(await directory.get(f"/Groups?{named}")) == (400, "invalidFilter")


SORTED = {
    "sortBy=userName": "alice bob carol olga@acme.example",
    "sortBy=userName&sortOrder=descending": "olga@acme.example carol bob alice",
    "sortBy=title": "alice carol olga@acme.example bob",
    "sortBy=emails": "alice bob olga@acme.example carol",
    "sortBy=emails.value&sortOrder=descending": "carol olga@acme.example bob alice",
    "sortBy=active": "bob olga@acme.example alice carol",
    "": "olga@acme.example alice bob carol",
}


async def test_sorting(directory: Directory, people: dict[str, str]) -> None:
    found = {}
    for query in SORTED:
        listed = (await directory.body(f"/Users?{query}"))["Resources"]
        found[query] = " ".join(user["userName"] for user in listed)
    assert found == SORTED


async def test_what_cannot_be_sorted_by_is_refused(
    directory: Directory, people: dict[str, str]
) -> None:
    for attribute in ("name", "nonsense", "password", "groups", "x509Certificates", "meta.version"):
        response = await directory.get(f"/Users?sortBy={attribute}")
        assert refusal(response) == (400, "invalidPath"), attribute


async def test_pages(directory: Directory, people: dict[str, str]) -> None:
    async def page(query: str) -> tuple[int, int, int, list[str]]:
        body = await directory.body(f"/Users?sortBy=userName&{query}")
        names = [user["userName"] for user in body.get("Resources", [])]
        return body["totalResults"], body["startIndex"], body["itemsPerPage"], names

    assert await page("count=2") == (4, 1, 2, ["alice", "bob"])
    assert await page("count=2&startIndex=4") == (4, 4, 1, ["olga@acme.example"])
    assert await page("count=2&startIndex=5") == (4, 5, 0, [])
    assert await page("count=0") == (4, 1, 0, [])
    assert await page("count=-1&startIndex=-7") == (4, 1, 0, [])
    assert (await page("count=99999"))[0] == 4
    assert await page("startIndex=99999999999999999999") == (4, 2147483647, 0, [])


async def test_the_same_search_as_a_body(directory: Directory, people: dict[str, str]) -> None:
    body = {
        "schemas": [SEARCH],
        "filter": 'displayName pr or userName eq "bob"',
        "sortBy": "userName",
        "attributes": ["userName"],
    }

    users = await directory.request("POST", "/Users/.search", body)
    everything = await directory.request("POST", "/.search", {**body, "sortBy": "displayName"})

    assert [user["userName"] for user in users.json()["Resources"]] == ["alice", "bob"]
    assert set(users.json()["Resources"][0]) == {"schemas", "id", "userName"}
    kinds = [resource["schemas"][0][-5:] for resource in everything.json()["Resources"]]
    assert kinds == ["Group", ":User", ":User"]
    wrong = await directory.request("POST", "/.search", {**body, "schemas": [PATCH]})
    assert refusal(wrong)[0] == 400
