"""The members whom a change of access can touch, and what they hold at one moment.

The statements are as many for one member as for thousands. Members who hold the same roles at the
same scopes have the same access, which is compiled once for all of them.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

from identity.access.compiled import Access, nowhere
from identity.access.load import read_accesses
from models import rows
from models.member import MemberStatus
from models.organization import Plan
from models.sql import Statement, as_uuid, is_postgres

Held = frozenset[tuple[object, ...]]
"""What somebody holds, as the database writes it: role, its version, kind of scope, scope."""

NOTHING: Held = frozenset()

RowId = object
"""An id as the database writes it, which sorts as the id does: making it one takes longer than all
else that is done with it.
"""


@dataclass(frozen=True, slots=True)
class Touched:
    """Whom a change of access can touch: who holds one of the roles or of the assignments, and the
    principals, which are members or groups. Where nothing is named, it is everybody.
    """

    role_ids: tuple[UUID, ...] = ()
    assignment_ids: tuple[UUID, ...] = ()
    principal_ids: tuple[UUID, ...] = ()

    @property
    def everybody(self) -> bool:
        return not (self.role_ids or self.assignment_ids or self.principal_ids)


EVERYBODY = Touched()

_PLAN = Statement("SELECT plan FROM organizations WHERE id = $1")


@dataclass(frozen=True, slots=True)
class Standing:
    """What members hold: the roles of each that are in force, and the access that they come to."""

    organization_id: UUID
    held: Mapping[RowId, Held]
    accesses: Mapping[Held, Access]

    def held_by(self, member_id: RowId) -> Held:
        return self.held.get(member_id, NOTHING)

    def access(self, held: Held) -> Access:
        return self.accesses[held] if held else nowhere(self.organization_id)


async def members_touched(organization_id: UUID, touched: Touched) -> frozenset[RowId]:
    """The active members whom it touches as things are, in one statement."""
    ids = (touched.principal_ids, touched.role_ids, touched.assignment_ids)
    given = () if touched.everybody else tuple(map(_bound, ids))
    statement = _members(is_postgres(), everybody=touched.everybody)
    found = await statement.rows(organization_id, MemberStatus.ACTIVE.value, *given)
    return frozenset(row["id"] for row in found)


async def standing(
    organization_id: UUID, member_ids: Collection[RowId], moment: datetime
) -> Standing:
    """What these members hold at that moment. One who is not active, or gone, holds nothing."""
    found = await _roles_held(is_postgres()).rows(
        organization_id, MemberStatus.ACTIVE.value, _bound(member_ids), moment
    )
    roles: dict[RowId, set[tuple[object, ...]]] = {}
    for row in found:
        member_id, *given = row
        roles.setdefault(member_id, set()).add(tuple(given))
    held = {member_id: frozenset(given) for member_id, given in roles.items()}
    accesses = await _accesses(organization_id, held, moment)
    return Standing(organization_id, held, accesses)


async def _accesses(
    organization_id: UUID, held: Mapping[RowId, Held], moment: datetime
) -> Mapping[Held, Access]:
    """The access that each set of roles comes to: compiled for one of those who hold it."""
    (organization,) = await _PLAN.rows(organization_id)
    plan = Plan(organization["plan"])
    some_holder = {roles: member_id for member_id, roles in held.items()}
    one_of = {roles: as_uuid(member_id) for roles, member_id in some_holder.items()}
    accesses: dict[UUID, Access] = {}
    for some in rows.batches(list(one_of.values())):
        accesses |= await read_accesses(organization_id, some, plan, moment=moment)
    return {roles: accesses[member_id] for roles, member_id in one_of.items()}


def _bound(ids: Iterable[RowId]) -> object:
    """Any number of ids as one value of a statement."""
    return list(ids) if is_postgres() else json.dumps([str(each) for each in ids])


def _among(number: int, *, postgres: bool) -> str:
    if postgres:
        return f"= ANY(${number}::uuid[])"
    return f"IN (SELECT value FROM json_each(${number}))"  # noqa: S608 - a placeholder


@cache
def _members(postgres: bool, *, everybody: bool) -> Statement:
    """Ids by organization, status, principals, roles and assignments."""
    text = "SELECT m.id FROM members m WHERE m.organization_id = $1 AND m.status = $2"
    if everybody:
        return Statement(text)
    principals, roles, assignments = (_among(number, postgres=postgres) for number in (3, 4, 5))
    given = f"a.organization_id = $1 AND (a.role_id {roles} OR a.id {assignments})"
    return Statement(f"""
        {text} AND (
            m.id {principals}
            OR m.id IN (SELECT gm.member_id FROM group_members gm WHERE gm.group_id {principals})
            OR m.id IN (SELECT a.principal_id FROM assignments a WHERE {given})
            OR m.id IN (
                SELECT gm.member_id FROM group_members gm
                JOIN assignments a ON a.principal_id = gm.group_id WHERE {given}
            )
        )
    """)  # noqa: S608 - placeholders


@cache
def _roles_held(postgres: bool) -> Statement:
    """By organization, status, members and the moment."""
    columns = "m.id AS member_id, a.role_id, r.version, a.scope_type, a.scope_id"
    lasting = "a.organization_id = $1 AND (a.expires_at IS NULL OR a.expires_at > $4)"
    whose = f"m.organization_id = $1 AND m.status = $2 AND m.id {_among(3, postgres=postgres)}"
    return Statement(f"""
        SELECT {columns} FROM members m
        JOIN assignments a ON a.principal_id = m.id JOIN roles r ON r.id = a.role_id
        WHERE {whose} AND {lasting}
        UNION ALL
        SELECT {columns} FROM members m
        JOIN group_members gm ON gm.member_id = m.id
        JOIN assignments a ON a.principal_id = gm.group_id JOIN roles r ON r.id = a.role_id
        WHERE {whose} AND {lasting}
    """)  # noqa: S608 - placeholders, and columns that are a constant
