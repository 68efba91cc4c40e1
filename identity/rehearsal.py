"""What a change of access would do, without doing it.

The use case itself carries the change out, in a transaction that is rolled back. So a refusal is
found by the code that refuses, and who gains and who loses by the accesses that would authorise.
Nothing is left of it: no row, no audit event, no announcement, no denial, no use. The lock of the
organization is held meanwhile, so that other changes wait, and readers do not.

Who may rehearse a change is who may make it and reads the members of the organization.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from identity.access import targets
from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION
from identity.access.demanded import demanding
from identity.access.difference import Difference, differences
from identity.access.lookup import Place
from identity.access.permissions import Permission
from identity.access.touched import (
    EVERYBODY,
    RowId,
    Standing,
    Touched,
    members_touched,
    standing,
)
from identity.refusals import Refusal
from identity.subject import Subject
from identity.writing import lock, undone
from models.assignment import ScopeType
from models.clock import now
from models.sql import Statement, as_optional_time, as_uuid

ResultT_co = TypeVar("ResultT_co", covariant=True)

BY_THE_RULES = (403, 409)
"""The statuses of refusals that tell of a change that the rules do not let happen. Any other one
tells of the request, and is raised.
"""


@dataclass(frozen=True, slots=True)
class Change(Generic[ResultT_co]):
    """A change of access that can be made or rehearsed, and whom it can touch."""

    carry_out: Callable[[Subject], Awaitable[ResultT_co]]
    touches: Touched = EVERYBODY
    moves_end_of: UUID | None = None
    """An assignment whose end it moves: what that does shows at the earlier of both ends."""


@dataclass(frozen=True, slots=True)
class ScopeChange:
    """What somebody would gain and lose at one scope, as far as the subject may know: permissions
    are told only with `names_permissions`, the scope only with `names_scope`.
    """

    difference: Difference
    names_permissions: bool
    names_scope: bool

    @property
    def scope_type(self) -> ScopeType:
        return self.difference.scope_type

    @property
    def scope_id(self) -> UUID | None:
        return self.difference.scope_id if self.names_scope else None

    @property
    def gained(self) -> tuple[Permission, ...] | None:
        return self.difference.gained if self.names_permissions else None

    @property
    def lost(self) -> tuple[Permission, ...] | None:
        return self.difference.lost if self.names_permissions else None


@dataclass(frozen=True, slots=True)
class AffectedMember:
    """A member who would gain or lose something, and where."""

    row_id: RowId
    changes: Sequence[ScopeChange]

    @property
    def id(self) -> UUID:
        return as_uuid(self.row_id)


@dataclass(frozen=True, slots=True)
class PermissionTotal:
    """How many members would gain a permission at some scope, and how many would lose it."""

    permission: Permission
    gaining: int
    losing: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would do. With a `refusal` it would do nothing.

    `starts_at` is the moment from which on it would be so; without one, it is at once. `members`
    are the affected ones, newest first. `permissions` are in the order of the vocabulary, and
    `None` to a subject who may not read roles.
    """

    refusal: Refusal | None
    members: Sequence[AffectedMember] = ()
    gaining: int = 0
    losing: int = 0
    permissions: Sequence[PermissionTotal] | None = ()
    starts_at: datetime | None = None


async def rehearse(subject: Subject, change: Change[object]) -> Preview:
    """Carry a change out, see what it does, and roll it back. The number of statements does not
    depend on how many members it touches.

    Raises `Forbidden` without `members:read` at the organization, `Busy`, and what speaks against
    the request: `BadInput`, `NotFound`, `Unauthenticated`.
    """
    async with undone():
        subject = await lock(subject)
        subject.access.require(Permission.MEMBERS_READ, ORGANIZATION)
        organization_id, moment = subject.organization_id, now()
        member_ids = await members_touched(organization_id, change.touches)
        ends = await _ends(organization_id, change)
        try:
            async with undone():
                with demanding():  # what is only rehearsed is no use of a permission
                    await change.carry_out(subject)
                member_ids |= await members_touched(organization_id, change.touches)
                ends |= await _ends(organization_id, change)
                starts_at = min(filter(None, ends)) if len(ends) > 1 else None
                moment = starts_at or moment
                after = await standing(organization_id, member_ids, moment)
        except Refusal as refusal:
            if refusal.status not in BY_THE_RULES:
                raise
            return Preview(refusal)
        before = await standing(organization_id, member_ids, moment)
    preview = _Comparison(subject.access, before, after).preview()
    return replace(preview, starts_at=starts_at)


async def _ends(organization_id: UUID, change: Change[object]) -> set[datetime | None]:
    """When the assignment ends whose end the change moves, as things are."""
    if change.moves_end_of is None:
        return set()
    row = await _END.row(organization_id, change.moves_end_of)
    return set() if row is None else {as_optional_time(row["expires_at"])}


_END = Statement("SELECT expires_at FROM assignments WHERE organization_id = $1 AND id = $2")


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Members before and after a change, for the subject with this access."""

    access: Access
    before: Standing
    after: Standing

    def preview(self) -> Preview:
        changed: dict[RowId, Sequence[ScopeChange]] = {}
        gained, lost = _Total(), _Total()
        for was, is_now, ids in self.before.beside(self.after):
            found = differences(self.before.access(was), self.after.access(is_now))
            if found:
                seen = tuple(self._as_seen(each) for each in found)
                changed |= dict.fromkeys(ids, seen)
                gained.add(len(ids), (each.gained for each in found))
                lost.add(len(ids), (each.lost for each in found))
        members = [
            AffectedMember(row_id, changed[row_id])
            for row_id in sorted(changed, reverse=True)  # type: ignore[type-var]
        ]
        totals = None
        if self._names_permissions:
            totals = [
                PermissionTotal(each, gained.of[each], lost.of[each])
                for each in Permission
                if gained.of[each] or lost.of[each]
            ]
        return Preview(None, members, gained.members, lost.members, totals)

    @property
    def _names_permissions(self) -> bool:
        """Whether the subject may know what roles hold."""
        return self.access.allows_anywhere(Permission.ROLES_READ)

    def _as_seen(self, difference: Difference) -> ScopeChange:
        scope_type = difference.scope_type
        at = Place.SCOPE.target(difference.workspace_id, difference.scope_id, scope_type)
        names_scope = targets.sees_scope(self.access, scope_type, at)
        return ScopeChange(difference, self._names_permissions, names_scope)


@dataclass(slots=True)
class _Total:
    """How many members gain, or lose, anything at all, and each permission."""

    members: int = 0
    of: Counter[Permission] = field(default_factory=Counter)

    def add(self, members: int, at_scopes: Iterable[tuple[Permission, ...]]) -> None:
        """Count so many members, of whom each has these permissions at these scopes."""
        anywhere = {permission for each in at_scopes for permission in each}
        self.members += members if anywhere else 0
        for permission in anywhere:
            self.of[permission] += members
