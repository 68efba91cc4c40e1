"""What a change would do, as mutations that take `dryRun` and `simulate` answer it."""

from datetime import datetime
from typing import Any, Protocol, TypeVar

import strawberry

from identity.access.permissions import Permission, parse_permission
from identity.refusals import NotFound, Refusal
from identity.rehearsal import (
    AffectedMember,
    Change,
    PermissionTotal,
    Preview,
    ScopeChange,
    rehearse,
)
from models.assignment import ScopeType
from models.member import Member as MemberRow
from models.window import COUNT_CAP
from schema.arguments import After, Before, First, Last
from schema.connection import Connection, paged, window_of
from schema.context import ContextInfo
from schema.directives import public, public_column
from schema.ids import SCOPE_NODES, global_id


@strawberry.type(description="Why a change would not be carried out.")
class AccessPreviewRefusal:
    row: strawberry.Private[Refusal]

    code: str = public_column("code", "What `extensions.code` of the change would be.")
    message: str = public_column("message", "Why, in one sentence.")

    @public("The permissions that the viewer would need, or of which one would do.")
    def missing(self) -> list[Permission]:
        return [_permission(name) for name in self.row.details.get("missing", ())]


@strawberry.type(description="How many members would gain a permission anywhere, or lose it.")
class AccessPreviewTotal:
    row: strawberry.Private[PermissionTotal]

    permission: Permission = public_column("permission", "The permission.")
    gaining: int = public_column("gaining", "How many would gain it at some scope.")
    losing: int = public_column("losing", "How many would lose it at some scope.")


@strawberry.type(description="What a member would gain and lose at one scope.")
class AccessPreviewChange:
    row: strawberry.Private[ScopeChange]

    scope_type: ScopeType = public_column("scope_type", "The kind of place.")
    gained: list[Permission] | None = public_column(
        "gained", "What they would gain there; null for who may not read roles."
    )
    lost: list[Permission] | None = public_column(
        "lost", "What they would lose there; null for who may not read roles."
    )

    @public("The place; null where the viewer may not see it.")
    def scope_id(self) -> strawberry.ID | None:
        if self.row.scope_id is None:
            return None
        return global_id(SCOPE_NODES[self.row.scope_type], self.row.scope_id)


@strawberry.type(description="A member who would gain or lose something.")
class AccessPreviewMember:
    row: strawberry.Private[AffectedMember]

    @public("The id of the member.")
    def member_id(self) -> strawberry.ID:
        return global_id("Member", self.row.id)

    @public("What people call them.")
    async def name(self, info: ContextInfo) -> str:
        member = await info.context.row(MemberRow, self.row.id)
        if member is None:  # removed since
            raise NotFound("member")
        return member.name

    @public(
        "What would change for them, the organization first. What is the same below a scope is "
        "said at that scope alone."
    )
    def changes(self) -> list[AccessPreviewChange]:
        return [AccessPreviewChange(row=change) for change in self.row.changes]


@strawberry.type(
    description="What a change would do to who may do what. With a refusal it would do nothing."
)
class AccessPreview:
    row: strawberry.Private[Preview]

    starts_at: datetime | None = public_column(
        "starts_at",
        "From when on it would be so; null: at once. Of an end that moves, it is the earlier one.",
    )
    members_gaining: int = public_column("gaining", "How many would gain anything.")
    members_losing: int = public_column("losing", "How many would lose anything.")

    @public("Why the change would not be carried out.")
    def refusal(self) -> AccessPreviewRefusal | None:
        return None if self.row.refusal is None else AccessPreviewRefusal(row=self.row.refusal)

    @public("How many members would gain or lose anything.")
    def members_affected(self) -> int:
        return len(self.row.members)

    @public(
        "What would be gained and lost, in the order of the vocabulary; null for who may not read "
        "roles."
    )
    def permissions(self) -> list[AccessPreviewTotal] | None:
        if self.row.permissions is None:
            return None
        return [AccessPreviewTotal(row=total) for total in self.row.permissions]

    @public("The members who would gain or lose anything.")
    async def members(
        self,
        info: ContextInfo,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[AccessPreviewMember]:
        window = window_of(first, after, last, before)
        info.context.spend(window.limit)

        async def count() -> int:
            return min(len(self.row.members), COUNT_CAP)

        return paged(window.of(self.row.members), window, AccessPreviewMember, count)


@strawberry.type
class Rehearsed:
    """What a payload has besides its own: the preview, in place of a row."""

    rehearsed: strawberry.Private[Preview | None] = None

    @public("What the change would do, of a dry run; then everything else here is null.")
    def preview(self) -> AccessPreview | None:
        return None if self.rehearsed is None else AccessPreview(row=self.rehearsed)


def dry_run_field() -> Any:
    """The field of an input that asks for a preview."""
    return strawberry.field(
        default=False,
        description="Change nothing, and answer with `preview`: what the change would do. Needs "
        "what the change needs, and `members:read` at the organization.",
    )


RowT = TypeVar("RowT")
RowT_co = TypeVar("RowT_co", covariant=True)
RowT_contra = TypeVar("RowT_contra", contravariant=True)
PayloadT = TypeVar("PayloadT")
PayloadT_co = TypeVar("PayloadT_co", covariant=True)


class ChangeInput(Protocol[RowT_co]):
    """The input of a mutation that can be rehearsed."""

    dry_run: bool

    def change(self) -> Change[RowT_co]:
        """What it asks for. Raises `BadInput`."""


class Payload(Protocol[RowT_contra, PayloadT_co]):
    """The type that such a mutation answers with: made of the row, or of the preview."""

    def __call__(self, *, row: RowT_contra | None, rehearsed: Preview | None) -> PayloadT_co: ...


async def carried_out(
    info: ContextInfo, input: ChangeInput[RowT], payload: Payload[RowT, PayloadT]
) -> PayloadT:
    """The answer to a mutation after the change, or with `dryRun` after its rehearsal."""
    subject, change = info.context.subject, input.change()
    if input.dry_run:
        return payload(row=None, rehearsed=await rehearse(subject, change))
    return payload(row=await change.carry_out(subject), rehearsed=None)


def _permission(name: str) -> Permission:
    """A permission as refusals write it, by its value or its name."""
    return parse_permission(name) or Permission[name]
