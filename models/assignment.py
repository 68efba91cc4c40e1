from enum import StrEnum
from uuid import UUID

from tortoise import fields

from models.member import Member
from models.organization import Organization
from models.record import Record
from models.role import Role
from models.workspace import Workspace


class PrincipalType(StrEnum):
    MEMBER = "member"
    GROUP = "group"
    API_KEY = "api_key"
    """A service key: a personal one has what its owner has."""


class ScopeType(StrEnum):
    """Where an assignment holds. Every value but the first two is one kind of resource."""

    ORGANIZATION = "organization"
    WORKSPACE = "workspace"
    CAMPAIGN = "campaign"
    MAILING_LIST = "mailing_list"
    SENDING_SERVER = "sending_server"


class Assignment(Record):
    """That a member, a group or a service key has a role at a scope, until `expires_at` if that is
    set.

    A group mapping of a directory is an assignment whose principal is the group. `scope_id` is the
    id of the organization, workspace or resource; `workspace` is the workspace it lies in, null at
    the organization. Principal and scope are of several kinds and so carry no foreign key: the use
    cases that delete one delete its assignments in the same transaction.
    """

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False
    )
    role: fields.ForeignKeyRelation[Role] = fields.ForeignKeyField(
        "models.Role", related_name=False, on_delete=fields.RESTRICT, db_index=True
    )
    principal_type = fields.CharEnumField(PrincipalType, max_length=16)
    principal_id = fields.UUIDField()
    scope_type = fields.CharEnumField(ScopeType, max_length=32)
    scope_id = fields.UUIDField()
    workspace: fields.ForeignKeyNullableRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name=False, null=True, db_index=True
    )
    expires_at = fields.DatetimeField(null=True)
    reason = fields.CharField(max_length=500, null=True)
    assigned_by: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name=False, null=True, on_delete=fields.SET_NULL, db_index=True
    )

    organization_id: UUID
    role_id: UUID
    workspace_id: UUID | None
    assigned_by_id: UUID | None

    class Meta:
        table = "assignments"
        unique_together = (("principal_id", "scope_type", "scope_id", "role"),)
        indexes = (("organization_id", "scope_type", "scope_id", "id"),)
