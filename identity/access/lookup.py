"""How one row is found by its id: in the subject's organization, and only if it may be seen.

One rule for use cases, which get the row from `find`, and for reads that choose their own columns
and take the condition as SQL.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar
from uuid import UUID

from identity.access.compiled import Access, scope_missing
from identity.access.decision import Target
from identity.access.demanded import demand
from identity.access.permissions import Permission, bits_of, permissions_in
from identity.refusals import NotFound, Refusal
from models import rows
from models.assignment import ScopeType
from models.listing import Values
from models.record import Record
from models.sql import as_optional_uuid

RecordT = TypeVar("RecordT", bound=Record)


class Place(Enum):
    """Where permissions on a row are checked, by the columns that say so."""

    ORGANIZATION = ()
    WORKSPACE = ("id",)
    RESOURCE = ("workspace_id", "id")
    WITHIN = ("workspace_id",)
    """In the row's workspace, or at the organization if it has none."""
    SCOPE = ("workspace_id", "scope_id", "scope_type")

    @property
    def columns(self) -> tuple[str, ...]:
        columns: tuple[str, ...] = self.value
        return columns

    def target(self, *values: Any) -> Target:
        """The target of a row with these values in the columns, ids also as text."""
        ids = [as_optional_uuid(value) for value in values[:2]]
        if self is Place.SCOPE and values[2] in (ScopeType.ORGANIZATION, ScopeType.WORKSPACE):
            return Target(ids[0])
        return Target(*ids)

    def target_of(self, row: object) -> Target:
        return self.target(*(getattr(row, column) for column in self.columns))


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether a subject may know that a row is there, by the row's target. `mask` holds the
    permissions of which one is enough, and nothing where that is not what it takes.
    """

    rule: Callable[[Access, Target], bool]
    mask: int = 0

    def __call__(self, access: Access, target: Target) -> bool:
        return self.rule(access, target)


def seen_with(*permissions: Permission) -> Seen:
    """It takes one of these permissions at the target."""
    mask = bits_of(permissions)
    return Seen(lambda access, target: access.allows_any(mask, target), mask)


def seen_with_anywhere(permission: Permission) -> Seen:
    """It takes this permission at any place at all."""
    return Seen(lambda access, target: access.allows_anywhere(permission), permission.bit)


@dataclass(frozen=True, slots=True)
class Lookup(Generic[RecordT]):
    """`label` is what people call such a row."""

    model: type[RecordT]
    label: str
    place: Place
    seen: Seen

    def in_organization(self, values: Values, organization_id: UUID, alias: str = "t") -> str:
        """SQL that is true of the organization's rows."""
        organization = values.add(organization_id)
        columns = self.model._meta.fields_db_projection
        if "organization_id" in columns:
            return f"{alias}.organization_id = {organization}"
        if "workspace_id" in columns:
            workspaces = f"SELECT id FROM workspaces WHERE organization_id = {organization}"  # noqa: S608
            return f"{alias}.workspace_id IN ({workspaces})"
        return f"{alias}.id = {organization}"

    async def find(self, access: Access, row_id: UUID, *, locked: bool = False) -> RecordT:
        """The row. Raises `NotFound`, in the same words for a row that is not to be seen, and
        `ScopeMissing` for an API key that can see none, whether the row is there or not.

        With `locked`, nobody else changes it until the caller's transaction ends.
        """
        values = Values()
        condition = f"t.id = {values.add(row_id)}"
        condition += f" AND {self.in_organization(values, access.organization_id)}"
        for row in await rows.matching(self.model, condition, values.given, locked=locked):
            if self.seen(access, self.place.target_of(row)):
                demand(self.seen.mask)
                return row
        raise self.absent(access)

    def absent(self, access: Access) -> Refusal:
        """The refusal of a row that is not there, or not to be seen. An API key whose scopes show
        no such row at all is told so, whether it is there or not.
        """
        missing = access.beyond_scopes(self.seen.mask)
        return scope_missing(permissions_in(missing)) if missing else NotFound(self.label)

    async def find_all(self, access: Access, row_ids: Sequence[UUID]) -> dict[UUID, RecordT]:
        """Those of the rows that may be seen, by their ids."""
        values = Values()
        condition = f"t.id IN ({values.add_all(row_ids)})"
        condition += f" AND {self.in_organization(values, access.organization_id)}"
        found = await rows.matching(self.model, condition, values.given)
        seen = {row.id: row for row in found if self.seen(access, self.place.target_of(row))}
        if seen:
            demand(self.seen.mask)
        return seen
