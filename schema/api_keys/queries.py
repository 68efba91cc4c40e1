"""Which API key is calling."""

import strawberry

from models.api_key import ApiKey as ApiKeyRow
from schema.api_keys.types import ApiKey
from schema.context import ContextInfo
from schema.directives import public


@strawberry.type
class ApiKeyQuery:
    @public("The API key that is calling; null for a person.")
    async def viewer_api_key(self, info: ContextInfo) -> ApiKey | None:
        subject = info.context.subject
        if not subject.by_key or subject.via_id is None:
            return None
        row = await info.context.row(ApiKeyRow, subject.via_id)
        return None if row is None else ApiKey(row=row)
