"""Reading a member's grants and compiling them, once per access revision."""

import asyncio
import functools
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from identity.access.builtin_roles import held
from identity.access.compiled import Access, Compiling, compile_access, narrowed
from identity.access.decision import Grant
from identity.access.entitlements import plans
from identity.access.permissions import mask_of
from models.assignment import PrincipalType, ScopeType
from models.clock import now
from models.organization import Plan
from models.role import BuiltinRole
from models.sql import Statement, as_json, as_optional_time, as_uuid
from models.workspace import WorkspaceState

AT_A_TIME = 1000
"""Grants that are read before others have their turn: some ten milliseconds."""

_COLUMNS = """
    a.id, a.role_id, a.principal_type, a.principal_id, a.scope_type, a.scope_id, a.workspace_id,
    a.expires_at, r.name AS role_name, r.version AS role_version, r.builtin, r.permissions
"""

OF_GROUP = Statement(f"""
    SELECT {_COLUMNS}, g.name AS principal_name, g.id AS holder_id
    FROM assignments a
    JOIN roles r ON r.id = a.role_id
    JOIN groups g ON g.id = a.principal_id
    WHERE a.principal_id = $2 AND a.organization_id = $1
""")  # noqa: S608 - the columns are a constant

OF_KEY = Statement(f"""
    SELECT {_COLUMNS}, k.name AS principal_name, k.id AS holder_id
    FROM assignments a
    JOIN roles r ON r.id = a.role_id
    JOIN api_keys k ON k.id = a.principal_id
    WHERE a.principal_id = $2 AND a.organization_id = $1
""")  # noqa: S608 - the columns are a constant

ARCHIVED = Statement("SELECT id FROM workspaces WHERE organization_id = $1 AND state = $2")


@functools.cache
def _of_members(count: int) -> Statement:
    """The grants of so many members: `holder_id` says whose each is."""
    ids = ", ".join(f"${number}" for number in range(2, 2 + count))
    return Statement(f"""
        SELECT {_COLUMNS}, m.name AS principal_name, m.id AS holder_id
        FROM assignments a
        JOIN roles r ON r.id = a.role_id
        JOIN members m ON m.id = a.principal_id
        WHERE a.principal_id IN ({ids}) AND a.organization_id = $1
        UNION ALL
        SELECT {_COLUMNS}, g.name AS principal_name, gm.member_id AS holder_id
        FROM group_members gm
        JOIN groups g ON g.id = gm.group_id
        JOIN assignments a ON a.principal_id = gm.group_id
        JOIN roles r ON r.id = a.role_id
        WHERE gm.member_id IN ({ids}) AND a.organization_id = $1
    """)  # noqa: S608 - placeholders, and columns that are a constant


class _Reading:
    """Grants from rows, of which a thousand may name the same role, group and workspace: what
    repeats is read once.
    """

    def __init__(self) -> None:
        self._ids: dict[object, UUID] = {}
        self._alike: dict[tuple[object, ...], _Alike] = {}

    def id(self, value: object) -> UUID:
        known = self._ids.get(value)
        if known is None:
            known = self._ids[value] = as_uuid(value)
        return known

    def grant(self, row: Any) -> Grant:
        key = (row["role_id"], row["principal_id"], row["scope_type"], row["workspace_id"])
        alike = self._alike.get(key)
        if alike is None:
            alike = self._alike[key] = self._read(row)
        expires_at = as_optional_time(row["expires_at"])
        return Grant(
            *alike.fields, as_uuid(row["id"]), as_uuid(row["scope_id"]), expires_at, alike.builtin
        )

    def _read(self, row: Any) -> "_Alike":
        workspace_id, scope_type = row["workspace_id"], ScopeType(row["scope_type"])
        fields = (
            self.id(row["role_id"]),
            row["role_name"],
            row["role_version"],
            PrincipalType(row["principal_type"]),
            self.id(row["principal_id"]),
            row["principal_name"],
            scope_type,
            None if workspace_id is None else self.id(workspace_id),
            narrowed(_role_mask(row), scope_type),
        )
        return _Alike(fields, _builtin(row))


class _Alike(NamedTuple):
    """What grants of one role to one principal have in common, in one workspace at one kind of
    place: the first fields of a `Grant`, and the last one.
    """

    fields: tuple[UUID, str, int, PrincipalType, UUID, str, ScopeType, UUID | None, int]
    builtin: BuiltinRole | None


def _role_mask(row: Any) -> int:
    return mask_of(held(_builtin(row), as_json(row["permissions"])))


def _builtin(row: Any) -> BuiltinRole | None:
    return None if row["builtin"] is None else BuiltinRole(row["builtin"])


