"""Roles: named sets of permissions that an organization makes for itself.

Whoever writes a role must hold every permission they add or remove, and the built-in roles are
fixed: they are copied, never changed. Every version of a role is kept, and can be brought back.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from identity import assignment_events, holders, role_versions, text
from identity.access.builtin_roles import held
from identity.access.compiled import Access, narrowed
from identity.access.decision import ORGANIZATION, Target
from identity.access.kinds import KINDS
from identity.access.lookup import Lookup, Place, seen_with_anywhere
from identity.access.permissions import Permission, bits_of, mask_of, permissions_in
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import record_all, target
from identity.refusals import BadInput, Conflict, Forbidden, InUse, NotFound
from identity.role_versions import Content
from identity.subject import Subject
from identity.writing import Write, require_version, taken, writing
from models.assignment import Assignment, ScopeType
from models.clock import now
from models.invitation import Invitation
from models.listing import Listing, Rows
from models.role import BuiltinRole, Role
from models.role_version import RoleChange
from models.rows import columns, loaded
from models.sql import Statement, as_uuid


def permissions_of(role: Role) -> tuple[Permission, ...]:
    """What a role holds as it was written down, in the order of the vocabulary."""
    return permissions_in(bits_of(held(role.builtin, role.permissions)))


def mask_of_role(role: Role) -> int:
    """What a role grants: what it holds and what that implies."""
    return mask_of(held(role.builtin, role.permissions))


_SAME = """
    other.organization_id = $1 AND other.principal_id = assignments.principal_id
    AND other.scope_type = assignments.scope_type AND other.scope_id = assignments.scope_id
"""
_DROP_SHORTER = Statement(f"""
    DELETE FROM assignments WHERE organization_id = $1 AND role_id = $3 AND EXISTS (
        SELECT 1 FROM assignments other WHERE {_SAME} AND other.role_id = $2
        AND (other.expires_at IS NULL OR other.expires_at > assignments.expires_at)
    ) AND expires_at IS NOT NULL
    RETURNING *
""")  # noqa: S608 - a constant
_DROP_SAME = Statement(f"""
    DELETE FROM assignments WHERE organization_id = $1 AND role_id = $2 AND EXISTS (
        SELECT 1 FROM assignments other WHERE {_SAME} AND other.role_id = $3
    )
    RETURNING id
""")  # noqa: S608 - a constant
_REPLACE = Statement("""
    UPDATE assignments SET role_id = $3, created_at = $4 WHERE organization_id = $1 AND role_id = $2
""")
_PROMISE_INSTEAD = Statement("""
    UPDATE invitations SET role_id = $3, version = version + 1, updated_at = $4
    WHERE organization_id = $1 AND role_id = $2 AND accepted_at IS NULL AND revoked_at IS NULL
