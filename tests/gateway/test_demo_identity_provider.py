"""The demo's OpenID provider keeps to the protocol that it stands in for."""

import base64
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.applications import Starlette

from gateway.demo.identity_provider import (
    PATH,
    Client,
    IdentityProvider,
    challenge_of,
    signing_key,
)
from tests.clock import MovableClock

ORIGIN = "http://127.0.0.1:8000"
ISSUER = ORIGIN + PATH
CALLBACK = f"{ORIGIN}/auth/callback/1"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
BASIC = "Basic " + base64.b64encode(b"gatepost:s%3Acret").decode()

AUTHORIZE = {
    "client_id": "gatepost",
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "openid email",
    "state": "the-state",
    "nonce": "the-nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture
def provider(tmp_path: Path) -> httpx.AsyncClient:
    client = Client("gatepost", "s:cret", CALLBACK)
    key = signing_key(tmp_path / "key.pem")
    app = Starlette(routes=IdentityProvider(issuer=ISSUER, client=client, key=key).routes)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN)


async def answer_to(provider: httpx.AsyncClient, **differences: str) -> dict[str, str]:
    """The parameters that come back for Bob, or for what `differences` make of the request."""
    asked = {**AUTHORIZE, "person": "bob", **differences}
    sent = {name: value for name, value in asked.items() if value}
    response = await provider.get(f"{PATH}/authorize", params=sent)
    assert response.status_code == 303, response.text
    address = response.headers["location"]
    assert address.partition("?")[0] == CALLBACK
    return dict(parse_qsl(urlsplit(address).query))


async def redeem(provider: httpx.AsyncClient, code: str, /, **differences: str) -> httpx.Response:
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    return await provider.post(
        f"{PATH}/token", data={**fields, **differences}, headers={"Authorization": BASIC}
    )


def test_the_challenge_is_that_of_the_rfc() -> None:
    """RFC 7636, appendix B."""
    assert challenge_of(VERIFIER) == CHALLENGE


async def test_a_code_becomes_an_id_token(provider: httpx.AsyncClient) -> None:
    discovery = (await provider.get(f"{PATH}/.well-known/openid-configuration")).json()
    assert discovery["issuer"] == ISSUER

    answer = await answer_to(provider)
    assert (answer["iss"], answer["state"]) == (ISSUER, "the-state")
    token = (await redeem(provider, answer["code"])).json()["id_token"]

    keys = KeySet.import_key_set((await provider.get(discovery["jwks_uri"])).json())
    claims: dict[str, Any] = jwt.decode(token, keys, algorithms=["ES256"]).claims
    assert {name: claims[name] for name in ("iss", "aud", "sub", "nonce", "email")} == {
        "iss": ISSUER,
        "aud": "gatepost",
        "sub": "bob",
        "nonce": "the-nonce",
        "email": "bob@acme.example",
    }
    assert claims["exp"] - claims["iat"] == 300


async def test_no_private_key_is_published(provider: httpx.AsyncClient) -> None:
    (key,) = (await provider.get(f"{PATH}/keys")).json()["keys"]
    assert sorted(key) == ["crv", "kid", "kty", "x", "y"]


async def test_a_code_counts_once(provider: httpx.AsyncClient) -> None:
    code = (await answer_to(provider))["code"]

    assert (await redeem(provider, code)).status_code == 200
    again = await redeem(provider, code)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    "wrong", [{"code_verifier": "x" * 43}, {"redirect_uri": CALLBACK + "2"}, {"code": "guess"}]
)
async def test_a_code_of_somebody_else_is_refused(
    provider: httpx.AsyncClient, wrong: dict[str, str]
) -> None:
    code = (await answer_to(provider))["code"]
    refused = await redeem(provider, code, **wrong)
    assert (refused.status_code, refused.json()) == (400, {"error": "invalid_grant"})


async def test_a_code_gets_old(provider: httpx.AsyncClient, movable_clock: MovableClock) -> None:
    code = (await answer_to(provider))["code"]
    movable_clock.move(timedelta(minutes=1))
    assert (await redeem(provider, code)).json() == {"error": "invalid_grant"}


@pytest.mark.parametrize("header", ["", "Basic", "Basic !", "Bearer x", "Basic Z2F0ZXBvc3Q6eA=="])
async def test_another_client_is_refused(provider: httpx.AsyncClient, header: str) -> None:
    code = (await answer_to(provider))["code"]
    refused = await provider.post(
        f"{PATH}/token", data={"code": code}, headers={"Authorization": header}
    )
    assert (refused.status_code, refused.json()) == (401, {"error": "invalid_client"})


@pytest.mark.parametrize(
    "wrong", [{"client_id": "other"}, {"redirect_uri": "https://evil.example"}]
)
async def test_nobody_is_sent_to_a_stranger(
    provider: httpx.AsyncClient, wrong: dict[str, str]
) -> None:
    response = await provider.get(f"{PATH}/authorize", params={**AUTHORIZE, **wrong})
    assert response.status_code == 400
    assert "location" not in response.headers


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "email"}, "invalid_scope"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
async def test_a_weak_request_is_sent_back(
    provider: httpx.AsyncClient, wrong: dict[str, str], error: str
) -> None:
    assert await answer_to(provider, **wrong) == {
        "error": error,
        "iss": ISSUER,
        "state": "the-state",
    }


async def test_it_asks_who_is_there(provider: httpx.AsyncClient) -> None:
    response = await provider.get(f"{PATH}/authorize", params={**AUTHORIZE, "state": '"><b>'})
    assert response.status_code == 200
    assert response.text.count('class="button"') == 6
    assert "<b>" not in response.text


def test_the_key_is_kept(tmp_path: Path) -> None:
    first = signing_key(tmp_path / "key.pem")
    assert signing_key(tmp_path / "key.pem").kid == first.kid
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
