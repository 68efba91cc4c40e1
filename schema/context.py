"""What every resolver is given: who asks, and the batches of this one request.

Batches keep nothing: a later root field of a mutation sees what an earlier one wrote.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from identity import least_privilege
from identity.access.compiled import Access
from identity.least_privilege import Use
from identity.presence import Presence
from identity.subject import Subject
from models.reading import Row
from models.record import Record
from models.role import Role
from schema.batches import rows_by_id, rows_with
from schema.cost import MOST_ROWS, too_many_rows

RecordT = TypeVar("RecordT", bound=Record)


class Watch(Protocol):
    """Looks on while an operation runs, for an explanation of it."""

    def planned(self, plan: Any, variant: Any) -> None:
        """The engine has this plan of it, for this outcome of its guards."""

    def read(self, level: object, sql: str, rows: Sequence[Row], seconds: float) -> None:
        """The engine read rows for a part of its plan."""

    def left(self, reason: str) -> None:
        """graphql-core executes it, because of this."""


@dataclass(slots=True)
class Context:
    subject: Subject
    done: dict[str, Any] = field(default_factory=dict)
    """What mutations were carried out already, by their response keys: they are not done again."""
    found: dict[UUID, Record] = field(default_factory=dict)
    """The rows that the check of a mutation's root fields found, before any of them ran."""
    asked: int = 0
    """The permissions, as a mask, that were asked for and held before it ran: for its inputs, and
    of a subscription for its field."""
    rows: int = 0
    """How many were read for the lists of the operation."""
    presence: Presence | None = None
    """Of a subscription: the caller who stays."""
    watch: Watch | None = None
    by_id: dict[type[Record], DataLoader[UUID, Record | None]] = field(default_factory=dict)
    by_column: dict[tuple[type[Record], str], DataLoader[UUID, list[Any]]] = field(
        default_factory=dict
    )

    by_days: dict[int, DataLoader[Role, Use]] = field(default_factory=dict)

    @property
    def access(self) -> Access:
        return self.subject.access

    def taken(self, model: type[RecordT], row_id: UUID) -> RecordT | None:
        """The row that the check found, once: the first root field to take it may change it."""
        row = self.found.pop(row_id, None)
        return row if isinstance(row, model) else None

    @property
    def staying(self) -> Presence:
        """The caller of a subscription, which no other operation may ask for."""
        if self.presence is None:
            raise LookupError("only subscriptions have a caller who stays")
        return self.presence

    def spend(self, rows: int) -> None:
        """Count rows that are about to be read, or were. Raises `TooExpensive`."""
        self.rows += rows
        if self.rows > MOST_ROWS:
            raise too_many_rows(self.rows)

    async def related(self, row: Record, relation: str) -> Record | None:
        """The row that a foreign key of the row points at."""
        key = row._meta.fields_map[relation]
        model: type[Record] = key.related_model  # type: ignore[attr-defined]
        wanted: UUID | None = getattr(row, f"{relation}_id")
        return None if wanted is None else await self.row(model, wanted)

    async def row(self, model: type[RecordT], row_id: UUID) -> RecordT | None:
        """The row of an id that the subject was told of already."""
        if model not in self.by_id:
            self.by_id[model] = DataLoader(partial(rows_by_id, model), cache=False)
        found = await self.by_id[model].load(row_id)
        return found if isinstance(found, model) else None

    async def rows_with(self, model: type[Record], column: str, value: UUID) -> list[Any]:
        """The organization's rows with this value in the column, oldest first."""
        key = (model, column)
        if key not in self.by_column:
            load = partial(rows_with, model, column, self.subject.organization_id)
            self.by_column[key] = DataLoader(load, cache=False)
        return await self.by_column[key].load(value)

    async def use_of(self, role: Role, days: int) -> Use:
        """What was used of a role in the last days; see `identity.least_privilege.of_roles`."""
        if days not in self.by_days:
            load = partial(least_privilege.of_roles, self.subject, days=days)
            self.by_days[days] = DataLoader(load, cache=False)
        return await self.by_days[days].load(role)


ContextInfo = strawberry.Info[Context, None]
