"""What may be asked of a key, and what the audit log tells of one."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import TypeVar
from uuid import UUID

from identity import moments
from identity.access import targets
from identity.access.bounds import (
    ADMINISTRATIVE_MASK,
    BoundResource,
    Bounds,
    bounds_of,
)
from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION
from identity.access.kinds import KINDS
from identity.access.load import read_access
from identity.access.permissions import (
    ORGANIZATION_ONLY_MASK,
    mask_of,
    permissions_in,
)
from identity.api_keys.wanted import Expiry, NewKey
from identity.credentials.key_tokens import prefix_of
from identity.owners import require_being_owner
from identity.refusals import BadInput, Forbidden, NotFound
from identity.writing import Write
from models.api_key import ApiKey, ApiKeyKind
from models.clock import now
from models.member import Member, MemberStatus

WantedT = TypeVar("WantedT")


DEFAULT_DAYS = 90
MOST_PLACES = 100
MOST_NETWORKS = 50
HIGHEST_RATE_LIMIT = 2**31 - 1


def require_scopes(
    write: Write,
    giver: Access,
    key: ApiKey,
    mask: int,
    *,
    administrative: bool,
    added: int | None = None,
) -> None:
    """Raise a refusal unless a key may carry the scopes in `mask`, of which those in `added` are
    new: by default all.
    """
    added = mask if added is None else added
    places = bounds_of(key).places()
    if not mask:
        raise BadInput("Name at least one scope.", field="scopes")
    if mask & ORGANIZATION_ONLY_MASK and places != [ORGANIZATION]:
        names = ", ".join(permissions_in(mask & ORGANIZATION_ONLY_MASK))
        raise BadInput(f"This means something at the organization only: {names}.", field="scopes")
    if added & ADMINISTRATIVE_MASK:
        if not administrative:
            names = ", ".join(permissions_in(added & ADMINISTRATIVE_MASK))
            raise Forbidden(
                f"A key carries this only if an owner says so explicitly: {names}.",
                reason="ADMINISTRATIVE_SCOPES",
                missing=[],
            )
        require_owner(write)
    until = now() if key.kind is ApiKeyKind.PERSONAL else key.expires_at
    for place in places:
        giver.require_holding(added, place, until=until)


def require_owner(write: Write) -> None:
    require_being_owner(write.subject)


async def answering(write: Write, new: NewKey, *, service: bool) -> Member:
    """The owner or the sponsor of a new key: whoever makes it, unless somebody is named."""
    own_id = write.subject.member_id
    member_id = new.member_id or own_id
    if not service and member_id != own_id and not write.by_operator:
        raise Forbidden("A personal key is made by its owner.", reason="PERSONAL_KEY", missing=[])
    return await active_member(write, member_id, field="sponsorId" if service else "ownerId")


async def active_member(write: Write, member_id: UUID | None, *, field: str) -> Member:
    """An active member of the organization. Raises `BadInput` where nobody is named."""
    if member_id is None:
        raise BadInput("Name a member who answers for the key.", field=field)
    member = await Member.get_or_none(
        id=member_id, organization_id=write.organization_id, status=MemberStatus.ACTIVE
    )
    if member is None:
        raise NotFound("active member")
    return member


async def access_of(write: Write, member: Member) -> Access:
    return await read_access(write.organization_id, member.id, write.subject.plan)


async def bounds_wanted(giver: Access, new: NewKey) -> Bounds:
    """The bounds that are asked for. Raises `NotFound` for a place that `giver` does not see."""
    limits, mask = new.limits, mask_of(new.scopes)
    if limits.workspaces is not None and limits.resources is not None:
        raise BadInput("Limit a key to workspaces or to resources, not to both.", field="resources")
    if limits.workspaces is not None:
        wanted = _few(limits.workspaces, field="workspaces")
        found = [await targets.visible_workspace(giver, each) for each in wanted]
        return Bounds(mask, workspaces=frozenset(each.id for each in found))
    if limits.resources is not None:
        resources = []
        for scope in _few(limits.resources, field="resources"):
            if scope.type not in KINDS:
                raise BadInput("Name resources.", field="resources")
            row = await targets.visible_resource(giver, KINDS[scope.type], scope.id)
            resources.append(BoundResource(scope.type, row.id, row.workspace_id))
        return Bounds(mask, resources=tuple(resources))
    return Bounds(mask)


def _few(wanted: Sequence[WantedT], *, field: str) -> Sequence[WantedT]:
    wanted = list(dict.fromkeys(wanted))
    if not 0 < len(wanted) <= MOST_PLACES:
        raise BadInput(f"Name 1 to {MOST_PLACES} of them.", field=field)
    return wanted


def expires_at(write: Write, expiry: Expiry) -> datetime | None:
    """When a key ends. Raises `Forbidden` for one that never does, unless an owner asks, and for
    one that would outlive the key that it is made with.
    """
    if expiry.at is not None and expiry.never:
        raise BadInput("Name an end, or never, not both.", field="expiresAt")
    latest = None if write.subject.terms is None else write.subject.terms.expires_at
    if expiry.never:
        require_owner(write)
        wanted = None
    elif expiry.at is not None:
        wanted = moments.future(expiry.at, what="expiry", field="expiresAt")
    else:
        wanted = now() + timedelta(days=DEFAULT_DAYS)
        return wanted if latest is None else min(wanted, latest)
    if latest is not None and (wanted is None or wanted > latest):
        raise Forbidden(
            "What an API key makes ends with it, or before.", reason="OUTLIVES_KEY", missing=[]
        )
    return wanted


def networks(given: Sequence[str] | None) -> list[str] | None:
    """Networks in their canonical form; `None` for none at all."""
    if not given:
        return None
    if len(given) > MOST_NETWORKS:
        raise BadInput(f"Name at most {MOST_NETWORKS} networks.", field="networks")
    found = []
    for each in given:
        try:
            found.append(str(ip_network(each)))
        except ValueError as error:
            raise BadInput(
                f"{each!r} is no network in CIDR form, such as 192.0.2.0/24.", field="networks"
            ) from error
    return list(dict.fromkeys(found))


def rate_limit(given: int | None) -> int | None:
    if given is not None and not 0 < given <= HIGHEST_RATE_LIMIT:
        raise BadInput("This must be a positive number.", field="rateLimit")
    return given


def facts(key: ApiKey) -> dict[str, object]:
    """What the audit log tells of a key."""
    bounds = bounds_of(key)
    return {
        "name": key.name,
        "prefix": prefix_of(key.id),
        "kind": key.kind,
        "member": key.member_id,
        "scopes": frozenset(key.scopes),
        "administrative": key.administrative,
        "workspaces": bounds.workspaces or frozenset(),
        "resources": frozenset(f"{each.type.value}:{each.id}" for each in bounds.resources or ()),
        "networks": frozenset(key.networks or ()),
        "documentMode": key.document_mode,
        "rateLimit": key.rate_limit,
        "expiresAt": key.expires_at,
    }
