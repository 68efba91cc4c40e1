"""Who is calling."""

import strawberry

from models.member import Member as MemberRow
from schema.context import ContextInfo
from schema.directives import public, public_column
from schema.members.types import Member
from schema.organization.queries import viewer_organization
from schema.organization.types import Organization


@strawberry.type(description="The person who is calling, in the organization they signed in to.")
class Viewer:
    row: strawberry.Private[MemberRow]

    name: str = public_column("name", "What people call them.")
    email: str = public_column("email", "Their address.")

    @public("Their place in the organization.")
    def member(self) -> Member:
        return Member(row=self.row)

    @public("The organization they signed in to.")
    async def organization(self, info: ContextInfo) -> Organization:
        return await viewer_organization(info.context.subject)
