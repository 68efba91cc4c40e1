"""What is asked for when a key is made or changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from identity.access.permissions import (
    Permission,
)
from identity.assignments import Scope
from models.api_key import ApiKeyKind
from models.document_mode import DocumentMode


@dataclass(frozen=True, slots=True)
class Expiry:
    """When a key ends: at a moment, or with `never`, only when somebody ends it."""

    at: datetime | None = None
    never: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a key is limited to besides its scopes; `None` is no limit."""

    workspaces: Sequence[UUID] | None = None
    resources: Sequence[Scope] | None = None
    networks: Sequence[str] | None = None
    document_mode: DocumentMode | None = None
    rate_limit: int | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to make. `member_id` is the owner of a personal one or the sponsor of a service key;
    without it, whoever makes it. `role_id` is given to a service key at `role_at`.
    """

    kind: ApiKeyKind
    name: str
    scopes: Sequence[Permission]
    administrative: bool = False
    limits: Limits = Limits()
    expiry: Expiry = Expiry()
    member_id: UUID | None = None
    role_id: UUID | None = None
    role_at: Scope | None = None


class Limit(StrEnum):
    """A limit that can be taken away."""

    DOCUMENT_MODE = "document_mode"
    RATE_LIMIT = "rate_limit"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What becomes of a key; `None` stays as it is. A list of networks that is empty, a document
    mode or a rate limit in `lifted` takes the limit away.
    """

    name: str | None = None
    scopes: Sequence[Permission] | None = None
    administrative: bool | None = None
    networks: Sequence[str] | None = None
    document_mode: DocumentMode | None = None
    rate_limit: int | None = None
    lifted: frozenset[Limit] = frozenset()
    expiry: Expiry | None = None
    sponsor_id: UUID | None = None
