"""Sessions: an opaque token in a cookie, looked up with every request."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from identity.access.compiled import nowhere
from identity.access.load import cache
from identity.audit.actions import Action
from identity.audit.record import AuditTarget, record
from identity.credentials.gate import Gate, SessionGate
from identity.credentials.lately import Lately
from identity.credentials.limits import SessionLimits
from identity.facts import Fact, Kind, announce
from identity.presence import Standing
from identity.refusals import Unauthenticated
from identity.subject import Origin, Subject
from identity.writing import writing
from models.audit_event import ActorType, ViaType
from models.clock import now
from models.member import Member, MemberStatus
from models.organization import Plan
from models.secret import token_hash
from models.session import EndReason, Session
from models.sql import Statement, as_optional_uuid, as_time, as_uuid

TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Known:
    """What a token was last found to be, by its hash."""

    subject: Subject
    member_id: UUID
    last_seen_at: datetime


_known: Lately[str, _Known] = Lately()
"""By the hash of the token. Nothing is believed of them that a gate does not ask again."""

_LIVE_WHERE = """
    SELECT s.id, s.organization_id, s.member_id, s.authenticated_at, s.last_seen_at, s.expires_at,
           s.connection_id, c.name AS connection_name, m.name, o.plan, o.access_revision
    FROM sessions s
    JOIN members m ON m.id = s.member_id
    JOIN organizations o ON o.id = s.organization_id
    LEFT JOIN connections c ON c.id = s.connection_id
    WHERE s.ended_at IS NULL AND s.expires_at > $2 AND s.last_seen_at > $3 AND m.status = $4
"""
_LIVE = Statement(f"{_LIVE_WHERE} AND s.token_hash = $1")
_STILL_LIVE = Statement(f"{_LIVE_WHERE} AND s.id = $1 AND s.organization_id = $5")

_TOUCH = Statement("UPDATE sessions SET last_seen_at = $2 WHERE id = $1")

_END_OF_MEMBER = Statement("""
    UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE member_id = $1 AND ended_at IS NULL
""")

_END = Statement("""
    UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL
