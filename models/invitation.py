from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tortoise import fields

from models.assignment import ScopeType
from models.mail import Mail
from models.member import Member
from models.organization import Organization
from models.record import VersionedRecord
from models.role import Role
from models.workspace import Workspace


class InvitationStatus(StrEnum):
    """How far an invitation is. It follows from the invitation's times and stands in no column."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Invitation(VersionedRecord):
    """That whoever has this address may become a member with a role at a scope.

    Nobody is a member, and no assignment exists, before it is accepted. The scope is the
    organization, or a workspace, which `workspace` then is. `access_expires_at` is when the
    assignment will end, `expires_at` when the invitation does. `token_hash` is that of the link it
    was sent with last. `invited_by_id` is the member on whose rights it rests, null for the
    operator; without a foreign key, so that one who is gone is not taken for the operator.
    `role` is null once that role is deleted. `mail` is the one it was sent with last.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False
    )
    email = fields.CharField(max_length=320)
    email_key = fields.CharField(max_length=320)
    role: fields.ForeignKeyNullableRelation[Role] = fields.ForeignKeyField(
        "models.Role", related_name=False, null=True, on_delete=fields.SET_NULL, db_index=True
    )
    scope_type = fields.CharEnumField(ScopeType, max_length=32)
    scope_id = fields.UUIDField()
    workspace: fields.ForeignKeyNullableRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name=False, null=True, db_index=True
    )
    access_expires_at = fields.DatetimeField(null=True)
    expires_at = fields.DatetimeField()
    token_hash = fields.CharField(max_length=64, unique=True)
    invited_by_id = fields.UUIDField(null=True)
    invited_by_name = fields.CharField(max_length=320)
    mail: fields.ForeignKeyNullableRelation[Mail] = fields.ForeignKeyField(
        "models.Mail", related_name=False, null=True, on_delete=fields.SET_NULL, db_index=True
    )
    revoked_at = fields.DatetimeField(null=True)
    accepted_at = fields.DatetimeField(null=True)
    accepted_by: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name=False, null=True, on_delete=fields.SET_NULL, db_index=True
    )

    organization_id: UUID
    role_id: UUID | None
    workspace_id: UUID | None
    accepted_by_id: UUID | None
    mail_id: UUID | None

    class Meta:
        table = "invitations"
        indexes = (("organization_id", "email_key"), ("organization_id", "id"))


def status_at(
    moment: datetime,
    *,
    accepted_at: datetime | None,
    revoked_at: datetime | None,
    expires_at: datetime,
) -> InvitationStatus:
    """How far an invitation with these times is at a moment."""
    if accepted_at is not None:
        return InvitationStatus.ACCEPTED
    if revoked_at is not None:
        return InvitationStatus.REVOKED
    return InvitationStatus.EXPIRED if expires_at <= moment else InvitationStatus.PENDING
