"""The permission vocabulary.

A permission is `group:action` in lower case, e.g. `campaigns:send`; its GraphQL enum value is the
member's name, `CAMPAIGNS_SEND`. The order of the groups is the role designer's, and the order of
the members is the order of the bits in a mask: append inside a group freely, since masks are
compiled from names and never stored.

An action implies its group's `read`, except `use` and `results`. Nothing implies `export`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    bit: int

    def __new__(cls, value: str) -> "Permission":
        member = str.__new__(cls, value)
        member._value_ = value
        member.bit = 1 << len(cls.__members__)
        return member

    @property
    def group(self) -> str:
        return self.value.partition(":")[0]

    @property
    def action(self) -> str:
        return self.value.partition(":")[2]

    CAMPAIGNS_READ = "campaigns:read"
    CAMPAIGNS_RESULTS = "campaigns:results"
    CAMPAIGNS_DRAFT = "campaigns:draft"
    CAMPAIGNS_SEND = "campaigns:send"
    CAMPAIGNS_DELETE = "campaigns:delete"

    LISTS_READ = "lists:read"
    LISTS_SUBSCRIBERS_READ = "lists:subscribers_read"
    LISTS_WRITE = "lists:write"
    LISTS_SUBSCRIBERS_WRITE = "lists:subscribers_write"
    LISTS_SUBSCRIBERS_DELETE = "lists:subscribers_delete"
    LISTS_IMPORT = "lists:import"
    LISTS_EXPORT = "lists:export"
    LISTS_DELETE = "lists:delete"

    AUTOMATIONS_READ = "automations:read"
    AUTOMATIONS_WRITE = "automations:write"
    AUTOMATIONS_RUN = "automations:run"
    AUTOMATIONS_DELETE = "automations:delete"

    TEMPLATES_READ = "templates:read"
    TEMPLATES_CLONE = "templates:clone"
    TEMPLATES_WRITE = "templates:write"
    TEMPLATES_PROTECT = "templates:protect"
    TEMPLATES_DELETE = "templates:delete"

    FORMS_READ = "forms:read"
    FORMS_WRITE = "forms:write"
    FORMS_DELETE = "forms:delete"

    SERVERS_READ = "servers:read"
    SERVERS_USE = "servers:use"
    SERVERS_WRITE = "servers:write"
    SERVERS_CREDENTIALS = "servers:credentials"
    SERVERS_POOLS = "servers:pools"
    SERVERS_QUOTAS = "servers:quotas"
    SERVERS_DELETE = "servers:delete"

    DOMAINS_READ = "domains:read"
    DOMAINS_USE = "domains:use"
    DOMAINS_WRITE = "domains:write"
    DOMAINS_VERIFY = "domains:verify"
    DOMAINS_DELETE = "domains:delete"

    CONVERSATIONS_READ = "conversations:read"
    CONVERSATIONS_CONTENT = "conversations:content"
    CONVERSATIONS_HISTORY = "conversations:history"

    ACTIVITY_DASHBOARD = "activity:dashboard"
    ACTIVITY_FEED = "activity:feed"
    ACTIVITY_EXPORT = "activity:export"

    DOCUMENTS_READ = "documents:read"
    DOCUMENTS_UPLOAD = "documents:upload"
    DOCUMENTS_WRITE = "documents:write"
    DOCUMENTS_DELETE = "documents:delete"
    DOCUMENTS_IMPORT = "documents:import"

    BRAND_READ = "brand:read"
    BRAND_NAME = "brand:name"
    BRAND_LOGO = "brand:logo"
    BRAND_COLORS = "brand:colors"
    BRAND_FOOTER = "brand:footer"

    AGENT_READ = "agent:read"
    AGENT_TONE = "agent:tone"
    AGENT_RULES = "agent:rules"

    MEMBERS_READ = "members:read"
    MEMBERS_INVITE = "members:invite"
    MEMBERS_REMOVE = "members:remove"
    MEMBERS_ASSIGN = "members:assign"

    ROLES_READ = "roles:read"
    ROLES_WRITE = "roles:write"
    ROLES_DELETE = "roles:delete"

    API_KEYS_READ = "api_keys:read"
    API_KEYS_CREATE = "api_keys:create"
    API_KEYS_ROTATE = "api_keys:rotate"
    API_KEYS_REVOKE = "api_keys:revoke"

    AUDIT_READ = "audit:read"
    AUDIT_EXPORT = "audit:export"

    WORKSPACE_READ = "workspace:read"
    WORKSPACE_UPDATE = "workspace:update"
    WORKSPACE_CREATE = "workspace:create"
    WORKSPACE_DELETE = "workspace:delete"

    IDENTITY_READ = "identity:read"
    IDENTITY_MANAGE = "identity:manage"

    ORGANIZATION_READ = "organization:read"
    ORGANIZATION_UPDATE = "organization:update"
    ORGANIZATION_PLAN = "organization:plan"
    ORGANIZATION_DELETE = "organization:delete"


READ_LEVEL: frozenset[Permission] = frozenset(
    {
        Permission.CAMPAIGNS_READ,
        Permission.CAMPAIGNS_RESULTS,
        Permission.LISTS_READ,
        Permission.LISTS_SUBSCRIBERS_READ,
        Permission.AUTOMATIONS_READ,
        Permission.TEMPLATES_READ,
        Permission.FORMS_READ,
        Permission.SERVERS_READ,
        Permission.DOMAINS_READ,
        Permission.CONVERSATIONS_READ,
        Permission.CONVERSATIONS_CONTENT,
        Permission.CONVERSATIONS_HISTORY,
        Permission.ACTIVITY_DASHBOARD,
        Permission.ACTIVITY_FEED,
        Permission.DOCUMENTS_READ,
        Permission.BRAND_READ,
        Permission.AGENT_READ,
        Permission.MEMBERS_READ,
        Permission.ROLES_READ,
        Permission.API_KEYS_READ,
        Permission.AUDIT_READ,
        Permission.WORKSPACE_READ,
        Permission.IDENTITY_READ,
        Permission.ORGANIZATION_READ,
    }
)
"""What the level READ of each group holds; FULL is the whole group."""

ORGANIZATION_ONLY_GROUPS = frozenset({"identity", "organization"})
"""Groups that mean something at the organization only: other scopes never grant them."""

SENSITIVE: frozenset[Permission] = frozenset(
    {
        Permission.CAMPAIGNS_SEND,
        Permission.CAMPAIGNS_DELETE,
        Permission.LISTS_EXPORT,
        Permission.LISTS_DELETE,
        Permission.SERVERS_CREDENTIALS,
        Permission.DOMAINS_DELETE,
        Permission.MEMBERS_REMOVE,
        Permission.MEMBERS_ASSIGN,
        Permission.ROLES_WRITE,
        Permission.ROLES_DELETE,
        Permission.API_KEYS_CREATE,
        Permission.AUDIT_EXPORT,
        Permission.WORKSPACE_DELETE,
        Permission.IDENTITY_MANAGE,
        Permission.ORGANIZATION_PLAN,
        Permission.ORGANIZATION_DELETE,
    }
)
"""Permissions whose misuse is hard to undo; surfaces point them out."""


@dataclass(frozen=True, slots=True)
class PermissionGroup:
    name: str
    permissions: tuple[Permission, ...]


def _grouped() -> Iterator[PermissionGroup]:
    for name in dict.fromkeys(permission.group for permission in Permission):
        yield PermissionGroup(name, tuple(p for p in Permission if p.group == name))


GROUPS: tuple[PermissionGroup, ...] = tuple(_grouped())
"""Every group, in the order of the role designer."""


def implied_by(permission: Permission) -> Permission | None:
    """The permission that holding `permission` brings along, if any."""
    if permission.action in ("use", "results", "read"):
        return None
    read = f"{permission.group}:read"
    return Permission(read) if read in _VALUES else None


_VALUES = frozenset(permission.value for permission in Permission)


def bits_of(permissions: Iterable[Permission]) -> int:
    """The bits of exactly these permissions: for asking whether one of them is held."""
    mask = 0
    for permission in permissions:
        mask |= permission.bit
    return mask


_WITH_IMPLIED: Mapping[Permission, int] = {
    permission: bits_of(filter(None, (permission, implied_by(permission))))
    for permission in Permission
}


def mask_of(permissions: Iterable[Permission]) -> int:
    """The bits of these permissions and of all they imply."""
    mask = 0
    for permission in permissions:
        mask |= _WITH_IMPLIED[permission]
    return mask


def permissions_in(mask: int) -> tuple[Permission, ...]:
    """The permissions of a mask, in the order of the vocabulary."""
    return tuple(permission for permission in Permission if mask & permission.bit)


ALL_MASK = mask_of(Permission)
READ_MASK = mask_of(READ_LEVEL)
ARCHIVED_MASK = READ_MASK | bits_of({Permission.MEMBERS_ASSIGN, Permission.MEMBERS_REMOVE})
"""What an archived workspace leaves: reading it, and saying who may read it."""
ORGANIZATION_ONLY_MASK = mask_of(p for p in Permission if p.group in ORGANIZATION_ONLY_GROUPS)


def parse_permission(text: str) -> Permission | None:
    """The permission of that name; `None` for an unknown one, which every caller must refuse."""
    return Permission(text) if text in _VALUES else None
