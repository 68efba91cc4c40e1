"""Which events somebody asks for: said once, as SQL for pages and exports, and in memory for what
follows the log as it grows.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import ClassVar
from uuid import UUID

from identity.audit import words
from identity.audit.actions import Action
from identity.refusals import BadInput
from models.audit_event import AuditEvent, Outcome, ViaType
from models.ids import lowest_id
from models.listing import Values
from models.record import Record
from models.sql import is_postgres
from models.window import Window

SLACK = timedelta(minutes=1)
"""By how much the time in an event's id may differ from the event's time."""
NEAR = 3_000
"""Events at the near end of a list that are read for a text before the index of words is asked:
what is said often is found among them, and reading all that the index has of it would take long."""
EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
PATTERN = re.compile(r"[a-z_]+\.[a-z_]+|[a-z_]+\.\*|\*\.[a-z_]+|\*")


def actions_like(patterns: Iterable[str], *, field: str) -> frozenset[str]:
    """The actions of the catalogue that one of the patterns means: a name, `role.*`, `*.delete` or
    `*`. Raises `BadInput` for a pattern that means none.
    """
    found: set[str] = set()
    for pattern in patterns:
        noun, _, verb = ("*.*" if pattern == "*" else pattern).partition(".")
        meant = {
            action.value
            for action in Action
            if PATTERN.fullmatch(pattern)
            and noun in ("*", action.value.partition(".")[0])
            and verb in ("*", action.value.partition(".")[2])
        }
        if not meant:
            raise BadInput(f"There is no audit action {pattern[:80]!r}.", field=field)
        found |= meant
    return frozenset(found)


@dataclass(frozen=True)
class EventFilter:
    """Everything that is given holds of an event; what is not given is not asked.

    `actions` are names of the catalogue (`actions_like`), `text` is held against the words of an
    event (`identity.audit.words`), and the time lies at `from_at` or later, before `before_at`.
    """

    actor_id: UUID | None = None
    target_id: UUID | None = None
    workspace_id: UUID | None = None
    ip: str | None = None
    actions: frozenset[str] | None = None
    via: frozenset[ViaType] | None = None
    outcomes: frozenset[Outcome] | None = None
    from_at: datetime | None = None
    before_at: datetime | None = None
    text: str | None = None

    @cached_property
    def words(self) -> Sequence[str]:
        """The words of the text."""
        return tuple(dict.fromkeys(words.split(self.text or "")))

    def checked(self, *, field: str) -> "EventFilter":
        """The same in UTC. Raises `BadInput` for a text without any word or with too many, and for
        times without a zone or in the wrong order.
        """
        if self.text is not None and not 0 < len(self.words) <= words.MOST_WORDS:
            most = words.MOST_WORDS
            raise BadInput(f"Search for 1 to {most} words.", field=f"{field}.text")
        from_at = _utc(self.from_at, f"{field}.fromAt")
        before_at = _utc(self.before_at, f"{field}.beforeAt")
        if from_at is not None and before_at is not None and before_at <= from_at:
            raise BadInput("The end lies before the beginning.", field=f"{field}.beforeAt")
        return replace(self, from_at=from_at, before_at=before_at)

    def within(self, workspace_id: UUID | None) -> "EventFilter | None":
        """The same in one workspace, if given; `None` where that leaves nothing."""
        if workspace_id is None or workspace_id == self.workspace_id:
            return self
        return None if self.workspace_id else replace(self, workspace_id=workspace_id)

    def matches(self, event: AuditEvent) -> bool:
        """Whether the event, which is one of the organization, is among those asked for."""
        wanted = (
            (self.actor_id, event.actor_id),
            (self.target_id, event.target_id),
            (self.workspace_id, event.workspace_id),
            (self.ip, event.ip),
        )
        if any(value is not None and value != has for value, has in wanted):
            return False
        among: tuple[tuple[frozenset[str] | None, str], ...] = (
            (self.actions, event.action),
            (self.via, event.via),
            (self.outcomes, event.outcome),
        )
        if any(some is not None and has not in some for some, has in among):
            return False
        if self.from_at is not None and event.created_at < self.from_at:
            return False
        if self.before_at is not None and event.created_at >= self.before_at:
            return False
        return all(f" {word}" in (event.words or "") for word in self.words)

    def told(self) -> dict[str, object]:
        """What is given, by the names of the API, for the audit log."""
        facts: dict[str, object] = {
            "actorId": self.actor_id,
            "targetId": self.target_id,
            "workspaceId": self.workspace_id,
            "ip": self.ip,
            "action": None if self.actions is None else sorted(self.actions),
            "via": None if self.via is None else sorted(self.via),
            "outcome": None if self.outcomes is None else sorted(self.outcomes),
            "fromAt": self.from_at,
            "beforeAt": self.before_at,
            "text": self.text,
        }
        return {name: value for name, value in facts.items() if value is not None}


EVERYTHING = EventFilter()


def _utc(moment: datetime | None, field: str) -> datetime | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise BadInput("Give the time with its zone, e.g. 2030-01-01T09:00:00Z.", field=field)
    if not EARLIEST <= moment <= LATEST:
        raise BadInput("The time lies too far away.", field=field)
    return moment.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Events:
    """The events of an organization that a filter asks for, newest first, as a listing.

    Each page is one walk of an index, in the order of the ids, or one for each of several actions,
    outcomes or credentials, of which as many rows are read as the page has.
    """

    organization_id: UUID
    asked: EventFilter
    order: ClassVar[str] = "t.id DESC"
    model: ClassVar[type[Record]] = AuditEvent

    def rows(self, values: Values, window: Window | None) -> str | None:
        assert window is not None  # noqa: S101 - the log is always read by pages
        fixed = self._fixed(values)
        if self.asked.words and is_postgres():
            return self._searched([*fixed, *self._among(values)], values, window)
        fixed += [f"t.words LIKE {values.add(f'% {word}%')}" for word in self.asked.words]
        by = self._branching()
        if by is None:
            return _walk([*fixed, *self._among(values)], values, window)
        column, each = by
        rest = [*fixed, *self._among(values, but=column)]
        branches = [_walk([*rest, *_is(column, one)], values, window) for one in each]
        if len(branches) == 1:
            return branches[0]
        union = " UNION ALL ".join(f"SELECT * FROM ({b}) b{n}" for n, b in enumerate(branches))  # noqa: S608
        order = "ASC" if window.backwards else "DESC"
        return f"SELECT t.* FROM ({union}) t ORDER BY t.id {order} LIMIT {window.limit}"  # noqa: S608

    def conditions(self, values: Values) -> Sequence[str]:
        """What is true of the rows `t` that are asked for, wherever they stand in the list."""
        conditions = [*self._fixed(values), *self._among(values)]
        if self.asked.words and is_postgres():
            return [*conditions, f"{WORDS_OF_AN_ORGANIZATION} @@ {self._query()}"]
        return [
            *conditions,
            *(f"t.words LIKE {values.add(f'% {word}%')}" for word in self.asked.words),
        ]

    def _fixed(self, values: Values) -> list[str]:
        """The conditions that have one value each."""
        asked = self.asked
        conditions = [f"t.organization_id = {values.add(self.organization_id)}"]
        for column in ("workspace_id", "actor_id", "target_id", "ip"):
            value = getattr(asked, column)
            if value is not None:
                conditions.append(f"t.{column} = {values.add(value)}")
        if asked.from_at is not None:
            conditions.append(f"t.id >= {values.add(lowest_id(asked.from_at - SLACK))}")
            conditions.append(f"t.created_at >= {values.add(asked.from_at)}")
        if asked.before_at is not None:
            conditions.append(f"t.id < {values.add(lowest_id(asked.before_at + SLACK))}")
            conditions.append(f"t.created_at < {values.add(asked.before_at)}")
        return conditions

    def _among(self, values: Values, *, but: str | None = None) -> list[str]:
        """The conditions that may have several values, except the one of that column."""
        return [
            f"t.{column} IN ({values.add_all(some)})"
            for column, some in self._several()
            if column != but
        ]

    def _several(self) -> list[tuple[str, Sequence[str]]]:
        asked = self.asked
        columns = (("action", asked.actions), ("outcome", asked.outcomes), ("via", asked.via))
        return [(name, sorted(map(str, some))) for name, some in columns if some is not None]

    def _branching(self) -> tuple[str, Sequence[str]] | None:
        """The column of which each value has a walk of its own, unless a narrower one leads."""
        asked = self.asked
        if asked.actor_id or asked.target_id or asked.ip:
            return None
        for column, some in self._several():
            if column != "outcome" or Outcome.SUCCESS.value not in some:
                return column, some
        return None

    def _searched(self, conditions: Sequence[str], values: Values, window: Window) -> str:
        """By the words, on PostgreSQL: among the nearest events, and if these have too few, by the
        index of words in what is beyond them.
        """
        likes = [f"t.words LIKE {values.add(f'% {word}%')}" for word in self.asked.words]
        near = _walk(conditions, values, replace(window, limit=NEAR), columns="t.id, t.words")
        order, farther = ("ASC", ">") if window.backwards else ("DESC", "<")
        opposite = "DESC" if window.backwards else "ASC"
        indexed = [
            *conditions,
            *likes,  # cheaper, where PostgreSQL takes to looking at one row after the other
            f"{WORDS_OF_AN_ORGANIZATION} @@ {self._query()}",
            f"t.id {farther} (SELECT id FROM near ORDER BY id {opposite} LIMIT 1)",  # noqa: S608
            f"(SELECT count(*) FROM near) = {NEAR}",  # noqa: S608
            f"(SELECT count(*) FROM found) < {window.limit}",  # noqa: S608
        ]
        return f"""
            WITH near AS MATERIALIZED ({near}), found AS MATERIALIZED (
                SELECT id FROM near t WHERE {" AND ".join(likes)}
                ORDER BY id {order} LIMIT {window.limit}
            )
            SELECT t.* FROM audit_events t WHERE t.id IN (
                SELECT id FROM found
                UNION ALL SELECT id FROM ({_walk(indexed, values, window, columns="t.id")}) beyond
            ) ORDER BY t.id {order} LIMIT {window.limit}
        """  # noqa: S608

    def _query(self) -> str:
        """The words as PostgreSQL's `tsquery`, written out so that its statistics of words count:
        a word is letters and digits alone.
        """
        own = str(self.organization_id)[-12:]
        words = " & ".join(f"''{own}:{word}'':*" for word in self.asked.words)
        return f"'{words}'::tsquery"


WORDS_OF_AN_ORGANIZATION = (
    "array_to_tsvector(string_to_array(substr(replace(t.words, ' ',"
    " ' ' || right(t.organization_id::text, 12) || ':'), 2), ' '))"
)
"""The expression of the index of words: each with its organization, so that nothing is read of what
others say."""


def _walk(
    conditions: Sequence[str], values: Values, window: Window, *, columns: str = "t.*"
) -> str:
    text = f"SELECT {columns} FROM audit_events t WHERE {' AND '.join(conditions)}"  # noqa: S608
    return text + values.range("t.id", window)


def _is(column: str, value: str) -> Sequence[str]:
    """The condition of one branch. The values are those of our own enums, and stand in the text: an
    index that leaves success out is not used for a placeholder.
    """
    same = f"t.{column} = '{value}'"
    return (same, "t.outcome <> 'success'") if column == "outcome" else (same,)
