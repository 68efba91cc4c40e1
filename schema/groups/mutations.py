"""Changing the groups that people keep."""

from functools import partial

import strawberry

from identity import manual_groups
from identity.access.permissions import Permission
from identity.access.touched import Touched
from identity.audit.actions import Action
from identity.rehearsal import Change
from models.group import Group as GroupRow
from schema.context import ContextInfo
from schema.directives import PUBLIC, At, auth
from schema.fields import embedded, own_id
from schema.ids import row_id, row_ids
from schema.members.types import Group
from schema.previews import Rehearsed, carried_out, dry_run_field


@strawberry.input(description="A group to make.")
class CreateGroupInput:
    name: str = strawberry.field(description="What it is called; unique in the organization.")
    member_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Who is in it; at most 100."
    )


@strawberry.input(description="A change of a group. What is left out stays as it is.")
class UpdateGroupInput:
    group_id: strawberry.ID = strawberry.field(description="The group.")
    expected_version: int = strawberry.field(description="The version you looked at.")
    name: str | None = strawberry.field(default=None, description="What it is called.")
    add_member_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Members who join it; at most 100."
    )
    remove_member_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Members who leave it; at most 100."
    )
    dry_run: bool = dry_run_field()

    def change(self) -> Change[GroupRow]:
        group_id = row_id(self.group_id, "Group", field="input.groupId")
        carry_out = partial(
            manual_groups.update,
            group_id=group_id,
            expected_version=self.expected_version,
            name=self.name,
            add=row_ids(self.add_member_ids, "Member", field="input.addMemberIds"),
            remove=row_ids(self.remove_member_ids, "Member", field="input.removeMemberIds"),
        )
        return Change(carry_out, Touched(principal_ids=(group_id,)))


@strawberry.input(description="A group to delete.")
class DeleteGroupInput:
    group_id: strawberry.ID = strawberry.field(description="The group.")
    dry_run: bool = dry_run_field()

    def change(self) -> Change[GroupRow]:
        group_id = row_id(self.group_id, "Group", field="input.groupId")
        carry_out = partial(manual_groups.delete, group_id=group_id)
        return Change(carry_out, Touched(principal_ids=(group_id,)))


@strawberry.type(description="The group as it is now.")
class GroupPayload(Rehearsed):
    row: strawberry.Private[GroupRow | None]

    group: Group | None = embedded("The group.", requires=PUBLIC)


@strawberry.type(description="What was deleted.")
class DeleteGroupPayload(Rehearsed):
    row: strawberry.Private[GroupRow | None]

    deleted_group_id: strawberry.ID | None = own_id(
        "The id that the group had.", requires=PUBLIC, type_name="Group"
    )


@strawberry.type
class GroupMutation:
    @auth(
        "Make a group.",
        requires=[Permission.MEMBERS_ASSIGN],
        at=At.ORGANIZATION,
        audits=Action.GROUP_CREATE,
    )
    async def create_group(self, info: ContextInfo, input: CreateGroupInput) -> GroupPayload | None:
        row = await manual_groups.create(
            info.context.subject,
            name=input.name,
            member_ids=row_ids(input.member_ids, "Member", field="input.memberIds"),
        )
        return GroupPayload(row=row)

    @auth(
        "Rename a group, and change who is in it, which gives them and takes from them what its "
        "roles hold: needs all of that. A directory's group is the directory's to change.",
        requires=[Permission.MEMBERS_ASSIGN],
        at=At.ORGANIZATION,
        audits=Action.GROUP_UPDATE,
    )
    async def update_group(self, info: ContextInfo, input: UpdateGroupInput) -> GroupPayload | None:
        return await carried_out(info, input, GroupPayload)

    @auth(
        "Delete a group with its roles: needs all that they hold. A directory's group is the "
        "directory's to delete.",
        requires=[Permission.MEMBERS_ASSIGN],
        at=At.ORGANIZATION,
        audits=Action.GROUP_DELETE,
    )
    async def delete_group(
        self, info: ContextInfo, input: DeleteGroupInput
    ) -> DeleteGroupPayload | None:
        return await carried_out(info, input, DeleteGroupPayload)
