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

from models.assignment import ScopeType


class Permission(StrEnum):
    """What can be done. `meaning` says it to people, in the schema and in the reference."""

    bit: int
    meaning: str

    def __new__(cls, value: str, meaning: str = "") -> "Permission":
        member = str.__new__(cls, value)
        member._value_ = value
        member.bit = 1 << len(cls.__members__)
        member.meaning = meaning
        return member

    @property
    def group(self) -> str:
        return self.value.partition(":")[0]

    @property
    def action(self) -> str:
        return self.value.partition(":")[2]

    CAMPAIGNS_READ = "campaigns:read", "Read campaigns with their content."
    CAMPAIGNS_RESULTS = (
        "campaigns:results",
        "See name, status and results of campaigns, without their content.",
    )
    CAMPAIGNS_DRAFT = "campaigns:draft", "Draft campaigns and edit drafts."
    CAMPAIGNS_SEND = (
        "campaigns:send",
        "Send campaigns: start, schedule, pause, resume and cancel them.",
    )
    CAMPAIGNS_DELETE = "campaigns:delete", "Delete campaigns."

    LISTS_READ = "lists:read", "See mailing lists and how many addresses they have."
    LISTS_SUBSCRIBERS_READ = "lists:subscribers_read", "Read the addresses on mailing lists."
    LISTS_WRITE = "lists:write", "Start mailing lists and change their settings."
    LISTS_SUBSCRIBERS_WRITE = (
        "lists:subscribers_write",
        "Add addresses to mailing lists and change them, one by one.",
    )
    LISTS_SUBSCRIBERS_DELETE = "lists:subscribers_delete", "Take addresses off mailing lists."
    LISTS_IMPORT = "lists:import", "Bring many addresses into mailing lists at once."
    LISTS_EXPORT = "lists:export", "Take the addresses of mailing lists out of the product."
    LISTS_DELETE = "lists:delete", "Delete mailing lists with their addresses."

    AUTOMATIONS_READ = "automations:read", "Read automations."
    AUTOMATIONS_WRITE = "automations:write", "Make and change automations."
    AUTOMATIONS_RUN = "automations:run", "Start and stop automations, which send by themselves."
    AUTOMATIONS_DELETE = "automations:delete", "Delete automations."

    TEMPLATES_READ = "templates:read", "Read templates."
    TEMPLATES_CLONE = "templates:clone", "Copy templates, protected ones too."
    TEMPLATES_WRITE = "templates:write", "Make templates and change those that are not protected."
    TEMPLATES_PROTECT = "templates:protect", "Protect shared templates, and change protected ones."
    TEMPLATES_DELETE = "templates:delete", "Delete templates."

    FORMS_READ = "forms:read", "Read sign-up forms."
    FORMS_WRITE = "forms:write", "Make and change sign-up forms."
    FORMS_DELETE = "forms:delete", "Delete sign-up forms."

    SERVERS_READ = "servers:read", "Read the settings of sending servers, never their passwords."
    SERVERS_USE = (
        "servers:use",
        "Send campaigns through sending servers, without reading their settings.",
    )
    SERVERS_WRITE = "servers:write", "Add sending servers and change their settings."
    SERVERS_CREDENTIALS = "servers:credentials", "Replace the credentials of sending servers."
    SERVERS_POOLS = "servers:pools", "Put sending servers into pools."
    SERVERS_QUOTAS = "servers:quotas", "Set how much sending servers may send."
    SERVERS_DELETE = "servers:delete", "Delete sending servers."

    DOMAINS_READ = "domains:read", "Read sending domains and their records."
    DOMAINS_USE = (
        "domains:use",
        "Send campaigns from sending domains, without reading their settings.",
    )
    DOMAINS_WRITE = "domains:write", "Add sending domains and change their settings."
    DOMAINS_VERIFY = "domains:verify", "Have the records of sending domains checked."
    DOMAINS_DELETE = "domains:delete", "Delete sending domains."

    CONVERSATIONS_READ = "conversations:read", "See which conversations there are."
    CONVERSATIONS_CONTENT = "conversations:content", "Read the messages of conversations."
    CONVERSATIONS_HISTORY = "conversations:history", "Read the earlier messages of conversations."

    ACTIVITY_DASHBOARD = "activity:dashboard", "See the dashboard."
    ACTIVITY_FEED = "activity:feed", "See the feed of what happens."
    ACTIVITY_EXPORT = "activity:export", "Take activity out of the product."

    DOCUMENTS_READ = "documents:read", "Read documents."
    DOCUMENTS_UPLOAD = "documents:upload", "Upload documents."
    DOCUMENTS_WRITE = "documents:write", "Write and change documents."
    DOCUMENTS_DELETE = "documents:delete", "Delete documents."
    DOCUMENTS_IMPORT = "documents:import", "Bring documents in from other places."

    BRAND_READ = "brand:read", "Read the brand's settings."
    BRAND_NAME = "brand:name", "Change the brand's name."
    BRAND_LOGO = "brand:logo", "Change the brand's logo."
    BRAND_COLORS = "brand:colors", "Change the brand's colors."
    BRAND_FOOTER = "brand:footer", "Change the footer of the brand's mails."

    AGENT_READ = "agent:read", "Read how the AI agent is set up."
    AGENT_TONE = "agent:tone", "Change the tone of the AI agent."
    AGENT_RULES = "agent:rules", "Change the rules that the AI agent follows."

    MEMBERS_READ = "members:read", "Read members and groups, with their roles."
    MEMBERS_INVITE = (
        "members:invite",
        "Invite people, rename members, and bring suspended ones back.",
    )
    MEMBERS_REMOVE = "members:remove", "Suspend and remove members."
    MEMBERS_ASSIGN = "members:assign", "Give and take roles, and keep groups."

    ROLES_READ = "roles:read", "Read roles and what they hold."
    ROLES_WRITE = "roles:write", "Make and change roles."
    ROLES_DELETE = "roles:delete", "Delete roles."

    API_KEYS_READ = "api_keys:read", "Read which API keys there are, never the keys themselves."
    API_KEYS_CREATE = "api_keys:create", "Issue API keys."
    API_KEYS_ROTATE = "api_keys:rotate", "Replace API keys by new ones."
    API_KEYS_REVOKE = "api_keys:revoke", "End API keys."

    AUDIT_READ = "audit:read", "Read the audit log."
    AUDIT_EXPORT = "audit:export", "Take the audit log out of the product."

    WORKSPACE_READ = "workspace:read", "Read the settings of workspaces."
    WORKSPACE_UPDATE = "workspace:update", "Change the settings of workspaces."
    WORKSPACE_CREATE = "workspace:create", "Open workspaces."
    WORKSPACE_DELETE = "workspace:delete", "Delete workspaces with all that is in them."

    IDENTITY_READ = (
        "identity:read",
        "Read SSO connections, verified domains and provisioning tokens, never their secrets.",
    )
    IDENTITY_MANAGE = (
        "identity:manage",
        "Manage SSO connections, verified domains, provisioning tokens and group mappings.",
    )

    ORGANIZATION_READ = "organization:read", "Read the settings of the organization."
    ORGANIZATION_UPDATE = "organization:update", "Change the settings of the organization."
    ORGANIZATION_PLAN = "organization:plan", "Change the plan of the organization."
    ORGANIZATION_DELETE = "organization:delete", "Delete the organization with all that is in it."


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

