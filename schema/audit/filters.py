"""What may be asked of the audit log. Every field of an event that narrows it is public to whoever
reads the event; diffs are neither searched nor compared.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from identity.audit.filters import EVERYTHING, EventFilter, actions_like
from identity.refusals import BadInput
from models.audit_event import Outcome, ViaType
from schema.audit import ids
from schema.audit.types import AuditEvent
from schema.filters import filter_by
from schema.ids import optional_row_id

MOST_VALUES = 20
"""Of one field of the filter."""


@strawberry.input(description="Which events: all of what is given holds of them.")
class AuditEventFilter:
    actor_id: strawberry.ID | None = filter_by(
        AuditEvent, "actor_id", "Who acted, as `actorId` says it."
    )
    action: list[str] | None = filter_by(
        AuditEvent,
        "action",
        "What was done: one of these, which are names such as `role.create`, or `role.*`, "
        "`*.delete` or `*`.",
    )
    target_id: strawberry.ID | None = filter_by(
        AuditEvent, "target_id", "What it was done to, as `targetId` says it."
    )
    workspace_id: strawberry.ID | None = filter_by(
        AuditEvent, "workspace_id", "The workspace it was done in."
    )
    ip: str | None = filter_by(AuditEvent, "ip", "The address the request came from, exactly.")
    via: list[ViaType] | None = filter_by(
        AuditEvent, "via", "How they had authenticated: one of these."
    )
    outcome: list[Outcome] | None = filter_by(
        AuditEvent, "outcome", "Whether it was carried out: one of these."
    )
    from_at: datetime | None = filter_by(AuditEvent, "created_at", "Not before this moment.")
    before_at: datetime | None = filter_by(AuditEvent, "created_at", "Before this moment.")
    text: str | None = strawberry.field(
        default=None,
        description="Words that begin words of the names of actor and target, of the action and of "
        "the reason. All of them, whatever their case and accents.",
    )


Narrowed = Annotated[
    AuditEventFilter | None,
    strawberry.argument(name="filter", description="Only what this asks for."),
]


def asked_for(given: AuditEventFilter | None, *, field: str = "filter") -> EventFilter:
    """What the input asks for. Raises `BadInput` with the path to what is wrong."""
    if given is None:
        return EVERYTHING
    for name in ("action", "via", "outcome"):
        _require_some(getattr(given, name), field=f"{field}.{name}")
    actions = None
    if given.action is not None and "*" not in given.action:
        actions = actions_like(given.action, field=f"{field}.action")
    return EventFilter(
        actor_id=_optional(given.actor_id, field=f"{field}.actorId"),
        target_id=_optional(given.target_id, field=f"{field}.targetId"),
        workspace_id=optional_row_id(given.workspace_id, "Workspace", field=f"{field}.workspaceId"),
        ip=given.ip,
        actions=actions,
        via=None if given.via is None else frozenset(given.via),
        outcomes=None if given.outcome is None else frozenset(given.outcome),
        from_at=given.from_at,
        before_at=given.before_at,
        text=given.text,
    ).checked(field=field)


def _optional(value: str | None, *, field: str) -> UUID | None:
    return None if value is None else ids.row_named(value, field=field)


def _require_some(values: Sequence[object] | None, *, field: str) -> None:
    if values is not None and not 0 < len(values) <= MOST_VALUES:
        raise BadInput(f"Give 1 to {MOST_VALUES} values, or leave it out.", field=field)
