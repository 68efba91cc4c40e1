"""The ids that events name: of what has a global id, that one; of anything else the id as it is
stored, which the command line prints, too.
"""

import re
from uuid import UUID

import strawberry

from models.audit_event import ActorType, AuditEvent
from schema.ids import TAGS, global_id, parse_id

STORED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def named(kind: str | None, row_id: UUID | None) -> strawberry.ID | None:
    """The id of something of a kind that the log knows, such as `sending_server`."""
    if row_id is None:
        return None
    type_name = "".join(part.capitalize() for part in (kind or "").split("_"))
    return global_id(type_name, row_id) if type_name in TAGS else strawberry.ID(str(row_id))


def actor(event: AuditEvent) -> strawberry.ID | None:
    """Who acted. What is no member and has no id of its own is nobody that could be asked for."""
    return named(ActorType(event.actor_type).value, event.actor_id)


def row_named(value: str, *, field: str) -> UUID:
    """The row that such an id names. Raises `BadInput`."""
    if STORED.fullmatch(value):
        return UUID(value)
    _, row = parse_id(value, field=field)
    return row
