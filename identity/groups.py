"""Groups: sets of members. A role assigned to a group holds for whoever is in it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from identity import assignments, text
from identity.access.decision import ORGANIZATION
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.refusals import BadInput, Conflict, NotFound
from identity.subject import Subject
from identity.writing import Write, writing
from models.group import Group, GroupMember, GroupSource
from models.member import Member
from models.sql import Statement

MEMBERS = Statement("""
    SELECT m.id, m.name FROM group_members gm JOIN members m ON m.id = gm.member_id
    WHERE gm.group_id = $1 ORDER BY m.id
""")


@dataclass(frozen=True, slots=True)
class DirectoryGroup:
    """What a directory says of a group. `scim` holds the attributes that have no column."""

    name: str
    external_id: str | None
    scim: dict[str, Any]


async def create(
    subject: Subject, group: DirectoryGroup, *, member_ids: Collection[UUID] = ()
) -> Group:
    """Add a directory's group with its members.

    Raises `Forbidden`, `Conflict` for a taken name, `BadInput` for a member that is not there.
    """
    async with writing(subject, Action.GROUP_CREATE, changes_access=True) as write:
        write.access.require(Permission.MEMBERS_INVITE, ORGANIZATION)
        await _require_free_name(write.organization_id, group.name)
        row = Group(organization_id=write.organization_id, source=GroupSource.DIRECTORY)
        _take(row, group)
        await row.save(force_create=True)
        added = await _add(write, row, member_ids)
        await write.record(
            target(row), changes({}, {"name": row.name, "members": frozenset(added)})
        )
    return row


async def update(
    subject: Subject,
    group_id: UUID,
    group: DirectoryGroup,
    *,
    add: Collection[UUID] = (),
    remove: Collection[UUID] = (),
) -> Group:
    """Change a directory's group: its attributes, and by difference its members.

    Raises `NotFound`, `Forbidden`, `Conflict` for a taken name, `BadInput` for a member that is not
    there, `LastOwner`.
    """
    async with writing(subject, Action.GROUP_UPDATE, changes_access=True) as write:
        row = await _found(write, group_id)
        write.access.require(Permission.MEMBERS_INVITE, ORGANIZATION)
        before = {"name": row.name, "externalId": row.external_id}
        if text.key(group.name) != row.name_key:
            await _require_free_name(write.organization_id, group.name)
        _take(row, group)
        row.touch()
        await row.save()
        removed = await _remove(row, remove)
        added = await _add(write, row, add)
        write.changes_access = bool(added or removed)
        await write.record(
            target(row),
            changes(
                {**before, "members": frozenset(removed)},
                {"name": row.name, "externalId": row.external_id, "members": frozenset(added)},
            ),
        )
    return row


async def delete(subject: Subject, group_id: UUID) -> None:
    """Delete a directory's group with its assignments. Raises `NotFound`, `Forbidden`, `LastOwner`."""
    async with writing(subject, Action.GROUP_DELETE, changes_access=True) as write:
        row = await _found(write, group_id)
        write.access.require(Permission.MEMBERS_REMOVE, ORGANIZATION)
        names = frozenset(member["name"] for member in await MEMBERS.rows(row.id))
        await assignments.delete_of_principal(write.organization_id, row.id)
        await row.delete()
        await write.record(target(row), changes({"name": row.name, "members": names}, {}))


async def _found(write: Write, group_id: UUID) -> Group:
    row = await Group.get_or_none(
        id=group_id, organization_id=write.organization_id, source=GroupSource.DIRECTORY
    )
    if row is None or not write.access.allows(Permission.MEMBERS_READ, ORGANIZATION):
        raise NotFound("group")
    write.about(target(row))
    return row


async def _add(write: Write, group: Group, member_ids: Collection[UUID]) -> list[str]:
    """The names of the members that were not in the group before."""
    wanted = set(member_ids)
    rows = await Member.filter(id__in=wanted, organization_id=write.organization_id)
    missing = wanted - {member.id for member in rows}
    if missing:
        raise BadInput(f"There is no member {min(missing)} in this organization.", field="members")
    present = set(
        await GroupMember.filter(group=group, member_id__in=wanted).values_list(
            "member_id", flat=True
        )
    )
    new = [member for member in rows if member.id not in present]
    await GroupMember.bulk_create([GroupMember(group=group, member=member) for member in new])
    return [member.name for member in new]


async def _remove(group: Group, member_ids: Collection[UUID]) -> list[str]:
    """The names of the members that were in the group before."""
    leaving = GroupMember.filter(group=group, member_id__in=set(member_ids))
    names = [row.member.name for row in await leaving.select_related("member")]
    await leaving.delete()
    return names


def _take(row: Group, group: DirectoryGroup) -> None:
    row.name = text.label(group.name, field="displayName", longest=320)
    row.name_key = text.key(row.name)
    row.external_id = group.external_id
    row.scim = group.scim


async def _require_free_name(organization_id: UUID, name: str) -> None:
    if await Group.exists(organization_id=organization_id, name_key=text.key(name)):
        raise Conflict(f"There is a group named {name!r} already in this organization.")
