"""Reading the organization."""

import strawberry

from models.organization import Organization as OrganizationRow
from schema.directives import PUBLIC
from schema.fields import own
from schema.organization.types import Organization


@strawberry.type
class OrganizationQuery:
    organization: Organization = own(
        OrganizationRow,
        lambda subject: subject.organization_id,
        "The organization that the viewer signed in to.",
        requires=PUBLIC,
    )
