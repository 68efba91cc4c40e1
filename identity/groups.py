"""Groups: sets of members. A role assigned to a group holds for whoever is in it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tortoise.queryset import QuerySet

from identity import assignments, text
from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION
from identity.access.lookup import Lookup, Place
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.refusals import BadInput, Conflict, NotFound
from identity.subject import Subject
from identity.writing import Write, taken, writing
from models.assignment import Assignment
from models.group import Group, GroupMember, GroupSource
from models.listing import Listing, Rows
from models.member import Member
from models.sql import Statement

AT_ONCE = 5_000
"""Ids in one statement: neither database binds more than some 32,000 parameters."""

MEMBERS = Statement("""
    SELECT m.user_name FROM group_members gm JOIN members m ON m.id = gm.member_id
    WHERE gm.group_id = $1
""")


@dataclass(frozen=True, slots=True)
class DirectoryGroup:
    """What a directory says of a group. `scim` holds the attributes that have no column."""

    name: str
    external_id: str | None
    scim: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Membership:
    """How the members of a group change: who joins and who leaves; with `only`, everybody leaves
    who does not join.
    """

    join: frozenset[UUID] = frozenset()
    leave: frozenset[UUID] = frozenset()
    only: bool = False


UNCHANGED = Membership()


GROUP = Lookup(
    Group,
    "group",
    Place.ORGANIZATION,
    lambda access, target: access.allows(Permission.MEMBERS_READ, target),
)


def listing(access: Access) -> Listing:
    """The groups of the organization, by name.

    Raises `Forbidden` without `members:read` at the organization.
    """
    access.require(Permission.MEMBERS_READ, ORGANIZATION)
    return Rows(Group, {"organization_id": access.organization_id}, order="t.name_key")


async def create(
    subject: Subject, group: DirectoryGroup, *, member_ids: Collection[UUID] = ()
) -> Group:
    """Add a directory's group with its members. A new group has no role, so no access changes.

    Raises `Forbidden`, `Conflict` for a taken name, `BadInput` for a member that is not there.
    """
    async with writing(subject, Action.GROUP_CREATE) as write:
        write.access.require(Permission.MEMBERS_INVITE, ORGANIZATION)
        row = Group(organization_id=write.organization_id, source=GroupSource.DIRECTORY)
        _take(row, group)
        row.updated_at = row.created_at
        with taken(_name_taken(row)):
            await row.save(force_create=True)
        joined = await _join(row, frozenset(member_ids))
        await write.record(target(row), changes({}, {**_facts(row), "members": joined}))
    return row


async def update(
    subject: Subject, group_id: UUID, group: DirectoryGroup, membership: Membership = UNCHANGED
) -> Group:
    """Change a directory's group: its attributes, and by difference its members.

    What changes nothing writes nothing. Raises `NotFound`, `Forbidden`, `Conflict` for a taken
    name, `BadInput` for a member that is not there, `LastOwner`.
    """
    async with writing(subject, Action.GROUP_UPDATE, changes_access=True) as write:
        row = await _found(write, group_id)
        write.access.require(Permission.MEMBERS_INVITE, ORGANIZATION)
        before = _facts(row)
        _take(row, group)
        left = await _leave(row, membership)
        joined = await _join(row, membership.join)
        diff = changes({**before, "members": left}, {**_facts(row), "members": joined})
        write.changes_access = bool(left or joined) and await _has_roles(row)
        if diff:
            row.touch()
            with taken(_name_taken(row)):
                await row.save()
            await write.record(target(row), diff)
    return row


async def delete(subject: Subject, group_id: UUID) -> None:
    """Delete a directory's group with its assignments.

    Raises `NotFound`, `Forbidden`, `LastOwner`.
    """
    async with writing(subject, Action.GROUP_DELETE, changes_access=True) as write:
        row = await _found(write, group_id)
        write.access.require(Permission.MEMBERS_REMOVE, ORGANIZATION)
        names = frozenset(member["user_name"] for member in await MEMBERS.rows(row.id))
        write.changes_access = bool(names) and await _has_roles(row)
        await assignments.delete_of_principal(write.organization_id, row.id)
        await row.delete()
        await write.record(target(row), changes({**_facts(row), "members": names}, {}))


async def _found(write: Write, group_id: UUID) -> Group:
    row = await GROUP.find(write.access, group_id)
    if row.source is not GroupSource.DIRECTORY:
        raise NotFound("group")
    write.about(target(row))
    return row


async def _join(group: Group, wanted: frozenset[UUID]) -> frozenset[str]:
    """Add whoever is not in the group yet; their user names."""
    if not wanted:
        return frozenset()
    names = await _names(group, wanted)
    if missing := wanted - names.keys():
        raise BadInput(f"There is no user {min(missing)}.", field="members")
    new = wanted - await _inside(group, wanted)
    await GroupMember.bulk_create(
        [GroupMember(group=group, member_id=member_id) for member_id in sorted(new)]
    )
    return frozenset(names[member_id] for member_id in new)


async def _names(group: Group, ids: Collection[UUID]) -> dict[UUID, str]:
    """The user names of those that are members of the group's organization."""
    return {
        row.id: row.user_name
        for some in _batches(ids)
        for row in await Member.filter(id__in=some, organization_id=group.organization_id).only(
            "id", "user_name"
        )
    }


async def _inside(group: Group, ids: Collection[UUID]) -> frozenset[UUID]:
    """Those that are in the group."""
    found: set[UUID] = set()
    for some in _batches(ids):
        found |= await _ids(GroupMember.filter(group=group, member_id__in=some))
    return frozenset(found)


def _batches(ids: Collection[UUID]) -> Iterator[Sequence[UUID]]:
    ordered = sorted(ids)
    return (ordered[start : start + AT_ONCE] for start in range(0, len(ordered), AT_ONCE))


async def _leave(group: Group, membership: Membership) -> frozenset[str]:
    """Take out whoever leaves; their user names."""
    leaving = membership.leave
    if membership.only:
        leaving = await _ids(GroupMember.filter(group=group)) - membership.join
    names: set[str] = set()
    for some in _batches(leaving):
        places = GroupMember.filter(group=group, member_id__in=some)
        names |= {place.member.user_name for place in await places.select_related("member")}
        await places.delete()
    return frozenset(names)


async def _ids(places: QuerySet[GroupMember]) -> frozenset[UUID]:
    return frozenset(place.member_id for place in await places.only("id", "member_id"))


async def _has_roles(group: Group) -> bool:
    return await Assignment.exists(organization_id=group.organization_id, principal_id=group.id)


def _take(row: Group, group: DirectoryGroup) -> None:
    row.name = text.given(group.name, field="displayName", longest=320)
    row.name_key = text.key(row.name)
    if group.external_id is not None:
        text.given(group.external_id, field="externalId", longest=320)
    row.external_id = group.external_id
    row.scim = group.scim


def _name_taken(group: Group) -> Conflict:
    return Conflict(f"There is a group named {group.name!r} already in this organization.")


def _facts(group: Group) -> dict[str, object]:
    return {"name": group.name, "externalId": group.external_id}
