"""Invitations: a role is promised to an address, and given when whoever has it accepts.

Inviting needs `members:invite` at the scope and every permission of the role there. An acceptance
gives the role on the rights of whoever invited, as they are then. The link that an invitation is
sent with proves the address; it is stored as a hash, is good once, and ends with the next one.
"""

import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tortoise.queryset import QuerySet

from identity import assignment_events, mail, moments, organizations, roles, text
from identity.access import targets
from identity.access.compiled import Access, narrowed
from identity.access.decision import ORGANIZATION, Target
from identity.access.load import read_access
from identity.access.lookup import Lookup, Place, seen_with
from identity.access.permissions import Permission
from identity.assignments import Scope
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import AuditTarget, target
from identity.mail import Message
from identity.refusals import BadInput, Conflict, Escalation, Forbidden, NotFound
from identity.seats import require_seat
from identity.subject import Behalf, Subject, as_member
from identity.writing import Write, taken, writing
from models.assignment import Assignment, PrincipalType, ScopeType
from models.clock import now
from models.invitation import Invitation, InvitationStatus, status_at
from models.listing import Listing, Rows
from models.member import Member, MemberStatus
from models.organization import Organization
from models.role import Role
from models.secret import token_hash

LIFETIME = timedelta(days=7)

_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+"
)
"""What the HTML standard takes for an address, with a dot in the domain: ASCII, and nothing that
means something in the header of a mail.
"""

INVITATION = Lookup(
    Invitation,
    "invitation",
    Place.SCOPE,
    seen_with(Permission.MEMBERS_READ),
)


def listing(access: Access) -> Listing:
    """The invitations of the organization, newest first.

    Raises `Forbidden` without `members:read` at the organization.
    """
    access.require(Permission.MEMBERS_READ, ORGANIZATION)
    return Rows(Invitation, {"organization_id": access.organization_id})


def status_of(invitation: Invitation) -> InvitationStatus:
    """How far it is now."""
    return status_at(
        now(),
        accepted_at=invitation.accepted_at,
        revoked_at=invitation.revoked_at,
        expires_at=invitation.expires_at,
    )


def invitation_path(token: str) -> str:
    """Where the link leads on this site: a page that asks before it uses the link up."""
    return f"/auth/invitation?token={token}"


def about(invitation: Invitation) -> AuditTarget:
    """An invitation as a target, called by its address."""
    return AuditTarget("invitation", invitation.id, invitation.email)


async def invite(
    subject: Subject,
    *,
    email: str,
    role_id: UUID,
    scope: Scope,
    access_expires_at: datetime | None = None,
    lifetime: timedelta = LIFETIME,
) -> tuple[Invitation, str]:
    """Promise a role to an address, and the token of the link to accept it by, which is for the
    address alone.

    Raises `NotFound` for a scope or role that is not visible, `Forbidden`, `Escalation`,
    `BadInput`, `Conflict` for an address that is a member's or has a pending invitation, and
    `RateLimited` for too many mails.
    """
    address = email.strip()
    if len(address) > 320 or not _ADDRESS.fullmatch(address):
        raise BadInput("This is not an email address, in ASCII.", field="email")
    if scope.type not in (ScopeType.ORGANIZATION, ScopeType.WORKSPACE):
        raise BadInput("Invite to the organization or to a workspace.", field="scopeId")
    if access_expires_at is not None:
        access_expires_at = moments.future(
            access_expires_at, what="expiry", field="accessExpiresAt"
        )
    async with writing(subject, Action.INVITATION_CREATE, exclusive=True) as write:
        at = await targets.scope(write.access, scope.type, scope.id)
        write.about(AuditTarget("invitation", None, address), workspace_id=at.workspace_id)
        write.access.require(Permission.MEMBERS_INVITE, at)
        role = await roles.found(write.access, role_id)
        roles.require_fitting(role, scope.type, field="roleId")
        _require_holding(write.access, role, scope.type, at, access_expires_at)
        await _require_free(write, address)
        token = _new_token()
        invitation = await Invitation.create(
            organization_id=write.organization_id,
            email=address,
            email_key=text.key(address),
            role=role,
            scope_type=scope.type,
            scope_id=scope.id,
            workspace_id=at.workspace_id,
            access_expires_at=access_expires_at,
            expires_at=_ends(lifetime, access_expires_at),
            token_hash=token_hash(token),
            invited_by_id=_inviter(write),
            invited_by_name=write.subject.actor_name,
        )
        await _mail(invitation, token)
        await write.record(
            about(invitation),
            changes({}, _facts(invitation, role)),
            workspace_id=at.workspace_id,
        )
    return invitation, token


