"""Roles: named sets of permissions that an organization makes for itself.

Whoever writes a role must hold every permission they add or remove, and the built-in roles are
fixed: they are copied, never changed.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from identity import text
from identity.access.builtin_roles import held
from identity.access.compiled import Access, narrowed
from identity.access.decision import ORGANIZATION, Target
from identity.access.lookup import Lookup, Place
from identity.access.permissions import Permission, bits_of, mask_of, permissions_in
from identity.audit.actions import Action
from identity.audit.diff import changes
from identity.audit.record import target
from identity.refusals import BadInput, Conflict, Forbidden, InUse
from identity.subject import Subject
from identity.writing import Write, require_version, taken, writing
from models.assignment import Assignment
from models.clock import now
from models.listing import Listing, Rows
from models.role import Role


def permissions_of(role: Role) -> tuple[Permission, ...]:
    """What a role holds as it was written down, in the order of the vocabulary."""
    return permissions_in(bits_of(held(role.builtin, role.permissions)))


def mask_of_role(role: Role) -> int:
    """What a role grants: what it holds and what that implies."""
    return mask_of(held(role.builtin, role.permissions))


ROLE = Lookup(
    Role,
    "role",
    Place.ORGANIZATION,
    lambda access, target: access.allows_anywhere(Permission.ROLES_READ),
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
            permissions=_names(wanted),
        )
        with taken(_name_taken(role)):
            await role.save(force_create=True)
        await write.record(target(role), changes({}, _facts(role)))
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
    """Change a custom role; what is not given stays.

    Raises `NotFound`, `Forbidden` (also for a built-in role), `Escalation`, `Conflict` for a taken
    name and `VersionConflict` for a lost race.
    """
    async with writing(subject, Action.ROLE_UPDATE, changes_access=True) as write:
        role = await _editable(write, role_id, Permission.ROLES_WRITE)
        require_version(role, expected_version)
        before = _facts(role)
        present = frozenset(permissions_of(role))
        wanted = (present | frozenset(add)) - frozenset(remove)
        write.access.require_holding(mask_of(wanted ^ present), ORGANIZATION)
        if name is not None:
            role.name = text.label(name, field="name", longest=100)
            role.name_key = text.key(role.name)
        if description is not None:
            role.description = text.prose(description, field="description", longest=500)
        role.permissions = _names(wanted)
        role.touch()
        with taken(_name_taken(role)):
            await role.save()
        await write.record(target(role), changes(before, _facts(role)))
    return role


async def delete(subject: Subject, role_id: UUID, *, replacement_id: UUID | None = None) -> Role:
    """Delete a custom role; whoever holds it gets the replacement at the same scopes.

    Raises `NotFound`, `Forbidden` (also where a holder is and the subject may not assign), `InUse`
    when it is held and no replacement is given, and `Escalation` when the replacement holds more
    than the subject does at one of the scopes.
    """
    async with writing(subject, Action.ROLE_DELETE, changes_access=True) as write:
        role = await _editable(write, role_id, Permission.ROLES_DELETE)
        write.access.require_holding(mask_of_role(role), ORGANIZATION, until=now())
        await drop_ended(role)
        holding = await Assignment.filter(role=role, organization_id=write.organization_id)
        if holding and replacement_id is None:
            raise InUse(
                f"{len(holding)} assignments hold this role. Name a replacement role.",
                assignments=len(holding),
            )
        after: dict[str, object] = {}
        if replacement_id is not None:
            replacement = await found(write.access, replacement_id)
            if replacement.id == role.id:
                raise BadInput("A role cannot replace itself.", field="replacementId")
            await _replace(write, holding, replacement)
            after = {"replacement": replacement.name}
        await role.delete()
        before = {**_facts(role), "holders": frozenset(map(_holder, holding))}
        await write.record(target(role), changes(before, after))
    return role


async def _replace(write: Write, assignments: Sequence[Assignment], replacement: Role) -> None:
    """Give every holder the replacement instead; who has it already keeps that one."""
    mask = mask_of_role(replacement)
    await drop_ended(replacement)
    for assignment in assignments:
        at = scope_of(assignment)
        write.access.require(Permission.MEMBERS_ASSIGN, at)
        write.access.require_holding(
            narrowed(mask, assignment.scope_type), at, until=assignment.expires_at
        )
        same = await Assignment.exists(
            role=replacement,
            principal_id=assignment.principal_id,
            scope_type=assignment.scope_type,
            scope_id=assignment.scope_id,
        )
        if same:
            await assignment.delete()
        else:
            assignment.role = replacement
            await assignment.save(update_fields=["role_id"])


async def drop_ended(role: Role, *, principal_id: UUID | None = None) -> None:
    """Delete the assignments of a role that have ended, which hold nothing and only stand in the
    way of new ones. The caller holds the transaction.
    """
    ended = Assignment.filter(
        organization_id=role.organization_id, role_id=role.id, expires_at__lte=now()
    )
    await (ended if principal_id is None else ended.filter(principal_id=principal_id)).delete()


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


def _name_taken(role: Role) -> Conflict:
    return Conflict(f"There is a role named {role.name!r} already.")


def _holder(assignment: Assignment) -> str:
    return (
        f"{assignment.principal_type.value}:{assignment.principal_id}"
        f" at {assignment.scope_type.value}:{assignment.scope_id}"
    )


def _names(permissions: Iterable[Permission]) -> list[str]:
    return [permission.value for permission in permissions_in(bits_of(permissions))]


def _facts(role: Role) -> dict[str, object]:
    return {
        "name": role.name,
        "description": role.description,
        "permissions": frozenset(permission.value for permission in permissions_of(role)),
    }
