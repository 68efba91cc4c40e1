"""What an API key carries of an access: its scopes, at the places that it is limited to.

The access of a key is that of its owner, or what roles give a service key, with every grant cut;
so that checks, lists and explanations work on it as on any other, and nothing asks for the key.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from identity.access.compiled import Access, Within, compile_access, narrowed
from identity.access.decision import ORGANIZATION, Grant, Target
from identity.access.load import read_access, read_key_access
from identity.access.permissions import Permission, mask_of, parse_permission
from models.api_key import ApiKey, ApiKeyKind
from models.assignment import ScopeType
from models.clock import now
from models.member import MemberStatus
from models.organization import Plan
from models.sql import Statement, as_json, as_optional_uuid

ADMINISTRATIVE_GROUPS = frozenset({"members", "roles", "api_keys", "identity", "organization"})
"""What a key carries only if an owner said so explicitly."""
ADMINISTRATIVE_MASK = mask_of(p for p in Permission if p.group in ADMINISTRATIVE_GROUPS)


@dataclass(frozen=True, slots=True)
class BoundResource:
    """A resource that a key is limited to."""

    type: ScopeType
    id: UUID
    workspace_id: UUID

    @classmethod
    def parse(cls, stored: Mapping[str, str]) -> "BoundResource":
        """From the form in `models.api_key`."""
        return cls(ScopeType(stored["type"]), UUID(stored["id"]), UUID(stored["workspace"]))

    def stored(self) -> dict[str, str]:
        return {
            "type": self.type.value,
            "id": str(self.id),
            "workspace": str(self.workspace_id),
        }


@dataclass(frozen=True, slots=True)
class Bounds:
    """`mask` are the scopes with what they imply. `workspaces` and `resources`, of which at most
    one is given, are where they hold; without both, in the whole organization.
    """

    mask: int
    workspaces: frozenset[UUID] | None = None
    resources: tuple[BoundResource, ...] | None = None

    def places(self) -> Sequence[Target]:
        """Where the key may hold something."""
        if self.resources is not None:
            return [Target(each.workspace_id, each.id) for each in self.resources]
        if self.workspaces is not None:
            return [Target(workspace_id) for workspace_id in sorted(self.workspaces)]
        return [ORGANIZATION]

    @property
    def home(self) -> UUID | None:
        """The one workspace in which all of it lies; `None` for the organization."""
        found = {place.workspace_id for place in self.places()}
        return found.pop() if len(found) == 1 else None


def scope_mask(scopes: Sequence[str], *, administrative: bool) -> int:
    """What stored scopes come to. A name that is no permission any more is none."""
    known = mask_of(filter(None, map(parse_permission, scopes)))
    return known if administrative else known & ~ADMINISTRATIVE_MASK


def bounds_of(key: ApiKey) -> Bounds:
    return _bounds(key.scopes, key.administrative, key.workspaces, key.resources)


def bounds_in(row: Any) -> Bounds:
    """The bounds in a row of `api_keys` as the database gave it, by the names of its columns."""
    columns = ("scopes", "administrative", "workspaces", "resources")
    return _bounds(*(as_json(row[column]) for column in columns))


def _bounds(
    scopes: Sequence[str],
    administrative: object,
    workspaces: Sequence[str] | None,
    resources: Sequence[Mapping[str, str]] | None,
) -> Bounds:
    return Bounds(
        mask=scope_mask(scopes, administrative=bool(administrative)),
        workspaces=None if workspaces is None else frozenset(map(UUID, workspaces)),
        resources=None if resources is None else tuple(map(BoundResource.parse, resources)),
    )


def bounded(whole: Access, bounds: Bounds) -> Access:
    """What a key with these bounds carries of an access."""
    grants = [cut for grant in whole.grants for cut in _cut(grant, bounds)]
    access = compile_access(
        whole.organization_id,
        grants,
        archived_workspaces=whole.archived_workspaces,
        plan_cut=whole.plan_cut,
    )
    return replace(access, whole=whole, scopes=bounds.mask, listed=_listed(access, bounds))


def _cut(grant: Grant, bounds: Bounds) -> Iterator[Grant]:
    """A grant as a key carries it: once, or at each of the places in its scope."""
    mask = grant.mask & bounds.mask
    if bounds.resources is not None:
        for each in bounds.resources:
            if grant.scope_id in (_whole_scope(grant), each.workspace_id, each.id):
                yield _at(grant, mask, each.type, each.id, each.workspace_id)
    elif bounds.workspaces is None or grant.workspace_id in bounds.workspaces:
        yield grant._replace(mask=mask)
    elif grant.scope_type is ScopeType.ORGANIZATION:
        for workspace_id in sorted(bounds.workspaces):
            yield _at(grant, mask, ScopeType.WORKSPACE, workspace_id, workspace_id)


def _whole_scope(grant: Grant) -> UUID | None:
    """The id of a grant's scope if that is the organization."""
    return grant.scope_id if grant.scope_type is ScopeType.ORGANIZATION else None


def _at(
    grant: Grant, mask: int, scope_type: ScopeType, scope_id: UUID, workspace_id: UUID
) -> Grant:
    return grant._replace(
        mask=narrowed(mask, scope_type),
        scope_type=scope_type,
        scope_id=scope_id,
        workspace_id=workspace_id,
    )


def _listed(access: Access, bounds: Bounds) -> Mapping[Within, Mapping[UUID, int]] | None:
    """What a key that is limited to resources holds at each: no table of assignments says it."""
    if bounds.resources is None:
        return None
    listed: dict[Within, dict[UUID, int]] = {}
    for each in bounds.resources:
        mask = access.resource_masks.get(each.id, 0)
        listed.setdefault((each.type, each.workspace_id), {})[each.id] = mask
    return listed


_LIVE_KEY = Statement("""
    SELECT k.kind, k.member_id, k.scopes, k.administrative, k.workspaces, k.resources, m.status
    FROM api_keys k LEFT JOIN members m ON m.id = k.member_id
    WHERE k.id = $1 AND k.organization_id = $2 AND k.revoked_at IS NULL
      AND (k.expires_at IS NULL OR k.expires_at > $3)
""")


async def read_bounded_access(organization_id: UUID, key_id: UUID, plan: Plan) -> Access | None:
    """What a key carries as the database says now; `None` for one that is over."""
    row = await _LIVE_KEY.row(key_id, organization_id, now())
    if row is None:
        return None
    if row["kind"] == ApiKeyKind.SERVICE.value:
        whole = await read_key_access(organization_id, key_id, plan)
    else:
        member_id = as_optional_uuid(row["member_id"])
        if member_id is None or row["status"] != MemberStatus.ACTIVE.value:
            return None
        whole = await read_access(organization_id, member_id, plan)
    return bounded(whole, bounds_in(row))
