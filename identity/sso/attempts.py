"""A sign-in under way: begun, answered once, finished once, and ended by its first refusal."""

import re
import secrets
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from identity.access.compiled import nowhere
from identity.access.entitlements import Feature, plans
from identity.audit.actions import Action
from identity.audit.record import record, target
from identity.refusals import BadInput, Busy, Refusal
from identity.sso.refused import Reason, SignInRefused
from identity.subject import Origin, Subject
from models.audit_event import ActorType, Outcome, ViaType
from models.clock import now
from models.connection import Connection, ConnectionStatus
from models.database import transaction
from models.login_attempt import LoginAttempt
from models.member import Member, MemberStatus
from models.organization import Organization
from models.secret import token_hash
from models.sql import Statement, is_postgres

ANSWER_WITHIN = timedelta(minutes=10)
FINISH_WITHIN = timedelta(minutes=2)
KEPT_FOR = timedelta(days=1)
FORGOTTEN_AT_ONCE = 20
LONGEST_RETURN_TO = 500

_RETURN_TO = re.compile(r"/(?![/\\])[!-\[\]-~]*")

_FORGET = """
    DELETE FROM login_attempts WHERE id IN (
        SELECT id FROM login_attempts WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 {lock}
    )
"""
_FORGET_ON_SQLITE = Statement(_FORGET.format(lock=""))
_FORGET_ON_POSTGRES = Statement(_FORGET.format(lock="FOR UPDATE SKIP LOCKED"))


def new_secret() -> str:
    """256 random bits, as 43 characters that fit a URL, a cookie and RFC 7636."""
    return secrets.token_urlsafe(32)


def checked_return_to(value: str) -> str:
    """A path of this site, to go to after signing in. Raises `BadInput` for anything else.

    Only `/` followed by printable ASCII without a backslash passes, and never `//`: browsers read
    `//host`, `/\\host` and `https:host` as addresses of another site.
    """
    if len(value) > LONGEST_RETURN_TO or not _RETURN_TO.fullmatch(value):
        raise BadInput("This must be a path on this site, such as /graphiql.", field="return_to")
    return value


async def forget_old() -> int:
    """Delete attempts that ended over `KEPT_FOR` ago, a few at a time; how many.

    Whoever begins an attempt calls this. It deletes more than one is begun, so that the table holds
    no more than a day's worth, however many strangers begin.
    """
    forget = _FORGET_ON_POSTGRES if is_postgres() else _FORGET_ON_SQLITE
    return await forget.execute(now() - KEPT_FOR, FORGOTTEN_AT_ONCE)


async def answered(connection_id: UUID, state: str) -> LoginAttempt:
    """The connection's attempt of that state, taken: nobody gets it a second time.

    Raises `SignInRefused` (`STATE_UNKNOWN`), and then nothing is written or recorded.
    """
    attempt = await LoginAttempt.get_or_none(
        state_hash=token_hash(state), connection_id=connection_id
    ).select_related("organization", "connection")
    if attempt is None or not await _taken(attempt, "answered_at"):
        raise SignInRefused(Reason.STATE_UNKNOWN)
    return attempt


async def finished(attempt: LoginAttempt) -> bool:
    """Whether the attempt could be taken to be finished; once. The caller holds the transaction."""
    return await _taken(attempt, "finished_at")


async def end_of(member_id: UUID) -> None:
    """End every open attempt of the member, links that are handed out too. The caller holds the
    transaction of what took the access away.
    """
    await LoginAttempt.filter(member_id=member_id, finished_at=None).update(finished_at=now())


async def _taken(attempt: LoginAttempt, column: str) -> bool:
    open_ones = {"id": attempt.id, "finished_at": None, column: None}
    return await LoginAttempt.filter(**open_ones).update(**{column: now()}) == 1


def require_same_browser(attempt: LoginAttempt, browser_tokens: Collection[str]) -> None:
    """Raise `SignInRefused` unless one of the browser's flow cookies is the attempt's.

    This is what keeps somebody from having a victim finish a sign-in that is not the victim's.
    """
    hashes = {token_hash(token) for token in browser_tokens}
    if attempt.browser_hash is not None and attempt.browser_hash not in hashes:
        raise SignInRefused(Reason.OTHER_BROWSER)


def require_usable(connection: Connection, organization: Organization) -> None:
    """Raise `SignInRefused` for a connection that is switched off, `PlanRequired` for a plan
    without SSO.
    """
    if connection.status is not ConnectionStatus.ACTIVE:
        raise SignInRefused(Reason.CONNECTION_OVER)
    plans.require(organization.plan, Feature.SSO)


def require_active(member: Member) -> None:
    """Raise `SignInRefused` for a member who may not sign in."""
    if member.status is MemberStatus.SUSPENDED:
        raise SignInRefused(Reason.MEMBER_SUSPENDED, about=target(member))


def somebody(attempt: LoginAttempt, origin: Origin) -> Subject:
    """Whoever is signing in, as long as nobody knows who that is."""
    return Subject(
        actor_type=ActorType.ANONYMOUS,
        actor_id=None,
        actor_name="somebody signing in",
        via=ViaType.SIGN_IN,
        via_id=attempt.id,
        organization_id=attempt.organization_id,
        plan=attempt.organization.plan,
        revision=0,
        access=nowhere(attempt.organization_id),
        origin=origin,
        via_name=None if attempt.connection is None else attempt.connection.name,
        connection_id=attempt.connection_id,
    )


@asynccontextmanager
async def ended_by_refusal(attempt: LoginAttempt, subject: Subject) -> AsyncIterator[None]:
    """A refusal in the block ends the attempt and is recorded as a denial, in one transaction of
    its own; then it goes on. An attempt that is over already records nothing more, and `Busy`
    judges nobody.
    """
    try:
        yield
    except Busy:
        raise
    except Refusal as refusal:
        async with transaction():
            ended = await LoginAttempt.filter(id=attempt.id, finished_at=None).update(
                finished_at=now(), failure=refusal.reason_code
            )
            if ended:
                await _record_denial(attempt, subject, refusal)
        raise


async def _record_denial(attempt: LoginAttempt, subject: Subject, refusal: Refusal) -> None:
    about = target(attempt.connection) if attempt.connection is not None else None
    detail: str | None = refusal.message
    if isinstance(refusal, SignInRefused):
        about, detail = refusal.about or about, refusal.detail or refusal.message
    await record(
        Action.SESSION_SIGN_IN,
        subject=subject,
        target=about,
        outcome=Outcome.DENIED,
        reason=f"{refusal.reason_code}: {detail}",
    )
