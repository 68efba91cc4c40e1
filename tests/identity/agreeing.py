"""Checks, lists and `whoCan` agree, of one permission at one place."""

from identity import answers
from identity.access.decision import Target
from identity.access.kinds import CAMPAIGN, KINDS
from identity.access.permissions import Permission
from identity.access.visible import visible_ids
from identity.assignments import Scope
from models import Campaign, ScopeType
from models.window import Window
from tests.identity.picture import accesses
from tests.world import World


async def assert_agreeing(world: World, permission: Permission, place: Target) -> None:
    """What the compiled accesses allow is what `whoCan` and the lists of campaigns give."""
    held = await accesses(world)
    expected = {id_ for id_, access in held.items() if access.allows(permission, place)}
    found = await answers.who_can(world.operator, permission, await scope_of(world, place))
    lines = await found.page(Window(limit=100))
    assert {line.id for line in lines} == expected
    workspace_id = place.workspace_id or world.a.id
    listed = await Campaign.filter(workspace_id=workspace_id)
    for access in held.values():
        seen = await visible_ids(access, CAMPAIGN, permission.bit, workspace_id, Window(limit=100))
        assert set(seen) == {
            row.id for row in listed if access.allows(permission, Target(workspace_id, row.id))
        }


async def scope_of(world: World, place: Target) -> Scope:
    """The scope whose target it is."""
    if place.workspace_id is None:
        return world.everywhere
    if place.resource_id is None:
        return Scope(ScopeType.WORKSPACE, place.workspace_id)
    for scope_type, kind in KINDS.items():
        if await kind.model.exists(id=place.resource_id):
            return Scope(scope_type, place.resource_id)
    raise AssertionError(f"{place} is gone")
