"""Bringing an organization's custom roles to what is written down elsewhere, as in a team's git."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from identity import roles, text
from identity.access.compiled import Access
from identity.access.permissions import Permission
from identity.refusals import BadInput, Conflict
from identity.role_versions import Content
from identity.subject import Subject
from identity.writing import lock, one_transaction
from models.listing import page
from models.role import Role


@dataclass(frozen=True, slots=True)
class WrittenRole:
    """A role as a file has it. Without a description it keeps the one it has, or has none."""

    name: str
    permissions: frozenset[Permission]
    description: str | None = None


@dataclass(frozen=True, slots=True)
class RoleEdit:
    """A role of the organization at this version, and what it is to become. `content` is all of it
    as it is, `wanted` as it is written.
    """

    role_id: UUID
    version: int
    content: Content
    wanted: Content

    @property
    def added(self) -> frozenset[Permission]:
        return self.wanted.permissions - self.content.permissions

    @property
    def removed(self) -> frozenset[Permission]:
        return self.content.permissions - self.wanted.permissions


@dataclass(frozen=True, slots=True)
class Difference:
    """What an import would do, each part by name. `unwritten` are the organization's custom roles
    that nobody wrote down: they are deleted if it prunes, and else stay.
    """

    new: tuple[Content, ...]
    edits: tuple[RoleEdit, ...]
    unwritten: tuple[RoleEdit, ...]
    prunes: bool

    @property
    def deletions(self) -> tuple[RoleEdit, ...]:
        return self.unwritten if self.prunes else ()

    def __bool__(self) -> bool:
        """Whether it would do anything."""
        return bool(self.new or self.edits or self.deletions)


async def difference(
    access: Access, written: Sequence[WrittenRole], *, prunes: bool = False
) -> Difference:
    """How the organization's roles differ from those written, which are told apart by their names
    in any case.

    Raises `BadInput` for a name that is written twice, and for a built-in role that is written
    otherwise than it is.
    """
    wanted = {text.key(role.name): role for role in written}
    if len(wanted) < len(written):
        raise BadInput("Two roles have the same name.", field="roles")
    present: dict[str, Role] = {role.name_key: role for role in await page(roles.listing(access))}
    edits = []
    for key, role in sorted(present.items()):
        if key in wanted:
            edit = _edit(role, wanted[key])
            if edit.content == edit.wanted:
                continue
            if role.builtin is not None:
                raise BadInput(f"{role.name} is built in and fixed.", field="roles")
            edits.append(edit)
    return Difference(
        new=tuple(
            Content(role.name, role.description or "", role.permissions)
            for key, role in sorted(wanted.items())
            if key not in present
        ),
        edits=tuple(edits),
        unwritten=tuple(
            RoleEdit(role.id, role.version, Content.of(role), Content.of(role))
            for key, role in sorted(present.items())
            if key not in wanted and role.builtin is None
        ),
        prunes=prunes,
    )


async def apply(subject: Subject, written: Sequence[WrittenRole], shown: Difference) -> None:
    """Carry out a difference that was shown, all of it or nothing.

    Raises `Conflict` when it is not the same any more, and what creating, changing and deleting a
    role raises, `InUse` included.
    """
    async with one_transaction():
        await lock(subject)
        if await difference(subject.access, written, prunes=shown.prunes) != shown:
            raise Conflict("The roles were changed since the difference was shown. Look again.")
        for role in shown.deletions:
            await roles.delete(subject, role.role_id)
        for edit in shown.edits:
            await roles.update(
                subject,
                edit.role_id,
                expected_version=edit.version,
                name=edit.wanted.name,
                description=edit.wanted.description,
                add=edit.added,
                remove=edit.removed,
            )
        for content in shown.new:
            await roles.create(subject, **content._asdict())


def _edit(role: Role, written: WrittenRole) -> RoleEdit:
    content = Content.of(role)
    description = content.description if written.description is None else written.description
    wanted = Content(written.name, description, written.permissions)
    return RoleEdit(role.id, role.version, content, wanted)
