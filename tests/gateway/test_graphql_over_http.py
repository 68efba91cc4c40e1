"""GraphQL over HTTP where the audits of `graphql-http` do not look: Accept, GET, and their limits.

What a body may say is in `tests/schema/test_http.py`.
"""

import httpx
import pytest
from starlette.datastructures import Headers

from gateway.authenticate import CLIENT_HEADER, SESSION_COOKIE
from gateway.graphql.media_types import MediaType, preferred
from models import AuditEvent, Role
from tests.door import Person

MODERN = "application/graphql-response+json"
LEGACY = "application/json"
VIEWER = "{ viewer { name } }"
OLGA = {
    "data": {"viewer": {"name": "olga@acme.example"}},
    "extensions": {"cost": {"requestedQueryCost": 2, "maximumQueryCost": 25_000}},
}
CREATE_ROLE = 'mutation Make { createRole(input: {name: "X"}) { role { id } } }'


async def counts() -> tuple[int, int]:
    return await Role.all().count(), await AuditEvent.all().count()


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("", LEGACY),
        ("*/*", LEGACY),
        ("application/*", LEGACY),
        (LEGACY, LEGACY),
        (MODERN, MODERN),
        ("Application/GraphQL-Response+JSON", MODERN),
        (f"{MODERN}, {LEGACY}", MODERN),
        (f"{LEGACY}, {MODERN}", MODERN),
        (f"{LEGACY};q=0.9, {MODERN};q=0.8", LEGACY),
        (f"{MODERN};q=0.8 , {LEGACY} ; q=0.9", LEGACY),
        (f"{MODERN}; q=0.001, {LEGACY};q=0", MODERN),
        (f"{MODERN}, */*", MODERN),
        (f"{LEGACY}, */*", LEGACY),
        (f"*/*, {MODERN};q=0.1", LEGACY),
        (f"*/*, {LEGACY};q=0", MODERN),
        (f"application/*;q=0.5, */*;q=0.9, {MODERN};q=0.4", LEGACY),
        ("text/html, application/xhtml+xml, */*;q=0.8", LEGACY),
        (f"{MODERN}; charset=utf-8", MODERN),
        (f'{MODERN}; charset="UTF-8", {LEGACY};q=0.5', MODERN),
        (f"{MODERN}; charset=utf-16, {LEGACY};q=0.5", LEGACY),
        (f"{MODERN};q=nonsense, {LEGACY};q=0.5", LEGACY),
        (f"{MODERN};q=2, {LEGACY};q=0.5", LEGACY),
        ("text/html", None),
        ("application/xml, text/*", None),
        (f"{LEGACY};q=0", None),
        ("*/*;q=0", None),
        (f"{LEGACY}; charset=iso-8859-1", None),
        ("nonsense", None),
        (";;,,;q=1,=", None),
        (f"{LEGACY}," * 10_000, LEGACY),
    ],
)
def test_the_media_type_that_weighs_most_is_taken(accept: str, answered: str | None) -> None:
    assert preferred(Headers({"accept": accept})) == answered


def test_a_header_in_several_lines_is_one_header() -> None:
    lines = [(b"accept", f"{LEGACY};q=0.1".encode()), (b"accept", MODERN.encode())]
    assert preferred(Headers(raw=lines)) is MediaType.GRAPHQL_RESPONSE


@pytest.mark.parametrize("media_type", [MODERN, LEGACY])
async def test_the_answer_names_its_media_type_and_encoding(olga: Person, media_type: str) -> None:
    for response in (
        await olga.post({"query": VIEWER}, accept=media_type),
        await olga.get({"query": VIEWER}, accept=media_type),
    ):
        assert response.status_code == 200
        assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
        assert response.headers["cache-control"] == "no-store"
        assert response.json() == OLGA


@pytest.mark.parametrize("media_type", [MODERN, LEGACY])
async def test_a_refusal_comes_in_the_media_type_that_was_asked_for(
    http: httpx.AsyncClient, olga: Person, media_type: str
) -> None:
    headers = {CLIENT_HEADER: "tests", "accept": media_type}
    anonymous = await http.post("/graphql", json={"query": VIEWER}, headers=headers)
    malformed = await olga.post({"query": 1}, accept=media_type)
    assert (anonymous.status_code, malformed.status_code) == (401, 400)
    for response in (anonymous, malformed):
        assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
        assert response.headers["cache-control"] == "no-store"


