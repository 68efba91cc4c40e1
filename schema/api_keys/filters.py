"""What may be asked of the API keys. Every field is public to whoever reads the key."""

import strawberry

from identity.api_keys.reading import EVERY_KEY, Asked
from models.api_key import ApiKeyKind, ApiKeyUse
from schema.api_keys.types import ApiKey
from schema.filters import filter_by
from schema.ids import optional_row_id


@strawberry.input(description="Which API keys; all of what is given.")
class ApiKeyFilter:
    use: ApiKeyUse | None = filter_by(ApiKey, "use", "By when they were last used.")
    kind: ApiKeyKind | None = filter_by(ApiKey, "kind", "By whose they are.")
    live: bool | None = filter_by(ApiKey, "live", "Those that are over, or those that are not.")
    member_id: strawberry.ID | None = filter_by(
        ApiKey, "member_id", "Those of this owner or sponsor."
    )


def asked_for(given: ApiKeyFilter | None) -> Asked:
    """What the input asks for. Raises `BadInput`."""
    if given is None:
        return EVERY_KEY
    return Asked(
        member_id=optional_row_id(given.member_id, "Member", field="filter.memberId"),
        use=given.use,
        kind=given.kind,
        live=given.live,
    )
