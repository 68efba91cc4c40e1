"""Least privilege: what members do not use of the roles they hold, and what smaller role would do.

Built on what is recorded of use (`identity.permission_uses`), which is of the member and not of a
place: a permission that is used anywhere counts as used of every role that holds it. It tells
nothing about a time from which there can be no record, so that each answer says since when the
member was observed with the role as it is, and suggests nothing before that is long enough.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from identity import roles
from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION
from identity.access.permissions import Permission, parse_permission, permissions_in
from identity.permission_uses import DAYS_KEPT
from identity.refusals import BadInput
from identity.subject import Subject
from models import rows
from models.clock import now
from models.listing import Listing, Rows, Values, count_up_to_cap, page
from models.member import Member, MemberStatus
from models.role import Role
from models.sql import Statement, as_time, as_uuid, is_postgres
from models.window import Window

DEFAULT_DAYS = 90
MOST_DAYS = 365


@dataclass(frozen=True, slots=True)
class Use:
    """What was used, in the last `days`, of the permissions `held`; both are masks."""

    held: int
    used: int
    observed_since: datetime
    days: int

    @property
    def long_enough(self) -> bool:
        """Whether it was observed for all of the days."""
        return self.observed_since.date() <= _first_day(self.days)

    @property
    def used_permissions(self) -> tuple[Permission, ...]:
        return permissions_in(self.used)

    @property
    def unused_permissions(self) -> tuple[Permission, ...]:
        return permissions_in(self.held & ~self.used)


@dataclass(frozen=True, slots=True)
class Smaller:
    """What would do instead of a role: these permissions, and the smallest role there is that has
    them and nothing that the role has not. Without any permission, nothing is needed in its place.
    """

    permissions: tuple[Permission, ...]
    role: Role | None


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role that a member holds, directly or through groups, at whatever places. `smaller` is
    `None` if all of it is used, or was not observed for long enough.
    """

    role: Role
    use: Use
    smaller: Smaller | None


@dataclass(frozen=True, slots=True)
class MemberUse:
    """An active member, with each role that they hold, by name."""

    member: Member
    roles: tuple[HeldRole, ...]

    @property
    def id(self) -> UUID:
        return self.member.id


@dataclass(frozen=True, slots=True)
class UnusedPermissions:
    """The active members with what they use of their roles, by pages, newest first."""

    organization_id: UUID
    days: int

    @property
    def _listing(self) -> Listing:
        where = {"organization_id": self.organization_id, "status": MemberStatus.ACTIVE.value}
        return Rows(Member, where)

    async def page(self, window: Window) -> list[MemberUse]:
        """In five statements, however many members, roles and days there are."""
        members: list[Member] = await page(self._listing, window)
        if not members:
            return []
        ids = [member.id for member in members]
        known = await _roles(self.organization_id)
        since = await _held_since(self.organization_id, ids)
        used = await _used_by_members(self.organization_id, ids, _first_day(self.days))
        return [
            MemberUse(
                member,
                tuple(
                    self._held(known[role_id], used.get(member.id, 0), member, moment, known)
                    for role_id, moment in since.get(member.id, ())
                    if role_id in known
                ),
            )
            for member in members
        ]

    def _held(
        self, role: Role, used: int, member: Member, since: datetime, known: Mapping[UUID, Role]
    ) -> HeldRole:
        use = _use(role, used, max(since, member.active_since), self.days)
        return HeldRole(role, use, _smaller(use, known.values()))

    async def count(self) -> int:
        """How many members there are, counted no further than `COUNT_CAP`."""
        return await count_up_to_cap(self._listing)


def of_members(subject: Subject, *, days: int = DEFAULT_DAYS) -> UnusedPermissions:
    """Raises `Forbidden` without `members:read` and `roles:read` at the organization, and
    `BadInput` for a number of days that is not on record.
    """
    _require(subject.access, days)
    return UnusedPermissions(subject.organization_id, days)


async def of_roles(subject: Subject, asked: Sequence[Role], *, days: int) -> list[Use]:
    """What was used of each role by anybody who holds it now, in two statements. It is observed
    since all of the active members who hold it are. Raises what `of_members` raises.
    """
    _require(subject.access, days)
    ids = [role.id for role in asked]
    since = await _held_by_all_since(subject.organization_id, ids)
    used = await _used_by_holders(subject.organization_id, ids, _first_day(days))
    return [
        _use(role, used.get(role.id, 0), since.get(role.id, role.created_at), days)
        for role in asked
    ]


def _require(access: Access, days: int) -> None:
    access.require(Permission.MEMBERS_READ, ORGANIZATION)
    access.require(Permission.ROLES_READ, ORGANIZATION)
    if not 1 <= days <= MOST_DAYS:
        raise BadInput(f"Give 1 to {MOST_DAYS} days.", field="days")


def _first_day(days: int) -> date:
    return now().date() - timedelta(days=days)


def _use(role: Role, used: int, since: datetime, days: int) -> Use:
    held = roles.mask_of_role(role)
    if role.builtin is None:
        since = max(since, role.updated_at)
    return Use(held, used & held, max(since, now() - timedelta(days=DAYS_KEPT)), days)


