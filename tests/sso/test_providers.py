"""What a provider says of itself: a discovery document or a key set that is not usable."""

import asyncio
from datetime import timedelta

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from identity.sso import provider
from models import AuditEvent, Connection, LoginAttempt, Member
from models.clock import now
from tests.clock import MovableClock
from tests.sso.browser import (
    Browser,
    assert_nobody_signed_in,
    denials,
    prove,
    reason_of,
)
from tests.sso.conftest import add_connection
from tests.sso.hostile_provider import CLIENT_ID, CLIENT_SECRET, HostileProvider, Json
from tests.world import World

UNUSABLE: dict[str, tuple[Json, str]] = {
    "another issuer": ({"issuer": "https://accounts.example"}, "provider_metadata"),
    "the issuer with a slash": ({"issuer": "{issuer}/"}, "provider_metadata"),
    "no issuer": ({"issuer": None}, "provider_metadata"),
    "no token endpoint": ({"token_endpoint": None}, "provider_metadata"),
    "a token endpoint in clear": (
        {"token_endpoint": "http://accounts.example/token"},
        "provider_address",
    ),
    "keys in a file": ({"jwks_uri": "file:///etc/passwd"}, "provider_address"),
    "a script as authorization endpoint": (
        {"authorization_endpoint": "javascript:alert(1)//"},
        "provider_address",
    ),
    "an address with a user": (
        {"token_endpoint": "https://user@accounts.example/token"},
        "provider_address",
    ),
    "an endpoint that is a list": ({"jwks_uri": ["https://a.example"]}, "provider_metadata"),
    "no code flow": ({"response_types_supported": ["id_token"]}, "provider_metadata"),
    "no response types": ({"response_types_supported": None}, "provider_metadata"),
    "no query mode": ({"response_modes_supported": ["form_post"]}, "provider_metadata"),
    "plain PKCE only": ({"code_challenge_methods_supported": ["plain"]}, "provider_metadata"),
    "weak signatures only": (
        {"id_token_signing_alg_values_supported": ["none", "HS256"]},
        "provider_metadata",
    ),
    "unknown authentication only": (
        {"token_endpoint_auth_methods_supported": ["none"]},
        "provider_metadata",
    ),
}


@pytest.mark.parametrize("case", UNUSABLE)
async def test_an_unusable_provider_is_refused(
    case: str, browser: Browser, connection: Connection, hostile: HostileProvider
) -> None:
    changes, reason = UNUSABLE[case]
    hostile.discovery = {
        name: value.format(issuer=hostile.issuer) if isinstance(value, str) else value
        for name, value in changes.items()
    }
    await refused_at_start(browser, connection, reason)


ANSWERS: dict[str, tuple[Response, str]] = {
    "not JSON": (PlainTextResponse("<html>"), "provider_answer"),
    "a list": (JSONResponse([]), "provider_answer"),
    "nested without end": (PlainTextResponse("[" * 100_000), "provider_answer"),
    "too large": (PlainTextResponse('{"a":"' + "a" * 1024 * 1024 + '"}'), "provider_answer"),
    "an error": (JSONResponse({}, status_code=500), "provider_answer"),
    "a redirect": (RedirectResponse("/jwks"), "provider_answer"),
}


