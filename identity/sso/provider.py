"""What an OpenID provider says of itself, fetched and judged by us.

The discovery document is the tenant's word. It is read into named, checked values once, and only
those are kept and used: nothing in it can reach the HTTP client's settings, weaken an algorithm or
name another issuer.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

from identity.sso.fetching import Fetcher, require_fetchable
from identity.sso.refused import Reason, SignInRefused
from models.clock import now
from models.connection import Connection

MAX_AGE = timedelta(hours=24)
FAILURE_AGE = timedelta(seconds=30)
MOST_FAILURES = 1000
"""Kept at a time; the oldest is forgotten for a new one."""

ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
)
"""The signatures we accept: asymmetric ones. `none` and the HMACs are not here, whoever lists them:
with those, everybody who knows the client's secret or nothing at all could sign."""


_fetching: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()


@dataclass(frozen=True, slots=True)
class _Failure:
    at: datetime
    issuer: str
    reason: Reason
    detail: str | None


_failures: dict[UUID, _Failure] = {}
"""By connection, oldest first."""


class TokenAuth(StrEnum):
    """How the client proves itself at the token endpoint (OpenID Connect Core 1.0, section 9)."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"


@dataclass(frozen=True, slots=True)
class Provider:
    """A usable OpenID provider. `answers_with_issuer`: its answers carry `iss` (RFC 9207)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    algorithms: tuple[str, ...]
    token_auth: TokenAuth
    answers_with_issuer: bool


async def provider_of(connection: Connection, fetcher: Fetcher) -> Provider:
    """The connection's provider, from its row, or fetched when that is missing or too old.

    Raises `SignInRefused` with a `PROVIDER_…` reason; nothing is written then. Anybody at all can
    ask for this, so one request at a time goes out for a connection, and a failure is the answer of
    this process for `FAILURE_AGE`.
    """
    known = _known(connection)
    if known is not None:
        return known
    async with _fetching.setdefault(connection.id, asyncio.Lock()):
        await connection.refresh_from_db(fields=["metadata", "metadata_fetched_at"])
        known = _known(connection)
        if known is not None:
            return known
        _raise_recent_failure(connection)
        try:
            return await _fetched(connection, fetcher)
        except SignInRefused as refused:
            _remember_failure(connection, refused)
            raise


def _known(connection: Connection) -> Provider | None:
    known = connection.metadata
    fetched_at = connection.metadata_fetched_at
    fresh = fetched_at is not None and fetched_at > now() - MAX_AGE
    if known is None or not fresh or known["issuer"] != connection.issuer:
        return None
    return Provider(
        **{**known, "algorithms": tuple(known["algorithms"])}
        | {"token_auth": TokenAuth(known["token_auth"])}
    )


def _raise_recent_failure(connection: Connection) -> None:
    failure = _failures.get(connection.id)
    if failure and failure.issuer == connection.issuer and failure.at > now() - FAILURE_AGE:
        raise SignInRefused(failure.reason, failure.detail)


def _remember_failure(connection: Connection, refused: SignInRefused) -> None:
    _failures.pop(connection.id, None)
    while len(_failures) >= MOST_FAILURES:
        del _failures[next(iter(_failures))]
    _failures[connection.id] = _Failure(now(), connection.issuer, refused.reason, refused.detail)


async def _fetched(connection: Connection, fetcher: Fetcher) -> Provider:
    provider = parse(
        await fetcher.get_json(discovery_url(connection.issuer)),
        issuer=connection.issuer,
        allow_loopback=fetcher.allow_loopback,
    )
    connection.metadata, connection.metadata_fetched_at = asdict(provider), now()
    await Connection.filter(id=connection.id, issuer=connection.issuer).update(
        metadata=connection.metadata, metadata_fetched_at=connection.metadata_fetched_at
    )
    return provider


def discovery_url(issuer: str) -> str:
    """Where an issuer's document is (OpenID Connect Discovery 1.0, section 4.1)."""
    return issuer.rstrip("/") + "/.well-known/openid-configuration"


def parse(document: Mapping[str, Any], *, issuer: str, allow_loopback: bool) -> Provider:
    """The provider that a discovery document describes (section 3 there).

    Raises `SignInRefused` (`PROVIDER_METADATA`) for a document of another issuer, one that lacks
    what it must have, and one of a provider that has nothing we accept.
    """
    if document.get("issuer") != issuer:
        raise _unusable(f"it names the issuer {document.get('issuer')!r}, not {issuer!r}")
    _require_offered(document, "response_types_supported", "code", otherwise=None)
    _require_offered(document, "response_modes_supported", "query", otherwise=["query"])
    _require_offered(document, "code_challenge_methods_supported", "S256", otherwise=["S256"])
    return Provider(
        issuer=issuer,
        authorization_endpoint=_endpoint(document, "authorization_endpoint", allow_loopback),
        token_endpoint=_endpoint(document, "token_endpoint", allow_loopback),
        jwks_uri=_endpoint(document, "jwks_uri", allow_loopback),
        algorithms=_algorithms(document),
        token_auth=_token_auth(document),
        answers_with_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _algorithms(document: Mapping[str, Any]) -> tuple[str, ...]:
    offered = _list(document, "id_token_signing_alg_values_supported", otherwise=None)
    accepted = tuple(algorithm for algorithm in ALGORITHMS if algorithm in offered)
    if not accepted:
        raise _unusable(f"it signs ID tokens with {offered} only")
    return accepted


def _token_auth(document: Mapping[str, Any]) -> TokenAuth:
    offered = _list(
        document, "token_endpoint_auth_methods_supported", otherwise=[TokenAuth.BASIC.value]
    )
    for method in TokenAuth:
        if method.value in offered:
            return method
    raise _unusable(f"its token endpoint takes {offered} only")


def _endpoint(document: Mapping[str, Any], name: str, allow_loopback: bool) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise _unusable(f"it has no {name}")
    require_fetchable(value, allow_loopback=allow_loopback)
    return value


def _require_offered(
    document: Mapping[str, Any], name: str, value: str, *, otherwise: list[str] | None
) -> None:
    offered = _list(document, name, otherwise=otherwise)
    if value not in offered:
        raise _unusable(f"{name} is {offered}, without {value}")


def _list(document: Mapping[str, Any], name: str, *, otherwise: list[str] | None) -> list[Any]:
    value = document.get(name, otherwise)
    if not isinstance(value, list):
        raise _unusable(f"{name} is not a list")
    return value


def _unusable(why: str) -> SignInRefused:
    return SignInRefused(Reason.PROVIDER_METADATA, f"The discovery document: {why}")
