"""API keys for the tests, made by the operator for people of the small organization."""

from collections.abc import Sequence
from typing import Any

from identity.access.permissions import Permission
from identity.api_keys import issuing
from identity.api_keys.wanted import NewKey
from identity.assignments import Scope
from identity.credentials import api_keys
from identity.subject import Origin, Subject
from models import ApiKey, ApiKeyKind, BuiltinRole, Member
from tests.world import World

HERE = Origin(request_id="test", ip="192.0.2.1")


async def personal_key(
    world: World, owner: Member, *scopes: Permission, **more: Any
) -> tuple[ApiKey, str]:
    new = NewKey(ApiKeyKind.PERSONAL, "CI", scopes, member_id=owner.id, **more)
    return await issuing.create(world.operator, new)


async def service_key(
    world: World,
    *scopes: Permission,
    role: BuiltinRole | None = None,
    at: Scope | None = None,
    **more: Any,
) -> tuple[ApiKey, str]:
    """A service key sponsored by the owner, with a role at a place if one is named."""
    new = NewKey(
        ApiKeyKind.SERVICE,
        "Deploy bot",
        scopes,
        member_id=world.owner.id,
        role_id=None if role is None else (await world.role(role)).id,
        role_at=at,
        **more,
    )
    return await issuing.create(world.operator, new)


async def caller(clear: str, *, ip: str = "192.0.2.1") -> Subject:
    """Who calls with a key."""
    return await api_keys.authenticate(clear, origin=Origin(request_id="test", ip=ip))


def names(permissions: Sequence[Permission]) -> list[str]:
    return [permission.value for permission in permissions]
