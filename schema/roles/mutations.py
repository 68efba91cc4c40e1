"""Changing roles."""

from functools import partial

import strawberry

from identity import roles
from identity.access.permissions import Permission
from identity.access.touched import Touched
from identity.audit.actions import Action
from identity.holders import Holder
from identity.refusals import InUse
from identity.rehearsal import Change
from models.role import Role as RoleRow
from schema.context import ContextInfo
from schema.directives import PUBLIC, At, auth
from schema.fields import embedded, own_id
from schema.guarded_inputs import guarded_input
from schema.ids import PRINCIPAL_NODES, SCOPE_NODES, global_id, optional_row_id, row_id
from schema.previews import Rehearsed, carried_out, dry_run_field
from schema.roles.types import Role


@strawberry.input(description="A role to make.")
class CreateRoleInput:
    name: str = strawberry.field(description="What it is called; unique in the organization.")
    description: str = strawberry.field(default="", description="What it is for.")
    permissions: list[Permission] = strawberry.field(
        default_factory=list, description="What it holds."
    )
    copy_of: strawberry.ID | None = strawberry.field(
        default=None, description="A role whose permissions it gets as well."
    )


@strawberry.input(description="A change of a custom role. What is left out stays as it is.")
class UpdateRoleInput:
    role_id: strawberry.ID = strawberry.field(description="The role.")
    expected_version: int = strawberry.field(description="The version you looked at.")
    name: str | None = strawberry.field(default=None, description="What it is called.")
    description: str | None = strawberry.field(default=None, description="What it is for.")
    add: list[Permission] = strawberry.field(
        default_factory=list, description="Permissions it gets."
    )
    remove: list[Permission] = strawberry.field(
        default_factory=list, description="Permissions it loses."
    )
    dry_run: bool = dry_run_field()

    def change(self) -> Change[RoleRow]:
        role_id = row_id(self.role_id, "Role", field="input.roleId")
        carry_out = partial(
            roles.update,
            role_id=role_id,
            expected_version=self.expected_version,
            name=self.name,
            description=self.description,
            add=self.add,
            remove=self.remove,
        )
        return Change(carry_out, Touched(role_ids=(role_id,)))


@strawberry.input(description="A custom role to bring back to an earlier version, or to undelete.")
class RestoreRoleInput:
    role_id: strawberry.ID = strawberry.field(description="The role; it may be deleted.")
    version: int = strawberry.field(description="The number of the version it is to repeat.")
    expected_version: int = strawberry.field(
        description="The version you looked at; of a deleted role, the one of its deletion."
    )
    dry_run: bool = dry_run_field()

    def change(self) -> Change[RoleRow]:
        role_id = row_id(self.role_id, "Role", field="input.roleId")
        carry_out = partial(
            roles.restore,
            role_id=role_id,
            number=self.version,
            expected_version=self.expected_version,
        )
        return Change(carry_out, Touched(role_ids=(role_id,)))


@strawberry.input(description="A custom role to delete.")
class DeleteRoleInput:
    role_id: strawberry.ID = strawberry.field(description="The role.")
    replacement_id: strawberry.ID | None = guarded_input(
        "The role that its holders get instead; needed if there are any.",
        requires=[Permission.MEMBERS_ASSIGN],
        at=At.ANYWHERE,
    )
    dry_run: bool = dry_run_field()

    def change(self) -> Change[RoleRow]:
        role_id = row_id(self.role_id, "Role", field="input.roleId")
        replacement_id = optional_row_id(self.replacement_id, "Role", field="input.replacementId")
        carry_out = partial(roles.delete, role_id=role_id, replacement_id=replacement_id)
        return Change(carry_out, Touched(role_ids=(role_id,)))


@strawberry.type(description="The role as it is now.")
class RolePayload(Rehearsed):
    row: strawberry.Private[RoleRow | None]

    role: Role | None = embedded("The role.", requires=PUBLIC)


@strawberry.type(description="What was deleted.")
class DeleteRolePayload(Rehearsed):
    row: strawberry.Private[RoleRow | None]

    deleted_role_id: strawberry.ID | None = own_id(
        "The id that the role had.", requires=PUBLIC, type_name="Role"
    )


@strawberry.type
class RoleMutation:
    @auth(
        "Make a role.",
        requires=[Permission.ROLES_WRITE],
        at=At.ORGANIZATION,
        audits=Action.ROLE_CREATE,
    )
    async def create_role(self, info: ContextInfo, input: CreateRoleInput) -> RolePayload | None:
        row = await roles.create(
            info.context.subject,
            name=input.name,
            description=input.description,
            permissions=input.permissions,
            copy_of=optional_row_id(input.copy_of, "Role", field="input.copyOf"),
        )
        return RolePayload(row=row)

    @auth(
        "Change a custom role.",
        requires=[Permission.ROLES_WRITE],
        at=At.ORGANIZATION,
        audits=Action.ROLE_UPDATE,
    )
    async def update_role(self, info: ContextInfo, input: UpdateRoleInput) -> RolePayload | None:
        return await carried_out(info, input, RolePayload)

    @auth(
        "Make a role what it was in an earlier version, as a new version. A deleted role comes "
        "back, and nobody holds it.",
        requires=[Permission.ROLES_WRITE],
        at=At.ORGANIZATION,
        audits=Action.ROLE_RESTORE,
    )
    async def restore_role(self, info: ContextInfo, input: RestoreRoleInput) -> RolePayload | None:
        return await carried_out(info, input, RolePayload)

    @auth(
        "Delete a custom role; its history stays. IN_USE tells who holds it: `assignments` is how "
        "many times, and `holders` are the first of them, for who may read members.",
        requires=[Permission.ROLES_DELETE],
        at=At.ORGANIZATION,
        audits=Action.ROLE_DELETE,
    )
    async def delete_role(
        self, info: ContextInfo, input: DeleteRoleInput
    ) -> DeleteRolePayload | None:
        try:
            return await carried_out(info, input, DeleteRolePayload)
        except InUse as refusal:
            holders = [_described(holder) for holder in refusal.details["holders"]]
            details = {**refusal.details, "holders": holders}
            raise InUse(refusal.message, **details) from refusal


def _described(holder: Holder) -> dict[str, object]:
    """Somebody who holds a role, as `extensions` of an error say it."""
    return {
        "type": holder.type.name,
        "id": global_id(PRINCIPAL_NODES[holder.type], holder.id),
        "name": holder.name,
        "provisioned": holder.provisioned,
        "scopeType": holder.scope_type.name,
        "scopeId": global_id(SCOPE_NODES[holder.scope_type], holder.scope_id),
    }
