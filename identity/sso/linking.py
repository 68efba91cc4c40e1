"""From an identity at a provider to a member: by its key, or by an address once, with proof.

The key is (connection, subject). An address is only ever used to make the first link, because an
address says who somebody was called by, not who they are: it changes hands, and whoever runs a
provider can write any address into a token. So the link needs a verified address *and* a ground to
believe this provider about it: the organization owns the mail domain, or its own directory brought
the member in and nobody else shares the account.
"""

import re

from identity import invitations, text
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import AuditTarget, target
from identity.sso.attempts import require_active
from identity.sso.id_token import Identity
from identity.sso.refused import Reason, SignInRefused
from identity.subject import Subject, as_member
from identity.writing import Write, writing
from models.clock import now
from models.connection import Connection
from models.federated_identity import FederatedIdentity
from models.invitation import Invitation
from models.member import Member
from models.verified_domain import VerifiedDomain

_ADDRESS = re.compile(r"[!-~]+@[!-~]+")


async def member_of(subject: Subject, connection: Connection, identity: Identity) -> Member:
    """The active member that an identity is, linked to it now if this is the first time.

    Somebody invited becomes a member by that. Raises `SignInRefused`: `NO_MEMBER` with the ground
    in its detail, `MEMBER_SUSPENDED`, `MEMBER_INVITED`; and what accepting an invitation raises.
    Linking is serialized in the organization.
    """
    known = await FederatedIdentity.exists(connection=connection, subject=identity.subject)
    async with writing(subject, Action.SESSION_SIGN_IN, exclusive=not known) as write:
        link = await FederatedIdentity.get_or_none(
            connection=connection, subject=identity.subject
        ).select_related("member")
        if link is None:
            return await _linked(write, connection, identity)
        require_active(link.member)
        link.last_used_at = now()
        await link.save(update_fields=["last_used_at"])
        return link.member


async def _linked(write: Write, connection: Connection, identity: Identity) -> Member:
    member = await _candidate(write, identity)
    if await FederatedIdentity.exists(connection=connection, member=member):
        raise _nobody(f"{identity.email} has another account at this connection", member)
    require_active(member)
    link = await FederatedIdentity.create(
        organization_id=write.organization_id,
        connection=connection,
        member=member,
        subject=identity.subject,
        last_used_at=now(),
    )
    write.subject = as_member(write.subject, member)
    facts = {"subject": identity.subject, "email": identity.email, "connection": connection.name}
    about = AuditTarget("federated_identity", link.id, identity.subject)
    await write.record(about, changes({}, facts), action=Action.IDENTITY_LINK)
    return member


async def _candidate(write: Write, identity: Identity) -> Member:
    """The one member whose address this is, on good grounds.

    Only ASCII addresses are compared: case folding and normalization make different mailboxes
    look alike outside of it.
    """
    address = identity.email or ""
    if not identity.email_verified:
        raise _nobody(f"the provider does not say that {address!r} is verified")
    if not _ADDRESS.fullmatch(address):
        raise _nobody("the address is none that can be compared")
    found = await Member.filter(
        organization_id=write.organization_id, email_key=text.key(address)
    ).limit(2)
    if not found:
        invitation = await invitations.pending_for(write.organization_id, address)
        if invitation is not None and invitation.email.isascii():
            return await _accepting(write, invitation, address)
    members = [member for member in found if member.email.isascii()]
    if len(members) != 1 or len(found) != 1:
        raise _nobody(f"{len(found)} members have the address {address}")
    await _require_grounds(write, members[0], address)
    return members[0]


async def _accepting(write: Write, invitation: Invitation, address: str) -> Member:
    """Whom the invitation makes a member. The provider is only believed about an address in a
    domain of the organization; anybody else accepts with the link that was sent there.
    """
    if not await _is_own(write, address):
        raise SignInRefused(Reason.MEMBER_INVITED, about=invitations.about(invitation))
    return await invitations.accept(write, invitation)


async def _is_own(write: Write, address: str) -> bool:
    """Whether the address is in a verified domain of the organization."""
    _, _, domain = address.rpartition("@")
    return await VerifiedDomain.exists(
        organization_id=write.organization_id, domain=domain.lower(), verified_at__not_isnull=True
    )


async def _require_grounds(write: Write, member: Member, address: str) -> None:
    if await _is_own(write, address):
        return
    _, _, domain = address.rpartition("@")
    if not member.provisioned:
        raise _nobody(f"{domain} is not a verified domain of the organization", member)
    if await Member.filter(user_id=member.user_id).count() > 1:
        raise _nobody(f"{domain} is not verified, and the account is shared", member)


def _nobody(why: str, member: Member | None = None) -> SignInRefused:
    return SignInRefused(Reason.NO_MEMBER, why, about=target(member) if member else None)
