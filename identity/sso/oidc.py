"""OpenID Connect sign-in: the request that is sent, and the answer that comes back.

Authorization code with PKCE (RFC 7636), `state`, `nonce` and the issuer check of RFC 9207, as
OAuth's security practice (RFC 9700) asks for.

From authlib come the request's URI, the PKCE challenge and the half hash. Its `AsyncOAuth2Client`
is not used for the exchange: that is one form with five named fields, it must go through `Fetcher`
to stay off the private network, and authlib does not form-encode id and secret in the Basic header
(RFC 6749, section 2.3.1), so that a secret with a `%` or a `:` in it fails at a strict provider.
"""

import base64
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote_plus
from uuid import UUID

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from identity.refusals import NotFound
from identity.sso.attempts import (
    ANSWER_WITHIN,
    FINISH_WITHIN,
    answered,
    checked_return_to,
    ended_by_refusal,
    forget_old,
    new_secret,
    require_same_browser,
    require_usable,
    somebody,
)
from identity.sso.fetching import Fetcher, Reply
from identity.sso.id_token import Tokens, verified
from identity.sso.linking import member_of
from identity.sso.provider import Provider, TokenAuth, provider_of
from identity.sso.refused import Reason, SignInRefused
from identity.subject import Origin
from models.clock import now
from models.connection import Connection, ConnectionProtocol, ConnectionStatus
from models.login_attempt import LoginAttempt, LoginMethod
from models.secret import keyring, token_hash

SCOPE = "openid email profile"


@dataclass(frozen=True, slots=True)
class Started:
    """Where to send the browser, and the token of its flow cookie."""

    attempt_id: UUID
    authorization_url: str
    browser_token: str


