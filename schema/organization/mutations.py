"""Changing the organization."""

from functools import partial

import strawberry

from identity import organizations
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
