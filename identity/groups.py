"""Groups: sets of members. A role assigned to a group holds for whoever is in it.

What is changed here is what a directory says of its groups; people change theirs in
`identity.manual_groups`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tortoise.queryset import QuerySet

from identity import assignments, text
from identity.access.compiled import Access
from identity.access.decision import ORGANIZATION
from identity.access.lookup import Lookup, Place, seen_with
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.refusals import BadInput, Conflict, NotFound
from identity.subject import Subject
from identity.writing import Write, taken, writing
from models.assignment import Assignment
from models.group import Group, GroupMember, GroupSource
from models.listing import Linked, Listing, Rows
from models.member import Member
from models.sql import Statement, as_uuid

AT_ONCE = 5_000
"""Ids in one statement: neither database binds more than some 32,000 parameters."""

DELETED = "The group was deleted."
"""Why its roles were taken."""

_MEMBERS = Statement("""
    SELECT m.id, m.user_name FROM group_members gm JOIN members m ON m.id = gm.member_id
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
    seen_with(Permission.MEMBERS_READ),
)


def listing(access: Access) -> Listing:
    """The groups of the organization, by name.

    Raises `Forbidden` without `members:read` at the organization.
    """
    access.require(Permission.MEMBERS_READ, ORGANIZATION)
    return Rows(Group, {"organization_id": access.organization_id}, order="t.name_key")


async def by_name(access: Access, name: str) -> Group:
    """The group of that name. Raises `NotFound`, and `Forbidden` as `listing` does."""
    access.require(Permission.MEMBERS_READ, ORGANIZATION)
    group = await Group.get_or_none(
        organization_id=access.organization_id, name_key=text.key(name.strip())
    )
    if group is None:
        raise NotFound("group")
    return group


def of_member(access: Access, member_id: UUID) -> Listing:
    """The groups that a member is in, by name. Raises as `listing` does."""
    access.require(Permission.MEMBERS_READ, ORGANIZATION)
    return Linked(
        Group,
        GroupMember,
        own="group_id",
        other=("member_id", member_id),
        organization_id=access.organization_id,
        order="t.name_key",
    )


def members_of(access: Access, group_id: UUID) -> Listing:
    """The members of a group, newest first. Raises as `listing` does."""
    access.require(Permission.MEMBERS_READ, ORGANIZATION)
    return Linked(
        Member,
        GroupMember,
        own="member_id",
        other=("group_id", group_id),
        organization_id=access.organization_id,
    )


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
        with taken(name_taken(row)):
            await row.save(force_create=True)
        joined = await join(row, await _users(row, frozenset(member_ids)))
        await write.record(target(row), changes({}, {**_facts(row), **member_facts(joined)}))
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
        leaving = membership.leave
        if membership.only:
            leaving = await _ids(GroupMember.filter(group=row)) - membership.join
        left = await leave(row, leaving)
        joined = await join(row, await _users(row, membership.join))
        diff = changes({**before, **member_facts(left)}, {**_facts(row), **member_facts(joined)})
        write.changes_access = bool(left or joined) and await has_roles(row)
        if diff:
            row.touch()
            with taken(name_taken(row)):
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
        inside = await everybody(row)
        write.changes_access = bool(inside) and await has_roles(row)
        await assignments.delete_of_principal(write, row.id, reason=DELETED)
        await row.delete()
        await write.record(target(row), changes({**_facts(row), **member_facts(inside)}, {}))


async def _found(write: Write, group_id: UUID) -> Group:
    row = await GROUP.find(write.access, group_id)
    if row.source is not GroupSource.DIRECTORY:
        raise NotFound("group")
    write.about(target(row))
    return row


async def join(group: Group, names: Mapping[UUID, str]) -> Mapping[UUID, str]:
    """Add whoever of these members, by id, is not in the group yet; their user names by id."""
    new = names.keys() - await _inside(group, names)
    await GroupMember.bulk_create(
        [GroupMember(group=group, member_id=member_id) for member_id in sorted(new)]
    )
    return {member_id: names[member_id] for member_id in new}


async def _users(group: Group, ids: frozenset[UUID]) -> Mapping[UUID, str]:
    """The user names of the members that a directory names. Raises `BadInput` for a stranger."""
    names = await user_names(group, ids)
    if missing := ids - names.keys():
        raise BadInput(f"There is no user {min(missing)}.", field="members")
    return names


async def user_names(group: Group, ids: Collection[UUID]) -> dict[UUID, str]:
    """The user names of those that are members of the group's organization."""
    return {
        row.id: row.user_name
        for some in _batches(ids)
        for row in await Member.filter(id__in=some, organization_id=group.organization_id).only(
            "id", "user_name"
        )
    }


async def everybody(group: Group) -> Mapping[UUID, str]:
    """The user names of all who are in the group, by id."""
    return {as_uuid(member["id"]): member["user_name"] for member in await _MEMBERS.rows(group.id)}


def member_facts(names: Mapping[UUID, str]) -> dict[str, object]:
    """What the audit log tells of the members of a group, given by id: names for people, and ids
    for what looks back.
    """
    return {"members": frozenset(names.values()), "memberIds": frozenset(names)}


async def _inside(group: Group, ids: Collection[UUID]) -> frozenset[UUID]:
    """Those that are in the group."""
    found: set[UUID] = set()
    for some in _batches(ids):
        found |= await _ids(GroupMember.filter(group=group, member_id__in=some))
    return frozenset(found)


def _batches(ids: Collection[UUID]) -> Iterator[Sequence[UUID]]:
    ordered = sorted(ids)
    return (ordered[start : start + AT_ONCE] for start in range(0, len(ordered), AT_ONCE))


async def leave(group: Group, ids: Collection[UUID]) -> Mapping[UUID, str]:
    """Take out whoever of these is in the group; their user names by id."""
    names: dict[UUID, str] = {}
    for some in _batches(ids):
        places = GroupMember.filter(group=group, member_id__in=some)
        found = await places.select_related("member")
        names.update((place.member_id, place.member.user_name) for place in found)
        await places.delete()
    return names


async def _ids(places: QuerySet[GroupMember]) -> frozenset[UUID]:
    return frozenset(place.member_id for place in await places.only("id", "member_id"))


async def has_roles(group: Group) -> bool:
    return await Assignment.exists(organization_id=group.organization_id, principal_id=group.id)


def _take(row: Group, group: DirectoryGroup) -> None:
    row.name = text.given(group.name, field="displayName", longest=320)
    row.name_key = text.key(row.name)
    if group.external_id is not None:
        text.given(group.external_id, field="externalId", longest=320)
    row.external_id = group.external_id
    row.scim = group.scim


def name_taken(group: Group) -> Conflict:
    return Conflict(f"There is a group named {group.name!r} already in this organization.")


def _facts(group: Group) -> dict[str, object]:
    return {"name": group.name, "externalId": group.external_id}