def _smaller(use: Use, known: Iterable[Role]) -> Smaller | None:
    if use.held == use.used or not use.long_enough:
        return None
    if not use.used:
        return Smaller((), None)
    fitting = []
    for role in known:
        mask = roles.mask_of_role(role)
        if mask & use.used == use.used and mask | use.held == use.held and mask != use.held:
            fitting.append((mask.bit_count(), role.name_key, role.id, role))
    return Smaller(use.used_permissions, min(fitting)[-1] if fitting else None)


async def _roles(organization_id: UUID) -> Mapping[UUID, Role]:
    """Every role of the organization."""
    found = await rows.matching(Role, "t.organization_id = $1", [organization_id])
    return {role.id: role for role in found}


def _held(values: Values, organization_id: UUID, column: str, ids: Sequence[UUID]) -> str:
    """A SELECT of who holds which role, and since when. `column` is `member_id` or `role_id`, and
    has one of the ids.
    """
    live = (
        f"a.organization_id = {values.add(organization_id)}"
        f" AND (a.expires_at IS NULL OR a.expires_at > {values.add(now())})"
    )
    among = f"IN ({values.add_all(ids)})"
    direct, through = {
        "member_id": (f"a.principal_id {among}", f"gm.member_id {among}"),
        "role_id": (f"a.role_id {among}", f"a.role_id {among}"),
    }[column]
    return f"""
        SELECT h.member_id, h.role_id, min(h.since) AS since FROM (
            SELECT m.id AS member_id, a.role_id, a.created_at AS since
            FROM assignments a JOIN members m ON m.id = a.principal_id
            WHERE {live} AND {direct}
            UNION ALL
            SELECT gm.member_id, a.role_id,
                CASE WHEN gm.created_at > a.created_at THEN gm.created_at ELSE a.created_at END
            FROM assignments a JOIN group_members gm ON gm.group_id = a.principal_id
            WHERE {live} AND {through}
        ) h GROUP BY h.member_id, h.role_id
    """  # noqa: S608 - placeholders, and names of our own


async def _held_since(
    organization_id: UUID, member_ids: Sequence[UUID]
) -> Mapping[UUID, Sequence[tuple[UUID, datetime]]]:
    """Which roles each of the members holds since when, by the names of the roles."""
    values = Values()
    held = _held(values, organization_id, "member_id", member_ids)
    text = f"SELECT h.*, r.name_key FROM ({held}) h JOIN roles r ON r.id = h.role_id"  # noqa: S608
    since: dict[UUID, list[tuple[UUID, datetime]]] = {}
    for row in await Statement(f"{text} ORDER BY r.name_key").rows(*values.given):
        of_member = since.setdefault(as_uuid(row["member_id"]), [])
        of_member.append((as_uuid(row["role_id"]), as_time(row["since"])))
    return since


async def _held_by_all_since(
    organization_id: UUID, role_ids: Sequence[UUID]
) -> Mapping[UUID, datetime]:
    """Since when every active member who holds a role does."""
    values = Values()
    held = _held(values, organization_id, "role_id", role_ids)
    text = f"""
        SELECT h.role_id,
            max(CASE WHEN m.active_since > h.since THEN m.active_since ELSE h.since END) AS since
        FROM ({held}) h JOIN members m ON m.id = h.member_id
        WHERE m.status = {values.add(MemberStatus.ACTIVE.value)} GROUP BY h.role_id
    """  # noqa: S608 - placeholders, and names of our own
    found = await Statement(text).rows(*values.given)
    return {as_uuid(row["role_id"]): as_time(row["since"]) for row in found}


async def _used_by_members(
    organization_id: UUID, member_ids: Sequence[UUID], first_day: date
) -> Mapping[UUID, int]:
    """The masks of what each of the members used since that day."""
    values = Values()
    used = f"""
        SELECT u.member_id AS id, u.permissions FROM permission_uses u
        WHERE u.organization_id = {values.add(organization_id)}
        AND u.day >= {values.add(first_day)} AND u.member_id IN ({values.add_all(member_ids)})
    """  # noqa: S608 - placeholders, and names of our own
    return await _masks(used, values)


async def _used_by_holders(
    organization_id: UUID, role_ids: Sequence[UUID], first_day: date
) -> Mapping[UUID, int]:
    """The masks of what was used since that day by anybody who holds each of the roles."""
    values = Values()
    held = _held(values, organization_id, "role_id", role_ids)
    used = f"""
        SELECT DISTINCT h.role_id AS id, u.permissions
        FROM ({held}) h JOIN permission_uses u ON u.member_id = h.member_id
        WHERE u.organization_id = {values.add(organization_id)}
        AND u.day >= {values.add(first_day)}
    """  # noqa: S608 - placeholders, and names of our own
    return await _masks(used, values)


async def _masks(used: str, values: Values) -> Mapping[UUID, int]:
    """The masks of what a SELECT of `id` and `permissions` gives for each id. A name that is no
    permission any more counts for nothing.
    """
    each = "jsonb_array_elements_text(d.permissions) AS p(name)"
    name = "p.name"
    if not is_postgres():
        each, name = "json_each(d.permissions) AS p", "p.value"
    text = f"SELECT DISTINCT d.id, {name} AS name FROM ({used}) d, {each}"  # noqa: S608
    masks: dict[UUID, int] = {}
    for row in await Statement(text).rows(*values.given):
        permission = parse_permission(row["name"])
        if permission is not None:
            id_ = as_uuid(row["id"])
            masks[id_] = masks.get(id_, 0) | permission.bit
    return masks
