"""Changing who is in the organization."""

from collections.abc import Awaitable, Callable
from functools import partial

import strawberry

from identity import members
from identity.access.permissions import Permission
from identity.access.touched import Touched
from identity.audit.actions import Action
from identity.rehearsal import Change
from models.member import Member as MemberRow
from schema.context import ContextInfo
from schema.directives import PUBLIC, At, auth, public
from schema.fields import embedded, own_id
from schema.ids import row_id
from schema.members.types import Member
from schema.previews import Rehearsed, carried_out, dry_run_field


@strawberry.input(description="A change of a member.")
class UpdateMemberInput:
    member_id: strawberry.ID = strawberry.field(description="The member.")
    expected_version: int = strawberry.field(description="The version you looked at.")
    name: str = strawberry.field(description="What people call them.")


@strawberry.input(description="A member to suspend.")
class SuspendMemberInput:
    member_id: strawberry.ID = strawberry.field(description="The member.")
    reason: str | None = strawberry.field(default=None, description="Why, in your words.")
    dry_run: bool = dry_run_field()

    def change(self) -> Change[MemberRow]:
        return _change_of(self.member_id, partial(members.suspend, reason=self.reason))


@strawberry.input(description="A suspended member to bring back.")
class ReactivateMemberInput:
    member_id: strawberry.ID = strawberry.field(description="The member.")
    dry_run: bool = dry_run_field()

    def change(self) -> Change[MemberRow]:
        return _change_of(self.member_id, members.reactivate)


@strawberry.input(description="A member to take out of the organization.")
class RemoveMemberInput:
    member_id: strawberry.ID = strawberry.field(description="The member.")
    reason: str | None = strawberry.field(default=None, description="Why, in your words.")
    dry_run: bool = dry_run_field()

    def change(self) -> Change[MemberRow]:
        return _change_of(self.member_id, partial(members.remove, reason=self.reason))


def _change_of(member_id: str, use_case: Callable[..., Awaitable[MemberRow]]) -> Change[MemberRow]:
    """A change of one member's place in the organization."""
    found = row_id(member_id, "Member", field="input.memberId")
    return Change(partial(use_case, member_id=found), Touched(principal_ids=(found,)))


@strawberry.input(description="An organization to leave.")
class LeaveOrganizationInput:
    organization_id: strawberry.ID = strawberry.field(
        description="The organization that you signed in to, so that you leave no other."
    )


@strawberry.type(description="The member as they are now.")
class MemberPayload(Rehearsed):
    row: strawberry.Private[MemberRow | None]

    member: Member | None = embedded("The member.", requires=PUBLIC)


@strawberry.type(description="Who was taken out.")
class RemoveMemberPayload(Rehearsed):
    row: strawberry.Private[MemberRow | None]

    removed_member_id: strawberry.ID | None = own_id(
        "The id that the member had.", requires=PUBLIC, type_name="Member"
    )


@strawberry.type(description="Who left.")
class LeaveOrganizationPayload:
    row: strawberry.Private[MemberRow]

    removed_member_id: strawberry.ID = own_id(
        "The id that you had as a member.", requires=PUBLIC, type_name="Member"
    )


@strawberry.type
class MemberMutation:
    @auth(
        "Call a member by another name. A directory names those whom it provisioned.",
        requires=[Permission.MEMBERS_INVITE],
        at=At.ORGANIZATION,
        audits=Action.MEMBER_UPDATE,
    )
    async def update_member(
        self, info: ContextInfo, input: UpdateMemberInput
    ) -> MemberPayload | None:
        row = await members.rename(
            info.context.subject,
            row_id(input.member_id, "Member", field="input.memberId"),
            name=input.name,
            expected_version=input.expected_version,
        )
        return MemberPayload(row=row)

    @auth(
        "Take a member's access, sessions included, until somebody gives it back. Needs every "
        "permission that the member holds.",
        requires=[Permission.MEMBERS_REMOVE],
        at=At.ORGANIZATION,
        audits=Action.MEMBER_SUSPEND,
    )
    async def suspend_member(
        self, info: ContextInfo, input: SuspendMemberInput
    ) -> MemberPayload | None:
        return await carried_out(info, input, MemberPayload)

    @auth(
        "Give a suspended member their access back. Needs every permission that the member will "
        "hold.",
        requires=[Permission.MEMBERS_INVITE],
        at=At.ORGANIZATION,
        audits=Action.MEMBER_REACTIVATE,
    )
    async def reactivate_member(
        self, info: ContextInfo, input: ReactivateMemberInput
    ) -> MemberPayload | None:
        return await carried_out(info, input, MemberPayload)

    @auth(
        "Take a member out of the organization, with their sessions and roles. Needs every "
        "permission that the member holds.",
        requires=[Permission.MEMBERS_REMOVE],
        at=At.ORGANIZATION,
        audits=Action.MEMBER_REMOVE,
    )
    async def remove_member(
        self, info: ContextInfo, input: RemoveMemberInput
    ) -> RemoveMemberPayload | None:
        return await carried_out(info, input, RemoveMemberPayload)

    @public(
        "Leave the organization. An owner steps down first.",
        audits=Action.MEMBER_LEAVE,
    )
    async def leave_organization(
        self, info: ContextInfo, input: LeaveOrganizationInput
    ) -> LeaveOrganizationPayload | None:
        row = await members.leave(
            info.context.subject,
            row_id(input.organization_id, "Organization", field="input.organizationId"),
        )
        return LeaveOrganizationPayload(row=row)
