"""Asking who is calling."""

import strawberry

from identity.refusals import Unauthenticated
from models.member import Member
from schema.context import ContextInfo
from schema.directives import public
from schema.viewer.types import Viewer


@strawberry.type
class ViewerQuery:
    @public("Who is calling.")
    async def viewer(self, info: ContextInfo) -> Viewer | None:
        subject = info.context.subject
        member = await Member.get_or_none(
            id=subject.member_id, organization_id=subject.organization_id
        )
        if member is None:
            raise Unauthenticated
        return Viewer(row=member)
