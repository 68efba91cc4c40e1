"""The provider that other tests lean on does what they take for granted."""

import base64
import hashlib
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.peers.oidc_provider import Account, Client, OidcProviderProcess

CALLBACK = "http://127.0.0.1:9/callback"
VERIFIER = "verifier-" * 6


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcProviderProcess]:
    clients = [Client("gatepost", "a client secret", [CALLBACK])]
    claims = {"name": "Bob", "email": "bob@acme.test", "email_verified": True, "department": "Mail"}
    with OidcProviderProcess(clients, [Account("bob", "sub-of-bob", claims)]) as process:
        yield process


def authorization_url(provider: OidcProviderProcess, **changes: str) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")
    parameters = {
        "client_id": "gatepost",
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid email profile",
        "state": "the state",
        "nonce": "the nonce",
        "code_challenge": challenge.decode(),
        "code_challenge_method": "S256",
    }
    return f"{provider.issuer}/auth?{urlencode(parameters | changes)}"


def parameters_of(callback: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}


async def redeem(client: httpx.AsyncClient, provider: OidcProviderProcess, code: str) -> str:
    response = await client.post(
        f"{provider.issuer}/token",
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        },
        auth=("gatepost", "a%20client%20secret"),
    )
    assert response.status_code == 200, response.text
    return str(response.json()["id_token"])


async def keys_of(client: httpx.AsyncClient, provider: OidcProviderProcess) -> KeySet:
    return KeySet.import_key_set((await client.get(f"{provider.issuer}/jwks")).json())


async def test_a_sign_in_ends_in_an_id_token_of_that_person(provider: OidcProviderProcess) -> None:
    async with httpx.AsyncClient(timeout=30) as client:
        callback = await provider.sign_in(client, authorization_url(provider), "bob")
        answer = parameters_of(callback)
        id_token = await redeem(client, provider, answer.pop("code"))
        claims = jwt.decode(id_token, await keys_of(client, provider)).claims

    assert callback.startswith(CALLBACK)
    assert answer == {"state": "the state", "iss": provider.issuer}
    assert claims["iss"] == provider.issuer
    assert claims["aud"] == "gatepost"
    assert claims["nonce"] == "the nonce"
    assert claims["sub"] == "sub-of-bob"
    assert claims["email"] == "bob@acme.test"
    assert claims["email_verified"] is True
    assert claims["department"] == "Mail"


async def test_a_browser_that_is_signed_in_is_not_asked_again(
    provider: OidcProviderProcess,
) -> None:
    async with httpx.AsyncClient(timeout=30) as client:
        await provider.sign_in(client, authorization_url(provider), "bob")
        callback = await provider.sign_in(client, authorization_url(provider), "nobody")

    assert "code" in parameters_of(callback)


async def test_a_refusal_comes_back_as_an_error(provider: OidcProviderProcess) -> None:
    async with httpx.AsyncClient(timeout=30) as client:
        answer = parameters_of(await provider.refuse(client, authorization_url(provider)))

    assert answer == {
        "error": "access_denied",
        "error_description": "The person refused to sign in",
        "state": "the state",
        "iss": provider.issuer,
    }


async def test_an_unknown_login_stays_at_the_provider(provider: OidcProviderProcess) -> None:
    async with httpx.AsyncClient(timeout=30) as client:
        with pytest.raises(AssertionError, match=r"403 .* Nobody here is called eve"):
            await provider.sign_in(client, authorization_url(provider), "eve")


@pytest.mark.parametrize("method", ["plain", ""])
async def test_pkce_with_s256_is_required(provider: OidcProviderProcess, method: str) -> None:
    async with httpx.AsyncClient(timeout=30) as client:
        url = authorization_url(provider, code_challenge_method=method)
        answer = parameters_of(await provider.sign_in(client, url, "bob"))

    assert answer["error"] == "invalid_request"


async def test_a_restart_keeps_the_issuer_and_changes_the_keys() -> None:
    provider = OidcProviderProcess([Client("gatepost", "a client secret", [CALLBACK])], [])
    async with httpx.AsyncClient(timeout=30) as client:
        with provider:
            first_issuer, first_keys = provider.issuer, await keys_of(client, provider)
        with provider:
            second_issuer, second_keys = provider.issuer, await keys_of(client, provider)

    assert first_issuer == second_issuer
    assert {key.kid for key in first_keys}.isdisjoint({key.kid for key in second_keys})
