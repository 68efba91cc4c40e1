"""The roles that a command is about: built-in ones, those of an organization, those of a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from gateway.cli.opening import run
from gateway.settings import Settings
from identity import organizations, roles
from identity.access.builtin_roles import BUILTIN_PERMISSIONS
from identity.access.entitlements import plans
from identity.access.permissions import Permission, mask_of, parse_permission
from identity.refusals import BadInput
from identity.role_import import WrittenRole
from models.listing import page
from models.organization import Plan
from models.role import BuiltinRole

EVERY = "all"


@dataclass(frozen=True, slots=True)
class NamedRole:
    """A role with the mask of what it grants, with what that implies."""

    name: str
    mask: int


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles to choose from, and what the plan takes from all of them."""

    known: Sequence[NamedRole]
    plan_cut: int

    def chosen(self, choice: str) -> Sequence[NamedRole]:
        """All of them for `all`; else those named, and those in the files, of a list with commas.

        Raises `BadInput` for a name that no role has, and for a file that holds no roles.
        """
        if choice == EVERY:
            return self.known
        chosen: dict[str, NamedRole] = {}
        for part in filter(None, (part.strip() for part in choice.split(","))):
            path = Path(part)
            for role in _named_in(path) if path.is_file() else [self._named(part)]:
                if chosen.setdefault(role.name, role) != role:
                    raise BadInput(f"There are two roles named {role.name}.", field="--roles")
        if not chosen:
            raise BadInput("Name a role, or a file with roles.", field="--roles")
        return list(chosen.values())

    def _named(self, name: str) -> NamedRole:
        for role in self.known:
            if role.name.casefold() == name.casefold():
                return role
        known = ", ".join(role.name for role in self.known)
        raise BadInput(f"{name} is neither a file nor one of the roles {known}.", field="--roles")


def builtin_roles(plan: Plan) -> Roles:
    """The fixed roles, without any database."""
    known = [
        NamedRole(role.value.capitalize(), mask_of(BUILTIN_PERMISSIONS[role]))
        for role in BuiltinRole
    ]
    return Roles(known, plans.cut_mask(plan))


def roles_of(slug: str) -> Roles:
    """The roles of an organization, the built-in ones first, cut by its plan."""

    async def read(settings: Settings) -> Roles:
        subject = await organizations.operator_of(slug)
        rows = await page(roles.listing(subject.access))
        known = [NamedRole(row.name, roles.mask_of_role(row)) for row in rows]
        return Roles(known, plans.cut_mask(subject.plan))

    return run(read)


def _named_in(path: Path) -> Sequence[NamedRole]:
    return [NamedRole(role.name, mask_of(role.permissions)) for role in roles_in(path)]


def roles_in(path: Path) -> Sequence[WrittenRole]:
    """The roles of a JSON file: one `{"name": …, "permissions": […]}`, with a `description` if
    wanted; a list of them; or `{"roles": […]}`, as `gatepost roles export` writes it.

    Other members of the object are left alone. Raises `BadInput`.
    """
    try:
        value: Any = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise BadInput(f"This is not JSON: {error}", field=str(path)) from error
    if isinstance(value, Mapping) and isinstance(value.get("roles"), list):
        value = value["roles"]
    return [_role(each, path) for each in (value if isinstance(value, list) else [value])]


def _role(value: Any, path: Path) -> WrittenRole:
    given = value if isinstance(value, Mapping) else {}
    name, held, description = (given.get(key) for key in ("name", "permissions", "description"))
    if (
        not isinstance(name, str)
        or not isinstance(held, list)
        or not isinstance(description, str | None)
    ):
        shape = '{"name": "Sender", "permissions": ["campaigns:send"]}'
        raise BadInput(f"A role is written {shape}, several as a list.", field=str(path))
    return WrittenRole(name, frozenset(permission(each, str(path)) for each in held), description)


def permission(text: Any, field: str) -> Permission:
    """By its name, or by its name in GraphQL. One that is not known is no role's to hold: raises
    `BadInput` about the field.
    """
    known = parse_permission(text) if isinstance(text, str) else None
    known = known or Permission.__members__.get(str(text))
    if known is None:
        raise BadInput(f"There is no permission {text!r}.", field=field)
    return known
