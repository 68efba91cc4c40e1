"""Inviting people."""

from datetime import datetime

import strawberry

from identity import invitations
from identity.access.permissions import Permission
from identity.audit.actions import Action
from models.invitation import Invitation as InvitationRow
from schema.context import ContextInfo
from schema.directives import PUBLIC, auth
from schema.fields import embedded
from schema.ids import row_id
from schema.invitations.types import Invitation
from schema.members.mutations import scope_of


@strawberry.input(description="Somebody to invite.")
class InviteMemberInput:
    email: str = strawberry.field(description="Their address.")
    role_id: strawberry.ID = strawberry.field(description="The role that they will have.")
    scope_id: strawberry.ID = strawberry.field(
        description="Where they will have it: the organization or a workspace."
    )
    access_expires_at: datetime | None = strawberry.field(
        default=None, description="When the role will end by itself."
    )


@strawberry.input(description="An invitation to send again, with a new link.")
class ResendInvitationInput:
    invitation_id: strawberry.ID = strawberry.field(description="The invitation.")


@strawberry.input(description="An invitation to end.")
class RevokeInvitationInput:
    invitation_id: strawberry.ID = strawberry.field(description="The invitation.")


@strawberry.type(description="The invitation as it is now.")
class InvitationPayload:
    row: strawberry.Private[InvitationRow]

    invitation: Invitation = embedded("The invitation.", requires=PUBLIC)


@strawberry.type
class InvitationMutation:
    @auth(
        "Invite somebody by their address, to a role all of whose permissions you hold there. They "
        "accept with the link that they are sent, or by signing in with that address.",
        requires=[Permission.MEMBERS_INVITE],
        at="input.scopeId",
        audits=Action.INVITATION_CREATE,
    )
    async def invite_member(
        self, info: ContextInfo, input: InviteMemberInput
    ) -> InvitationPayload | None:
        row, _ = await invitations.invite(
            info.context.subject,
            email=input.email,
            role_id=row_id(input.role_id, "Role", field="input.roleId"),
            scope=scope_of(input.scope_id),
            access_expires_at=input.access_expires_at,
        )
        return InvitationPayload(row=row)

    @auth(
        "Send an invitation again; the link that was sent before is over. From now on it rests on "
        "what you hold.",
        requires=[Permission.MEMBERS_INVITE],
        at="input.invitationId",
        audits=Action.INVITATION_RESEND,
    )
    async def resend_invitation(
        self, info: ContextInfo, input: ResendInvitationInput
    ) -> InvitationPayload | None:
        row, _ = await invitations.resend(
            info.context.subject,
            row_id(input.invitation_id, "Invitation", field="input.invitationId"),
        )
        return InvitationPayload(row=row)

    @auth(
        "End an invitation at once.",
        requires=[Permission.MEMBERS_INVITE],
        at="input.invitationId",
        audits=Action.INVITATION_REVOKE,
    )
    async def revoke_invitation(
        self, info: ContextInfo, input: RevokeInvitationInput
    ) -> InvitationPayload | None:
        row = await invitations.revoke(
            info.context.subject,
            row_id(input.invitation_id, "Invitation", field="input.invitationId"),
        )
        return InvitationPayload(row=row)
