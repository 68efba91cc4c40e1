"""Which keys somebody sees."""

from dataclasses import dataclass
from uuid import UUID

from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION
from identity.access.lookup import Lookup, Place, seen_with
from identity.access.permissions import (
    Permission,
)
from identity.credentials.key_tokens import id_of_prefix
from identity.refusals import NotFound
from models.api_key import ApiKey, ApiKeyKind, ApiKeyUse, use_conditions
from models.clock import now
from models.listing import Listing, Values
from models.record import Record
from models.window import Window

API_KEY = Lookup(ApiKey, "API key", Place.WITHIN, seen_with(Permission.API_KEYS_READ))
"""A key is read where it is at home: in the one workspace it is limited to, or the organization."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which keys: those of an owner or sponsor, of a class, of a kind, that are over or not."""

    member_id: UUID | None = None
    use: ApiKeyUse | None = None
    kind: ApiKeyKind | None = None
    live: bool | None = None


EVERY_KEY = Asked()


@dataclass(frozen=True, slots=True)
class Keys:
    """Those keys of an organization that are asked for, newest first.

    A listing; see `models.listing.Listing`.
    """

    organization_id: UUID
    asked: Asked = EVERY_KEY
    order: str = "t.id DESC"

    @property
    def model(self) -> type[Record]:
        return ApiKey

    def rows(self, values: Values, window: Window | None) -> str | None:
        conditions = [f"t.organization_id = {values.add(self.organization_id)}"]
        if self.asked.member_id is not None:
            conditions.append(f"t.member_id = {values.add(self.asked.member_id)}")
        if self.asked.kind is not None:
            conditions.append(f"t.kind = {values.add(self.asked.kind.value)}")
        if self.asked.use is not None:
            conditions += use_conditions(self.asked.use, now(), values)
        if self.asked.live is not None:
            over = f"(t.revoked_at IS NOT NULL OR t.expires_at <= {values.add(now())})"
            conditions.append(f"NOT coalesce({over}, false)" if self.asked.live else over)
        text = f"SELECT t.* FROM api_keys t WHERE {' AND '.join(conditions)}"  # noqa: S608
        if window is not None:
            return text + values.range("t.id", window)
        return f"{text} ORDER BY {self.order}"


def listing(access: Access, asked: Asked = EVERY_KEY) -> Listing:
    """The keys of the organization. Raises `Forbidden` without `api_keys:read` there."""
    access.require(Permission.API_KEYS_READ, ORGANIZATION)
    return Keys(access.organization_id, asked)


def own_listing(access: Access, member_id: UUID) -> Listing:
    """The personal keys of the member who calls. One of their keys that calls is told of them only
    with `api_keys:read` at the organization. Raises `ScopeMissing` and `Forbidden`.
    """
    if access.whole is not None:
        access.require(Permission.API_KEYS_READ, ORGANIZATION)
    return Keys(access.organization_id, Asked(member_id, kind=ApiKeyKind.PERSONAL))


async def by_prefix(access: Access, prefix: str) -> ApiKey:
    """The key that begins so, if the subject may read keys at its home. Raises `NotFound`."""
    key_id = id_of_prefix(prefix.strip())
    if key_id is None:
        raise NotFound("API key")
    return await found(access, key_id)


async def found(access: Access, key_id: UUID) -> ApiKey:
    """The key, if the subject may read keys where it is at home. Raises `NotFound`."""
    return await API_KEY.find(access, key_id)
