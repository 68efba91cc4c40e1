"""GraphQL over HTTP: statuses, media types, cross-site requests, and bodies that are wrong."""

from typing import Any

import httpx
import pytest

from gateway.authenticate import CLIENT_HEADER, SESSION_COOKIE
from models import AuditEvent, Role
from tests.door import PUBLIC_URL, Person
from tests.world import World

VIEWER = {"query": "{ viewer { name } }"}
CREATE_ROLE = {"query": 'mutation { createRole(input: {name: "X"}) { role { id } } }'}


async def counts() -> tuple[int, int]:
    return await Role.all().count(), await AuditEvent.all().count()


async def test_without_a_credential_it_is_401(http: httpx.AsyncClient, world: World) -> None:
    response = await http.post("/graphql", json=VIEWER, headers={CLIENT_HEADER: "tests"})
    assert response.status_code == 401
    assert response.json() == {
        "errors": [
            {
                "message": "Sign in, or send a valid credential.",
                "extensions": {"code": "UNAUTHENTICATED"},
            }
        ]
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": f"{SESSION_COOKIE}=forged"},
        {"cookie": f"{SESSION_COOKIE}="},
        {"authorization": "Bearer forged"},
    ],
)
async def test_a_forged_credential_is_401(
    http: httpx.AsyncClient, world: World, headers: dict[str, str]
) -> None:
    before = await counts()
    response = await http.post(
        "/graphql", json=CREATE_ROLE, headers={CLIENT_HEADER: "tests", **headers}
    )
    assert response.status_code == 401
    assert await counts() == before


async def test_a_cookie_beside_an_authorization_header_is_refused(olga: Person) -> None:
    response = await olga.post(VIEWER, authorization="Bearer x")
    assert response.status_code == 400
    assert "not both" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
    ],
)
async def test_a_request_from_another_site_is_refused(
    olga: Person, headers: dict[str, str]
) -> None:
    before = await counts()
    response = await olga.post(CREATE_ROLE, **headers)
    assert response.status_code == 403
    assert response.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await counts() == before


async def test_a_request_from_the_own_pages_is_served(olga: Person) -> None:
    response = await olga.post(VIEWER, **{"sec-fetch-site": "same-origin", "origin": PUBLIC_URL})
    assert response.json()["data"] == {"viewer": {"name": "olga@acme.example"}}


async def test_a_request_without_the_custom_header_is_refused(
    olga: Person, http: httpx.AsyncClient
) -> None:
    before = await counts()
    response = await http.post(
        "/graphql", json=CREATE_ROLE, headers={"cookie": f"{SESSION_COOKIE}={olga.token}"}
    )
    assert response.status_code == 403
    assert "X-Gatepost-Client" in response.json()["errors"][0]["message"]
    assert await counts() == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b"[]", "body"),
        (b"\xff", "body"),
        (b"{}", "query"),
        (b'{"query": 1}', "query"),
        (b'{"query": "{ viewer { name } }", "variables": []}', "variables"),
        (b'{"query": "{ viewer { name } }", "operationName": 1}', "operationName"),
        (b'{"query": "{ viewer { name } }", "surprise": 1}', "surprise"),
        (b"[" * 100_000, "body"),
    ],
)
async def test_a_malformed_body_is_400_with_the_field(
    olga: Person, http: httpx.AsyncClient, body: bytes, field: str
) -> None:
    response = await send(olga, body)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_INPUT"
    assert response.json()["errors"][0]["extensions"]["field"] == field


async def test_a_huge_body_is_413(olga: Person) -> None:
    response = await send(olga, b'{"query": "' + b" " * 1_100_000 + b'"}')
    assert response.status_code == 413


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_another_content_type_is_415(olga: Person, content_type: str) -> None:
    before = await counts()
    body = b'{"query": "mutation { createRole(input: {name: \\"X\\"}) { role { id } } }"}'
    response = await send(olga, body, **{"content-type": content_type})
    assert response.status_code == 415
    assert await counts() == before


async def test_another_method_is_405(http: httpx.AsyncClient) -> None:
    response = await http.put("/graphql", json=VIEWER)
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("{ viewer {", "Syntax Error"),
        ("{ nothing }", "Cannot query field 'nothing' on type 'Query'."),
        ("query A { viewer { name } } query B { viewer { name } }", "operationName"),
        ("subscription { accessChanged { accessRevision } }", "subscription"),
        ("query ($id: ID!) { node(id: $id) { id } }", "$id"),
    ],
)
async def test_a_wrong_document_is_400_in_the_media_type_that_has_statuses(
    olga: Person, query: str, says: str
) -> None:
    modern = await olga.post({"query": query}, accept="application/graphql-response+json")
    assert modern.status_code == 400
    assert modern.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert "data" not in modern.json()
    error = modern.json()["errors"][0]
    assert says in error["message"]
    assert error["extensions"]["code"] == "BAD_INPUT"
    legacy = await olga.post({"query": query}, accept="application/json")
    assert (legacy.status_code, legacy.json()) == (200, modern.json())


async def test_a_wrong_field_is_not_answered_with_a_guess(olga: Person) -> None:
    body = (await olga.post({"query": "{ viewers { name } }"})).json()
    assert "Did you mean" not in body["errors"][0]["message"]


async def test_our_fault_is_an_id_and_no_inside_detail(
    olga: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: Any) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr("identity.workspaces.listing", broken)
    response = await olga.post({"query": "{ workspaces { name } }"})
    error = response.json()["errors"][0]
    assert error["extensions"] == {
        "code": "INTERNAL",
        "requestId": response.headers["x-request-id"],
    }
    assert "secret inside" not in response.text
    assert "the secret inside" in caplog.text


async def test_a_refusal_leaves_no_traceback_in_the_log(
    otto: Person, caplog: pytest.LogCaptureFixture
) -> None:
    await otto.ask("{ organization { members { totalCount } } }")
    assert "Traceback" not in caplog.text


async def send(person: Person, body: bytes, **headers: str) -> httpx.Response:
    sent = {
        CLIENT_HEADER: "tests",
        "cookie": f"{SESSION_COOKIE}={person.token}",
        "content-type": "application/json",
        **headers,
    }
    return await person.http.post("/graphql", content=body, headers=sent)
