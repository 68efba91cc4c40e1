"""What the fixed roles hold: the two matrices of the product, as data.

A level is FULL, READ, NONE, or an explicit set of permissions.
"""

from collections.abc import Iterable, Mapping
from enum import Enum

from identity.access.permissions import GROUPS, READ_LEVEL, Permission, parse_permission
from models.role import BuiltinRole


class Level(Enum):
    NONE = "none"
    READ = "read"
    FULL = "full"


F, R, N = Level.FULL, Level.READ, Level.NONE
_TEMPLATES_WITHOUT_PROTECT = frozenset(
    p
    for group in GROUPS
    if group.name == "templates"
    for p in group.permissions
    if p is not Permission.TEMPLATES_PROTECT
)
_SERVERS_USE = frozenset({Permission.SERVERS_USE})
_DOMAINS_USE = frozenset({Permission.DOMAINS_USE})

Cell = Level | frozenset[Permission]

MATRIX: Mapping[str, tuple[Cell, ...]] = {
    # group:        Owner Admin Operator Viewer Member Editor Auditor
    "campaigns": (F, F, F, R, N, R, R),
    "lists": (F, F, R, R, N, N, R),
    "automations": (F, F, F, N, N, N, R),
    "templates": (F, F, _TEMPLATES_WITHOUT_PROTECT, R, N, R, R),
    "forms": (F, F, R, N, N, N, R),
    "servers": (F, F, _SERVERS_USE, N, N, N, R),
    "domains": (F, R, _DOMAINS_USE, N, N, N, R),
    "conversations": (F, F, R, R, R, R, R),
    "activity": (F, F, R, R, R, R, R),
    "documents": (F, F, R, R, R, F, R),
    "brand": (F, F, R, R, R, R, R),
    "agent": (F, F, R, R, R, R, R),
    "members": (F, N, N, N, R, R, R),
    "roles": (F, N, N, N, R, R, R),
    "api_keys": (F, N, N, N, N, N, R),
    "audit": (F, R, N, N, R, R, F),
    "workspace": (F, R, R, R, R, R, R),
    "identity": (F, N, N, N, N, N, R),
    "organization": (F, N, N, N, N, N, R),
}
"""One row a permission group, one column a role in the order of `BuiltinRole`."""

DESCRIPTIONS: Mapping[BuiltinRole, str] = {
    BuiltinRole.OWNER: "Everything, including people, roles, billing plan and sign-in.",
    BuiltinRole.ADMIN: "Runs all outbound work; changes neither people nor roles.",
    BuiltinRole.OPERATOR: "Writes and sends campaigns with the servers and domains given.",
    BuiltinRole.VIEWER: "Sees outbound work and results; changes nothing.",
    BuiltinRole.MEMBER: "Sees the brand's inbox, documents and team; changes nothing.",
    BuiltinRole.EDITOR: "Keeps documents and reads campaigns.",
    BuiltinRole.AUDITOR: "Reads everything and exports the audit log.",
}


def _permissions(column: int) -> frozenset[Permission]:
    held: set[Permission] = set()
    for group in GROUPS:
        cell = MATRIX[group.name][column]
        if cell is Level.FULL:
            held.update(group.permissions)
        elif cell is Level.READ:
            held.update(p for p in group.permissions if p in READ_LEVEL)
        elif isinstance(cell, frozenset):
            held.update(cell)
    return frozenset(held)


BUILTIN_PERMISSIONS: Mapping[BuiltinRole, frozenset[Permission]] = {
    role: _permissions(column) for column, role in enumerate(BuiltinRole)
}


def held(builtin: BuiltinRole | None, names: Iterable[str]) -> frozenset[Permission]:
    """What a role holds as it was written down: a built-in one by the table, any other by the names
    in its row. A name that this version does not know holds nothing.
    """
    if builtin is not None:
        return BUILTIN_PERMISSIONS[builtin]
    known = (parse_permission(name) for name in names)
    return frozenset(permission for permission in known if permission is not None)
