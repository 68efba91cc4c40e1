"""Asking who is calling."""

import strawberry

from models.member import Member
from schema.directives import PUBLIC
from schema.fields import own
from schema.viewer.types import Viewer


@strawberry.type
class ViewerQuery:
    viewer: Viewer | None = own(
        Member, lambda subject: subject.member_id, "Who is calling.", requires=PUBLIC
    )
