"""Who is calling."""

import strawberry

from identity.api_keys import reading
from models.member import Member as MemberRow
from schema.api_keys.types import ApiKey
from schema.connection import Connection
from schema.directives import PUBLIC, public_column
from schema.fields import embedded, page_of, to_one
from schema.members.types import Member
from schema.organization.types import Organization


@strawberry.type(description="The person who is calling, in the organization they signed in to.")
class Viewer:
    row: strawberry.Private[MemberRow]

    name: str = public_column("name", "What people call them.")
    email: str = public_column("email", "Their address.")
    api_keys: Connection[ApiKey] | None = page_of(
        reading.own_listing,
        "Their personal API keys, newest first. A key reads them with `api_keys:read` alone.",
        requires=PUBLIC,
    )
    member: Member = embedded("Their place in the organization.", requires=PUBLIC)
    organization: Organization = to_one(
        "organization", "The organization they signed in to.", requires=PUBLIC
    )