async def resend(
    subject: Subject, invitation_id: UUID, *, lifetime: timedelta = LIFETIME
) -> tuple[Invitation, str]:
    """Make a new link for an invitation that nobody accepted or revoked; the old one is over.

    The invitation then rests on the rights of whoever sends it again. Raises `NotFound`,
    `Forbidden`, `Escalation`, `Conflict`, and `RateLimited` for too many mails.
    """
    async with writing(subject, Action.INVITATION_RESEND, exclusive=True) as write:
        invitation, at = await _open(write, invitation_id)
        role = await _promised(invitation)
        expires_at = invitation.access_expires_at
        _require_holding(write.access, role, invitation.scope_type, at, expires_at)
        await _require_free(write, invitation.email, but=invitation)
        if expires_at is not None and expires_at <= now():
            raise Conflict("What it promises has ended. Invite them anew.")
        before = _facts(invitation, role)
        token = _new_token()
        invitation.token_hash = token_hash(token)
        invitation.expires_at = _ends(lifetime, expires_at)
        invitation.invited_by_id = _inviter(write)
        invitation.invited_by_name = write.subject.actor_name
        invitation.touch()
        await mail.withdraw(invitation.mail_id, why="It was sent again.")
        await _mail(invitation, token)
        await write.record(
            about(invitation),
            changes(before, _facts(invitation, role)),
            workspace_id=invitation.workspace_id,
        )
    return invitation, token


async def revoke(subject: Subject, invitation_id: UUID) -> Invitation:
    """End an invitation at once. Raises `NotFound`, `Forbidden`, and `Conflict` for one that was
    accepted or revoked already.
    """
    async with writing(subject, Action.INVITATION_REVOKE, exclusive=True) as write:
        invitation, _ = await _open(write, invitation_id)
        invitation.revoked_at = now()
        invitation.touch()
        await invitation.save()
        await mail.withdraw(invitation.mail_id, why="The invitation was revoked.")
        await write.record(
            about(invitation),
            changes({}, {"revokedAt": invitation.revoked_at}),
            workspace_id=invitation.workspace_id,
        )
    return invitation


async def latest_for(access: Access, address: str) -> Invitation:
    """The last invitation of an address that nobody accepted or revoked, expired or not.

    Raises `NotFound`, and `Forbidden` as `listing` does.
    """
    access.require(Permission.MEMBERS_READ, ORGANIZATION)
    invitation = await (
        Invitation.filter(
            organization_id=access.organization_id,
            email_key=text.key(address.strip()),
            accepted_at=None,
            revoked_at=None,
        )
        .order_by("-id")
        .first()
    )
    if invitation is None:
        raise NotFound("invitation")
    return invitation


async def pending_for(organization_id: UUID, address: str) -> Invitation | None:
    """The organization's pending invitation of an address, if there is one."""
    return await _pending(organization_id, address).get_or_none()


async def accept(write: Write, invitation: Invitation) -> Member:
    """Make a member, with the promised role, of whoever has the address of a pending invitation.

    The caller has proof of the address, and holds the organization's lock exclusively in `write`,
    which then changes access. Raises `Conflict` when the address has become a member's,
    `Forbidden` when the role is gone, or whoever invited may no longer give it, and `PlanRequired`
    when no seat is left.
    """
    write.action, write.changes_access = Action.INVITATION_ACCEPT, True
    write.about(about(invitation), workspace_id=invitation.workspace_id)
    await _require_no_member(write.organization_id, invitation.email)
    role = await _promised(invitation)
    await _require_inviter(write, invitation, role)
    await require_seat(write)
    with taken(_member_already(invitation.email)):
        member = await organizations.add_member(
            write.organization_id, email=invitation.email, name=invitation.email[:200]
        )
    assignment = await Assignment.create(
        organization_id=write.organization_id,
        role=role,
        principal_type=PrincipalType.MEMBER,
        principal_id=member.id,
        scope_type=invitation.scope_type,
        scope_id=invitation.scope_id,
        workspace_id=invitation.workspace_id,
        expires_at=invitation.access_expires_at,
        assigned_by_id=invitation.invited_by_id,
    )
    invitation.accepted_at, invitation.accepted_by = now(), member
    invitation.touch()
    await invitation.save()
    write.subject = as_member(write.subject, member)
    workspace_id = invitation.workspace_id
    inviter = None
    if invitation.invited_by_id is not None:
        inviter = Behalf(invitation.invited_by_id, invitation.invited_by_name)
    facts = {"member": member.id, "invitedBy": invitation.invited_by_name}
    await write.record(about(invitation), changes({}, facts), workspace_id=workspace_id)
    await write.record(
        target(member),
        changes({}, assignment_events.facts(assignment, role)),
        workspace_id=workspace_id,
        action=Action.ROLE_ASSIGN,
        on_behalf_of=inviter,
    )
    return member


