"""A provider's public signing keys: its JWK Set (RFC 7517), fetched, reduced and chosen by us."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, RSAKey

from identity.sso.fetching import Fetcher
from identity.sso.provider import Provider
from identity.sso.refused import Reason, SignInRefused
from models.clock import now
from models.connection import Connection

MAX_AGE = timedelta(hours=1)
REFETCH_EVERY = timedelta(minutes=1)
"""How often, at most, a key that we do not know makes us look again."""

MAX_KEYS = 100
RSA_BITS = range(2048, 8192 + 1)

_PUBLIC_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
_LABELS = ("kid", "alg")
_LONGEST_MEMBER = 1400
"""Of a modulus of 8192 bits, in base64."""

_FITS = {
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "Ed25519": ("OKP", "Ed25519"),
    "EdDSA": ("OKP", "Ed25519"),
}
_RSA = ("RSA", None)

Jwk = dict[str, str]

_refreshing: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()
"""One lock a connection, as long as somebody holds or awaits it: a burst fetches once."""


async def verification_key(
    connection: Connection,
    provider: Provider,
    fetcher: Fetcher,
    *,
    algorithm: str,
    kid: str | None,
) -> Key:
    """The provider's key of that id, fit for `algorithm`; without an id, the only fit one.

    The set is fetched anew when it is too old, and when the key is not in it, at most once a
    minute. Raises `SignInRefused` (`ID_TOKEN_KEY`, or a `PROVIDER_…` reason).
    """
    await _refresh(connection, provider, fetcher, older_than=MAX_AGE)
    key = _chosen(connection, algorithm, kid)
    if key is None:
        await _refresh(connection, provider, fetcher, older_than=REFETCH_EVERY)
        key = _chosen(connection, algorithm, kid)
    if key is None:
        raise SignInRefused(Reason.ID_TOKEN_KEY, f"no key {kid!r} for {algorithm}")
    return key


async def _refresh(
    connection: Connection, provider: Provider, fetcher: Fetcher, *, older_than: timedelta
) -> None:
    if not _is_due(connection, older_than):
        return
    async with _refreshing.setdefault(connection.id, asyncio.Lock()):
        await connection.refresh_from_db(fields=["keys", "keys_fetched_at"])
        if not _is_due(connection, older_than):
            return
        keys = public_keys(await fetcher.get_json(provider.jwks_uri))
        connection.keys, connection.keys_fetched_at = {"keys": keys}, now()
        await Connection.filter(id=connection.id, issuer=provider.issuer).update(
            keys=connection.keys, keys_fetched_at=connection.keys_fetched_at
        )


def _is_due(connection: Connection, older_than: timedelta) -> bool:
    fetched_at = connection.keys_fetched_at
    return connection.keys is None or fetched_at is None or fetched_at <= now() - older_than


def public_keys(document: Mapping[str, Any]) -> list[Jwk]:
    """The set's public signature keys, with nothing but the members that make them up.

    Symmetric keys and keys for encryption are left out, as is what is not understood (RFC 7517,
    section 5). Raises `SignInRefused` when there is no list of at most `MAX_KEYS`.
    """
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise SignInRefused(Reason.PROVIDER_METADATA, "The JWK Set has no usable list of keys")
    reduced = (_reduced(jwk) for jwk in listed if isinstance(jwk, dict))
    return [jwk for jwk in reduced if jwk is not None]


def _reduced(jwk: Mapping[str, Any]) -> Jwk | None:
    kty = jwk.get("kty")
    names = _PUBLIC_MEMBERS.get(kty) if isinstance(kty, str) else None
    if names is None or jwk.get("use", "sig") != "sig":
        return None
    kept: dict[str, Any] = {"kty": kty, **{name: jwk.get(name) for name in names}}
    kept |= {name: jwk[name] for name in _LABELS if name in jwk}
    if all(isinstance(value, str) and len(value) <= _LONGEST_MEMBER for value in kept.values()):
        return kept
    return None


def _chosen(connection: Connection, algorithm: str, kid: str | None) -> Key | None:
    jwks: Sequence[Jwk] = connection.keys["keys"] if connection.keys else ()
    fit = [jwk for jwk in jwks if _fits(jwk, algorithm) and kid in (None, jwk.get("kid"))]
    return _imported(fit[0]) if len(fit) == 1 else None


def _fits(jwk: Jwk, algorithm: str) -> bool:
    kty, curve = _FITS.get(algorithm, _RSA)
    return jwk["kty"] == kty and jwk.get("crv") == curve and jwk.get("alg", algorithm) == algorithm


def _imported(jwk: Jwk) -> Key:
    try:
        key = JWKRegistry.import_key({name: jwk[name] for name in jwk if name not in _LABELS})
    except (JoseError, ValueError) as error:
        raise SignInRefused(Reason.ID_TOKEN_KEY, f"key {jwk.get('kid')!r}: {error}") from error
    if isinstance(key, RSAKey) and key.public_key.key_size not in RSA_BITS:
        raise SignInRefused(
            Reason.ID_TOKEN_KEY, f"key {jwk.get('kid')!r} has {key.public_key.key_size} bits"
        )
    return key
