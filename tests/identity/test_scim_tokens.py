"""Tokens of directories: made with an end that can be told, and found by their hash alone."""

from datetime import datetime, timedelta

import pytest

from identity.credentials import scim_tokens
from identity.refusals import BadInput
from models import ScimToken
from models.clock import now
from models.secret import token_hash
from tests.identity.refusing import refused
from tests.world import World


async def test_a_token_is_stored_as_a_hash_with_its_end(world: World) -> None:
    end = now() + timedelta(days=1)
    token, clear = await scim_tokens.create(world.operator, name=" Okta ", expires_at=end)
    saved = await ScimToken.get(id=token.id)
    assert (saved.name, saved.expires_at) == ("Okta", end)
    assert (saved.token_hash, saved.prefix) == (token_hash(clear), clear[:14])


@pytest.mark.parametrize("end", ["2001-01-01T00:00:00+00:00", "2999-01-01T00:00:00"])
async def test_an_end_in_the_past_or_without_a_zone_is_refused(world: World, end: str) -> None:
    async with refused(BadInput, field="expiresAt"):
        await scim_tokens.create(
            world.operator, name="Okta", expires_at=datetime.fromisoformat(end)
        )
