"""Answers about access, of API keys: what authorises them is what is told."""

from datetime import timedelta

import pytest

from identity import answers, past_access
from identity.access.decision import DeniedBy
from identity.access.permissions import Permission
from identity.access_reviews import opening
from identity.answers import GrantSource
from identity.api_keys import issuing
from identity.api_keys.wanted import KeyChange, Limits
from identity.assignments import Principal
from identity.refusals import Forbidden, NotFound
from models import (
    AccessReviewItem,
    ApiKey,
    BuiltinRole,
    PrincipalType,
    Unanswered,
)
from models.clock import now
from tests.clock import MovableClock
from tests.keys import caller, personal_key, service_key
from tests.world import World, at_workspace, new_world

READ, RESULTS = Permission.CAMPAIGNS_READ, Permission.CAMPAIGNS_RESULTS


def of(key: ApiKey) -> Principal:
    return Principal(PrincipalType.API_KEY, key.id)


async def test_a_service_key_is_explained_by_its_roles(world: World) -> None:
    key, _ = await service_key(world, READ, role=BuiltinRole.VIEWER, at=at_workspace(world.a))
    olga = await world.subject(world.owner)
    told = await answers.explain(olga, of(key), READ, at_workspace(world.a))
    assert (told.decision.allowed, told.holder.name) == (True, "Deploy bot")
    (grant,) = told.grants
    assert (grant.source, grant.permissions) == (GrantSource.DIRECT, (READ,))
    elsewhere = await answers.explain(olga, of(key), READ, at_workspace(world.b))
    assert elsewhere.decision.obstacles == (DeniedBy.MISSING_PERMISSION,)


async def test_what_the_scopes_lack_is_told_apart(world: World) -> None:
    limits = Limits(workspaces=[world.a.id])
    key, _ = await personal_key(world, world.owner, READ, limits=limits)
    olga = await world.subject(world.owner)
    send = await answers.explain(olga, of(key), Permission.CAMPAIGNS_SEND, at_workspace(world.a))
    assert send.decision.obstacles == (DeniedBy.MISSING_SCOPE,)
    assert send.advice == ["The key has to carry the scope campaigns:send."]
    there = await answers.explain(olga, of(key), READ, at_workspace(world.b))
    assert there.decision.obstacles == (DeniedBy.OUT_OF_BOUNDS,)
    assert there.advice == ["It takes a key that is not limited to other places."]


async def test_a_key_that_is_over_carries_nothing(world: World) -> None:
    key, _ = await service_key(world, READ, role=BuiltinRole.VIEWER, at=world.everywhere)
    await issuing.revoke(world.operator, key.id)
    olga = await world.subject(world.owner)
    told = await answers.explain(olga, of(key), READ, world.everywhere)
    assert told.decision.denied_by is DeniedBy.NOT_ACTIVE
    assert told.advice[0] == "The key is over, or its owner is not active."
    assert await answers.access_of(olga, of(key)) == ()


async def test_about_itself_a_key_asks_without_any_permission(world: World) -> None:
    _, clear = await service_key(world, READ, role=BuiltinRole.VIEWER, at=world.everywhere)
    robot = await caller(clear)
    (grant,) = await answers.access_of(robot, None)
    assert (grant.permissions, grant.names_role) == ((READ,), True)
    assert (await answers.can(robot, READ, at_workspace(world.a))).allowed


async def test_who_may_not_read_keys_learns_nothing_of_them(world: World) -> None:
    key, _ = await service_key(world, READ)
    role = await world.custom_role("People", Permission.MEMBERS_READ)
    ada = await world.someone("Ada", role, world.everywhere)
    with pytest.raises(NotFound):
        await answers.access_of(ada, of(key))
    beyond = await new_world("beyond")
    eve = await beyond.subject(beyond.owner)
    with pytest.raises(NotFound):
        await answers.access_of(eve, of(key))
    vic = await world.someone("Vic", BuiltinRole.VIEWER, world.everywhere)
    with pytest.raises(Forbidden):
        await answers.access_of(vic, of(key))


async def test_what_a_key_could_do_at_a_past_moment(
    world: World, movable_clock: MovableClock
) -> None:
    olga = await world.subject(world.owner)
    before = now()
    movable_clock.move(timedelta(hours=1))
    key, _ = await service_key(world, READ, role=BuiltinRole.OPERATOR, at=world.everywhere)
    made = now()
    movable_clock.move(timedelta(hours=1))
    change = KeyChange(name="Other", scopes=[RESULTS])
    await issuing.update(world.operator, key.id, change, expected_version=1)
    changed = now()
    movable_clock.move(timedelta(hours=1))
    await issuing.revoke(world.operator, key.id)
    ended = now()
    movable_clock.move(timedelta(hours=1))
    with pytest.raises(NotFound):
        await past_access.access_as_of(olga, of(key), before)
    for moment, permissions, name in (
        (made, (READ,), "Deploy bot"),
        (changed, (RESULTS,), "Other"),
    ):
        holder = await past_access.holder_as_of(olga, of(key), moment)
        assert (holder.name, holder.active) == (name, True)
        (grant,) = answers.held_by(olga, holder)
        assert grant.permissions == permissions
    holder = await past_access.holder_as_of(olga, of(key), ended)
    assert (holder.active, holder.access.grants) == (False, ())


async def test_a_review_names_the_keys_that_hold_roles(world: World) -> None:
    key, _ = await service_key(world, READ, role=BuiltinRole.VIEWER, at=at_workspace(world.a))
    await opening.open_review(
        await world.subject(world.owner),
        title="Spring",
        workspace_id=world.a.id,
        due_at=now() + timedelta(days=7),
        unanswered=Unanswered.REVOKE,
        reviewer_ids=[],
    )
    (item,) = await AccessReviewItem.all()
    assert (item.principal_type, item.principal_id, item.principal_name) == (
        PrincipalType.API_KEY,
        key.id,
        "Deploy bot",
    )
