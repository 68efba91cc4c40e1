"""What the fixed roles hold: the two matrices of the product, as data.

A cell is the level FULL, READ or NONE, or an explicit set of permissions.
"""

from collections.abc import Iterable, Mapping

from identity.access.levels import RoleLevel
from identity.access.permissions import GROUPS, SENSITIVE, Permission, parse_permission
from models.role import BuiltinRole

F, R, N = RoleLevel.FULL, RoleLevel.READ, RoleLevel.NONE
_TEMPLATES_WITHOUT_PROTECT = frozenset(
    p
    for group in GROUPS
    if group.name == "templates"
    for p in group.permissions
    if p is not Permission.TEMPLATES_PROTECT
)


def _harmless(name: str) -> frozenset[Permission]:
    """All of a group but what is hard to undo."""
    return frozenset(p for p in Permission if p.group == name and p not in SENSITIVE)


_SERVERS_USE = frozenset({Permission.SERVERS_USE})
_DOMAINS_USE = frozenset({Permission.DOMAINS_USE})

Cell = RoleLevel | frozenset[Permission]

MATRIX: Mapping[str, tuple[Cell, ...]] = {
    # group:        Owner Admin Operator Viewer Member Editor Auditor Creator
    "campaigns": (F, F, F, R, N, R, R, _harmless("campaigns")),
    "lists": (F, F, R, R, N, N, R, _harmless("lists")),
    "automations": (F, F, F, N, N, N, R, N),
    "templates": (F, F, _TEMPLATES_WITHOUT_PROTECT, R, N, R, R, N),
    "forms": (F, F, R, N, N, N, R, N),
    "servers": (F, F, _SERVERS_USE, N, N, N, R, _harmless("servers")),
    "domains": (F, R, _DOMAINS_USE, N, N, N, R, N),
    "conversations": (F, F, R, R, R, R, R, N),
    "activity": (F, F, R, R, R, R, R, N),
    "documents": (F, F, R, R, R, F, R, N),
    "brand": (F, F, R, R, R, R, R, N),
    "agent": (F, F, R, R, R, R, R, N),
    "members": (F, N, N, N, R, R, R, N),
    "roles": (F, N, N, N, R, R, R, N),
    "api_keys": (F, N, N, N, N, N, R, N),
    "audit": (F, R, N, N, R, R, F, N),
    "workspace": (F, R, R, R, R, R, R, N),
    "identity": (F, N, N, N, N, N, R, N),
    "organization": (F, N, N, N, N, N, R, N),
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
    BuiltinRole.CREATOR: "What somebody may do with a resource they made; held at that one only.",
}


def _permissions(column: int) -> frozenset[Permission]:
    held: set[Permission] = set()
    for group in GROUPS:
        cell = MATRIX[group.name][column]
        if cell is RoleLevel.FULL:
            held.update(group.permissions)
        elif cell is RoleLevel.READ:
            held.update(group.read)
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
