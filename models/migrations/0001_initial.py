"""The tables of the first release, as the models describe them."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.access_review import (
    AccessReviewDecision,
    AccessReviewStatus,
    AccessReviewSubject,
    Unanswered,
)
from models.api_key import ApiKeyEnd, ApiKeyKind
from models.assignment import PrincipalType, ScopeType
from models.audit_event import ActorType, Outcome, ViaType
from models.campaign import CampaignStatus
from models.clock import now
from models.connection import ConnectionProtocol, ConnectionStatus
from models.document_mode import DocumentMode
from models.group import GroupSource
from models.ids import new_id
from models.job import JobKind, JobStatus
from models.login_attempt import LoginMethod
from models.member import MemberStatus
from models.organization import Plan
from models.role import BuiltinRole
from models.role_version import RoleChange
from models.session import EndReason
from models.webhook import DeliveryStatus, WebhookDisabled, WebhookFormat
from models.workspace import WorkspaceState


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="AuditEvent",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("organization_id", fields.UUIDField()),
                ("workspace_id", fields.UUIDField(null=True)),
                ("actor_type", fields.CharEnumField(enum_type=ActorType, max_length=16)),
                ("actor_id", fields.UUIDField(null=True)),
                ("actor_name", fields.CharField(max_length=320)),
                ("via", fields.CharEnumField(enum_type=ViaType, max_length=16)),
                ("via_id", fields.UUIDField(null=True)),
                ("via_name", fields.CharField(null=True, max_length=320)),
                ("connection_id", fields.UUIDField(null=True)),
                ("on_behalf_of_id", fields.UUIDField(null=True)),
                ("on_behalf_of_name", fields.CharField(null=True, max_length=320)),
                ("action", fields.CharField(max_length=64)),
                ("target_type", fields.CharField(null=True, max_length=32)),
                ("target_id", fields.UUIDField(null=True)),
                ("target_name", fields.CharField(null=True, max_length=320)),
                ("outcome", fields.CharEnumField(enum_type=Outcome, max_length=8)),
                ("reason", fields.CharField(null=True, max_length=1000)),
                ("diff", fields.JSONField(default=list)),
                ("request_id", fields.CharField(null=True, max_length=64)),
                ("operation", fields.CharField(null=True, max_length=100)),
                ("ip", fields.CharField(null=True, max_length=45)),
                ("user_agent", fields.CharField(null=True, max_length=400)),
                ("words", fields.TextField(null=True, unique=False)),
            ],
            options={
                "table": "audit_events",
                "app": "models",
                "indexes": [
                    Index(fields=["organization_id", "id"]),
                    Index(fields=["organization_id", "workspace_id", "id"]),
                    Index(fields=["organization_id", "actor_id", "id"]),
                    Index(fields=["organization_id", "action", "id"]),
                    Index(fields=["organization_id", "target_id", "id"]),
                    Index(fields=["organization_id", "via", "id"]),
                    Index(fields=["organization_id", "ip", "id"]),
                ],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="AuditSeal",
            fields=[
                ("id", fields.UUIDField(primary_key=True)),
                ("organization_id", fields.UUIDField()),
                ("sequence", fields.BigIntField()),
                ("salt", fields.BinaryField()),
                ("digest", fields.BinaryField()),
                ("hash", fields.BinaryField()),
            ],
            options={
                "table": "audit_seals",
                "app": "models",
                "unique_together": (("organization_id", "sequence"),),
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="AuditUnsealed",
            fields=[
                ("id", fields.UUIDField(primary_key=True)),
                ("organization_id", fields.UUIDField()),
            ],
            options={
                "table": "audit_unsealed",
                "app": "models",
                "indexes": [Index(fields=["organization_id", "id"])],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="AuditCheckpoint",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("organization_id", fields.UUIDField()),
                ("sequence", fields.BigIntField()),
                ("hash", fields.BinaryField()),
                ("kept_from", fields.BigIntField()),
                ("key_id", fields.CharField(max_length=16)),
                ("signature", fields.BinaryField()),
            ],
            options={
                "table": "audit_checkpoints",
                "app": "models",
                "indexes": [Index(fields=["organization_id", "sequence", "created_at"])],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="AuditKey",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("number", fields.IntField(unique=True)),
                ("key_id", fields.CharField(unique=True, max_length=16)),
                ("public_key", fields.CharField(max_length=64)),
                ("private_key_encrypted", fields.TextField()),
            ],
            options={"table": "audit_keys", "app": "models", "pk_attr": "id"},
        ),
        ops.CreateModel(
            name="AuditRetention",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("organization_id", fields.UUIDField()),
                ("days", fields.IntField()),
                ("held", fields.BooleanField(default=False)),
            ],
            options={
                "table": "audit_retentions",
                "app": "models",
                "indexes": [Index(fields=["organization_id", "created_at"])],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="TrustedDocument",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("identifier", fields.CharField(unique=True, max_length=80)),
                ("text", fields.TextField()),
            ],
            options={"table": "trusted_documents", "app": "models", "pk_attr": "id"},
        ),
        ops.CreateModel(
            name="Organization",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("updated_at", fields.DatetimeField(default=now)),
                ("version", fields.IntField(default=1)),
                ("slug", fields.CharField(unique=True, max_length=63)),
                ("name", fields.CharField(max_length=200)),
                ("plan", fields.CharEnumField(enum_type=Plan, max_length=10)),
                ("access_revision", fields.BigIntField(default=1)),
            ],
            options={"table": "organizations", "app": "models", "pk_attr": "id"},
        ),
        ops.CreateModel(
            name="IdempotentRequest",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("actor_type", fields.CharEnumField(enum_type=ActorType, max_length=16)),
                ("actor_id", fields.UUIDField()),
                ("key_hash", fields.CharField(max_length=64)),
                ("request_encrypted", fields.TextField()),
                ("answer_encrypted", fields.TextField(null=True)),
            ],
            options={
                "table": "idempotent_requests",
                "app": "models",
                "unique_together": (("organization", "actor_type", "actor_id", "key_hash"),),
                "indexes": [Index(fields=["created_at"])],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="Connection",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("updated_at", fields.DatetimeField(default=now)),
                ("version", fields.IntField(default=1)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=100)),
                ("protocol", fields.CharEnumField(enum_type=ConnectionProtocol, max_length=8)),
                (
                    "status",
                    fields.CharEnumField(
                        default=ConnectionStatus.DRAFT, enum_type=ConnectionStatus, max_length=16
                    ),
                ),
                ("issuer", fields.CharField(max_length=500)),
                ("client_id", fields.CharField(max_length=300)),
                ("client_secret_encrypted", fields.TextField()),
                ("client_secret_fingerprint", fields.CharField(max_length=16)),
                ("metadata", fields.JSONField(null=True)),
                ("metadata_fetched_at", fields.DatetimeField(null=True)),
                ("keys", fields.JSONField(null=True)),
                ("keys_fetched_at", fields.DatetimeField(null=True)),
            ],
            options={
                "table": "connections",
                "app": "models",
                "unique_together": (("organization", "name"),),
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="Group",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("updated_at", fields.DatetimeField(default=now)),
                ("version", fields.IntField(default=1)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=320)),
                ("name_key", fields.CharField(max_length=320)),
                (
                    "source",
                    fields.CharEnumField(
                        default=GroupSource.MANUAL, enum_type=GroupSource, max_length=16
                    ),
                ),
                ("external_id", fields.CharField(null=True, max_length=320)),
                ("scim", fields.JSONField(null=True)),
            ],
            options={
                "table": "groups",
                "app": "models",
                "unique_together": (("organization", "name_key"),),
                "indexes": [Index(fields=["organization_id", "external_id"])],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="Role",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("updated_at", fields.DatetimeField(default=now)),
                ("version", fields.IntField(default=1)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=100)),
                ("name_key", fields.CharField(max_length=100)),
                ("description", fields.CharField(default="", max_length=500)),
                ("builtin", fields.CharEnumField(null=True, enum_type=BuiltinRole, max_length=16)),
                ("permissions", fields.JSONField(default=list)),
            ],
            options={
                "table": "roles",
                "app": "models",
                "unique_together": (("organization", "name_key"),),
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="RoleVersion",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("role_id", fields.UUIDField()),
                ("number", fields.IntField()),
                ("change", fields.CharEnumField(enum_type=RoleChange, max_length=8)),
                ("restored_from", fields.IntField(null=True)),
                ("name", fields.CharField(max_length=100)),
                ("description", fields.CharField(max_length=500)),
                ("permissions", fields.JSONField(default=list)),
                ("added", fields.JSONField(default=list)),
                ("removed", fields.JSONField(default=list)),
                ("previous_name", fields.CharField(null=True, max_length=100)),
                ("previous_description", fields.CharField(null=True, max_length=500)),
                ("actor_type", fields.CharEnumField(enum_type=ActorType, max_length=16)),
                ("actor_id", fields.UUIDField(null=True)),
                ("actor_name", fields.CharField(max_length=320)),
            ],
            options={
                "table": "role_versions",
                "app": "models",
                "unique_together": (("organization", "role_id", "number"),),
                "indexes": [Index(fields=["organization_id", "change"])],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="ScimToken",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=100)),
                ("prefix", fields.CharField(max_length=24)),
                ("token_hash", fields.CharField(unique=True, max_length=64)),
                ("expires_at", fields.DatetimeField(null=True)),
                ("revoked_at", fields.DatetimeField(null=True)),
                ("last_used_at", fields.DatetimeField(null=True)),
            ],
            options={"table": "scim_tokens", "app": "models", "pk_attr": "id"},
        ),
        ops.CreateModel(
            name="User",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("email", fields.CharField(max_length=320)),
                ("name", fields.CharField(max_length=200)),
            ],
            options={"table": "users", "app": "models", "pk_attr": "id"},
        ),
        ops.CreateModel(
            name="Member",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("updated_at", fields.DatetimeField(default=now)),
                ("version", fields.IntField(default=1)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "status",
                    fields.CharEnumField(
                        default=MemberStatus.ACTIVE, enum_type=MemberStatus, max_length=16
                    ),
                ),
                ("suspended_by_admin", fields.BooleanField(default=False)),
                ("suspended_by_directory", fields.BooleanField(default=False)),
                ("active_since", fields.DatetimeField(default=now)),
                ("user_name", fields.CharField(max_length=320)),
                ("user_name_key", fields.CharField(max_length=320)),
                ("email", fields.CharField(max_length=320)),
                ("email_key", fields.CharField(max_length=320)),
                ("name", fields.CharField(max_length=200)),
                ("external_id", fields.CharField(null=True, max_length=320)),
                ("provisioned", fields.BooleanField(default=False)),
                ("scim", fields.JSONField(null=True)),
                ("scim_keys", fields.JSONField(null=True)),
            ],
            options={
                "table": "members",
                "app": "models",
                "unique_together": (("organization", "user"), ("organization", "user_name_key")),
                "indexes": [
                    Index(fields=["organization_id", "email_key"]),
                    Index(fields=["organization_id", "external_id"]),
                ],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="FederatedIdentity",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "connection",
                    fields.ForeignKeyField(
                        "models.Connection",
                        source_field="connection_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("subject", fields.CharField(max_length=255)),
                ("last_used_at", fields.DatetimeField(null=True)),
            ],
            options={
                "table": "federated_identities",
                "app": "models",
                "unique_together": (("connection", "subject"), ("connection", "member")),
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="GroupMember",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                (
                    "group",
                    fields.ForeignKeyField(
                        "models.Group",
                        source_field="group_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
            ],
            options={
                "table": "group_members",
                "app": "models",
                "unique_together": (("group", "member"),),
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="LoginAttempt",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("method", fields.CharEnumField(enum_type=LoginMethod, max_length=8)),
                (
                    "connection",
                    fields.ForeignKeyField(
                        "models.Connection",
                        source_field="connection_id",
                        null=True,
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        null=True,
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("state_hash", fields.CharField(null=True, unique=True, max_length=64)),
                ("browser_hash", fields.CharField(null=True, max_length=64)),
                ("nonce", fields.CharField(null=True, max_length=64)),
                ("code_verifier_encrypted", fields.TextField(null=True)),
                ("finish_hash", fields.CharField(null=True, unique=True, max_length=64)),
                ("from_elsewhere", fields.BooleanField(default=False)),
                ("return_to", fields.CharField(default="/", max_length=500)),
                ("expires_at", fields.DatetimeField(db_index=True)),
                ("answered_at", fields.DatetimeField(null=True)),
                ("finished_at", fields.DatetimeField(null=True)),
                ("failure", fields.CharField(null=True, max_length=64)),
            ],
            options={"table": "login_attempts", "app": "models", "pk_attr": "id"},
        ),
        ops.CreateModel(
            name="PermissionUse",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("day", fields.DateField(db_index=True)),
                ("permissions", fields.JSONField(default=list)),
            ],
            options={
                "table": "permission_uses",
                "app": "models",
                "unique_together": (("member", "day"),),
                "indexes": [Index(fields=["organization_id", "day"])],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="Session",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "connection",
                    fields.ForeignKeyField(
                        "models.Connection",
                        source_field="connection_id",
                        null=True,
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("token_hash", fields.CharField(unique=True, max_length=64)),
                ("authenticated_at", fields.DatetimeField()),
                ("last_seen_at", fields.DatetimeField()),
                ("expires_at", fields.DatetimeField()),
                ("ended_at", fields.DatetimeField(null=True)),
                ("end_reason", fields.CharEnumField(null=True, enum_type=EndReason, max_length=16)),
                ("ip", fields.CharField(null=True, max_length=45)),
                ("user_agent", fields.CharField(null=True, max_length=400)),
            ],
            options={"table": "sessions", "app": "models", "pk_attr": "id"},
        ),
        ops.CreateModel(
            name="VerifiedDomain",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("domain", fields.CharField(max_length=253)),
                ("verified_at", fields.DatetimeField(null=True)),
            ],
            options={
                "table": "verified_domains",
                "app": "models",
                "unique_together": (("organization", "domain"),),
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="Workspace",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("updated_at", fields.DatetimeField(default=now)),
                ("version", fields.IntField(default=1)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("slug", fields.CharField(max_length=63)),
                ("name", fields.CharField(max_length=200)),
                (
                    "state",
                    fields.CharEnumField(
                        default=WorkspaceState.ACTIVE, enum_type=WorkspaceState, max_length=16
                    ),
                ),
            ],
            options={
                "table": "workspaces",
                "app": "models",
                "unique_together": (("organization", "slug"),),
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="ApiKey",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("updated_at", fields.DatetimeField(default=now)),
                ("version", fields.IntField(default=1)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("kind", fields.CharEnumField(enum_type=ApiKeyKind, max_length=8)),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        null=True,
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        null=True,
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=100)),
                ("secret_hash", fields.CharField(max_length=64)),
                ("previous_hash", fields.CharField(null=True, max_length=64)),
                ("previous_until", fields.DatetimeField(null=True)),
                ("scopes", fields.JSONField()),
                ("administrative", fields.BooleanField(default=False)),
                ("workspaces", fields.JSONField(null=True)),
                ("resources", fields.JSONField(null=True)),
                ("networks", fields.JSONField(null=True)),
                (
                    "document_mode",
                    fields.CharEnumField(null=True, enum_type=DocumentMode, max_length=8),
                ),
                ("rate_limit", fields.IntField(null=True)),
                ("expires_at", fields.DatetimeField(null=True)),
                ("revoked_at", fields.DatetimeField(null=True)),
                ("end_reason", fields.CharEnumField(null=True, enum_type=ApiKeyEnd, max_length=16)),
                ("last_used_at", fields.DatetimeField(null=True)),
                ("last_used_ip", fields.CharField(null=True, max_length=45)),
                ("last_used_operation", fields.CharField(null=True, max_length=100)),
            ],
            options={
                "table": "api_keys",
                "app": "models",
                "indexes": [Index(fields=["organization_id", "id"])],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="Assignment",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "role",
                    fields.ForeignKeyField(
                        "models.Role",
                        source_field="role_id",
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("principal_type", fields.CharEnumField(enum_type=PrincipalType, max_length=16)),
                ("principal_id", fields.UUIDField()),
                ("scope_type", fields.CharEnumField(enum_type=ScopeType, max_length=32)),
                ("scope_id", fields.UUIDField()),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        null=True,
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("expires_at", fields.DatetimeField(null=True)),
                ("reason", fields.CharField(null=True, max_length=500)),
                (
                    "assigned_by",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="assigned_by_id",
                        null=True,
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
            ],
            options={
                "table": "assignments",
                "app": "models",
                "unique_together": (("principal_id", "scope_type", "scope_id", "role"),),
                "indexes": [Index(fields=["organization_id", "scope_type", "scope_id", "id"])],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="Mail",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("recipient", fields.CharField(max_length=320)),
                ("message_encrypted", fields.TextField(null=True)),
                ("attempts", fields.IntField(default=0)),
                ("due_at", fields.DatetimeField(null=True, db_index=True)),
                ("sent_at", fields.DatetimeField(null=True)),
                ("failure", fields.CharField(null=True, max_length=200)),
            ],
            options={
                "table": "mails",
                "app": "models",
                "indexes": [Index(fields=["organization_id", "created_at"])],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="Invitation",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("updated_at", fields.DatetimeField(default=now)),
                ("version", fields.IntField(default=1)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("email", fields.CharField(max_length=320)),
                ("email_key", fields.CharField(max_length=320)),
                (
                    "role",
                    fields.ForeignKeyField(
                        "models.Role",
                        source_field="role_id",
                        null=True,
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("scope_type", fields.CharEnumField(enum_type=ScopeType, max_length=32)),
                ("scope_id", fields.UUIDField()),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        null=True,
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("access_expires_at", fields.DatetimeField(null=True)),
                ("expires_at", fields.DatetimeField()),
                ("token_hash", fields.CharField(unique=True, max_length=64)),
                ("invited_by_id", fields.UUIDField(null=True)),
                ("invited_by_name", fields.CharField(max_length=320)),
                (
                    "mail",
                    fields.ForeignKeyField(
                        "models.Mail",
                        source_field="mail_id",
                        null=True,
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("revoked_at", fields.DatetimeField(null=True)),
                ("accepted_at", fields.DatetimeField(null=True)),
                (
                    "accepted_by",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="accepted_by_id",
                        null=True,
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
            ],
            options={
                "table": "invitations",
                "app": "models",
                "indexes": [
                    Index(fields=["organization_id", "email_key"]),
                    Index(fields=["organization_id", "id"]),
                ],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="MailingList",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("updated_at", fields.DatetimeField(default=now)),
                ("version", fields.IntField(default=1)),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=200)),
                ("subscriber_count", fields.IntField(default=0)),
            ],
            options={
                "table": "mailing_lists",
                "app": "models",
                "indexes": [Index(fields=["workspace_id", "id"])],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="SendingServer",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("updated_at", fields.DatetimeField(default=now)),
                ("version", fields.IntField(default=1)),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=200)),
                ("host", fields.CharField(max_length=253)),
                ("port", fields.IntField(default=587)),
                ("username", fields.CharField(default="", max_length=320)),
                ("password_encrypted", fields.TextField(null=True)),
                ("password_fingerprint", fields.CharField(null=True, max_length=16)),
            ],
            options={
                "table": "sending_servers",
                "app": "models",
                "indexes": [Index(fields=["workspace_id", "id"])],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="Campaign",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("updated_at", fields.DatetimeField(default=now)),
                ("version", fields.IntField(default=1)),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "owner",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="owner_id",
                        null=True,
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                (
                    "mailing_list",
                    fields.ForeignKeyField(
                        "models.MailingList",
                        source_field="mailing_list_id",
                        null=True,
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "sending_server",
                    fields.ForeignKeyField(
                        "models.SendingServer",
                        source_field="sending_server_id",
                        null=True,
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name", fields.CharField(max_length=200)),
                (
                    "status",
                    fields.CharEnumField(
                        default=CampaignStatus.DRAFT, enum_type=CampaignStatus, max_length=16
                    ),
                ),
                ("subject", fields.CharField(default="", max_length=500)),
                ("body", fields.TextField(default="")),
                ("scheduled_at", fields.DatetimeField(null=True)),
                ("started_at", fields.DatetimeField(null=True)),
                ("recipients", fields.IntField(default=0)),
                ("delivered", fields.IntField(default=0)),
                ("opened", fields.IntField(default=0)),
                ("clicked", fields.IntField(default=0)),
                ("bounced", fields.IntField(default=0)),
                ("complained", fields.IntField(default=0)),
            ],
            options={
                "table": "campaigns",
                "app": "models",
                "indexes": [Index(fields=["workspace_id", "id"])],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="AccessReview",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("updated_at", fields.DatetimeField(default=now)),
                ("version", fields.IntField(default=1)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("title", fields.CharField(max_length=200)),
                ("subject", fields.CharEnumField(enum_type=AccessReviewSubject, max_length=16)),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        null=True,
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("opened_by_id", fields.UUIDField(null=True)),
                ("opened_by_name", fields.CharField(max_length=320)),
                ("due_at", fields.DatetimeField()),
                ("unanswered", fields.CharEnumField(enum_type=Unanswered, max_length=16)),
                (
                    "status",
                    fields.CharEnumField(
                        default=AccessReviewStatus.OPEN, enum_type=AccessReviewStatus, max_length=16
                    ),
                ),
                ("closed_at", fields.DatetimeField(null=True)),
                ("reminders_sent", fields.IntField(default=0)),
                ("reminded_at", fields.DatetimeField(null=True)),
                ("total", fields.IntField(default=0)),
                ("pending", fields.IntField(default=0)),
                ("confirmed", fields.IntField(default=0)),
                ("revoked", fields.IntField(default=0)),
                ("expired", fields.IntField(default=0)),
                ("gone", fields.IntField(default=0)),
            ],
            options={
                "table": "access_reviews",
                "app": "models",
                "indexes": [
                    Index(fields=["organization_id", "id"]),
                    Index(fields=["status", "due_at"]),
                ],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="AccessReviewItem",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "review",
                    fields.ForeignKeyField(
                        "models.AccessReview",
                        source_field="review_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("assignment_id", fields.UUIDField()),
                ("role_id", fields.UUIDField()),
                ("role_name", fields.CharField(max_length=100)),
                ("principal_type", fields.CharEnumField(enum_type=PrincipalType, max_length=16)),
                ("principal_id", fields.UUIDField()),
                ("principal_name", fields.CharField(max_length=320)),
                ("scope_type", fields.CharEnumField(enum_type=ScopeType, max_length=32)),
                ("scope_id", fields.UUIDField()),
                ("workspace_id", fields.UUIDField(null=True)),
                ("expires_at", fields.DatetimeField(null=True)),
                (
                    "reviewer",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="reviewer_id",
                        null=True,
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                (
                    "decision",
                    fields.CharEnumField(
                        default=AccessReviewDecision.PENDING,
                        enum_type=AccessReviewDecision,
                        max_length=16,
                    ),
                ),
                ("decided_by_id", fields.UUIDField(null=True)),
                ("decided_by_name", fields.CharField(null=True, max_length=320)),
                ("decided_at", fields.DatetimeField(null=True)),
                ("note", fields.CharField(null=True, max_length=500)),
                ("refusal", fields.CharField(null=True, max_length=32)),
            ],
            options={
                "table": "access_review_items",
                "app": "models",
                "unique_together": (("review", "assignment_id"),),
                "indexes": [Index(fields=["review_id", "id"])],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="Job",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("kind", fields.CharEnumField(enum_type=JobKind, max_length=32)),
                ("about_id", fields.UUIDField()),
                ("parameters", fields.JSONField(default=dict)),
                ("asked_by_id", fields.UUIDField(null=True)),
                ("asked_by_name", fields.CharField(max_length=320)),
                (
                    "status",
                    fields.CharEnumField(
                        default=JobStatus.QUEUED, enum_type=JobStatus, max_length=16
                    ),
                ),
                ("done", fields.IntField(default=0)),
                ("total", fields.IntField(default=0)),
                ("started_at", fields.DatetimeField(null=True)),
                ("finished_at", fields.DatetimeField(null=True)),
                ("error", fields.CharField(null=True, max_length=200)),
                ("leased_until", fields.DatetimeField(default=now)),
            ],
            options={
                "table": "jobs",
                "app": "models",
                "indexes": [
                    Index(fields=["organization_id", "id"]),
                    Index(fields=["status", "leased_until"]),
                ],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="Webhook",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                ("updated_at", fields.DatetimeField(default=now)),
                ("version", fields.IntField(default=1)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=200)),
                ("url", fields.CharField(max_length=2000)),
                ("actions", fields.JSONField(default=list)),
                ("outcome", fields.CharEnumField(null=True, enum_type=Outcome, max_length=8)),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        null=True,
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "format",
                    fields.CharEnumField(
                        default=WebhookFormat.GATEPOST, enum_type=WebhookFormat, max_length=16
                    ),
                ),
                (
                    "disabled",
                    fields.CharEnumField(null=True, enum_type=WebhookDisabled, max_length=16),
                ),
                ("disabled_at", fields.DatetimeField(null=True)),
                ("secret_encrypted", fields.TextField()),
                ("secret_fingerprint", fields.CharField(max_length=16)),
                ("previous_encrypted", fields.TextField(null=True)),
                ("previous_fingerprint", fields.CharField(null=True, max_length=16)),
                ("previous_until", fields.DatetimeField(null=True)),
                ("position", fields.BigIntField(default=0)),
                ("failures", fields.IntField(default=0)),
                ("failing_since", fields.DatetimeField(null=True)),
                ("rests_until", fields.DatetimeField(null=True)),
                ("delivered_at", fields.DatetimeField(null=True)),
                ("lease", fields.UUIDField(null=True)),
                ("leased_until", fields.DatetimeField(default=now)),
            ],
            options={
                "table": "webhooks",
                "app": "models",
                "indexes": [Index(fields=["organization_id", "id"])],
                "pk_attr": "id",
            },
        ),
        ops.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("created_at", fields.DatetimeField(default=now)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Organization",
                        source_field="organization_id",
                        db_index=True,
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "webhook",
                    fields.ForeignKeyField(
                        "models.Webhook",
                        source_field="webhook_id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("event_id", fields.UUIDField(null=True)),
                ("action", fields.CharField(max_length=64)),
                ("position", fields.BigIntField()),
                (
                    "status",
                    fields.CharEnumField(
                        default=DeliveryStatus.PENDING, enum_type=DeliveryStatus, max_length=16
                    ),
                ),
                ("attempts", fields.IntField(default=0)),
                ("due_at", fields.DatetimeField(null=True)),
                ("ended_at", fields.DatetimeField(null=True)),
                ("log", fields.JSONField(default=list)),
            ],
            options={
                "table": "webhook_deliveries",
                "app": "models",
                "unique_together": (("webhook", "event_id"),),
                "indexes": [
                    Index(fields=["webhook_id", "id"]),
                    Index(fields=["webhook_id", "due_at"]),
                    Index(fields=["webhook_id", "status", "id"]),
                    Index(fields=["status", "ended_at"]),
                ],
                "pk_attr": "id",
            },
        ),
    ]
