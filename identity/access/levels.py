"""How much of a permission group is granted, in one word."""

from enum import StrEnum
from typing import NamedTuple

from identity.access.permissions import GROUPS, READ_MASK, PermissionGroup, bits_of


class RoleLevel(StrEnum):
    """What a role designer shows of a group: nothing, what reads, everything, or a choice."""

    NONE = "none"
    READ = "read"
    FULL = "full"
    CUSTOM = "custom"


def level_of(group: PermissionGroup, mask: int) -> RoleLevel:
    """The level at which a role with this mask grants a group, what is implied included.

    READ is exactly what reads. It comes before FULL: in a group of which everything reads, READ is
    all there is.
    """
    whole = bits_of(group.permissions)
    granted = mask & whole
    if not granted:
        return RoleLevel.NONE
    if granted == READ_MASK & whole:
        return RoleLevel.READ
    return RoleLevel.FULL if granted == whole else RoleLevel.CUSTOM


class GroupLevel(NamedTuple):
    """The level at which a role grants the group of this name."""

    group: str
    level: RoleLevel


def levels_of(mask: int) -> list[GroupLevel]:
    """The level of every group, in the order of the role designer."""
    return [GroupLevel(group.name, level_of(group, mask)) for group in GROUPS]
