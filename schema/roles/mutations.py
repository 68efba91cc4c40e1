"""Changing roles."""

import strawberry

from identity import roles
from identity.access.permissions import Permission
from identity.audit.actions import Action
from models.role import Role as RoleRow
from schema.context import ContextInfo
from schema.directives import PUBLIC, At, auth
from schema.fields import embedded, own_id
from schema.guarded_inputs import guarded_input
from schema.ids import optional_row_id, row_id
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


@strawberry.input(description="A custom role to delete.")
class DeleteRoleInput:
    role_id: strawberry.ID = strawberry.field(description="The role.")
    replacement_id: strawberry.ID | None = guarded_input(
        "The role that its holders get instead; needed if there are any.",
        requires=[Permission.MEMBERS_ASSIGN],
        at=At.ANYWHERE,
    )


@strawberry.type(description="The role as it is now.")
class RolePayload:
    row: strawberry.Private[RoleRow]

    role: Role = embedded("The role.", requires=PUBLIC)


@strawberry.type(description="What was deleted.")
class DeleteRolePayload:
    row: strawberry.Private[RoleRow]

    deleted_role_id: strawberry.ID = own_id(
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
        row = await roles.update(
            info.context.subject,
            row_id(input.role_id, "Role", field="input.roleId"),
            expected_version=input.expected_version,
            name=input.name,
            description=input.description,
            add=input.add,
            remove=input.remove,
        )
        return RolePayload(row=row)

    @auth(
        "Delete a custom role.",
        requires=[Permission.ROLES_DELETE],
        at=At.ORGANIZATION,
        audits=Action.ROLE_DELETE,
    )
    async def delete_role(
        self, info: ContextInfo, input: DeleteRoleInput
    ) -> DeleteRolePayload | None:
        row = await roles.delete(
            info.context.subject,
            row_id(input.role_id, "Role", field="input.roleId"),
            replacement_id=optional_row_id(
                input.replacement_id, "Role", field="input.replacementId"
            ),
        )
        return DeleteRolePayload(row=row)
