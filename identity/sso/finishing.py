"""The second step of every sign-in: a finish code becomes a session.

The provider's answer arrives as a navigation from another site. A cookie set there could not be
`SameSite=Strict`, and the answer must not by itself sign a browser in. So it only proves who it is;
a page of ours then sends the finish code, and this is where the session begins.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import AuditTarget
from identity.credentials import sessions
from identity.credentials.limits import SessionLimits
from identity.sso.attempts import (
    ended_by_refusal,
    finished,
    require_active,
    require_same_browser,
    require_usable,
    somebody,
)
from identity.sso.refused import Reason, SignInRefused
from identity.subject import Origin, Subject, as_member
from identity.writing import writing
from models.clock import now
from models.login_attempt import LoginAttempt, LoginMethod
from models.member import Member
from models.secret import token_hash
from models.session import Session


@dataclass(frozen=True, slots=True)
class Finished:
    """A new session's token, for the cookie and nowhere else, and where to go now."""

    attempt_id: UUID
    session_token: str
    return_to: str


@dataclass(frozen=True, slots=True)
class Replacing:
    """Nothing changed: the browser is signed in as another member, whose `session` would end."""

    session: Session
    member_name: str
    organization_name: str


async def finish(
    finish_code: str,
    *,
    browser_tokens: Collection[str],
    replaces: str | None,
    agreed: str | None,
    limits: SessionLimits,
    origin: Origin,
) -> Finished | Replacing:
    """Begin the session, once; the one whose token is `replaces` ends.

    Another member's live session only ends when somebody `agreed` to that, by its id: otherwise a
    hostile organization could exchange a visitor's session for one of its own.

    What was true when the identity was proven must still be: the member is active, the connection
    is switched on, the plan has SSO. Raises `SignInRefused` and `PlanRequired`; the attempt is
    over then and the denial recorded, except for a code that nobody waits for.
    """
    attempt = await LoginAttempt.get_or_none(
        finish_hash=token_hash(finish_code), finished_at=None
    ).select_related("organization", "connection", "member")
    if attempt is None or attempt.member is None:
        raise SignInRefused(Reason.FINISH_UNKNOWN)
    subject = somebody(attempt, origin)
    async with ended_by_refusal(attempt, as_member(subject, attempt.member)):
        if attempt.expires_at <= now():
            raise SignInRefused(_over(attempt))
        require_same_browser(attempt, browser_tokens)
        if attempt.connection is not None:
            require_usable(attempt.connection, attempt.organization)
        other = await _other(attempt.member, replaces, limits)
        if other is not None and str(other.id) != agreed:
            return Replacing(other, attempt.member.name, attempt.organization.name)
        token = await _begin(attempt, subject, replaces=replaces, limits=limits)
    return Finished(attempt.id, token, attempt.return_to)


async def _other(member: Member, token: str | None, limits: SessionLimits) -> Session | None:
    session = await sessions.live(token, limits=limits) if token is not None else None
    return session if session is not None and session.member_id != member.id else None


async def _begin(
    attempt: LoginAttempt, subject: Subject, *, replaces: str | None, limits: SessionLimits
) -> str:
    async with writing(subject, Action.SESSION_SIGN_IN) as write:
        member = await Member.get_or_none(
            id=attempt.member_id, organization_id=write.organization_id
        )
        if member is None or not await finished(attempt):
            raise SignInRefused(Reason.FINISH_UNKNOWN)
        require_active(member)
        if replaces is not None:
            await sessions.replace(replaces, origin=subject.origin)
        session, token = await sessions.start(
            member, connection_id=attempt.connection_id, limits=limits, origin=subject.origin
        )
        write.subject = as_member(write.subject, member)
        connection = attempt.connection.name if attempt.connection else None
        await write.record(
            AuditTarget("session", session.id, member.name),
            changes({}, {"method": attempt.method, "connection": connection}),
        )
    return token


def _over(attempt: LoginAttempt) -> Reason:
    return Reason.LINK_OVER if attempt.method is LoginMethod.LINK else Reason.FINISH_EXPIRED
