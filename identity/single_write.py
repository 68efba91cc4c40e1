"""A change of one row, its conditions and its audit event as one statement, on PostgreSQL.

The decision is made before, on a row that was read without a lock. The statement repeats what the
decision rests on as conditions of its own, and changes nothing unless all of it holds at that
moment:

* the organization is at the access revision and the plan that the subject's access was compiled
  for, and its row is locked as `writing` locks it, so that no change of access commits meanwhile;
* the row is in that organization and that workspace, at the version and in the state that the
  decision saw. The version also makes the old values in the audit event the right ones.

It never waits for the organization: whoever finds it locked has nothing changed here either. Then
`writing` decides, under the lock, and finds the exact refusal.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Generic

from identity.access.kinds import ResourceT
from identity.audit.record import mention_event
from identity.subject import Subject
from models import rows
from models.audit_event import AuditEvent
from models.clock import now
from models.reading import fetch_alone
from models.record import Record
from models.sql import in_transaction, is_postgres

REMEMBERED_TEXTS = 200


@dataclass(frozen=True, slots=True)
class SingleWrite(Generic[ResourceT]):
    """A decided change: `row` is as it shall be, and was as `since` says. `state` are the columns
    besides the version that the decision rests on. `event` tells of the row once it is changed.
    """

    row: ResourceT
    since: Mapping[str, object]
    state: Sequence[str]
    event: Callable[[], AuditEvent]


def possible(subject: Subject) -> bool:
    """Whether it can be tried: the access is one of a revision, and no transaction is under way
    that the change must be part of.
    """
    return is_postgres() and subject.member_id is not None and not in_transaction()


async def written(subject: Subject, write: SingleWrite[ResourceT]) -> ResourceT | None:
    """The row as it is now, committed with its event; `None` when nothing was changed."""
    events: list[AuditEvent] = []

    def statement() -> tuple[str, Sequence[object]] | None:
        if subject.access.expired_at(now()):
            return None
        write.row.touch()
        events.append(write.event())
        return _statement(subject, write, events[0])

    found = await fetch_alone(statement)
    if not found:
        return None
    mention_event(events[0])
    return rows.loaded(type(write.row), found[0])


def _statement(
    subject: Subject, write: SingleWrite[ResourceT], event: AuditEvent
) -> tuple[str, Sequence[object]]:
    row, since = write.row, write.since
    model: type[Record] = type(row)
    names, state = rows.changed(row, since), ("id", "workspace_id", "version", *write.state)
    values = [
        subject.organization_id,
        subject.revision,
        subject.plan.value,
        *rows.bound(row, names),
        *(since[name] for name in state),
        *rows.bound(event, rows.columns(AuditEvent)),
    ]
    return _text(model, names, state), values


@lru_cache(maxsize=REMEMBERED_TEXTS)
def _text(model: type[Record], names: tuple[str, ...], state: tuple[str, ...]) -> str:
    """The statement that changes the columns `names`, on conditions of those of `state`, among them
    the workspace.
    """
    numbers = count(4)
    sets = ", ".join(f"{name} = ${next(numbers)}" for name in names)
    at = {name: f"${next(numbers)}" for name in state}
    conditions = " AND ".join(f"t.{name} = {number}" for name, number in at.items())
    recorded = rows.columns(AuditEvent)
    event = ", ".join(f"${next(numbers)}" for _ in recorded)
    columns = rows.selection(model)
    return f"""
        WITH allowed AS (
            SELECT w.id FROM organizations o JOIN workspaces w ON w.organization_id = o.id
            WHERE o.id = $1 AND o.access_revision = $2 AND o.plan = $3
            AND w.id = {at["workspace_id"]}
            FOR SHARE OF o SKIP LOCKED
        ), changed AS (
            UPDATE {model._meta.db_table} t SET {sets} FROM allowed
            WHERE t.workspace_id = allowed.id AND {conditions}
            RETURNING {columns}
        ), recorded AS (
            INSERT INTO audit_events ({", ".join(recorded)}) SELECT {event} FROM changed
        )
        SELECT {columns} FROM changed t
    """  # noqa: S608 - names of our own columns