@dataclass(frozen=True, slots=True)
class Proven:
    """A sign-in whose identity is proven; `finish_code` turns it into a session, once.

    `at_once`: the browser's own site began it, so that nobody need be asked again.
    """

    attempt_id: UUID
    finish_code: str
    member_name: str
    organization_name: str
    at_once: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider sent back through the browser."""

    state: str
    code: str | None
    error: str | None
    issuer: str | None

    @classmethod
    def parse(cls, parameters: Iterable[tuple[str, str]]) -> Self:
        """Raises `SignInRefused` without a state, and for one that has a parameter twice (RFC
        6749, section 3.1), since it is then open which of them counts.
        """
        found: dict[str, str] = {}
        for name, value in parameters:
            if name in found:
                raise SignInRefused(Reason.ANSWER_MALFORMED)
            found[name] = value
        if not found.get("state"):
            raise SignInRefused(Reason.STATE_UNKNOWN)
        return cls(found["state"], found.get("code"), found.get("error"), found.get("iss"))


def callback_url(public_url: str, connection_id: UUID) -> str:
    """The redirect URI to register at the provider: one for each connection (RFC 9700, 4.4.2)."""
    return f"{public_url}/auth/callback/{connection_id}"


async def start(
    connection_id: UUID,
    *,
    return_to: str,
    from_elsewhere: bool,
    public_url: str,
    fetcher: Fetcher,
) -> Started:
    """Begin a sign-in at an active connection; `from_elsewhere` when another site asked for it.

    Raises `NotFound`, `BadInput` for a `return_to` elsewhere, `PlanRequired`, and `SignInRefused`
    when the provider is no usable one. Nothing is written or recorded then, since anybody at all
    can ask for this.
    """
    return_to = checked_return_to(return_to)
    connection = await Connection.get_or_none(
        id=connection_id, protocol=ConnectionProtocol.OIDC, status=ConnectionStatus.ACTIVE
    ).select_related("organization")
    if connection is None:
        raise NotFound("connection")
    require_usable(connection, connection.organization)
    provider = await provider_of(connection, fetcher)
    await forget_old()
    state, nonce, verifier, browser_token = (new_secret() for _ in range(4))
    attempt = await LoginAttempt.create(
        organization_id=connection.organization_id,
        method=LoginMethod.OIDC,
        connection=connection,
        state_hash=token_hash(state),
        browser_hash=token_hash(browser_token),
        nonce=nonce,
        code_verifier_encrypted=keyring.encrypt(verifier),
        from_elsewhere=from_elsewhere,
        return_to=return_to,
        expires_at=now() + ANSWER_WITHIN,
    )
    url: str = prepare_grant_uri(
        provider.authorization_endpoint,
        client_id=connection.client_id,
        response_type="code",
        redirect_uri=callback_url(public_url, connection.id),
        scope=SCOPE,
        state=state,
        nonce=nonce,
        response_mode="query",
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
    )
    return Started(attempt.id, url, browser_token)


async def receive(
    connection_id: UUID,
    answer: Answer,
    *,
    browser_tokens: Collection[str],
    public_url: str,
    fetcher: Fetcher,
    origin: Origin,
) -> Proven:
    """Judge the provider's answer, and know who it is.

    Raises `SignInRefused` and `PlanRequired`; the attempt is over then and the denial recorded,
    except for a state that nobody waits for.
    """
    attempt = await answered(connection_id, answer.state)
    connection = attempt.connection
    assert connection is not None  # noqa: S101 - it was looked up by its connection
    subject = somebody(attempt, origin)
    async with ended_by_refusal(attempt, subject):
        if attempt.expires_at <= now():
            raise SignInRefused(Reason.STATE_EXPIRED)
        require_same_browser(attempt, browser_tokens)
        require_usable(connection, attempt.organization)
        provider = await provider_of(connection, fetcher)
        code = _code_of(answer, provider)
        tokens = await _redeem(
            code, attempt, connection, provider, public_url=public_url, fetcher=fetcher
        )
        identity = await verified(
            tokens,
            connection=connection,
            provider=provider,
            fetcher=fetcher,
            nonce=attempt.nonce or "",
        )
        member = await member_of(subject, connection, identity)
        finish_code = new_secret()
        await LoginAttempt.filter(id=attempt.id).update(
            member_id=member.id,
            finish_hash=token_hash(finish_code),
            expires_at=now() + FINISH_WITHIN,
            code_verifier_encrypted=None,
        )
    return Proven(
        attempt.id,
        finish_code,
        member.name,
        attempt.organization.name,
        at_once=not attempt.from_elsewhere,
    )


def _code_of(answer: Answer, provider: Provider) -> str:
    """The code, if the answer is this provider's (RFC 9207) and no error."""
    if answer.issuer is None and provider.answers_with_issuer:
        raise SignInRefused(Reason.ANSWER_ISSUER, "the answer lacks iss")
    if answer.issuer not in (None, provider.issuer):
        raise SignInRefused(Reason.ANSWER_ISSUER, f"iss is {answer.issuer!r}")
    if answer.error == "access_denied":
        raise SignInRefused(Reason.PROVIDER_DENIED)
    if answer.error is not None:
        raise SignInRefused(Reason.PROVIDER_ERROR, f"error is {answer.error!r}")
    if not answer.code:
        raise SignInRefused(Reason.ANSWER_MALFORMED, "the answer has no code")
    return answer.code


async def _redeem(
    code: str,
    attempt: LoginAttempt,
    connection: Connection,
    provider: Provider,
    *,
    public_url: str,
    fetcher: Fetcher,
) -> Tokens:
    """Exchange the code for tokens (OpenID Connect Core 1.0, section 3.1.3)."""
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": callback_url(public_url, connection.id),
        "code_verifier": keyring.decrypt(attempt.code_verifier_encrypted or ""),
    }
    headers: dict[str, str] = {}
    if provider.token_auth is TokenAuth.BASIC:
        headers["Authorization"] = _basic(connection.client_id, connection.client_secret())
    else:
        fields |= {"client_id": connection.client_id, "client_secret": connection.client_secret()}
    return _tokens(await fetcher.post_form(provider.token_endpoint, fields, headers))


def _basic(client_id: str, client_secret: str) -> str:
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _tokens(reply: Reply) -> Tokens:
    if reply.status not in (200, 400, 401):
        raise SignInRefused(Reason.PROVIDER_ANSWER, f"status {reply.status} for the code")
    body = reply.json()
    if reply.status != 200:
        error = body.get("error")
        reason = Reason.CODE_REFUSED if error == "invalid_grant" else Reason.CLIENT_REFUSED
        raise SignInRefused(reason, f"status {reply.status} for the code, error {error!r}")
    id_token, access_token = body.get("id_token"), body.get("access_token")
    if not isinstance(id_token, str):
        raise SignInRefused(Reason.ID_TOKEN_MALFORMED, "there is none")
    return Tokens(id_token, access_token if isinstance(access_token, str) else None)