@pytest.mark.parametrize("case", ANSWERS)
async def test_an_unusable_answer_is_refused(
    case: str, browser: Browser, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.replies["discovery"], reason = ANSWERS[case]
    await refused_at_start(browser, connection, reason)
    assert hostile.requests == ["discovery"], "a redirect is not followed"


async def test_an_unreachable_provider_is_said_to_be_unreachable(
    browser: Browser, world: World
) -> None:
    nobody_listens = await add_connection(world, "http://127.0.0.1:9", name="Nobody")
    await refused_at_start(browser, nobody_listens, "provider_unreachable")


async def refused_at_start(browser: Browser, connection: Connection, reason: str) -> None:
    events = await AuditEvent.all().count()
    page = await browser.get(f"/auth/start/{connection.id}")

    assert (page.status_code, reason_of(page)) == (502, reason)
    assert await LoginAttempt.all().count() == 0
    assert await AuditEvent.all().count() == events
    row = await Connection.get(id=connection.id)
    assert (row.metadata, row.metadata_fetched_at) == (None, None)
    assert browser.jar == {}


async def test_on_a_server_the_loopback_is_out_of_reach(
    world: World, connection: Connection, hostile: HostileProvider
) -> None:
    browser = Browser()
    browser.settings = browser.settings.model_copy(update={"allow_loopback_providers": False})
    await refused_at_start(browser, connection, "provider_address")
    assert hostile.requests == []


async def test_a_failure_is_the_answer_for_half_a_minute(
    movable_clock: MovableClock, browser: Browser, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.discovery = {"token_endpoint": None}
    for seconds in (0, 29):
        movable_clock.move(timedelta(seconds=seconds))
        await refused_at_start(browser, connection, "provider_metadata")
    assert hostile.requests == ["discovery"]
    hostile.discovery = {}
    movable_clock.move(timedelta(seconds=1))
    await browser.start(connection.id)

    assert hostile.requests == ["discovery", "discovery"]
    assert await LoginAttempt.all().count() == 1


async def test_a_failure_is_of_one_connection_and_one_issuer(
    browser: Browser, world: World, connection: Connection, hostile: HostileProvider
) -> None:
    elsewhere = await add_connection(world, f"{hostile.issuer}/", name="Misspelt")
    await refused_at_start(browser, elsewhere, "provider_metadata")
    await browser.start(connection.id)
    await Connection.filter(id=elsewhere.id).update(issuer=hostile.issuer)
    await browser.start(elsewhere.id)

    assert hostile.requests == ["discovery"] * 3


@pytest.mark.parametrize("works", [True, False])
async def test_of_many_at_once_one_asks_the_provider(
    works: bool, browser: Browser, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.discovery = {} if works else {"issuer": "https://other.example"}
    pages = await asyncio.gather(*(Browser().get(f"/auth/start/{connection.id}") for _ in range(8)))

    assert {page.status_code for page in pages} == {302 if works else 502}
    assert hostile.requests == ["discovery"]


async def test_the_oldest_failure_makes_room_for_a_new_one(
    monkeypatch: pytest.MonkeyPatch,
    browser: Browser,
    world: World,
    connection: Connection,
    hostile: HostileProvider,
) -> None:
    monkeypatch.setattr(provider, "MOST_FAILURES", 1)
    hostile.discovery = {"issuer": None}
    second = await add_connection(world, hostile.issuer, name="Second")
    for broken in (connection, second, connection):
        await refused_at_start(browser, broken, "provider_metadata")

    assert hostile.requests == ["discovery"] * 3


async def test_only_named_values_are_kept(
    browser: Browser, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.discovery = {"verify": False, "proxy": "http://evil.example", "cert": "/etc/passwd"}
    await browser.start(connection.id)

    assert (await Connection.get(id=connection.id)).metadata == {
        "issuer": hostile.issuer,
        "authorization_endpoint": f"{hostile.issuer}/authorize",
        "token_endpoint": f"{hostile.issuer}/token",
        "jwks_uri": f"{hostile.issuer}/jwks",
        "algorithms": ["RS256", "ES256", "EdDSA"],
        "token_auth": "client_secret_basic",
        "answers_with_issuer": True,
    }


async def test_what_is_kept_of_another_issuer_is_not_used(
    browser: Browser, connection: Connection, hostile: HostileProvider
) -> None:
    await Connection.filter(id=connection.id).update(
        metadata={"issuer": "https://old.example", "token_endpoint": "https://old.example/t"},
        metadata_fetched_at=now(),
    )
    await browser.start(connection.id)

    assert hostile.requests == ["discovery"]


async def test_the_document_is_fetched_once(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    for _ in range(2):
        await browser.finish(await prove(browser, hostile, connection))

    assert hostile.requests == ["discovery", "token", "jwks", "token"]


async def test_the_client_proves_itself_by_basic_authentication(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    await browser.finish(await prove(browser, hostile, connection))
    assert hostile.authorization == (
        "Basic Z2F0ZXBvc3Q6YStzZWNyZXQlM0ErMTAwKyUyNSslMjYrbW9yZQ=="
    ), "both are form-encoded first (RFC 6749, section 2.3.1)"


async def test_or_in_the_form_where_the_provider_takes_nothing_else(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.discovery = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    await browser.finish(await prove(browser, hostile, connection))

    assert hostile.authorization is None
    assert hostile.form["client_id"] == CLIENT_ID
    assert hostile.form["client_secret"] == CLIENT_SECRET


KEY_SETS: dict[str, tuple[Response, int, str]] = {
    "no keys": (JSONResponse({}), 502, "provider_metadata"),
    "too many keys": (JSONResponse({"keys": [{}] * 101}), 502, "provider_metadata"),
    "an empty set": (JSONResponse({"keys": []}), 401, "id_token_key"),
    "what is no key": (
        JSONResponse({"keys": [7, None, {"kty": []}, {"kty": "RSA", "n": 1}]}),
        401,
        "id_token_key",
    ),
    "a key that does not decode": (
        JSONResponse({"keys": [{"kty": "RSA", "kid": "first", "n": "!", "e": "AQAB"}]}),
        401,
        "id_token_key",
    ),
    "a symmetric key": (
        JSONResponse({"keys": [{"kty": "oct", "kid": "first", "k": "c2VjcmV0"}]}),
        401,
        "id_token_key",
    ),
    "not JSON": (PlainTextResponse("keys"), 502, "provider_answer"),
}


@pytest.mark.parametrize("case", KEY_SETS)
async def test_an_unusable_key_set_signs_nobody_in(
    case: str, browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.replies["jwks"], status, reason = KEY_SETS[case]
    page = await prove(browser, hostile, connection)

    assert (page.status_code, reason_of(page)) == (status, reason)
    assert len(await denials()) == 1
    await assert_nobody_signed_in()


async def test_private_members_of_a_key_are_not_kept(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    private = [key.as_dict(private=True) for key in hostile.keys]
    hostile.replies["jwks"] = JSONResponse({"keys": private})
    await browser.finish(await prove(browser, hostile, connection))

    row = await Connection.get(id=connection.id)
    assert row.keys is not None
    assert [sorted(key) for key in row.keys["keys"]] == [["e", "kid", "kty", "n"]]


TOKEN_ANSWERS: dict[str, tuple[Response, int, str]] = {
    "an error of the server": (JSONResponse({}, status_code=500), 502, "provider_answer"),
    "an unknown client": (
        JSONResponse({"error": "invalid_client"}, status_code=401),
        502,
        "client_refused",
    ),
    "a redirect": (RedirectResponse("/jwks"), 502, "provider_answer"),
    "not JSON": (PlainTextResponse("id_token=x"), 502, "provider_answer"),
    "no ID token": (JSONResponse({"access_token": "x"}), 401, "id_token_malformed"),
    "an ID token that is a list": (JSONResponse({"id_token": []}), 401, "id_token_malformed"),
}


@pytest.mark.parametrize("case", TOKEN_ANSWERS)
async def test_an_unusable_token_answer_signs_nobody_in(
    case: str, browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.replies["token"], status, reason = TOKEN_ANSWERS[case]
    page = await prove(browser, hostile, connection)

    assert (page.status_code, reason_of(page)) == (status, reason)
    assert len(await denials()) == 1
    await assert_nobody_signed_in()
