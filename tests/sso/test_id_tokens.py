"""The ID token: each check of OpenID Connect Core 1.0, 3.1.3.7, wrong one at a time."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from joserfc.jwk import RSAKey

from models import Connection, Member
from tests.clock import MovableClock
from tests.sso.browser import (
    Browser,
    assert_nobody_signed_in,
    denials,
    prove,
    reason_of,
)
from tests.sso.hostile_provider import (
    CLIENT_ID,
    EC_KEY,
    ED_KEY,
    KEY,
    OTHER_KEY,
    HostileProvider,
    Json,
    by_hand,
    half_hash,
    sign,
    signed_by_client_secret,
    signed_by_public_key,
    tampered,
    unsigned,
)

IMPOSTOR = RSAKey.generate_key(2048, {"kid": "first"})


async def refused(
    browser: Browser, hostile: HostileProvider, connection: Connection, reason: str
) -> None:
    page = await prove(browser, hostile, connection)
    assert (page.status_code, reason_of(page)) == (401, reason)
    assert [denial.partition(":")[0] for denial in await denials()] == [reason]
    await assert_nobody_signed_in()


FORGED: dict[str, tuple[Callable[[Json], str], str]] = {
    "alg none": (unsigned, "id_token_algorithm"),
    "HS256 with the public key": (signed_by_public_key, "id_token_algorithm"),
    "HS256 with the client secret": (signed_by_client_secret, "id_token_algorithm"),
    "an algorithm that is not offered": (
        lambda claims: sign(claims, KEY, alg="RS512"),
        "id_token_algorithm",
    ),
    "another claim under the signature": (tampered, "id_token_signature"),
    "another key under the same kid": (
        lambda claims: sign(claims, IMPOSTOR),
        "id_token_signature",
    ),
    "an unknown kid": (lambda claims: sign(claims, OTHER_KEY), "id_token_key"),
    "a kid that is a number": (
        lambda claims: by_hand({"alg": "RS256", "kid": 1}, claims, lambda signed: b"x"),
        "id_token_malformed",
    ),
    "a header that is a list": (
        lambda claims: by_hand(["alg"], claims, lambda signed: b"x"),
        "id_token_malformed",
    ),
    "an algorithm that is a list": (
        lambda claims: by_hand({"alg": []}, claims, lambda signed: b"x"),
        "id_token_algorithm",
    ),
    "no token": (lambda claims: "not a token", "id_token_malformed"),
    "an empty token": (lambda claims: "", "id_token_malformed"),
}


@pytest.mark.parametrize("case", FORGED)
async def test_a_forged_token_is_refused(
    case: str, browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.signed, reason = FORGED[case]
    await refused(browser, hostile, connection, reason)


async def test_critical_headers_are_refused(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    """RFC 7797: with `b64` false, what is signed is not what is read."""
    hostile.signed = lambda claims: sign(claims, KEY, crit=["b64"], b64=True)
    await refused(browser, hostile, connection, "id_token_malformed")


WRONG: dict[str, tuple[Json, str]] = {
    "another issuer": ({"iss": "https://other.example"}, "id_token_issuer"),
    "no issuer": ({"iss": None}, "id_token_issuer"),
    "another audience": ({"aud": "another client"}, "id_token_audience"),
    "no audience": ({"aud": None}, "id_token_audience"),
    "several audiences without azp": ({"aud": [CLIENT_ID, "other"]}, "id_token_audience"),
    "azp of somebody else": ({"azp": "another client"}, "id_token_audience"),
    "several audiences, azp of another": (
        {"aud": [CLIENT_ID, "other"], "azp": "other"},
        "id_token_audience",
    ),
    "expired": ({"exp": 1_000_000_000}, "id_token_time"),
    "no expiry": ({"exp": None}, "id_token_time"),
    "an expiry that is text": ({"exp": "9999999999"}, "id_token_time"),
    "an expiry that is true": ({"exp": True}, "id_token_time"),
    "issued in the future": ({"iat": 9_999_999_999}, "id_token_time"),
    "not issued": ({"iat": None}, "id_token_time"),
    "not valid yet": ({"nbf": 9_999_999_999}, "id_token_time"),
    "another nonce": ({"nonce": "another"}, "id_token_nonce"),
    "no nonce": ({"nonce": None}, "id_token_nonce"),
    "no subject": ({"sub": None}, "id_token_subject"),
    "an empty subject": ({"sub": ""}, "id_token_subject"),
    "a subject that is a number": ({"sub": 7}, "id_token_subject"),
    "a long subject": ({"sub": "s" * 256}, "id_token_subject"),
    "a subject outside ASCII": ({"sub": "søren"}, "id_token_subject"),
    "a subject with a control character": ({"sub": "bob\u0000"}, "id_token_subject"),
    "the hash of another access token": (
        {"at_hash": half_hash("another")},
        "id_token_access_token",
    ),
    "a hash that is none": ({"at_hash": ["é"]}, "id_token_access_token"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_wrong_claim_is_refused(
    case: str, browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.claims, reason = WRONG[case]
    await refused(browser, hostile, connection, reason)


RIGHT: dict[str, Json] = {
    "one audience in a list": {"aud": [CLIENT_ID]},
    "several audiences and azp": {"aud": [CLIENT_ID, "other"], "azp": CLIENT_ID},
    "no at_hash": {"at_hash": None},
    "the longest subject": {"sub": "s" * 255},
}


@pytest.mark.parametrize("case", RIGHT)
async def test_what_the_specification_allows_is_taken(
    case: str, browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.claims = RIGHT[case]
    page = await prove(browser, hostile, connection)

    assert (await browser.finish(page)).status_code == 303


@pytest.mark.parametrize(
    ("late", "reason"), [(timedelta(seconds=359), None), (timedelta(seconds=360), "id_token_time")]
)
async def test_a_minute_of_leeway_and_no_more(
    late: timedelta,
    reason: str | None,
    movable_clock: MovableClock,
    browser: Browser,
    bob: Member,
    connection: Connection,
    hostile: HostileProvider,
) -> None:
    """The token is for five minutes from now, as the provider sees it."""
    expiry = int(movable_clock().timestamp()) + 300
    hostile.claims = {"exp": expiry, "iat": expiry - 300}
    address = hostile.sign_in(await browser.start(connection.id))
    movable_clock.move(late)
    page = await browser.get(address)

    assert (reason_of(page) if page.status_code == 401 else None) == reason


async def test_ecdsa_signs_too(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.keys = [KEY, EC_KEY]
    hostile.signed = lambda claims: sign(claims, EC_KEY, alg="ES256")
    page = await prove(browser, hostile, connection)

    assert (await browser.finish(page)).status_code == 303


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated:joserfc.errors.SecurityWarning")
async def test_edwards_curves_sign_too(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.keys = [KEY, ED_KEY]
    hostile.signed = lambda claims: sign(claims, ED_KEY, alg="EdDSA")
    hostile.claims = {"at_hash": None}
    page = await prove(browser, hostile, connection)

    assert (await browser.finish(page)).status_code == 303


async def test_without_a_kid_the_only_key_is_meant(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.keys = [KEY, EC_KEY]
    hostile.signed = lambda claims: sign(claims, KEY, kid=None)
    page = await prove(browser, hostile, connection)

    assert (await browser.finish(page)).status_code == 303


async def test_without_a_kid_two_keys_are_one_too_many(
    browser: Browser, bob: Member, connection: Connection, hostile: HostileProvider
) -> None:
    hostile.keys = [KEY, OTHER_KEY]
    hostile.signed = lambda claims: sign(claims, KEY, kid=None)
    await refused(browser, hostile, connection, "id_token_key")


async def test_a_new_key_is_fetched_once_a_minute(
    movable_clock: MovableClock,
    browser: Browser,
    bob: Member,
    connection: Connection,
    hostile: HostileProvider,
) -> None:
    """A provider that has just rotated its keys, and one that names keys it does not have."""
    await browser.finish(await prove(browser, hostile, connection))
    assert hostile.requests.count("jwks") == 1
    hostile.keys = [OTHER_KEY]
    hostile.signed = lambda claims: sign(claims, OTHER_KEY)

    assert reason_of(await prove(browser, hostile, connection)) == "id_token_key"
    assert hostile.requests.count("jwks") == 1, "the keys are fresh"
    movable_clock.move(timedelta(minutes=1))
    assert (await prove(browser, hostile, connection)).status_code == 200
    assert hostile.requests.count("jwks") == 2
    hostile.signed = lambda claims: sign(claims, KEY)
    assert reason_of(await prove(browser, hostile, connection)) == "id_token_key"
    assert hostile.requests.count("jwks") == 2


async def test_a_withdrawn_key_is_trusted_for_an_hour_at_most(
    movable_clock: MovableClock,
    browser: Browser,
    bob: Member,
    connection: Connection,
    hostile: HostileProvider,
) -> None:
    await browser.finish(await prove(browser, hostile, connection))
    hostile.keys = [OTHER_KEY]
    movable_clock.move(timedelta(minutes=59))
    assert (await prove(browser, hostile, connection)).status_code == 200
    movable_clock.move(timedelta(minutes=1))

    assert reason_of(await prove(browser, hostile, connection)) == "id_token_key"
