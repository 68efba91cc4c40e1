"""The audit log."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from identity.access.lookup import Place
from identity.audit import read as audit_log
from identity.audit.export_size import Estimate
from identity.retention import Retained
from models.audit_event import ActorType, Outcome, ViaType
from models.audit_event import AuditEvent as AuditEventRow
from schema.audit import ids
from schema.directives import PUBLIC, public_column
from schema.fields import computed
from schema.node import Node


@strawberry.type(description="How large an export would be.")
class AuditExportEstimate:
    row: strawberry.Private[Estimate]

    events: int = public_column("events", "How many events it would have.")
    exact: bool = public_column("exact", "Whether they were counted; otherwise it is a guess.")


@strawberry.type(description="For how long audit events are kept.")
class AuditRetention:
    row: strawberry.Private[Retained]

    days: int = public_column("days", "The window: of the plan, or of the operator's settings.")
    legal_hold: bool = public_column("held", "Whether a legal hold stands.")
    window_starts_at: datetime | None = public_column(
        "window_starts_at",
        "What happened earlier is deleted: older than the longest window of the last 30 days. Null "
        "while nothing is, because of a hold, or because no window has stood for so long.",
    )


@strawberry.type(description="One sensitive action, with the names as they were then.")
class AuditEvent(Node):
    row: strawberry.Private[AuditEventRow]
    place = Place.WITHIN

    created_at: datetime = public_column("created_at", "When it happened.")
    action: str = public_column("action", "What was done, as `noun.verb`.")
    outcome: Outcome = public_column("outcome", "Whether it was carried out.")
    actor_type: ActorType = public_column("actor_type", "What kind of caller acted.")
    actor_id: strawberry.ID | None = computed(
        lambda access, row: ids.actor(row),
        "The id of who acted: a member's global id, or what else acted by its stored id.",
        reads=("actor_type", "actor_id"),
        requires=PUBLIC,
    )
    actor_name: str = public_column("actor_name", "Who acted.")
    via: ViaType = public_column("via", "How they had authenticated.")
    via_id: strawberry.ID | None = computed(
        lambda access, row: ids.named(None, row.via_id),
        "The session or the token they came by, or the sign-in under way, by its stored id.",
        reads=("via_id",),
        requires=PUBLIC,
    )
    via_name: str | None = public_column(
        "via_name",
        "What that is called: of a session the connection they had signed in with, of a token or "
        "a key its visible beginning.",
    )
    connection_id: strawberry.ID | None = computed(
        lambda access, row: ids.named("connection", row.connection_id),
        "The connection that they had signed in with, by its stored id.",
        reads=("connection_id",),
        requires=PUBLIC,
    )
    on_behalf_of_id: strawberry.ID | None = computed(
        lambda access, row: ids.named("member", row.on_behalf_of_id),
        "The member on whose behalf it was done, if that is somebody else.",
        reads=("on_behalf_of_id",),
        requires=PUBLIC,
    )
    on_behalf_of_name: str | None = public_column(
        "on_behalf_of_name", "What that member was called."
    )
    workspace_id: strawberry.ID | None = computed(
        lambda access, row: ids.named("workspace", row.workspace_id),
        "The workspace it was done in, if any.",
        reads=("workspace_id",),
        requires=PUBLIC,
    )
    target_type: str | None = public_column("target_type", "What kind of thing it was done to.")
    target_id: strawberry.ID | None = computed(
        lambda access, row: ids.named(row.target_type, row.target_id),
        "The id of what it was done to: a global id where its type has one, or the stored id.",
        reads=("target_type", "target_id"),
        requires=PUBLIC,
    )
    target_name: str | None = public_column("target_name", "What it was done to.")
    reason: str | None = public_column("reason", "Why it was done, or why refused.")
    request_id: str | None = public_column("request_id", "The request it was part of.")
    operation: str | None = public_column("operation", "The name of the operation.")
    ip: str | None = public_column("ip", "The address the request came from.")
    user_agent: str | None = public_column("user_agent", "The program it came from.")

    diff: JSON | None = computed(
        audit_log.diff_of,
        "What changed: a list of {path, before, after}, for sets {path, added, removed}, with "
        "secrets as fingerprints. FORBIDDEN for who may not read what it was done to.",
        reads=("target_type", "workspace_id", "diff"),
        requires=PUBLIC,
    )
