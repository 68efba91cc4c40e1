"""The bearer token, the plan, and what anybody may read."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from identity.credentials import scim_tokens
from models import Member, Organization, Plan, ScimToken
from models.clock import now
from tests.clock import MovableClock
from tests.door import slowly
from tests.scim.directory import BASE, GROUP, USER, Directory, refusal

DISCOVERY = (
    "/ServiceProviderConfig",
    "/ResourceTypes",
    "/ResourceTypes/User",
    "/Schemas",
    f"/Schemas/{USER}",
)


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer gp_scim_unknown",
        "Basic b2xnYTpvbGdh",
        "Bearer " + "x" * 999,
    ],
    ids=["none", "empty", "no token", "blank", "unknown", "basic", "long"],
)
async def test_without_a_valid_token_nothing_is_served(
    directory: Directory, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    people = await Member.all().count()

    for method, path in (
        ("GET", "/Users"),
        ("GET", f"/Users/{directory.world.owner.id}"),
        ("POST", "/Users"),
        ("GET", "/"),
        ("POST", "/Bulk"),
    ):
        response = await directory.http.request(
            method,
            f"/scim/v2{path}",
            headers=headers,
            json={"schemas": [USER], "userName": "bob"} if method == "POST" else None,
        )
        assert refusal(response) == (401, None)
        assert response.headers["www-authenticate"] == 'Bearer realm="SCIM"'
        assert response.headers["cache-control"] == "no-store"
    assert await Member.all().count() == people


async def test_a_token_that_is_over(
    directory: Directory, http: httpx.AsyncClient, movable_clock: MovableClock
) -> None:
    operator = directory.world.operator
    token, clear = await scim_tokens.create(
        operator, name="Short", expires_at=now() + timedelta(hours=1)
    )
    short = Directory(http, directory.world, clear)
    assert (await short.get("/Users")).status_code == 200

    movable_clock.move(timedelta(hours=1))
    assert refusal(await short.get("/Users")) == (401, None)

    assert (await directory.get("/Users")).status_code == 200
    longer = await ScimToken.get(prefix=directory.token[:14])
    await scim_tokens.revoke(operator, longer.id)
    assert refusal(await directory.get("/Users")) == (401, None)
    assert refusal(await directory.get("/ServiceProviderConfig")) == (401, None)
    assert (await ScimToken.get(id=token.id)).last_used_at == now() - timedelta(hours=1)


async def test_a_token_that_is_revoked_while_the_body_comes(directory: Directory) -> None:
    token = await ScimToken.get(prefix=directory.token[:14])
    people = await Member.all().count()

    async def revoke() -> None:
        await scim_tokens.revoke(directory.world.operator, token.id)

    response = await directory.http.post(
        "/scim/v2/Users",
        content=slowly({"schemas": [USER], "userName": "bob"}, revoke),
        headers={"Authorization": f"Bearer {directory.token}"},
    )
    assert refusal(response) == (401, None)
    assert await Member.all().count() == people
    assert (await directory.world.events())[-1].action == "scim_token.revoke"


async def test_the_use_of_a_token_is_noted_once_a_minute(
    directory: Directory, movable_clock: MovableClock
) -> None:
    start = now()
    await directory.get("/Users")
    movable_clock.move(timedelta(seconds=59))
    await directory.get("/Users")
    assert (await ScimToken.all().first().values("last_used_at"))["last_used_at"] == start

    movable_clock.move(timedelta(seconds=1))
    await directory.get("/Users")
    assert (await ScimToken.all().first().values("last_used_at"))["last_used_at"] == now()


async def test_a_plan_without_scim_names_the_one_with_it(directory: Directory) -> None:
    await Organization.filter(id=directory.world.organization.id).update(plan=Plan.PREMIUM)
    events = len(await directory.world.events())

    read = await directory.get("/Users")
    written = await directory.request("POST", "/Users", {"schemas": [USER], "userName": "bob"})

    assert refusal(read) == refusal(written) == (403, None)
    assert read.json()["detail"] == (
        "The plan PREMIUM does not include SCIM. It is part of ENTERPRISE."
    )
    assert await Member.all().count() == 1
    (denial,) = (await directory.world.events())[events:]
    assert (denial.action, denial.outcome, denial.operation) == (
        "member.provision",
        "denied",
        "POST /Users",
    )


async def test_discovery_needs_no_token(directory: Directory) -> None:
    bare = directory.http
    for path in DISCOVERY:
        anonymous = await bare.get(f"/scim/v2{path}")
        assert anonymous.status_code == 200
        assert anonymous.json() == await directory.body(path)
        assert "acme" not in anonymous.text


async def test_capabilities_are_those_that_are_there(directory: Directory) -> None:
    config = await directory.body("/ServiceProviderConfig")

    supported: dict[str, Any] = {
        name: value["supported"]
        for name, value in config.items()
        if isinstance(value, dict) and "supported" in value
    }
    assert supported == {
        "patch": True,
        "bulk": False,
        "filter": True,
        "changePassword": False,
        "sort": True,
        "etag": True,
    }
    assert config["filter"]["maxResults"] == 200
    assert config["pagination"]["cursor"] is False
    assert [scheme["type"] for scheme in config["authenticationSchemes"]] == ["oauthbearertoken"]
    types = await directory.body("/ResourceTypes")
    assert [(t["id"], t["endpoint"]) for t in types["Resources"]] == [
        ("User", "/Users"),
        ("Group", "/Groups"),
    ]


async def test_urls_come_from_the_settings(directory: Directory) -> None:
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    group = await directory.create_group("Ops", str(directory.world.owner.id))

    for path in (
        "/Users",
        "/Groups",
        f"/Groups/{group['id']}",
        "/ServiceProviderConfig",
        "/Schemas",
    ):
        response = await directory.get(path, **evil)
        assert response.status_code == 200
        assert "evil" not in response.text + str(response.headers)
        assert BASE in response.text
    created = await directory.request(
        "POST", "/Groups", {"schemas": [GROUP], "displayName": "New"}, **evil
    )
    assert created.headers["location"] == f"{BASE}/Groups/{created.json()['id']}"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/scim+json"),
        ("*/*", "application/scim+json"),
        ("application/json", "application/json"),
        ("application/json, application/scim+json", "application/scim+json"),
    ],
)
async def test_the_media_type_is_the_one_accepted(
    directory: Directory, accept: str | None, expected: str
) -> None:
    headers = {} if accept is None else {"Accept": accept}
    for path in ("/Users", "/Nothing"):
        response = await directory.get(path, **headers)
        assert response.headers["content-type"] == expected
        assert response.headers["cache-control"] == "no-store"
