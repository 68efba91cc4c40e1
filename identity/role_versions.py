"""The history of roles: every version of each custom role, also of those that were deleted."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from identity.access.builtin_roles import held
from identity.access.compiled import Access
from identity.access.lookup import Lookup, Place, seen_with_anywhere
from identity.access.permissions import Permission, bits_of, permissions_in
from identity.audit.record import NAME_LENGTH
from identity.refusals import NotFound
from identity.subject import Subject
from models import rows
from models.listing import Listing, Rows, Values
from models.role import Role
from models.role_version import RoleChange, RoleVersion
from models.window import Window

ROLE_VERSION = Lookup(
    RoleVersion,
    "version of this role",
    Place.ORGANIZATION,
    seen_with_anywhere(Permission.ROLES_READ),
)


class Content(NamedTuple):
    """What is written in a role, or in a version of one."""

    name: str
    description: str
    permissions: frozenset[Permission]

    @classmethod
    def of(cls, row: Role | RoleVersion) -> "Content":
        """Of a built-in role the permissions are the code's."""
        builtin = row.builtin if isinstance(row, Role) else None
        return cls(row.name, row.description, held(builtin, row.permissions))

    @property
    def names(self) -> list[str]:
        """The permissions by name, in the order of the vocabulary."""
        return names(self.permissions)


@dataclass(frozen=True, slots=True)
class Deleted:
    """The last version of each role of an organization that is gone. A role that was brought back
    has a later version than the one that says it was deleted.
    """

    organization_id: UUID
    model: type[RoleVersion] = RoleVersion
    order: str = "t.id DESC"

    def rows(self, values: Values, window: Window | None) -> str | None:
        text = (
            "SELECT t.* FROM role_versions t"  # noqa: S608 - the values are bound
            f" WHERE t.organization_id = {values.add(self.organization_id)}"
            f" AND t.change = {values.add(RoleChange.DELETED.value)} AND NOT EXISTS"
            " (SELECT 1 FROM role_versions l WHERE l.organization_id = t.organization_id"
            " AND l.role_id = t.role_id AND l.number > t.number)"
        )
        return text + (
            f" ORDER BY {self.order}" if window is None else values.range("t.id", window)
        )


def listing(access: Access, role_id: UUID) -> Listing:
    """Every version of a role, newest first; none for who may not see roles."""
    where = {"organization_id": access.organization_id, "role_id": role_id}
    return Rows(RoleVersion, where, ids=None if _seen(access) else frozenset())


def deleted(access: Access) -> Listing:
    """What each deleted role was, the one deleted last first; none for who may not see roles."""
    if not _seen(access):
        return Rows(RoleVersion, {}, ids=frozenset())
    return Deleted(access.organization_id)


async def found(access: Access, role_id: UUID, number: int) -> RoleVersion:
    """One version of a role, which may be gone. Raises `NotFound`."""
    version = await RoleVersion.get_or_none(
        organization_id=access.organization_id, role_id=role_id, number=number
    )
    if version is None or not _seen(access):
        raise NotFound(ROLE_VERSION.label)
    return version


async def last(access: Access, role_id: UUID) -> RoleVersion | None:
    """The last version of a role, which may be gone; `None` for a role without a history, and for
    who may not see roles.
    """
    versions = RoleVersion.filter(organization_id=access.organization_id, role_id=role_id)
    return await versions.order_by("-number").first() if _seen(access) else None


async def add(
    subject: Subject,
    role: Role,
    change: RoleChange,
    *,
    before: Content | None,
    restored_from: int | None = None,
) -> None:
    """Keep the role as it is now, with how it differs from `before`, if it was there before. The
    caller holds the transaction, and has raised the role's version.
    """
    now = Content.of(role)
    was = now._replace(permissions=frozenset()) if before is None else before
    version = RoleVersion(
        organization_id=role.organization_id,
        role_id=role.id,
        number=role.version,
        change=change,
        restored_from=restored_from,
        name=now.name,
        description=now.description,
        permissions=now.names,
        added=names(now.permissions - was.permissions),
        removed=names(was.permissions - now.permissions),
        previous_name=None if now.name == was.name else was.name,
        previous_description=None if now.description == was.description else was.description,
        actor_type=subject.actor_type,
        actor_id=subject.actor_id,
        actor_name=subject.actor_name[:NAME_LENGTH],
    )
    await rows.insert(version)


def known(names: Iterable[str]) -> list[Permission]:
    """Permissions by their names, in the order of the vocabulary; a name that this version of the
    product does not know is left out.
    """
    return list(permissions_in(bits_of(held(None, names))))


def names(permissions: Iterable[Permission]) -> list[str]:
    """Permissions by name, in the order of the vocabulary."""
    return [permission.value for permission in permissions_in(bits_of(permissions))]


def _seen(access: Access) -> bool:
    return access.allows_anywhere(Permission.ROLES_READ)
