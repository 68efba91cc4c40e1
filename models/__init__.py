"""The tables of Gatepost, one concept a file, with their enums and pure state rules.

Owns: the Tortoise models, `database` (opening, transactions), `announcing` (telling every process
what was committed), `sql` (plain statements), `secret` (encryption at rest), `clock`, `ids`,
`window` (keyset pages), and the migrations.
May import: the standard library, Tortoise, asyncpg, cryptography, uuid-utils. Never strawberry,
starlette or another package of this project.
Leaves to others: who may read or write a row (`identity/access`), and what is recorded about it
(`identity/audit`).
"""

from models.access_review import (
    AccessReview,
    AccessReviewDecision,
    AccessReviewItem,
    AccessReviewStatus,
    AccessReviewSubject,
    Unanswered,
)
from models.api_key import ApiKey, ApiKeyEnd, ApiKeyKind, ApiKeyUse
from models.assignment import Assignment, PrincipalType, ScopeType
from models.audit_event import ActorType, AuditEvent, Outcome, ViaType
from models.audit_retention import AuditRetention
from models.audit_seal import AuditCheckpoint, AuditKey, AuditSeal, AuditUnsealed
from models.campaign import Campaign, CampaignStatus
from models.connection import Connection, ConnectionProtocol, ConnectionStatus
from models.federated_identity import FederatedIdentity
from models.group import Group, GroupMember, GroupSource
from models.idempotent_request import IdempotentRequest
from models.invitation import Invitation, InvitationStatus
from models.job import Job, JobKind, JobStatus
from models.login_attempt import LoginAttempt, LoginMethod
from models.mail import Mail
from models.mailing_list import MailingList
from models.member import Member, MemberStatus, SuspendedBy
from models.organization import Organization, Plan
from models.permission_use import PermissionUse
from models.role import BuiltinRole, Role
from models.role_version import RoleChange, RoleVersion
from models.scim_token import ScimToken
from models.sending_server import SendingServer
from models.session import EndReason, Session
from models.trusted_document import TrustedDocument
from models.user import User
from models.verified_domain import VerifiedDomain
from models.webhook import (
    DeliveryStatus,
    Webhook,
    WebhookDelivery,
    WebhookDisabled,
    WebhookFormat,
)
from models.workspace import Workspace, WorkspaceState

__all__ = [
    "AccessReview",
    "AccessReviewDecision",
    "AccessReviewItem",
    "AccessReviewStatus",
    "AccessReviewSubject",
    "ActorType",
    "ApiKey",
    "ApiKeyEnd",
    "ApiKeyKind",
    "ApiKeyUse",
    "Assignment",
    "AuditCheckpoint",
    "AuditEvent",
    "AuditKey",
    "AuditRetention",
    "AuditSeal",
    "AuditUnsealed",
    "BuiltinRole",
    "Campaign",
    "CampaignStatus",
    "Connection",
    "ConnectionProtocol",
    "ConnectionStatus",
    "DeliveryStatus",
    "EndReason",
    "FederatedIdentity",
    "Group",
    "GroupMember",
    "GroupSource",
    "IdempotentRequest",
    "Invitation",
    "InvitationStatus",
    "Job",
    "JobKind",
    "JobStatus",
    "LoginAttempt",
    "LoginMethod",
    "Mail",
    "MailingList",
    "Member",
    "MemberStatus",
    "Organization",
    "Outcome",
    "PermissionUse",
    "Plan",
    "PrincipalType",
    "Role",
    "RoleChange",
    "RoleVersion",
    "ScimToken",
    "ScopeType",
    "SendingServer",
    "Session",
    "SuspendedBy",
    "TrustedDocument",
    "Unanswered",
    "User",
    "VerifiedDomain",
    "ViaType",
    "Webhook",
    "WebhookDelivery",
    "WebhookDisabled",
    "WebhookFormat",
    "Workspace",
    "WorkspaceState",
]
