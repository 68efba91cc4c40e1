"""Accepting an invitation by the link that was mailed: it proves the address, and signs in."""

from dataclasses import dataclass

from identity import invitations
from identity.access.compiled import nowhere
from identity.audit.actions import Action
from identity.credentials import sessions
from identity.credentials.limits import SessionLimits
from identity.sso.attempts import ANSWER_WITHIN, forget_old, new_secret
from identity.sso.refused import Reason, SignInRefused
from identity.subject import Origin, Subject
from identity.writing import writing
from models.audit_event import ActorType, ViaType
from models.clock import now
from models.invitation import Invitation, InvitationStatus
from models.login_attempt import LoginAttempt, LoginMethod
from models.secret import token_hash


@dataclass(frozen=True, slots=True)
class Accepted:
    """A new member, whom `finish_code` signs in, once."""

    finish_code: str
    member_name: str
    organization_name: str


async def usable(token: str) -> Invitation:
    """The pending invitation of a link, with its organization, without using it up.

    Raises `SignInRefused` (`INVITATION_OVER`), in the same words for a link that was replaced,
    revoked, used, is too old, or never was.
    """
    invitation = await Invitation.get_or_none(token_hash=token_hash(token)).select_related(
        "organization"
    )
    if invitation is None or invitations.status_of(invitation) is not InvitationStatus.PENDING:
        raise SignInRefused(Reason.INVITATION_OVER)
    return invitation


async def accept(
    token: str, *, session_token: str | None, limits: SessionLimits, origin: Origin
) -> Accepted:
    """Make whoever has the link a member, once.

    Raises `SignInRefused`: `INVITATION_OVER`, and `OTHER_ADDRESS` for a browser that is signed in
    with another address; `Conflict`, `Forbidden` and `PlanRequired` as `invitations.accept` does.
    Nothing changes then.
    """
    seen = await usable(token)
    await _require_same_address(seen, session_token, limits)
    await forget_old()
    subject = _invitee(seen, origin)
    async with writing(subject, Action.INVITATION_ACCEPT, changes_access=True) as write:
        invitation = await usable(token)
        member = await invitations.accept(write, invitation)
        finish_code = new_secret()
        await LoginAttempt.create(
            organization_id=write.organization_id,
            method=LoginMethod.LINK,
            member=member,
            finish_hash=token_hash(finish_code),
            expires_at=now() + ANSWER_WITHIN,
        )
    return Accepted(finish_code, member.name, seen.organization.name)


async def _require_same_address(
    invitation: Invitation, session_token: str | None, limits: SessionLimits
) -> None:
    session = None if session_token is None else await sessions.live(session_token, limits=limits)
    if session is not None and session.member.email_key != invitation.email_key:
        raise SignInRefused(Reason.OTHER_ADDRESS)


def _invitee(invitation: Invitation, origin: Origin) -> Subject:
    """Whoever accepts, as long as they are no member."""
    return Subject(
        actor_type=ActorType.ANONYMOUS,
        actor_id=None,
        actor_name="somebody invited",
        via=ViaType.SIGN_IN,
        via_id=invitation.id,
        organization_id=invitation.organization_id,
        plan=invitation.organization.plan,
        revision=0,
        access=nowhere(invitation.organization_id),
        origin=origin,
    )
