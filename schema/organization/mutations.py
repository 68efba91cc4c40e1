"""Changing the organization."""

from functools import partial

import strawberry

from identity import legal_hold, organizations
from identity.access.permissions import Permission
from identity.audit.actions import Action
from identity.rehearsal import Change
from models.organization import Organization as OrganizationRow
from models.organization import Plan
from schema.context import ContextInfo
from schema.directives import PUBLIC, At, auth
from schema.fields import embedded
from schema.organization.types import Organization
from schema.previews import Rehearsed, carried_out, dry_run_field


@strawberry.input(description="Another plan of the organization.")
class ChangePlanInput:
    plan: Plan = strawberry.field(description="The plan.")
    dry_run: bool = dry_run_field()

    def change(self) -> Change[OrganizationRow]:
        return Change(partial(organizations.change_plan, plan=self.plan))


@strawberry.type(description="The organization as it is now.")
class ChangePlanPayload(Rehearsed):
    row: strawberry.Private[OrganizationRow | None]

    organization: Organization | None = embedded("The organization.", requires=PUBLIC)


@strawberry.input(description="Whether the audit log is held, and why.")
class SetLegalHoldInput:
    held: bool = strawberry.field(description="True places a hold, false ends it.")
    reason: str = strawberry.field(description="Why, for the audit log.")


@strawberry.type(description="The organization as it is now.")
class OrganizationPayload:
    row: strawberry.Private[OrganizationRow]

    organization: Organization = embedded("The organization.", requires=PUBLIC)


@strawberry.type
class OrganizationMutation:
    @auth(
        "Put the organization on another plan. Nothing is deleted: what a smaller one does not "
        "include is refused, and is there again with a larger one.",
        requires=[Permission.ORGANIZATION_PLAN],
        at=At.ORGANIZATION,
        audits=Action.ORGANIZATION_PLAN,
    )
    async def change_plan(
        self, info: ContextInfo, input: ChangePlanInput
    ) -> ChangePlanPayload | None:
        return await carried_out(info, input, ChangePlanPayload)

    @auth(
        "Place or end a legal hold: while it stands, and for 30 days after, no audit event is "
        "deleted. Owners only.",
        requires=[Permission.ORGANIZATION_UPDATE],
        at=At.ORGANIZATION,
        audits=Action.AUDIT_HOLD,
    )
    async def set_legal_hold(
        self, info: ContextInfo, input: SetLegalHoldInput
    ) -> OrganizationPayload | None:
        change = legal_hold.place if input.held else legal_hold.release
        return OrganizationPayload(row=await change(info.context.subject, reason=input.reason))
