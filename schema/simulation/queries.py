"""Asking what a change of access would do."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Annotated, Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from identity.access.permissions import Permission
from identity.refusals import BadInput
from identity.rehearsal import rehearse
from schema.context import ContextInfo
from schema.directives import At, auth
from schema.groups.mutations import DeleteGroupInput, UpdateGroupInput
from schema.members.member_mutations import (
    ReactivateMemberInput,
    RemoveMemberInput,
    SuspendMemberInput,
)
from schema.members.mutations import AssignRoleInput, UnassignRoleInput, UpdateAssignmentInput
from schema.organization.mutations import ChangePlanInput
from schema.previews import AccessPreview
from schema.roles.mutations import DeleteRoleInput, RestoreRoleInput, UpdateRoleInput
from schema.workspaces.mutations import ArchiveWorkspaceInput, RestoreWorkspaceInput


def _one(description: str) -> Any:
    return strawberry.field(default=strawberry.UNSET, description=description)


@strawberry.input(
    one_of=True,
    description="One change of access, as its mutation takes it; on `dryRun` nothing depends.",
)
class AccessChangeInput:
    update_role: UpdateRoleInput | None = _one("A change of a custom role.")
    restore_role: RestoreRoleInput | None = _one("A custom role as it was once.")
    delete_role: DeleteRoleInput | None = _one("A custom role that goes.")
    assign_role: AssignRoleInput | None = _one("A role that is given to a member or a group.")
    update_assignment: UpdateAssignmentInput | None = _one("Another end of a role that was given.")
    unassign_role: UnassignRoleInput | None = _one("A role that is taken away.")
    update_group: UpdateGroupInput | None = _one("Who joins a group, and who leaves it.")
    delete_group: DeleteGroupInput | None = _one("A group that goes, with its roles.")
    suspend_member: SuspendMemberInput | None = _one("A member who is suspended.")
    reactivate_member: ReactivateMemberInput | None = _one("A member who is brought back.")
    remove_member: RemoveMemberInput | None = _one("A member who is taken out.")
    archive_workspace: ArchiveWorkspaceInput | None = _one("A workspace that is archived.")
    restore_workspace: RestoreWorkspaceInput | None = _one("A workspace that is brought back.")
    change_plan: ChangePlanInput | None = _one("Another plan. Needs `organization:plan`.")

    def given(self) -> Iterator[tuple[str, Any]]:
        """The change by its name; there is exactly one."""
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not strawberry.UNSET:
                yield to_camel_case(each.name), value


@strawberry.type
class SimulationQuery:
    @auth(
        "What a change of access would do: who would gain and who would lose what, or the refusal. "
        "Nothing is changed or recorded. A change that the viewer may not make is refused in the "
        "preview.",
        requires=[Permission.MEMBERS_READ],
        at=At.ORGANIZATION,
    )
    async def simulate(
        self,
        info: ContextInfo,
        change: Annotated[AccessChangeInput, strawberry.argument(description="The change.")],
    ) -> AccessPreview | None:
        ((name, wanted),) = change.given()
        try:
            return AccessPreview(row=await rehearse(info.context.subject, wanted.change()))
        except BadInput as wrong:
            field = wrong.field.removeprefix("input.")
            raise BadInput(wrong.message, field=f"change.{name}.{field}") from wrong
