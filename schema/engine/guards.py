"""What the guards of an operation decide: once for a subject, and by the row where it depends."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any
from uuid import UUID

from graphql import FieldNode
from graphql.language import get_location

from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION, Target
from identity.access.lookup import Place
from identity.access.permissions import ALL_MASK, ARCHIVED_MASK, Permission, bits_of
from identity.refusals import Refusal
from models.sql import as_optional_uuid, is_postgres
from schema.directives import At, Auth
from schema.engine.mapped import MappedType
from schema.guard import require_one


class Outcome(IntEnum):
    """What a guard says of the objects that it is on."""

    DENIED = 0
    ALLOWED = 1
    BY_ROW = 2


@dataclass(frozen=True, slots=True)
class Guard:
    """The `@auth` of one field of an operation. `locations` is where the document asks for it."""

    index: int
    requires: Sequence[Permission]
    mask: int
    at: str
    place: Place
    locations: Sequence[dict[str, int]]

    @classmethod
    def of(cls, index: int, parent: MappedType, auth: Auth, nodes: Sequence[FieldNode]) -> "Guard":
        return cls(
            index=index,
            requires=tuple(auth.requires),
            mask=bits_of(auth.requires),
            at=auth.at,
            place=parent.place if auth.at == At.SELF else Place.ORGANIZATION,
            locations=locations_of(nodes),
        )


def locations_of(nodes: Sequence[FieldNode]) -> Sequence[dict[str, int]]:
    """Where the nodes stand in their document."""
    found = []
    for node in nodes:
        if node.loc is not None and node.loc.source is not None:
            place = get_location(node.loc.source, node.loc.start)
            found.append({"line": place.line, "column": place.column})
    return found


@dataclass(frozen=True, slots=True)
class Refused:
    """What stands in the data where a field was refused, until the errors are made of it.

    It has the words of the refusal, and not the exception, whose traceback holds frames that hold
    this: each denied request would then leave its data to the garbage collector, a pause for all.
    """

    message: str
    extensions: Mapping[str, Any]
    locations: Sequence[dict[str, int]]

    def error(self, path: Sequence[str | int]) -> dict[str, Any]:
        """The error as `schema.errors.formatted` writes it."""
        return {
            "message": self.message,
            "extensions": self.extensions,
            "locations": self.locations,
            "path": path,
        }


def outcomes(guards: Sequence[Guard], access: Access) -> tuple[Outcome, ...]:
    """What each guard says for a subject."""
    wide = (access.organization_mask | access.fixed_mask) & ~access.plan_cut
    wide &= ARCHIVED_MASK if access.archived_workspaces else ALL_MASK
    return tuple(_outcome(guard, access, wide, access.granted_anywhere) for guard in guards)


def _outcome(guard: Guard, access: Access, wide: int, somewhere: int) -> Outcome:
    if guard.at in (At.EACH, At.VALUE):
        return Outcome.ALLOWED
    if guard.at == At.ANYWHERE:
        anywhere = any(access.allows_anywhere(each) for each in guard.requires)
        return Outcome.ALLOWED if anywhere else Outcome.DENIED
    if guard.at == At.ORGANIZATION or guard.place is Place.ORGANIZATION:
        held = access.allows_any(guard.mask, ORGANIZATION)
        return Outcome.ALLOWED if held else Outcome.DENIED
    if wide & guard.mask:
        return Outcome.ALLOWED
    alike = guard.place in (Place.WORKSPACE, Place.RESOURCE)
    return Outcome.DENIED if alike and not somewhere & guard.mask else Outcome.BY_ROW


A_WORKSPACE = Target(UUID(int=0))
A_RESOURCE = Target(UUID(int=0), UUID(int=0))
"""For a guard that is denied everywhere: any target gets the same text."""


@dataclass(slots=True)
class Checks:
    """The guards of an operation at work for one subject, with each refusal made once."""

    access: Access
    guards: Sequence[Guard]
    made: dict[tuple[int, tuple[int, int | None], bool, bool], Refused] = field(
        default_factory=dict
    )
    refusing: bool = False
    """Whether anything was refused, so that the data holds a `Refused`."""

    def denied(self, index: int) -> Refused:
        """The refusal of a guard that is denied wherever it stands."""
        guard = self.guards[index]
        at = ORGANIZATION
        if guard.at == At.SELF and guard.place is not Place.ORGANIZATION:
            at = A_WORKSPACE if guard.place is Place.WORKSPACE else A_RESOURCE
        return self._refused(guard, at)

    def masks(self) -> Callable[..., int]:
        """What gives the permissions held at a workspace, or at a resource in one, by the ids of a
        row as the database gives them: `Access.mask_at` for a loop over many rows.
        """
        access = self.access
        everywhere = access.organization_mask | access.fixed_mask
        at_workspace, at_resource = access.workspace_masks.get, access.resource_masks.get
        archived, kept = access.archived_workspaces, ~access.plan_cut

        def mask(workspace_id: Any, resource_id: Any = None) -> int:
            if workspace_id is None:
                return everywhere & kept
            held = (everywhere | at_workspace(workspace_id, 0) | at_resource(resource_id, 0)) & kept
            return held & ARCHIVED_MASK if workspace_id in archived else held

        if is_postgres():
            return mask
        return lambda *place: mask(*(as_optional_uuid(each) for each in place))

    def refused(self, index: int, *place: object) -> Refused:
        """The refusal of a guard at a row that it does not allow."""
        return self._refused(self.guards[index], _target(place))

    def _refused(self, guard: Guard, at: Target) -> Refused:
        archived = at.workspace_id in self.access.archived_workspaces
        whole = self.access.whole
        held = (self.access.granted_at(at), None if whole is None else whole.granted_at(at))
        key = (guard.index, held, archived, guard.place is Place.RESOURCE)
        found = self.made.get(key)
        if found is None:
            found = self.made[key] = self.stand_in(self._refusal(guard, at), guard.locations)
        return found

    def stand_in(self, refusal: Refusal, locations: Sequence[dict[str, int]]) -> Refused:
        """What to put into the data where a field is refused."""
        self.refusing = True
        extensions = {"code": refusal.code, **refusal.details}
        return Refused(refusal.message, extensions, locations)

    def _refusal(self, guard: Guard, at: Target) -> Refusal:
        try:
            if guard.at == At.ANYWHERE:
                self.access.require_scope(guard.mask)
            require_one(self.access, list(guard.requires), at)
        except Refusal as refusal:
            return refusal
        raise AssertionError("a guard that allows was asked for its refusal")


def _target(place: Sequence[object]) -> Target:
    return Target(*(as_optional_uuid(each) for each in place))
