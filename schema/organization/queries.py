"""Reading the organization."""

import strawberry

from identity.subject import Subject
from models.organization import Organization as OrganizationRow
from schema.context import ContextInfo
from schema.directives import public
from schema.organization.types import Organization


async def viewer_organization(subject: Subject) -> Organization:
    return Organization(row=await OrganizationRow.get(id=subject.organization_id))


@strawberry.type
class OrganizationQuery:
    @public("The organization that the viewer signed in to.")
    async def organization(self, info: ContextInfo) -> Organization:
        return await viewer_organization(info.context.subject)