""")
"""An acceptance asks whether whoever invited may give what is promised then, not whoever replaced
it: that is asked here.
"""


ROLE = Lookup(
    Role,
    "role",
    Place.ORGANIZATION,
    seen_with_anywhere(Permission.ROLES_READ),
)
"""Roles are the vocabulary of the whole organization: who may read them anywhere reads them all."""


def listing(access: Access) -> Listing:
    """Every role of the organization, the built-in ones first; none for who may not see roles."""
    return Rows(
        Role,
        {"organization_id": access.organization_id},
        order="t.builtin IS NULL, t.created_at, t.id",
        ids=None if access.allows_anywhere(Permission.ROLES_READ) else frozenset(),
    )


async def found(access: Access, role_id: UUID) -> Role:
    """The role, if the subject may see roles at all. Raises `NotFound`."""
    return await ROLE.find(access, role_id)


async def by_name(access: Access, name: str) -> Role:
    """The role of that name, if the subject may see roles at all. Raises `NotFound`."""
    role = await Role.get_or_none(
        organization_id=access.organization_id, name_key=text.key(name.strip())
    )
    if role is None or not access.allows_anywhere(Permission.ROLES_READ):
        raise NotFound("role")
    return role


async def create(
    subject: Subject,
    *,
    name: str,
    description: str = "",
    permissions: Iterable[Permission] = (),
    copy_of: UUID | None = None,
) -> Role:
    """Make a role with these permissions, and those of `copy_of` if given.

    Raises `Forbidden`, `Escalation`, `NotFound` for the copied role, `Conflict` for a taken name.
    """
    name = text.label(name, field="name", longest=100)
    description = text.prose(description, field="description", longest=500)
    async with writing(subject, Action.ROLE_CREATE) as write:
        write.access.require(Permission.ROLES_WRITE, ORGANIZATION)
        wanted = set(permissions)
        if copy_of is not None:
            wanted.update(permissions_of(await found(write.access, copy_of)))
        write.access.require_holding(mask_of(wanted), ORGANIZATION)
        role = Role(
            organization_id=write.organization_id,
            name=name,
            name_key=text.key(name),
            description=description,
            permissions=role_versions.names(wanted),
        )
        with taken(_name_taken(role)):
            await role.save(force_create=True)
        await role_versions.add(write.subject, role, RoleChange.CREATED, before=None)
        await write.record(target(role), changes({}, _facts(Content.of(role))))
    return role


async def update(
    subject: Subject,
    role_id: UUID,
    *,
    expected_version: int,
    name: str | None = None,
    description: str | None = None,
    add: Iterable[Permission] = (),
    remove: Iterable[Permission] = (),
) -> Role:
    """Change a custom role; what is not given stays, and what changes nothing writes nothing.

    Raises `NotFound`, `Forbidden` (also for a built-in role), `Escalation`, `BadInput` (also for a
    permission that is both added and removed), `Conflict` for a taken name and `VersionConflict`
    for a lost race.
    """
    added, removed = frozenset(add), frozenset(remove)
    if both := role_versions.names(added & removed):
        raise BadInput(f"This is also to be added: {', '.join(both)}.", field="remove")
    if name is not None:
        name = text.label(name, field="name", longest=100)
    if description is not None:
        description = text.prose(description, field="description", longest=500)
    async with writing(subject, Action.ROLE_UPDATE, changes_access=True) as write:
        role = await _editable(write, role_id, Permission.ROLES_WRITE)
        require_version(role, expected_version)
        present = Content.of(role)
        wanted = Content(
            present.name if name is None else name,
            present.description if description is None else description,
            (present.permissions | added) - removed,
        )
        if wanted == present:
            write.changes_access = False
            return role
        await _rewrite(write, role, wanted, RoleChange.UPDATED)
    return role


async def restore(subject: Subject, role_id: UUID, number: int, *, expected_version: int) -> Role:
    """Make a role again what it was in an earlier version, as a new version. A deleted one, whose
    version is that of its deletion, comes back under the id that it had, and nobody holds it.

    Raises `NotFound`, `Forbidden` (also for a built-in role), `Escalation`, `Conflict` when the
    name is taken by now, and `VersionConflict` for a lost race.
    """
    async with writing(subject, Action.ROLE_RESTORE, changes_access=True) as write:
        role = await _deleted(write, role_id)
        if role is None:
            role = await _editable(write, role_id, Permission.ROLES_WRITE)
        require_version(role, expected_version)
        earlier = await role_versions.found(write.access, role_id, number)
        await _rewrite(write, role, Content.of(earlier), RoleChange.RESTORED, restored_from=number)
    return role


async def delete(subject: Subject, role_id: UUID, *, replacement_id: UUID | None = None) -> Role:
    """Delete a custom role; whoever holds it gets the replacement at the same scopes, and whoever
    is invited to it is invited to that. Without one, its invitations cannot be accepted any more.
    Its history stays.

    Raises `NotFound`, `Forbidden` (also where a holder is and the subject may not assign, or
    somebody is invited and the subject may not invite), `InUse`
    with the holders when it is held and no replacement is given, and `Escalation` when the
    replacement holds more than the subject does at one of the scopes.
    """
    async with writing(subject, Action.ROLE_DELETE, changes_access=True) as write:
        role = await _editable(write, role_id, Permission.ROLES_DELETE)
        write.access.require_holding(mask_of_role(role), ORGANIZATION, until=now())
        await drop_ended(write, role)
        holding = await Assignment.filter(
            role=role, organization_id=write.organization_id
        ).select_related("role")
        if holding and replacement_id is None:
            raise InUse(
                f"This role is in use, assignments: {len(holding)}. Name a replacement role.",
                assignments=len(holding),
                holders=await holders.named(write.access, holding),
            )
        after: dict[str, object] = {}
        if replacement_id is not None:
            replacement = await found(write.access, replacement_id)
            if replacement.id == role.id:
                raise BadInput("A role cannot replace itself.", field="replacementId")
            await _replace(write, role, holding, replacement)
            after = {"replacement": replacement.name}
        await role.delete()
        content = Content.of(role)
        before = {
            **_facts(content),
            "version": role.version,
            "holders": frozenset(map(_holder, holding)),
        }
        role.touch()
        await role_versions.add(write.subject, role, RoleChange.DELETED, before=content)
        await write.record(target(role), changes(before, after))
    return role


async def _replace(
    write: Write, role: Role, holding: Sequence[Assignment], replacement: Role
) -> None:
    """Give every holder the replacement instead. Who has it at the same scope already has it once,
    for the longer of the two times. The log tells of each what they lost and what they got.
    """
    mask = mask_of_role(replacement)
    for assignment in holding:
        require_fitting(replacement, assignment.scope_type, field="replacementId")
        at = scope_of(assignment)
        write.access.require(Permission.MEMBERS_ASSIGN, at)
        write.access.require_holding(
            narrowed(mask, assignment.scope_type), at, until=assignment.expires_at
        )
    ids = (write.organization_id, role.id, replacement.id)
    shorter = [_loaded(row, replacement) for row in await _DROP_SHORTER.all_returned(*ids)]
    dropped = {as_uuid(row["id"]) for row in await _DROP_SAME.all_returned(*ids)}
    await _REPLACE.execute(*ids, now())
    if fits(replacement, ScopeType.ORGANIZATION):
        await _require_promising(write, role, mask)
        await _PROMISE_INSTEAD.execute(*ids, now())
    holders = await assignment_events.holders_of(write.organization_id, holding)
    reason = f"The role {role.name} was replaced."
    lost = [*shorter, *holding]
    events = assignment_events.taken(write.subject, lost, holders, reason=reason)
    moved = [each for each in holding if each.id not in dropped]
    for assignment in moved:
        assignment.role = replacement
    events += assignment_events.given(write.subject, moved, holders, reason=reason)
    await record_all(events)


async def _require_promising(write: Write, role: Role, mask: int) -> None:
    """Raise `Forbidden` or `Escalation` unless the subject may promise `mask` to everybody whom
    the role is promised to.
    """
    for invitation in await Invitation.filter(
        organization_id=write.organization_id, role=role, accepted_at=None, revoked_at=None
    ):
        at = Place.SCOPE.target_of(invitation)
        write.access.require(Permission.MEMBERS_INVITE, at)
        write.access.require_holding(
            narrowed(mask, invitation.scope_type), at, until=invitation.access_expires_at
        )


def fits(role: Role, scope_type: ScopeType) -> bool:
    """Whether the role can be held at such a scope: Creator is one of single resources."""
    return role.builtin is not BuiltinRole.CREATOR or scope_type in KINDS


def require_fitting(role: Role, scope_type: ScopeType, *, field: str) -> None:
    """Raise `BadInput` for a role that cannot be held at such a scope."""
    if not fits(role, scope_type):
        raise BadInput(f"{role.name} is held at single resources only.", field=field)


def _loaded(row: Mapping[str, object], role: Role) -> Assignment:
    """An assignment of the role, as a statement gave it back."""
    assignment = loaded(Assignment, [row[column] for column in columns(Assignment)])
    assignment.role = role
    return assignment


async def drop_ended(write: Write, role: Role, *, principal_id: UUID | None = None) -> None:
    """Delete the assignments of a role that have ended, which hold nothing and only stand in the
    way of new ones, as a part of the caller's change.
    """
    ended = Assignment.filter(
        organization_id=write.organization_id, role_id=role.id, expires_at__lte=now()
    )
    if principal_id is not None:
        ended = ended.filter(principal_id=principal_id)
    going = await ended.select_related("role")
    await assignment_events.delete(write.subject, going, reason="It had ended.")


def scope_of(assignment: Assignment) -> Target:
    """The target at which an assignment holds."""
    return Place.SCOPE.target_of(assignment)


async def _editable(write: Write, role_id: UUID, permission: Permission) -> Role:
    role = await found(write.access, role_id)
    write.about(target(role))
    write.access.require(permission, ORGANIZATION)
    if role.builtin is not None:
        raise Forbidden(
            f"{role.name} is built in and fixed. Copy it to a role of your own.",
            reason="BUILTIN_ROLE",
            missing=[],
        )
    return role


async def _deleted(write: Write, role_id: UUID) -> Role | None:
    """A deleted role as a new row, which holds nothing yet; `None` for one that is not deleted."""
    last = await role_versions.last(write.access, role_id)
    if last is None or last.change is not RoleChange.DELETED:
        return None
    role = Role(
        id=role_id,
        organization_id=write.organization_id,
        name=last.name,
        description=last.description,
        version=last.number,
    )
    write.about(target(role))
    write.access.require(Permission.ROLES_WRITE, ORGANIZATION)
    return role


async def _rewrite(
    write: Write,
    role: Role,
    wanted: Content,
    change: RoleChange,
    *,
    restored_from: int | None = None,
) -> None:
    """Save the role as it is wanted, as its next version. Raises `Escalation` and `Conflict`."""
    before = Content.of(role)
    write.access.require_holding(mask_of(wanted.permissions ^ before.permissions), ORGANIZATION)
    role.name, role.name_key = wanted.name, text.key(wanted.name)
    role.description = wanted.description
    role.permissions = wanted.names
    role.touch()
    with taken(_name_taken(role)):
        await role.save()
    await role_versions.add(write.subject, role, change, before=before, restored_from=restored_from)
    await write.record(target(role), changes(_facts(before), _facts(wanted)))


def _name_taken(role: Role) -> Conflict:
    return Conflict(f"There is a role named {role.name!r} already.")


def _holder(assignment: Assignment) -> str:
    return (
        f"{assignment.principal_type.value}:{assignment.principal_id}"
        f" at {assignment.scope_type.value}:{assignment.scope_id}"
    )


def _facts(content: Content) -> dict[str, object]:
    return {**content._asdict(), "permissions": frozenset(content.names)}