""")


async def authenticate(token: str, *, limits: SessionLimits, origin: Origin) -> Subject:
    """The subject of a session token, in one indexed query plus, after a change, its access.

    Raises `Unauthenticated` for a token that is unknown, over, idle for too long, or whose member
    is not active; the caller never learns which.
    """
    moment, hashed = now(), token_hash(token)
    row = await _LIVE.row(hashed, moment, moment - limits.idle, MemberStatus.ACTIVE.value)
    if row is None:
        _known.forget(hashed)
        raise Unauthenticated
    seen = as_time(row["last_seen_at"])
    if seen <= moment - TOUCH_EVERY:
        await _TOUCH.execute(row["id"], moment)
        seen = moment
    subject = await _subject(row, origin)
    _known.put(hashed, _Known(subject, as_uuid(row["member_id"]), seen))
    return subject


async def standing(subject: Subject, *, limits: SessionLimits, used: bool = False) -> Standing:
    """The subject of a session as it is now. Unless the session is `used` by that, it falls idle:
    who only listens does nothing. Raises `Unauthenticated` when it is over.
    """
    moment = now()
    row = await _STILL_LIVE.row(
        subject.via_id,
        moment,
        moment - limits.idle,
        MemberStatus.ACTIVE.value,
        subject.organization_id,
    )
    if row is None:
        raise Unauthenticated
    if used and as_time(row["last_seen_at"]) <= moment - TOUCH_EVERY:
        await _TOUCH.execute(row["id"], moment)
    present = await _subject(row, subject.origin)
    ends = [as_time(row["expires_at"]), as_time(row["last_seen_at"]) + limits.idle]
    if present.access.valid_until is not None:
        ends.append(present.access.valid_until)
    return Standing(present, min(ends))


async def _subject(row: Any, origin: Origin) -> Subject:
    organization_id, member_id = as_uuid(row["organization_id"]), as_uuid(row["member_id"])
    plan, revision = Plan(row["plan"]), int(row["access_revision"])
    return Subject(
        actor_type=ActorType.MEMBER,
        actor_id=member_id,
        actor_name=row["name"],
        via=ViaType.SESSION,
        via_id=as_uuid(row["id"]),
        organization_id=organization_id,
        plan=plan,
        revision=revision,
        access=await cache.get(organization_id, member_id, plan=plan, revision=revision),
        origin=origin,
        authenticated_at=as_time(row["authenticated_at"]),
        via_name=row["connection_name"],
        connection_id=as_optional_uuid(row["connection_id"]),
    )


def presumed(token: str, *, limits: SessionLimits, origin: Origin) -> tuple[Subject, Gate] | None:
    """The subject that a token was last found to be, for whoever can pass the gate along with
    their own first statement: what the gate asks is what `authenticate` does.

    `None` for a token not seen lately, or due to be touched.
    """
    hashed = token_hash(token)
    known = _known.get(hashed)
    moment = now()
    if known is None or known.last_seen_at <= moment - TOUCH_EVERY:
        return None
    subject = known.subject
    access = cache.known(
        subject.organization_id, known.member_id, plan=subject.plan, revision=subject.revision
    )
    if access is None:
        return None
    gate = SessionGate(
        token_hash=hashed,
        name=subject.actor_name,
        moment=moment,
        seen_since=moment - limits.idle,
        plan=subject.plan,
        revision=subject.revision,
    )
    return subject.again(access, origin), gate


async def start(
    member: Member,
    *,
    connection_id: UUID | None,
    limits: SessionLimits,
    origin: Origin,
) -> tuple[Session, str]:
    """A new session and its token, which is shown nowhere else.

    The caller holds the transaction.
    """
    token = secrets.token_urlsafe(32)
    moment = now()
    session = await Session.create(
        organization_id=member.organization_id,
        member=member,
        connection_id=connection_id,
        token_hash=token_hash(token),
        authenticated_at=moment,
        last_seen_at=moment,
        expires_at=moment + limits.absolute,
        ip=origin.ip,
        user_agent=origin.user_agent,
    )
    return session, token


async def end_of(member: Member, reason: EndReason) -> None:
    """End every live session of the member. The caller holds the transaction of what took the
    access away.
    """
    await _END_OF_MEMBER.execute(member.id, now(), reason.value)
    await announce(Fact(Kind.SESSION, member.organization_id, member.id))


async def live(token: str, *, limits: SessionLimits) -> Session | None:
    """The live session of a token, with its member and organization, without touching it."""
    moment = now()
    return await Session.get_or_none(
        token_hash=token_hash(token),
        ended_at=None,
        expires_at__gt=moment,
        last_seen_at__gt=moment - limits.idle,
        member__status=MemberStatus.ACTIVE,
    ).select_related("member", "organization")


async def replace(token: str, *, origin: Origin) -> None:
    """End the session of this token, whosever it is, because its browser begins a new one.

    Its own organization's audit log gets the sign-out. The caller holds the transaction of the new
    session.
    """
    session = await Session.get_or_none(token_hash=token_hash(token), ended_at=None).select_related(
        "member", "organization", "connection"
    )
    if session is None or not await _END.execute(session.id, now(), EndReason.REPLACED.value):
        return
    await announce(Fact(Kind.SESSION, session.organization_id, session.id))
    await record(
        Action.SESSION_SIGN_OUT,
        subject=_itself(session, origin),
        target=AuditTarget("session", session.id, session.member.name),
        reason=EndReason.REPLACED.value,
    )


def _itself(session: Session, origin: Origin) -> Subject:
    """A session's member, for the audit log: without any access."""
    return Subject(
        actor_type=ActorType.MEMBER,
        actor_id=session.member_id,
        actor_name=session.member.name,
        via=ViaType.SESSION,
        via_id=session.id,
        organization_id=session.organization_id,
        plan=session.organization.plan,
        revision=0,
        access=nowhere(session.organization_id),
        origin=origin,
        authenticated_at=session.authenticated_at,
        via_name=None if session.connection is None else session.connection.name,
        connection_id=session.connection_id,
    )


async def sign_out(subject: Subject) -> None:
    """End the subject's own session."""
    async with writing(subject, Action.SESSION_SIGN_OUT) as write:
        session = await Session.get(id=subject.via_id, organization_id=write.organization_id)
        session.ended_at = now()
        session.end_reason = EndReason.LOGGED_OUT
        await session.save(update_fields=["ended_at", "end_reason"])
        await announce(Fact(Kind.SESSION, write.organization_id, session.id))
        await write.record(AuditTarget("session", session.id, subject.actor_name))