async def test_who_accepts_neither_gets_406_and_nothing_runs(olga: Person) -> None:
    before = await counts()
    response = await olga.post({"query": CREATE_ROLE}, accept="text/html")
    assert response.status_code == 406
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json()["errors"][0]["message"] == (
        f"Accept {MODERN} or {LEGACY}; there is no other answer."
    )
    assert await counts() == before


@pytest.mark.parametrize("media_type", [MODERN, LEGACY])
async def test_an_operation_that_ran_is_200_though_a_field_was_denied(
    olga: Person, media_type: str
) -> None:
    missing = '{ node(id: "TWVtYmVyOjAwMDAwMDAwMDAwMDcwMDA4MDAwMDAwMDAwMDAwMDAw") { id } }'
    response = await olga.post({"query": missing}, accept=media_type)
    assert response.status_code == 200
    assert response.json()["data"] == {"node": None}


async def test_a_get_has_its_parameters_in_the_address(olga: Person) -> None:
    parameters = {
        "query": "query A { a: __typename } query B($n: String!) { __type(name: $n) { name } }",
        "variables": '{"n": "Viewer"}',
        "operationName": "B",
        "extensions": '{"some": "value"}',
    }
    assert (await olga.get(parameters)).json()["data"] == {"__type": {"name": "Viewer"}}
    only = {"query": VIEWER, "operationName": ""}
    assert (await olga.get(only)).json() == OLGA


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("", "query"),
        ("?variables={}", "query"),
        ("?query=%7Ba%7D&variables=%7B", "variables"),
        ("?query=%7Ba%7D&variables=", "variables"),
        ("?query=%7Ba%7D&variables=%5B%5D", "variables"),
        ("?query=%7Ba%7D&extensions=1", "extensions"),
        ("?query=%7Ba%7D&query=%7Bb%7D", "query"),
        ("?query=%7Ba%7D&surprise=1", "surprise"),
        ("?query=%ff", "query"),
        ("?query=%7Ba%7D" + "&a=1" * 100, "query"),
    ],
)
async def test_a_malformed_get_is_400_with_the_parameter(
    olga: Person, address: str, field: str
) -> None:
    headers = {CLIENT_HEADER: "tests", "cookie": f"{SESSION_COOKIE}={olga.token}"}
    response = await olga.http.get(f"/graphql{address}", headers=headers)
    assert response.status_code == 400
    extensions = response.json()["errors"][0]["extensions"]
    assert extensions == {"code": "BAD_INPUT", "field": field}


@pytest.mark.parametrize(
    "parameters",
    [
        {"query": CREATE_ROLE},
        {
            "query": f"{VIEWER.replace('{', 'query Look {', 1)} {CREATE_ROLE}",
            "operationName": "Make",
        },
    ],
)
@pytest.mark.parametrize("media_type", [MODERN, LEGACY])
async def test_a_mutation_by_get_is_405_and_changes_nothing(
    olga: Person, media_type: str, parameters: dict[str, str]
) -> None:
    before = await counts()
    response = await olga.get(parameters, accept=media_type)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert response.json()["errors"] == [
        {"message": "Send a mutation by POST.", "extensions": {"code": "METHOD_NOT_ALLOWED"}}
    ]
    assert await counts() == before


async def test_a_wrong_document_by_get_is_an_ordinary_error(olga: Person) -> None:
    response = await olga.get({"query": "mutation {"}, accept=MODERN)
    assert response.status_code == 400
    assert "Syntax Error" in response.json()["errors"][0]["message"]


async def test_a_get_is_protected_from_other_sites_like_a_post(olga: Person) -> None:
    cookie = {"cookie": f"{SESSION_COOKIE}={olga.token}"}
    bare = await olga.http.get("/graphql", params={"query": VIEWER}, headers=cookie)
    assert bare.status_code == 403
    assert "X-Gatepost-Client" in bare.json()["errors"][0]["message"]
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        response = await olga.get({"query": VIEWER}, **headers)
        assert response.status_code == 403
        assert "data" not in response.json()
