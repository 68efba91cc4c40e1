"""API keys: what they carry, where, until when, and when they were used."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

import strawberry

from identity import role_versions
from identity.access.lookup import Place
from identity.access.permissions import Permission
from identity.credentials.key_tokens import prefix_of
from models.api_key import ApiKey as ApiKeyRow
from models.api_key import ApiKeyEnd, ApiKeyKind, ApiKeyUse, use_at
from models.assignment import Assignment as AssignmentRow
from models.assignment import ScopeType
from models.clock import now
from models.document_mode import DocumentMode
from schema.directives import PUBLIC, At, column, public_column
from schema.enums import describe
from schema.fields import computed, to_many, to_one
from schema.ids import SCOPE_NODES, global_id
from schema.members.types import Assignment, Member
from schema.node import Node

describe(
    ApiKeyKind,
    "Whose an API key is.",
    {
        ApiKeyKind.PERSONAL: "A member's own: it carries what they hold, and ends with that.",
        ApiKeyKind.SERVICE: "The organization's: it carries what roles give it, and has a sponsor.",
    },
)
describe(
    ApiKeyEnd,
    "Why an API key ended before its time.",
    {
        ApiKeyEnd.REVOKED: "Somebody ended it.",
        ApiKeyEnd.SUSPENDED: "Its owner was suspended.",
        ApiKeyEnd.LEFT: "Its owner left the organization, or was removed.",
    },
)
describe(
    ApiKeyUse,
    "When an API key was last used.",
    {
        ApiKeyUse.UNUSED: "Never.",
        ApiKeyUse.ACTIVE: "In the last 7 days.",
        ApiKeyUse.QUIET: "In the last 30 days, and not in the last 7.",
        ApiKeyUse.DORMANT: "Not in the last 30 days.",
    },
)
describe(
    DocumentMode,
    "Which documents a request may bring or name.",
    {
        DocumentMode.ALLOWED: "Its own, or a trusted one.",
        DocumentMode.OFF: "Its own.",
        DocumentMode.REQUIRED: "A trusted one.",
    },
)


READ = (Permission.API_KEYS_READ,)


@strawberry.type(description="A credential of a service. Its secret is shown once, and never here.")
class ApiKey(Node):
    row: strawberry.Private[ApiKeyRow]
    place = Place.WITHIN
    own_groups: ClassVar[frozenset[str]] = frozenset({"api_keys"})

    name: str = public_column("name", "What it is for.")
    kind: ApiKeyKind = public_column("kind", "Whose it is.")
    administrative: bool = public_column(
        "administrative", "Whether it may carry scopes that administrate, because an owner said so."
    )
    document_mode: DocumentMode | None = public_column(
        "document_mode", "Which documents it may ask with, where the operator allows more."
    )
    rate_limit: int | None = public_column(
        "rate_limit", "What its operations may cost in a minute, where that is less than usual."
    )
    version: int = public_column(
        "version", "Grows with each change; give it back as `expectedVersion`."
    )
    created_at: datetime = public_column("created_at", "When it was made.")
    expires_at: datetime | None = public_column("expires_at", "When it ends by itself.")
    revoked_at: datetime | None = public_column("revoked_at", "When it was ended.")
    end_reason: ApiKeyEnd | None = public_column("end_reason", "Why it was ended.")
    previous_secret_expires_at: datetime | None = public_column(
        "previous_until", "Until when its secret of before is good, too."
    )
    last_used_at: datetime | None = public_column(
        "last_used_at", "When it was last used, to the minute."
    )
    last_used_ip: str | None = column(
        "last_used_ip", "The address it came from then.", requires=READ
    )
    last_used_operation: str | None = column(
        "last_used_operation",
        "The name of the operation that it asked for then.",
        requires=READ,
    )

    prefix: str = computed(
        lambda access, row: prefix_of(row.id),
        "How each of its secrets begins.",
        reads=("id",),
        requires=PUBLIC,
    )
    scopes: list[Permission] = computed(
        lambda access, row: role_versions.known(row.scopes),
        "What it may carry of what is behind it, with what that implies.",
        reads=("scopes",),
        requires=PUBLIC,
    )
    workspace_ids: list[strawberry.ID] | None = computed(
        lambda access, row: _ids(row.workspaces),
        "The workspaces that it is limited to.",
        reads=("workspaces",),
        requires=READ,
    )
    resource_ids: list[strawberry.ID] | None = computed(
        lambda access, row: _resource_ids(row.resources),
        "The resources that it is limited to.",
        reads=("resources",),
        requires=READ,
    )
    networks: list[str] | None = computed(
        lambda access, row: row.networks,
        "The networks (CIDR) that it may be used from.",
        reads=("networks",),
        requires=READ,
    )
    live: bool = computed(
        lambda access, row: (
            row.revoked_at is None and (row.expires_at is None or row.expires_at > now())
        ),
        "Whether it has neither ended by itself nor been ended.",
        reads=("revoked_at", "expires_at"),
        requires=PUBLIC,
    )
    use: ApiKeyUse = computed(
        lambda access, row: use_at(now(), row.last_used_at),
        "When it was last used.",
        reads=("last_used_at",),
        requires=PUBLIC,
    )
    needs_sponsor: bool = computed(
        lambda access, row: row.kind == ApiKeyKind.SERVICE and row.member_id is None,
        "Whether it is a service key whose sponsor has left.",
        reads=("kind", "member_id"),
        requires=PUBLIC,
    )
    member_id: strawberry.ID | None = computed(
        lambda access, row: None if row.member_id is None else global_id("Member", row.member_id),
        "The id of its owner or sponsor.",
        reads=("member_id",),
        requires=PUBLIC,
    )
    member: Member | None = to_one(
        "member",
        "The owner of a personal key, the sponsor of a service key; null when they left.",
        requires=PUBLIC,
    )
    assignments: list[Assignment] | None = to_many(
        AssignmentRow,
        "principal_id",
        "The roles that a service key was given.",
        requires=[Permission.MEMBERS_READ],
        at=At.ORGANIZATION,
    )


def _ids(workspaces: list[str] | None) -> list[strawberry.ID] | None:
    if workspaces is None:
        return None
    return [global_id("Workspace", UUID(each)) for each in workspaces]


def _resource_ids(resources: list[dict[str, str]] | None) -> list[strawberry.ID] | None:
    if resources is None:
        return None
    return [global_id(SCOPE_NODES[ScopeType(each["type"])], UUID(each["id"])) for each in resources]
