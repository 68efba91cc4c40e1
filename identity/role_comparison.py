"""Two roles side by side, or two versions of one, by what each grants."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from identity import role_versions, roles
from identity.access.compiled import Access
from identity.access.levels import RoleLevel, levels_of
from identity.access.permissions import Permission, mask_of, permissions_in
from identity.role_versions import Content


class Side(NamedTuple):
    """A role by the name it has or had, and the mask of what it grants or granted."""

    name: str
    mask: int


class ComparedLevel(NamedTuple):
    """The levels at which the two sides grant a group."""

    group: str
    level: RoleLevel
    other_level: RoleLevel


@dataclass(frozen=True, slots=True)
class Comparison:
    """What both sides grant, and what only one does, with what is implied."""

    role: Side
    other: Side

    @property
    def in_both(self) -> tuple[Permission, ...]:
        return permissions_in(self.role.mask & self.other.mask)

    @property
    def only_in_role(self) -> tuple[Permission, ...]:
        return permissions_in(self.role.mask & ~self.other.mask)

    @property
    def only_in_other(self) -> tuple[Permission, ...]:
        return permissions_in(self.other.mask & ~self.role.mask)

    @property
    def levels(self) -> list[ComparedLevel]:
        """Of every group, in the order of the role designer."""
        sides = zip(levels_of(self.role.mask), levels_of(self.other.mask), strict=True)
        return [ComparedLevel(own.group, own.level, other.level) for own, other in sides]


async def side(access: Access, role_id: UUID, number: int | None = None) -> Side:
    """A role as it is, or as it was in the version `number`, also if it is gone since.

    Raises `NotFound`.
    """
    if number is None:
        row = await roles.found(access, role_id)
        return Side(row.name, roles.mask_of_role(row))
    version = await role_versions.found(access, role_id, number)
    return Side(version.name, mask_of(Content.of(version).permissions))