async def _mail(invitation: Invitation, token: str) -> None:
    """Have the link sent to the address, and save the invitation. What the mail says is ours, but
    for the organization's name. Raises `RateLimited`.
    """
    organization = await Organization.get(id=invitation.organization_id)
    await mail.require_few(organization.id, invitation.email)
    ends = invitation.expires_at.astimezone(UTC)
    message = Message(
        f"You are invited to {organization.name}",
        (
            f"You are invited to {organization.name}. Open this address to accept:",
            f"It is good once, until {ends:%d %B %Y, %H:%M} UTC.",
            "If you do not know who could have invited you, do nothing, and nothing happens.",
        ),
        invitation_path(token),
    )
    invitation.mail = await mail.put(organization.id, invitation.email, message)
    await invitation.save()


async def _open(write: Write, invitation_id: UUID) -> tuple[Invitation, Target]:
    """An invitation that the subject may send again or revoke, and where it is to."""
    invitation = await INVITATION.find(write.access, invitation_id)
    at = Place.SCOPE.target_of(invitation)
    write.about(about(invitation), workspace_id=invitation.workspace_id)
    write.access.require(Permission.MEMBERS_INVITE, at)
    status = status_of(invitation)
    if status in (InvitationStatus.ACCEPTED, InvitationStatus.REVOKED):
        raise Conflict(f"The invitation of {invitation.email} is {status.value}.")
    return invitation, at


async def _promised(invitation: Invitation) -> Role:
    """The role. Raises `Forbidden` when it was deleted since."""
    role = await Role.get_or_none(id=invitation.role_id, organization_id=invitation.organization_id)
    if role is None:
        raise Forbidden(
            "The role that this invitation promised is no longer there. Ask for a new invitation.",
            reason="ROLE_GONE",
            missing=[],
        )
    return role


def _inviter(write: Write) -> UUID | None:
    """On whose rights an invitation rests from now on: a member's, or with `None` the operator's.

    Raises `Forbidden` for a credential that is neither, so that none is taken for the operator.
    """
    if write.subject.member_id is None:
        write.require_operator("Only people invite: sign in to do so.")
    return write.subject.member_id


async def _require_inviter(write: Write, invitation: Invitation, role: Role) -> None:
    """Raise `Forbidden` unless whoever invited may still do so."""
    inviter_id = invitation.invited_by_id
    if inviter_id is None:
        return
    lost = Forbidden(
        "Whoever invited you may no longer give what the invitation promised. "
        "Ask for a new invitation.",
        reason="INVITER_LOST_ACCESS",
        missing=[],
    )
    organization_id = write.organization_id
    if not await Member.exists(
        id=inviter_id, organization_id=organization_id, status=MemberStatus.ACTIVE
    ):
        raise lost
    access = await read_access(organization_id, inviter_id, write.subject.plan)
    at = Place.SCOPE.target_of(invitation)
    if not access.allows(Permission.MEMBERS_INVITE, at):
        raise lost
    try:
        _require_holding(access, role, invitation.scope_type, at, invitation.access_expires_at)
    except Escalation as missing:
        raise lost from missing


def _require_holding(
    access: Access, role: Role, scope_type: ScopeType, at: Target, until: datetime | None
) -> None:
    access.require_holding(narrowed(roles.mask_of_role(role), scope_type), at, until=until)


async def _require_free(write: Write, address: str, *, but: Invitation | None = None) -> None:
    """Raise `Conflict` for the address of a member, or of another pending invitation."""
    await _require_no_member(write.organization_id, address)
    pending = await pending_for(write.organization_id, address)
    if pending is not None and (but is None or pending.id != but.id):
        raise Conflict(f"{address} has an invitation already. Send that one again, or revoke it.")


async def _require_no_member(organization_id: UUID, address: str) -> None:
    key = text.key(address)
    of_organization = Member.filter(organization_id=organization_id)
    if await of_organization.filter(email_key=key).exists():
        raise _member_already(address)
    if await of_organization.filter(user_name_key=key).exists():
        raise _member_already(address)


def _member_already(address: str) -> Conflict:
    return Conflict(f"{address} is a member already.")


def _pending(organization_id: UUID, address: str) -> QuerySet[Invitation]:
    return Invitation.filter(
        organization_id=organization_id,
        email_key=text.key(address),
        accepted_at=None,
        revoked_at=None,
        expires_at__gt=now(),
    )


def _new_token() -> str:
    """256 random bits, as 43 characters that fit a URL."""
    return secrets.token_urlsafe(32)


def _ends(lifetime: timedelta, access_expires_at: datetime | None) -> datetime:
    """When an invitation ends: no later than what it promises."""
    ends = now() + lifetime
    return ends if access_expires_at is None else min(ends, access_expires_at)


def _facts(invitation: Invitation, role: Role) -> Mapping[str, object]:
    return {
        "email": invitation.email,
        "role": role.name,
        "scope": f"{invitation.scope_type.value}:{invitation.scope_id}",
        "accessExpiresAt": invitation.access_expires_at,
        "expiresAt": invitation.expires_at,
        "invitedBy": invitation.invited_by_name,
    }