RESOURCE_GROUPS: Mapping[ScopeType, str] = {
    ScopeType.CAMPAIGN: "campaigns",
    ScopeType.MAILING_LIST: "lists",
    ScopeType.SENDING_SERVER: "servers",
}
"""The kinds of single resource that a role can be given at, and the group that is about each."""

SHARING = frozenset({Permission.MEMBERS_READ, Permission.MEMBERS_ASSIGN, Permission.ROLES_READ})
"""What counts at a single resource beside its own group: seeing who has which role there, and
giving and taking them."""

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
    """What can be done with things of one kind. `permissions` are its level FULL."""

    name: str
    permissions: tuple[Permission, ...]

    @property
    def read(self) -> tuple[Permission, ...]:
        """Its level READ."""
        return tuple(permission for permission in self.permissions if permission in READ_LEVEL)


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
ARCHIVED_MASK = READ_MASK | bits_of(
    {Permission.MEMBERS_ASSIGN, Permission.MEMBERS_REMOVE, Permission.WORKSPACE_DELETE}
)
"""What an archived workspace leaves: reading it, saying who may read it, and bringing it back."""
ORGANIZATION_ONLY_MASK = mask_of(p for p in Permission if p.group in ORGANIZATION_ONLY_GROUPS)

EFFECTIVE_MASKS: Mapping[ScopeType, int] = {
    ScopeType.ORGANIZATION: ALL_MASK,
    ScopeType.WORKSPACE: ALL_MASK & ~ORGANIZATION_ONLY_MASK,
    **{
        kind: mask_of(SHARING) | bits_of(p for p in Permission if p.group == group)
        for kind, group in RESOURCE_GROUPS.items()
    },
}
"""What a role can give at a scope of each type."""


def parse_permission(text: str) -> Permission | None:
    """The permission of that name; `None` for an unknown one, which every caller must refuse."""
    return Permission(text) if text in _VALUES else None
