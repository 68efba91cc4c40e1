"""The application around the doors: pages, probes, unknown addresses, our own faults."""

import httpx
import pytest

from gateway.app import application
from gateway.settings import Settings
from models.database import opened
from models.migrating import NotMigrated
from tests.conftest import SECRET_KEYS
from tests.door import http_client


async def test_the_start_page_leads_to_sign_in(http: httpx.AsyncClient) -> None:
    response = await http.get("/")
    assert response.status_code == 200
    assert 'href="/auth/login"' in response.text
    assert "script-src 'self'" in response.headers["content-security-policy"]


async def test_every_answer_has_a_request_id_of_its_own(http: httpx.AsyncClient) -> None:
    first, second = await http.get("/healthz"), await http.get("/healthz")
    assert first.json() == {"status": "ok"}
    assert len(first.headers["x-request-id"]) == 32
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


async def test_graphiql_is_served_under_a_strict_policy(http: httpx.AsyncClient) -> None:
    page = await http.get("/graphiql")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "unsafe" not in policy
    for part in ("page.js", "vendor/graphiql.min.js", "vendor/react.production.min.js"):
        assert f"/static/graphiql/{part}" in page.text
        assert (await http.get(f"/static/graphiql/{part}")).status_code == 200


@pytest.mark.parametrize("path", ["/nothing", "/static/../settings.py", "/static/nothing"])
async def test_an_unknown_address_is_404_in_the_callers_words(
    http: httpx.AsyncClient, path: str
) -> None:
    page = await http.get(path, headers={"accept": "text/html"})
    assert page.status_code == 404
    assert "There is nothing at this address." in page.text
    plain = await http.get(path)
    assert plain.json()["error"] == {
        "message": "There is nothing at this address.",
        "code": "NOT_FOUND",
        "requestId": plain.headers["x-request-id"],
    }


async def test_a_wrong_method_says_the_right_one(http: httpx.AsyncClient) -> None:
    response = await http.post("/healthz")
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert response.json()["error"]["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(("path", "door"), [("/readyz", "json"), ("/scim/v2/Users", "scim")])
async def test_our_fault_shows_an_id_and_nothing_inside(
    http: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    path: str,
    door: str,
) -> None:
    fault = RuntimeError("the secret inside")

    async def broken(*args: object, **kwargs: object) -> None:
        raise fault

    monkeypatch.setattr("gateway.app.pending", broken)
    monkeypatch.setattr("identity.credentials.scim_tokens.authenticate", broken)
    response = await http.get(path, headers={"authorization": "Bearer gp_scim_x"})
    request_id = response.headers["x-request-id"]
    assert response.status_code == 500
    assert request_id in response.text
    assert "secret inside" not in response.text
    assert fault.__notes__ == [f"In request {request_id}."]
    assert caplog.records == []  # the server logs what is raised to it, and nobody else does
    if door == "scim":
        assert response.headers["content-type"].startswith("application/scim+json")
        assert response.json()["status"] == "500"


async def test_our_fault_is_raised_to_the_server(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr("gateway.app.pending", broken)
    settings = Settings(database_url=database, secret_keys=tuple(SECRET_KEYS))
    server = httpx.ASGITransport(application(settings), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=server, base_url=settings.public_url) as client:
        with pytest.raises(RuntimeError, match="the secret inside"):
            await client.get("/readyz")


async def test_a_database_without_tables_is_not_ready_and_not_served(
    empty_database_url: str,
) -> None:
    settings = Settings(database_url=empty_database_url, secret_keys=tuple(SECRET_KEYS))
    app = application(settings)
    with pytest.raises(NotMigrated, match="gatepost migrate"):
        async with app.router.lifespan_context(app):
            raise AssertionError("it must not start")
    async with opened(empty_database_url, SECRET_KEYS), http_client(empty_database_url) as client:
        response = await client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["pending"][0] == "0001_initial"