Read = Callable[[UUID, UUID, Plan], Awaitable[Access]]
"""Reads the access of a principal of an organization."""


async def read_access(organization_id: UUID, member_id: UUID, plan: Plan) -> Access:
    """A member's access as the database says now, in two statements."""
    return (await read_accesses(organization_id, [member_id], plan))[member_id]


async def read_accesses(
    organization_id: UUID,
    member_ids: Sequence[UUID],
    plan: Plan,
    *,
    moment: datetime | None = None,
) -> dict[UUID, Access]:
    """The access of each of these members, in two statements however many they are; that of
    somebody who is no member of the organization is empty. What has ended at `moment`, or by now,
    is left out.
    """
    if not member_ids:
        return {}
    # The last is repeated up to a power of two, so that few texts are ever prepared.
    few = 1 << (len(member_ids) - 1).bit_length()
    repeated = [member_ids[-1]] * (few - len(member_ids))
    rows = await _of_members(few).rows(organization_id, *member_ids, *repeated)
    return await _compiled(organization_id, member_ids, rows, plan, moment or now())


async def read_group_access(organization_id: UUID, group_id: UUID, plan: Plan) -> Access:
    """What a group gives to each of its members, in two statements."""
    rows = await OF_GROUP.rows(organization_id, group_id)
    return (await _compiled(organization_id, [group_id], rows, plan, now()))[group_id]


async def read_key_access(organization_id: UUID, key_id: UUID, plan: Plan) -> Access:
    """What roles give to a service key, before its scopes cut, in two statements."""
    rows = await OF_KEY.rows(organization_id, key_id)
    return (await _compiled(organization_id, [key_id], rows, plan, now()))[key_id]


async def archived_in(organization_id: UUID) -> frozenset[UUID]:
    """The archived workspaces of the organization."""
    rows = await ARCHIVED.rows(organization_id, WorkspaceState.ARCHIVED.value)
    return frozenset(as_uuid(row["id"]) for row in rows)


async def _compiled(
    organization_id: UUID,
    holder_ids: Sequence[UUID],
    rows: Sequence[Any],
    plan: Plan,
    moment: datetime,
) -> dict[UUID, Access]:
    compiling = {holder_id: Compiling(organization_id) for holder_id in holder_ids}
    reading = _Reading()
    for start in range(0, len(rows), AT_A_TIME):
        if start:
            await asyncio.sleep(0)
        some: dict[UUID, list[Grant]] = {}
        for row in rows[start : start + AT_A_TIME]:
            grant = reading.grant(row)
            if grant.expires_at is None or grant.expires_at > moment:
                some.setdefault(reading.id(row["holder_id"]), []).append(grant)
        for holder_id, grants in some.items():
            compiling[holder_id].add(grants)
    archived, plan_cut = await archived_in(organization_id), plans.cut_mask(plan)
    return {
        holder_id: each.access(archived_workspaces=archived, plan_cut=plan_cut)
        for holder_id, each in compiling.items()
    }


def access_at(
    moment: datetime,
    organization_id: UUID,
    grants: Iterable[Grant],
    plan: Plan,
    archived: frozenset[UUID],
) -> Access:
    """What those of the grants come to that have not ended by the moment."""
    return compile_access(
        organization_id,
        [grant for grant in grants if grant.expires_at is None or grant.expires_at > moment],
        archived_workspaces=archived,
        plan_cut=plans.cut_mask(plan),
    )


class AccessCache:
    """The compiled access of the members and service keys seen last.

    An entry is good for the revision it was read at and until its first grant expires. A revision
    is read with every request, so that no entry outlives a change, on any replica.
    """

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._entries: OrderedDict[tuple[UUID, UUID, Plan], tuple[int, Access]] = OrderedDict()

    async def get(
        self,
        organization_id: UUID,
        principal_id: UUID,
        *,
        plan: Plan,
        revision: int,
        read: Read | None = None,
    ) -> Access:
        """The access of a member, or of what `read` reads."""
        known = self.known(organization_id, principal_id, plan=plan, revision=revision)
        if known is not None:
            return known
        access = await (read or read_access)(organization_id, principal_id, plan)
        key = (organization_id, principal_id, plan)
        self._entries[key] = (revision, access)
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)
        return access

    def known(
        self, organization_id: UUID, principal_id: UUID, *, plan: Plan, revision: int
    ) -> Access | None:
        """The same, if it was read at that revision before."""
        key = (organization_id, principal_id, plan)
        entry = self._entries.get(key)
        if entry is None or entry[0] != revision or entry[1].expired_at(now()):
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def clear(self) -> None:
        self._entries.clear()


cache = AccessCache()
