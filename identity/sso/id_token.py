"""The ID token: signature first, then every claim (OpenID Connect Core 1.0, section 3.1.3.7)."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from authlib.oidc.core.util import create_half_hash
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from identity.sso.fetching import Fetcher
from identity.sso.keys import verification_key
from identity.sso.provider import Provider
from identity.sso.refused import Reason, SignInRefused
from models.clock import now
from models.connection import Connection

LEEWAY = timedelta(seconds=60)
LONGEST_SUBJECT = 255

_TIMES = ("exp", "iat", "nbf")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says it is: `subject` at this issuer, and the address it vouches for.

    `email` is as the provider wrote it; `email_verified` is true for the JSON value `true` alone.
    """

    subject: str
    email: str | None
    email_verified: bool


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint answered, unverified."""

    id_token: str
    access_token: str | None


async def verified(
    tokens: Tokens, *, connection: Connection, provider: Provider, fetcher: Fetcher, nonce: str
) -> Identity:
    """The identity that the ID token proves.

    Raises `SignInRefused` with the reason `ID_TOKEN_…` of the first check that fails.
    """
    header = _header(tokens.id_token)
    algorithm, kid = header["alg"], header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in provider.algorithms:
        raise SignInRefused(
            Reason.ID_TOKEN_ALGORITHM, f"{algorithm!r} is not one of {provider.algorithms}"
        )
    if "crit" in header or not isinstance(kid, str | None):
        raise SignInRefused(Reason.ID_TOKEN_MALFORMED, "its header")
    key = await verification_key(connection, provider, fetcher, algorithm=algorithm, kid=kid)
    try:
        # Headers that we do not read may be there; `crit`, which forbids that, was refused above.
        registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        signed = jws.deserialize_compact(tokens.id_token, key, registry=registry)
    except JoseError as error:
        raise SignInRefused(Reason.ID_TOKEN_SIGNATURE, str(error)) from error
    claims = _claims(signed.payload)
    _require_meant_for_us(claims, provider.issuer, connection.client_id)
    _require_in_time(claims)
    _require_equal(claims, "nonce", nonce, Reason.ID_TOKEN_NONCE)
    _require_access_token(claims, tokens.access_token, algorithm)
    return _identity(claims)


def _header(id_token: str) -> dict[str, Any]:
    try:
        header = jws.extract_compact(id_token.encode()).protected
    except JoseError as error:
        raise SignInRefused(Reason.ID_TOKEN_MALFORMED, str(error)) from error
    if not isinstance(header, dict):
        raise SignInRefused(Reason.ID_TOKEN_MALFORMED, "its header is not an object")
    return header


def _claims(payload: bytes | None) -> dict[str, Any]:
    try:
        claims = orjson.loads(payload or b"")
    except orjson.JSONDecodeError as error:
        raise SignInRefused(Reason.ID_TOKEN_MALFORMED, str(error)) from error
    if not isinstance(claims, dict):
        raise SignInRefused(Reason.ID_TOKEN_MALFORMED, "its payload is not an object")
    return claims


def _require_meant_for_us(claims: Mapping[str, Any], issuer: str, client_id: str) -> None:
    """`iss` and `aud` are ours; a token for several must name us as the authorized party."""
    _require_equal(claims, "iss", issuer, Reason.ID_TOKEN_ISSUER)
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp")
    if client_id not in audiences:
        raise SignInRefused(Reason.ID_TOKEN_AUDIENCE, f"aud is {audience!r}")
    if party != client_id and (party is not None or len(audiences) > 1):
        raise SignInRefused(Reason.ID_TOKEN_AUDIENCE, f"azp is {party!r}, aud {audience!r}")


def _require_in_time(claims: dict[str, Any]) -> None:
    registry = JWTClaimsRegistry(
        now=int(now().timestamp()),
        leeway=int(LEEWAY.total_seconds()),
        exp={"essential": True},
        iat={"essential": True},
    )
    times: dict[str, Any] = {name: claims[name] for name in _TIMES if name in claims}
    try:
        registry.validate(times)
    except JoseError as error:
        raise SignInRefused(Reason.ID_TOKEN_TIME, f"{error}, in {times}") from error


def _require_equal(claims: Mapping[str, Any], name: str, expected: str, reason: Reason) -> None:
    if claims.get(name) != expected:
        raise SignInRefused(reason, f"{name} is {claims.get(name)!r}, not {expected!r}")


def _require_access_token(
    claims: Mapping[str, Any], access_token: str | None, algorithm: str
) -> None:
    """`at_hash`, when it is there, is that of the access token that came along."""
    if "at_hash" not in claims:
        return
    half = create_half_hash(access_token or "", "EdDSA" if "Ed" in algorithm else algorithm)
    if not hmac.compare_digest(half, str(claims["at_hash"]).encode()):
        raise SignInRefused(Reason.ID_TOKEN_ACCESS_TOKEN, "at_hash is of another access token")


def _identity(claims: Mapping[str, Any]) -> Identity:
    subject, email = claims.get("sub"), claims.get("email")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise SignInRefused(Reason.ID_TOKEN_SUBJECT, f"sub has the form of {type(subject)}")
    if not subject.isascii() or not subject.isprintable():
        raise SignInRefused(Reason.ID_TOKEN_SUBJECT, "sub is not printable ASCII")
    return Identity(
        subject=subject,
        email=email if isinstance(email, str) else None,
        email_verified=claims.get("email_verified") is True,
    )
