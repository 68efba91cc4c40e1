"""The groups that people keep: made, renamed, filled and deleted by those who give and take roles.

Whoever joins a group gets its roles, and whoever leaves loses them, so both need `members:assign`
and what those roles hold. A group that a directory provisioned is the directory's alone.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from identity import assignments, groups, text
from identity.access.decision import ORGANIZATION
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.members import DIRECTORY_MANAGED
from identity.refusals import Forbidden, NotFound
from identity.subject import Subject
from identity.writing import Write, require_version, taken, writing
from models.group import Group, GroupSource

NAME_LENGTH = 200


async def create(subject: Subject, *, name: str, member_ids: Collection[UUID] = ()) -> Group:
    """Make a group with these members. It has no role yet, so that no access changes.

    Raises `Forbidden`, `BadInput`, `NotFound` for a member, and `Conflict` for a taken name.
    """
    name = text.label(name, field="name", longest=NAME_LENGTH)
    async with writing(subject, Action.GROUP_CREATE) as write:
        write.access.require(Permission.MEMBERS_ASSIGN, ORGANIZATION)
        group = Group(organization_id=write.organization_id, source=GroupSource.MANUAL)
        _call(group, name)
        group.updated_at = group.created_at
        with taken(groups.name_taken(group)):
            await group.save(force_create=True)
        joined = await _join(group, member_ids)
        facts = {"name": name, **groups.member_facts(joined)}
        await write.record(target(group), changes({}, facts))
    return group


async def update(
    subject: Subject,
    group_id: UUID,
    *,
    expected_version: int,
    name: str | None = None,
    add: Collection[UUID] = (),
    remove: Collection[UUID] = (),
) -> Group:
    """Rename a group, add members and take some out; who is in both lists is taken out.

    Raises `NotFound`, also for a member to add, `Forbidden` (also for a directory's group),
    `Escalation`, `Conflict` for a taken name, `VersionConflict` and `LastOwner`.
    """
    async with writing(subject, Action.GROUP_UPDATE, changes_access=True) as write:
        group = await _found(write, group_id)
        require_version(group, expected_version)
        before = group.name
        if name is not None:
            _call(group, text.label(name, field="name", longest=NAME_LENGTH))
        left = await groups.leave(group, remove)
        joined = await _join(group, frozenset(add) - frozenset(remove))
        if left:
            await assignments.require_taking_from(write, group)
        if joined:
            await assignments.require_giving_to(write, group)
        write.changes_access = bool(left or joined) and await groups.has_roles(group)
        group.touch()
        with taken(groups.name_taken(group)):
            await group.save()
        await write.record(
            target(group),
            changes(
                {"name": before, **groups.member_facts(left)},
                {"name": group.name, **groups.member_facts(joined)},
            ),
        )
    return group


async def delete(subject: Subject, group_id: UUID) -> Group:
    """Delete a group with its assignments: whoever is in it loses its roles.

    Raises `NotFound`, `Forbidden` (also for a directory's group), `Escalation`, `LastOwner`.
    """
    async with writing(subject, Action.GROUP_DELETE, changes_access=True) as write:
        group = await _found(write, group_id)
        await assignments.require_taking_from(write, group)
        inside = await groups.everybody(group)
        write.changes_access = bool(inside) and await groups.has_roles(group)
        await assignments.delete_of_principal(write, group.id, reason=groups.DELETED)
        await group.delete()
        facts = {"name": group.name, **groups.member_facts(inside)}
        await write.record(target(group), changes(facts, {}))
    return group


async def _found(write: Write, group_id: UUID) -> Group:
    group = await groups.GROUP.find(write.access, group_id)
    write.about(target(group))
    write.access.require(Permission.MEMBERS_ASSIGN, ORGANIZATION)
    if group.source is GroupSource.DIRECTORY:
        raise Forbidden(
            f"A directory keeps the group {group.name}. Change it there.",
            reason=DIRECTORY_MANAGED,
            missing=[],
        )
    return group


async def _join(group: Group, member_ids: Collection[UUID]) -> Mapping[UUID, str]:
    names = await groups.user_names(group, member_ids)
    if len(names) < len(set(member_ids)):
        raise NotFound("member")
    return await groups.join(group, names)


def _call(group: Group, name: str) -> None:
    group.name, group.name_key = name, text.key(name)
