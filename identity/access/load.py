"""Reading a member's grants and compiling them, once per access revision."""

from collections import OrderedDict
from typing import Any
from uuid import UUID

from identity.access.builtin_roles import held
from identity.access.compiled import Access, compile_access, narrowed
from identity.access.decision import Grant
from identity.access.entitlements import plans
from identity.access.permissions import mask_of
from models.assignment import PrincipalType, ScopeType
from models.clock import now
from models.organization import Plan
from models.role import BuiltinRole
from models.sql import Statement, as_json, as_optional_time, as_optional_uuid, as_uuid
from models.workspace import WorkspaceState

_COLUMNS = """
    a.id, a.role_id, a.principal_type, a.principal_id, a.scope_type, a.scope_id, a.workspace_id,
    a.expires_at, r.name AS role_name, r.builtin, r.permissions
"""

GRANTS = Statement(f"""
    SELECT {_COLUMNS}, m.name AS principal_name
    FROM assignments a
    JOIN roles r ON r.id = a.role_id
    JOIN members m ON m.id = a.principal_id
    WHERE a.principal_id = $2 AND a.organization_id = $1
    UNION ALL
    SELECT {_COLUMNS}, g.name AS principal_name
    FROM group_members gm
    JOIN groups g ON g.id = gm.group_id
    JOIN assignments a ON a.principal_id = gm.group_id
    JOIN roles r ON r.id = a.role_id
    WHERE gm.member_id = $2 AND a.organization_id = $1
""")  # noqa: S608 - the columns are a constant

ARCHIVED = Statement("SELECT id FROM workspaces WHERE organization_id = $1 AND state = $2")


def _grant(row: Any) -> Grant:
    scope_type = ScopeType(row["scope_type"])
    builtin = None if row["builtin"] is None else BuiltinRole(row["builtin"])
    return Grant(
        assignment_id=as_uuid(row["id"]),
        role_id=as_uuid(row["role_id"]),
        role_name=row["role_name"],
        principal_type=PrincipalType(row["principal_type"]),
        principal_id=as_uuid(row["principal_id"]),
        principal_name=row["principal_name"],
        scope_type=scope_type,
        scope_id=as_uuid(row["scope_id"]),
        workspace_id=as_optional_uuid(row["workspace_id"]),
        mask=narrowed(mask_of(held(builtin, as_json(row["permissions"]))), scope_type),
        expires_at=as_optional_time(row["expires_at"]),
    )


async def read_access(organization_id: UUID, member_id: UUID, plan: Plan) -> Access:
    """A member's access as the database says now, in two statements."""
    moment = now()
    grants = [_grant(row) for row in await GRANTS.rows(organization_id, member_id)]
    archived = await ARCHIVED.rows(organization_id, WorkspaceState.ARCHIVED.value)
    return compile_access(
        organization_id,
        (g for g in grants if g.expires_at is None or g.expires_at > moment),
        archived_workspaces=frozenset(as_uuid(row["id"]) for row in archived),
        plan_cut=plans.cut_mask(plan),
    )


class AccessCache:
    """The compiled access of the members seen last.

    An entry is good for the revision it was read at and until its first grant expires. A revision
    is read with every request, so that no entry outlives a change, on any replica.
    """

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._entries: OrderedDict[tuple[UUID, UUID, Plan], tuple[int, Access]] = OrderedDict()

    async def get(
        self, organization_id: UUID, member_id: UUID, *, plan: Plan, revision: int
    ) -> Access:
        known = self.known(organization_id, member_id, plan=plan, revision=revision)
        if known is not None:
            return known
        access = await read_access(organization_id, member_id, plan)
        key = (organization_id, member_id, plan)
        self._entries[key] = (revision, access)
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)
        return access

    def known(
        self, organization_id: UUID, member_id: UUID, *, plan: Plan, revision: int
    ) -> Access | None:
        """The same, if it was read at that revision before."""
        key = (organization_id, member_id, plan)
        entry = self._entries.get(key)
        if entry is None or entry[0] != revision or entry[1].expired_at(now()):
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def clear(self) -> None:
        self._entries.clear()


cache = AccessCache()
