"""One-time sign-in links, made by the operator: the first way in, and the last resort."""

from datetime import timedelta

from identity import mail
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.mail import Message
from identity.refusals import Conflict, NotFound
from identity.sso.attempts import new_secret
from identity.sso.refused import Reason, SignInRefused
from identity.subject import Subject
from identity.writing import writing
from models.clock import now
from models.login_attempt import LoginAttempt, LoginMethod
from models.mail import Mail
from models.member import Member, MemberStatus
from models.organization import Organization
from models.secret import token_hash


def link_url(public_url: str, token: str) -> str:
    """The address to hand out: a page that asks before it uses the link up."""
    return public_url + _path(token)


def _path(token: str) -> str:
    return f"/auth/link?token={token}"


async def post(subject: Subject, member: Member, token: str, *, lifetime: timedelta) -> Mail:
    """Have the link of that token mailed to the member, with the caller's transaction."""
    organization = await Organization.get(id=subject.organization_id)
    hours = int(lifetime / timedelta(hours=1))
    message = Message(
        f"Sign in to {organization.name}",
        (
            f"With this address you sign in to {organization.name}:",
            f"It is good once, for {hours} hours. Whoever has it signs in as you.",
        ),
        _path(token),
    )
    return await mail.put(organization.id, member.email, message)


async def create(subject: Subject, member: Member, *, lifetime: timedelta) -> str:
    """The token of a link by which whoever has it signs in as the member, once.

    For the operator alone: no role may become somebody else. Raises `Forbidden`, `NotFound` for a
    member of another organization, `Conflict` for one who is not active.
    """
    async with writing(subject, Action.SIGN_IN_LINK_CREATE) as write:
        write.about(target(member))
        write.require_operator("Only the operator makes sign-in links.")
        found = await Member.get_or_none(id=member.id, organization_id=write.organization_id)
        if found is None:
            raise NotFound("member")
        if found.status is not MemberStatus.ACTIVE:
            raise Conflict(f"{found.name} is not an active member and could not sign in.")
        token = new_secret()
        attempt = await LoginAttempt.create(
            organization_id=write.organization_id,
            method=LoginMethod.LINK,
            member=found,
            finish_hash=token_hash(token),
            expires_at=now() + lifetime,
        )
        await write.record(target(found), changes({}, {"expiresAt": attempt.expires_at}))
    return token


async def usable(token: str) -> LoginAttempt:
    """The link's attempt, with member and organization, without using it up.

    Raises `SignInRefused` (`LINK_OVER`) when it is unknown, used or too old.
    """
    attempt = await LoginAttempt.get_or_none(
        finish_hash=token_hash(token),
        method=LoginMethod.LINK,
        finished_at=None,
        expires_at__gt=now(),
    ).select_related("member", "organization")
    if attempt is None:
        raise SignInRefused(Reason.LINK_OVER)
    return attempt
