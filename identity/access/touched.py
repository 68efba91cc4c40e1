"""The members whom a change of access can touch, and what they hold at one moment.

The statements are as many for one member as for thousands. Members who hold the same roles at the
same scopes are told apart by the database only: they come as one group, whose access is compiled
once.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
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

RowId = object
"""An id as the database writes it, which sorts as the id does: making it one takes longer than all
else that is done with it.
"""

RowIds = frozenset[RowId]

Held = object
"""What somebody holds: the roles and scopes of it, as one value that the database makes of them."""

NOTHING: Held = None


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
    """What members hold: who holds the same, and the access that it comes to."""

    organization_id: UUID
    holders: Mapping[Held, RowIds]
    accesses: Mapping[Held, Access]

    def access(self, held: Held) -> Access:
        return self.accesses[held] if held is not NOTHING else nowhere(self.organization_id)

    def beside(self, other: "Standing") -> Iterator[tuple[Held, Held, Collection[RowId]]]:
        """What members hold here and what they hold there, with those for whom it is so. Who holds
        nothing in either is left out.
        """
        elsewhere = {member: held for held, members in other.holders.items() for member in members}
        seen: set[RowId] = set()
        for held, members in self.holders.items():
            same = members & other.holders.get(held, frozenset())
            if same:
                yield held, held, same
            moved: dict[Held, list[RowId]] = {}
            for member in members - same:
                moved.setdefault(elsewhere.get(member, NOTHING), []).append(member)
            for there, those in moved.items():
                yield held, there, those
            seen |= members
        for held, members in other.holders.items():
            if new := members - seen:
                yield NOTHING, held, new


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
    holders = {row["held"]: frozenset(_unbound(row["member_ids"])) for row in found}
    accesses = await _accesses(organization_id, holders, moment)
    return Standing(organization_id, holders, accesses)


async def _accesses(
    organization_id: UUID, holders: Mapping[Held, RowIds], moment: datetime
) -> Mapping[Held, Access]:
    """The access that each set of roles comes to: compiled for one of those who hold it."""
    (organization,) = await _PLAN.rows(organization_id)
    plan = Plan(organization["plan"])
    one_of = {held: as_uuid(next(iter(members))) for held, members in holders.items()}
    accesses: dict[UUID, Access] = {}
    for some in rows.batches(list(one_of.values())):
        accesses |= await read_accesses(organization_id, some, plan, moment=moment)
    return {held: accesses[member_id] for held, member_id in one_of.items()}


def _bound(ids: Iterable[RowId]) -> object:
    """Any number of ids as one value of a statement."""
    return list(ids) if is_postgres() else json.dumps([str(each) for each in ids])


def _unbound(ids: Collection[RowId] | str) -> Collection[RowId]:
    """The ids that a statement gives as one value."""
    return ids.split(",") if isinstance(ids, str) else ids


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
    """Who holds the same, by organization, status, members and the moment: what it is, and their
    ids.
    """
    one = "a.role_id || a.scope_id"
    each, all_of = "group_concat(one)", "group_concat(member_id)"
    if postgres:
        one = "uuid_send(a.role_id) || uuid_send(a.scope_id)"
        each, all_of = "sha256(string_agg(one, '' ORDER BY one))", "array_agg(member_id)"
    lasting = "a.organization_id = $1 AND (a.expires_at IS NULL OR a.expires_at > $4)"
    whose = f"m.organization_id = $1 AND m.status = $2 AND m.id {_among(3, postgres=postgres)}"
    return Statement(f"""
        SELECT held, {all_of} AS member_ids FROM (
            SELECT member_id, {each} AS held FROM (
                SELECT m.id AS member_id, {one} AS one FROM members m
                JOIN assignments a ON a.principal_id = m.id
                WHERE {whose} AND {lasting}
                UNION
                SELECT m.id AS member_id, {one} AS one FROM members m
                JOIN group_members gm ON gm.member_id = m.id
                JOIN assignments a ON a.principal_id = gm.group_id
                WHERE {whose} AND {lasting}
                ORDER BY member_id, one
            ) AS roles_of_members GROUP BY member_id
        ) AS members_with_roles GROUP BY held
    """)  # noqa: S608 - placeholders, and columns that are a constant
