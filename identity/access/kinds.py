"""The kinds of resource a role can be assigned at, and what makes one of them visible."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from identity.access.lookup import Lookup, Place, seen_with
from identity.access.permissions import RESOURCE_GROUPS, Permission, bits_of
from models.assignment import ScopeType
from models.campaign import Campaign
from models.mailing_list import MailingList
from models.sending_server import SendingServer

Resource = Campaign | MailingList | SendingServer
ResourceT = TypeVar("ResourceT", bound=Resource)


@dataclass(frozen=True, slots=True)
class ResourceKind(Generic[ResourceT]):
    """One kind: its table, its name for people, and the permissions of which one shows it."""

    scope_type: ScopeType
    model: type[ResourceT]
    label: str
    seen_with: tuple[Permission, ...]

    @property
    def group(self) -> str:
        """The permission group of this kind."""
        return RESOURCE_GROUPS[self.scope_type]

    @property
    def table(self) -> str:
        return str(self.model._meta.db_table)

    @property
    def seen_mask(self) -> int:
        return bits_of(self.seen_with)

    @property
    def lookup(self) -> Lookup[ResourceT]:
        return Lookup(self.model, self.label, Place.RESOURCE, seen_with(*self.seen_with))


CAMPAIGN = ResourceKind(
    ScopeType.CAMPAIGN,
    Campaign,
    "campaign",
    (Permission.CAMPAIGNS_READ, Permission.CAMPAIGNS_RESULTS),
)
MAILING_LIST = ResourceKind(
    ScopeType.MAILING_LIST, MailingList, "mailing list", (Permission.LISTS_READ,)
)
SENDING_SERVER = ResourceKind(
    ScopeType.SENDING_SERVER,
    SendingServer,
    "sending server",
    (Permission.SERVERS_READ, Permission.SERVERS_USE),
)

KINDS: Mapping[ScopeType, ResourceKind[Any]] = {
    kind.scope_type: kind for kind in (CAMPAIGN, MAILING_LIST, SENDING_SERVER)
}
