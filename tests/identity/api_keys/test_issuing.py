"""Who makes, changes, rotates and ends keys, and what each is refused with."""

from datetime import timedelta

import pytest

from identity import assignments, members
from identity.access.permissions import Permission
from identity.api_keys import issuing
from identity.api_keys.wanted import Expiry, KeyChange, Limit, Limits, NewKey
from identity.assignments import Principal, Scope
from identity.refusals import (
    BadInput,
    Conflict,
    Escalation,
    Forbidden,
    NotFound,
    Unauthenticated,
    VersionConflict,
)
from identity.subject import Subject
from models import (
    ApiKey,
    ApiKeyEnd,
    ApiKeyKind,
    Assignment,
    BuiltinRole,
    Member,
    PrincipalType,
    ScopeType,
)
from models.clock import now
from models.document_mode import DocumentMode
from models.secret import token_hash
from tests.clock import MovableClock
from tests.identity.refusing import refused
from tests.keys import caller, personal_key, service_key
from tests.world import UNKNOWN_ID, World, at_campaign, at_workspace, new_world

READ, SEND, RESULTS = (
    Permission.CAMPAIGNS_READ,
    Permission.CAMPAIGNS_SEND,
    Permission.CAMPAIGNS_RESULTS,
)
KEYS = (
    Permission.API_KEYS_CREATE,
    Permission.API_KEYS_ROTATE,
    Permission.API_KEYS_REVOKE,
)


def wanted(*scopes: Permission, kind: ApiKeyKind = ApiKeyKind.PERSONAL, **more: object) -> NewKey:
    return NewKey(kind, "CI", scopes, **more)  # type: ignore[arg-type]


async def keeper(world: World, *more: Permission, name: str = "Kim") -> Subject:
    """Somebody who keeps keys in workspace A, and holds these permissions there."""
    role = await world.custom_role(f"Keeper {name}", *KEYS, *more)
    return await world.someone(name, role, at_workspace(world.a))


def in_a(world: World) -> Limits:
    return Limits(workspaces=[world.a.id])


async def test_a_key_is_stored_as_a_hash_and_ends_after_90_days(
    world: World, movable_clock: MovableClock
) -> None:
    olga = await world.subject(world.owner)
    key, clear = await issuing.create(olga, wanted(READ))
    saved = await ApiKey.get(id=key.id)
    assert saved.secret_hash == token_hash(clear)
    assert clear not in str(await ApiKey.all().values())
    assert (saved.kind, saved.member_id, saved.workspace_id) == ("personal", world.owner.id, None)
    assert saved.expires_at == now() + timedelta(days=90)
    (event,) = [each for each in await world.events() if each.action == "api_key.create"]
    assert (event.target_id, event.target_name) == (key.id, "CI")
    assert clear[31:] not in str(event.diff)
    assert {change["path"] for change in event.diff} >= {"prefix", "scopes", "expiresAt"}


async def test_a_key_carries_no_more_than_who_makes_it_holds_there(world: World) -> None:
    kim = await keeper(world, READ)
    async with refused(Escalation, denied="api_key.create", missing=["campaigns:send"]):
        await issuing.create(kim, wanted(READ, SEND, limits=in_a(world)))
    key, _ = await issuing.create(kim, wanted(READ, limits=in_a(world)))
    assert key.workspace_id == world.a.id


async def test_who_holds_a_scope_in_one_workspace_makes_no_key_for_all(world: World) -> None:
    kim = await keeper(world, READ)
    async with refused(Forbidden, denied="api_key.create"):
        await issuing.create(kim, wanted(READ))


async def test_a_key_of_several_workspaces_takes_the_right_to_make_it_at_the_organization(
    world: World,
) -> None:
    kim = await keeper(world, READ)
    role = await world.custom_role("Keeper B", *KEYS, READ)
    await world.give(await Member.get(id=kim.actor_id), role, at_workspace(world.b))
    kim = await world.subject(await Member.get(id=kim.actor_id))
    both = Limits(workspaces=[world.a.id, world.b.id])
    async with refused(Forbidden, denied="api_key.create"):
        await issuing.create(kim, wanted(READ, limits=both))


async def test_a_place_that_is_not_seen_is_not_found(world: World) -> None:
    kim = await keeper(world, READ)
    beyond = await new_world("beyond")
    for workspace_id in (world.b.id, beyond.a.id, UNKNOWN_ID):
        async with refused(NotFound):
            await issuing.create(kim, wanted(READ, limits=Limits(workspaces=[workspace_id])))
    foreign = await beyond.campaign(beyond.a)
    async with refused(NotFound):
        await issuing.create(kim, wanted(READ, limits=Limits(resources=[at_campaign(foreign)])))


async def test_a_key_of_one_campaign(world: World) -> None:
    campaign = await world.campaign(world.a)
    olga = await world.subject(world.owner)
    limits = Limits(resources=[at_campaign(campaign)])
    key, clear = await issuing.create(olga, wanted(READ, limits=limits))
    assert key.workspace_id == world.a.id
    subject = await caller(clear)
    assert set(subject.access.resource_masks) == {campaign.id}


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        (Limits(workspaces=[]), "workspaces"),
        (Limits(resources=[]), "resources"),
        (Limits(networks=["192.0.2.1/24"]), "networks"),
        (Limits(networks=["home"]), "networks"),
        (Limits(networks=["10.0.0.0/8"] * 51), "networks"),
        (Limits(rate_limit=0), "rateLimit"),
    ],
)
async def test_what_cannot_be_a_limit_is_refused(world: World, limits: Limits, field: str) -> None:
    olga = await world.subject(world.owner)
    async with refused(BadInput, field=field):
        await issuing.create(olga, wanted(READ, limits=limits))


async def test_workspaces_and_resources_are_not_mixed(world: World) -> None:
    olga = await world.subject(world.owner)
    everywhere = Scope(ScopeType.ORGANIZATION, world.organization.id)
    for limits in (
        Limits(workspaces=[world.a.id], resources=[everywhere]),
        Limits(resources=[everywhere]),
        Limits(resources=[at_workspace(world.a)]),
    ):
        async with refused(BadInput, field="resources"):
            await issuing.create(olga, wanted(READ, limits=limits))


async def test_a_key_without_scopes_is_refused(world: World) -> None:
    async with refused(BadInput, field="scopes"):
        await issuing.create(await world.subject(world.owner), wanted())


@pytest.mark.parametrize("group", ["members", "roles", "api_keys", "identity", "organization"])
async def test_scopes_that_administrate_take_an_owner_who_says_so(world: World, group: str) -> None:
    scope = Permission(f"{group}:read")
    olga = await world.subject(world.owner)
    async with refused(Forbidden, denied="api_key.create", reason="ADMINISTRATIVE_SCOPES"):
        await issuing.create(olga, wanted(scope))
    holder = await world.custom_role("Holder", scope, *KEYS)
    ada = await world.someone("Ada", holder, world.everywhere)
    async with refused(Forbidden, denied="api_key.create", reason="OWNER_ONLY"):
        await issuing.create(ada, wanted(scope, administrative=True))
    key, clear = await issuing.create(olga, wanted(scope, administrative=True))
    assert key.administrative
    assert (await caller(clear)).access.anywhere_mask == scope.bit


async def test_a_stored_scope_that_administrates_is_nothing_without_the_flag(world: World) -> None:
    key, clear = await personal_key(world, world.owner, READ)
    await ApiKey.filter(id=key.id).update(scopes=["campaigns:read", "members:remove", "no:such"])
    assert (await caller(clear)).access.anywhere_mask == READ.bit


async def test_what_means_something_at_the_organization_only_needs_no_workspace(
    world: World,
) -> None:
    olga = await world.subject(world.owner)
    new = wanted(Permission.IDENTITY_READ, limits=in_a(world), administrative=True)
    async with refused(BadInput, field="scopes"):
        await issuing.create(olga, new)


async def test_only_an_owner_makes_a_key_that_never_ends(world: World) -> None:
    kim = await keeper(world, READ)
    never = Expiry(never=True)
    async with refused(Forbidden, denied="api_key.create", reason="OWNER_ONLY"):
        await issuing.create(kim, wanted(READ, limits=in_a(world), expiry=never))
    key, _ = await issuing.create(await world.subject(world.owner), wanted(READ, expiry=never))
    assert key.expires_at is None


@pytest.mark.parametrize(
    "expiry", [Expiry(at=now() - timedelta(seconds=1)), Expiry(at=now(), never=True)]
)
async def test_an_end_that_cannot_be_is_refused(world: World, expiry: Expiry) -> None:
    async with refused(BadInput, field="expiresAt"):
        await issuing.create(await world.subject(world.owner), wanted(READ, expiry=expiry))


async def test_nobody_makes_a_personal_key_for_somebody_else(world: World) -> None:
    ada = await world.member("Ada")
    async with refused(Forbidden, denied="api_key.create", reason="PERSONAL_KEY"):
        await issuing.create(await world.subject(world.owner), wanted(READ, member_id=ada.id))


async def test_the_operator_makes_a_key_that_carries_no_more_than_its_owner(world: World) -> None:
    ada = await world.someone("Ada", BuiltinRole.EDITOR, at_workspace(world.a))
    member = await Member.get(id=ada.actor_id)
    async with refused(Escalation, denied="api_key.create", missing=["campaigns:send"]):
        await personal_key(world, member, SEND, limits=in_a(world))
    _, clear = await personal_key(world, member, READ, limits=in_a(world))
    assert (await caller(clear)).actor_id == ada.actor_id
    eve = await (await new_world("beyond")).member("Eve")
    async with refused(NotFound):
        await personal_key(world, eve, READ)


async def test_a_service_key_holds_what_roles_give_it_within_its_scopes(world: World) -> None:
    key, clear = await service_key(
        world, READ, RESULTS, role=BuiltinRole.OPERATOR, at=at_workspace(world.a)
    )
    subject = await caller(clear)
    assert (subject.actor_type, subject.actor_id, subject.member_id) == ("api_key", key.id, None)
    assert subject.access.anywhere_mask == READ.bit | RESULTS.bit
    assert subject.access.entered() == frozenset({world.a.id})
    (grant,) = subject.access.grants
    assert (grant.principal_type, grant.principal_name) == (PrincipalType.API_KEY, "Deploy bot")


async def test_who_makes_a_service_key_gives_it_no_role_that_they_lack(world: World) -> None:
    kim = await keeper(world, READ, Permission.MEMBERS_ASSIGN)
    role = await world.role(BuiltinRole.OPERATOR)
    new = wanted(
        READ,
        kind=ApiKeyKind.SERVICE,
        limits=in_a(world),
        role_id=role.id,
        role_at=at_workspace(world.a),
    )
    with pytest.raises((NotFound, Escalation)):
        await issuing.create(kim, new)
    assert await ApiKey.all().count() == 0
    assert await Assignment.filter(principal_type=PrincipalType.API_KEY).count() == 0


async def test_a_role_is_given_to_service_keys_alone(world: World) -> None:
    personal, _ = await personal_key(world, world.owner, READ)
    ended, _ = await service_key(world, READ)
    await issuing.revoke(world.operator, ended.id)
    role = await world.role(BuiltinRole.VIEWER)
    for key_id in (personal.id, ended.id, UNKNOWN_ID):
        async with refused(NotFound):
            await assignments.assign(
                world.operator,
                role_id=role.id,
                principal=Principal(PrincipalType.API_KEY, key_id),
                scope=world.everywhere,
            )
    async with refused(BadInput, field="roleId"):
        await issuing.create(
            await world.subject(world.owner),
            wanted(READ, role_id=role.id, role_at=world.everywhere),
        )


async def test_a_role_taken_away_ends_what_the_key_had(world: World) -> None:
    _, clear = await service_key(world, READ, role=BuiltinRole.VIEWER, at=world.everywhere)
    assert (await caller(clear)).access.anywhere_mask == READ.bit
    given = await Assignment.get(principal_type=PrincipalType.API_KEY)
    await assignments.unassign(world.operator, given.id)
    assert (await caller(clear)).access.anywhere_mask == 0


async def test_an_owner_who_loses_a_role_takes_it_from_the_key(world: World) -> None:
    ada = await world.member("Ada")
    given = await world.give(ada, BuiltinRole.VIEWER, world.everywhere)
    _, clear = await personal_key(world, ada, READ)
    assert (await caller(clear)).access.anywhere_mask == READ.bit
    await assignments.unassign(world.operator, given.id)
    assert (await caller(clear)).access.anywhere_mask == 0


async def test_both_secrets_are_good_for_the_overlap(
    world: World, movable_clock: MovableClock
) -> None:
    key, first = await personal_key(world, world.owner, READ)
    _, second = await issuing.rotate(
        await world.subject(world.owner), key.id, overlap=timedelta(hours=1)
    )
    assert first != second
    for clear in (first, second):
        assert (await caller(clear)).via_id == key.id
    movable_clock.move(timedelta(hours=1))
    assert (await caller(second)).via_id == key.id
    with pytest.raises(Unauthenticated):
        await caller(first)


async def test_without_an_overlap_the_secret_of_before_is_over(world: World) -> None:
    key, first = await personal_key(world, world.owner, READ)
    _, second = await issuing.rotate(world.operator, key.id, overlap=timedelta(0))
    with pytest.raises(Unauthenticated):
        await caller(first)
    assert (await caller(second)).via_id == key.id


async def test_a_second_rotation_ends_the_first_secret(world: World) -> None:
    key, first = await personal_key(world, world.owner, READ)
    _, second = await issuing.rotate(world.operator, key.id)
    _, third = await issuing.rotate(world.operator, key.id)
    with pytest.raises(Unauthenticated):
        await caller(first)
    assert {(await caller(clear)).via_id for clear in (second, third)} == {key.id}


@pytest.mark.parametrize("hours", [-1, 169])
async def test_an_overlap_is_bounded(world: World, hours: int) -> None:
    key, _ = await personal_key(world, world.owner, READ)
    async with refused(BadInput, field="overlapHours"):
        await issuing.rotate(world.operator, key.id, overlap=timedelta(hours=hours))


async def test_nobody_takes_over_the_personal_key_of_another(world: World) -> None:
    ada = await world.member("Ada")
    await world.give(ada, BuiltinRole.VIEWER, world.everywhere)
    key, _ = await personal_key(world, ada, READ)
    olga = await world.subject(world.owner)
    async with refused(Forbidden, denied="api_key.rotate", reason="PERSONAL_KEY"):
        await issuing.rotate(olga, key.id)
    async with refused(Forbidden, denied="api_key.update", reason="PERSONAL_KEY"):
        await issuing.update(olga, key.id, KeyChange(name="Mine"), expected_version=1)
    assert (await issuing.revoke(olga, key.id)).end_reason is ApiKeyEnd.REVOKED


async def test_nobody_takes_over_a_service_key_that_carries_more_than_they_hold(
    world: World,
) -> None:
    strong, _ = await service_key(
        world, SEND, role=BuiltinRole.OPERATOR, at=at_workspace(world.a), limits=in_a(world)
    )
    kim = await keeper(world, READ)
    async with refused(Escalation, denied="api_key.rotate", missing=["campaigns:send"]):
        await issuing.rotate(kim, strong.id)
    weak, _ = await service_key(
        world, READ, role=BuiltinRole.OPERATOR, at=at_workspace(world.a), limits=in_a(world)
    )
    _, clear = await issuing.rotate(kim, weak.id)
    assert (await caller(clear)).via_id == weak.id


async def test_what_a_key_makes_ends_with_it_and_carries_no_more(world: World) -> None:
    soon = now() + timedelta(days=3)
    _, clear = await personal_key(
        world,
        world.owner,
        READ,
        *KEYS,
        administrative=True,
        expiry=Expiry(at=soon),
    )
    robot = await caller(clear)
    child, _ = await issuing.create(robot, wanted(READ))
    assert child.expires_at == soon
    async with refused(Forbidden, denied="api_key.create", reason="OUTLIVES_KEY"):
        await issuing.create(robot, wanted(READ, expiry=Expiry(at=soon + timedelta(days=1))))
    async with refused(Escalation, denied="api_key.create", missing=["campaigns:send"]):
        await issuing.create(robot, wanted(SEND))


async def test_a_key_takes_over_no_stronger_key_of_the_same_owner(world: World) -> None:
    strong, _ = await personal_key(world, world.owner, SEND)
    _, clear = await personal_key(world, world.owner, READ, *KEYS, administrative=True)
    async with refused(Escalation, denied="api_key.rotate", missing=["campaigns:send"]):
        await issuing.rotate(await caller(clear), strong.id)
    _, plain = await personal_key(world, world.owner, READ)
    with pytest.raises(Exception, match="api_keys:read"):
        await issuing.rotate(await caller(plain), strong.id)
    with pytest.raises(Exception, match="api_keys:read"):
        await issuing.revoke(await caller(plain), strong.id)


async def test_a_change_of_a_key_holds_from_the_next_request(world: World) -> None:
    key, clear = await personal_key(world, world.owner, READ)
    await caller(clear)
    change = KeyChange(
        name="Nightly",
        scopes=[READ, SEND],
        networks=["192.0.2.0/24"],
        document_mode=DocumentMode.REQUIRED,
        rate_limit=500,
    )
    changed = await issuing.update(world.operator, key.id, change, expected_version=1)
    assert (changed.name, changed.version, changed.networks) == ("Nightly", 2, ["192.0.2.0/24"])
    subject = await caller(clear)
    assert subject.access.anywhere_mask == READ.bit | SEND.bit
    assert subject.terms is not None
    assert (subject.terms.document_mode, subject.terms.rate_limit) == ("required", 500)
    lifted = KeyChange(networks=[], lifted=frozenset(Limit))
    changed = await issuing.update(world.operator, key.id, lifted, expected_version=2)
    assert (changed.networks, changed.document_mode, changed.rate_limit) == (None, None, None)


async def test_nothing_is_written_of_a_change_that_is_none(world: World) -> None:
    key, _ = await personal_key(world, world.owner, READ)
    log = len(await world.events())
    same = await issuing.update(world.operator, key.id, KeyChange(name="CI"), expected_version=1)
    assert (same.version, len(await world.events())) == (1, log)


async def test_a_change_is_refused_as_a_new_key_is(world: World) -> None:
    kim = await keeper(world, READ)
    key, _ = await issuing.create(kim, wanted(READ, limits=in_a(world)))
    async with refused(Escalation, denied="api_key.update", missing=["campaigns:send"]):
        await issuing.update(kim, key.id, KeyChange(scopes=[READ, SEND]), expected_version=1)
    async with refused(Forbidden, denied="api_key.update", reason="OWNER_ONLY"):
        await issuing.update(kim, key.id, KeyChange(expiry=Expiry(never=True)), expected_version=1)
    async with refused(Forbidden, denied="api_key.update", reason="ADMINISTRATIVE_SCOPES"):
        await issuing.update(
            kim, key.id, KeyChange(scopes=[READ, Permission.API_KEYS_READ]), expected_version=1
        )
    async with refused(VersionConflict):
        await issuing.update(kim, key.id, KeyChange(name="X"), expected_version=7)
    async with refused(BadInput, field="sponsorId"):
        await issuing.update(kim, key.id, KeyChange(sponsor_id=kim.actor_id), expected_version=1)


async def test_revoking_ends_the_key_and_its_roles_at_once(world: World) -> None:
    key, clear = await service_key(world, READ, role=BuiltinRole.VIEWER, at=world.everywhere)
    await caller(clear)
    ended = await issuing.revoke(await world.subject(world.owner), key.id, reason="Leaked.")
    assert (ended.end_reason, await Assignment.filter(principal_id=key.id).count()) == (
        "revoked",
        0,
    )
    with pytest.raises(Unauthenticated):
        await caller(clear)
    told = [(event.action, event.reason) for event in (await world.events())[-3:]]
    assert ("api_key.revoke", "Leaked.") in told
    assert ("role.unassign", "The API key was revoked.") in told
    async with refused(Conflict):
        await issuing.revoke(world.operator, key.id)
    async with refused(Conflict):
        await issuing.rotate(world.operator, key.id)


async def test_one_ends_ones_own_key_without_any_permission(world: World) -> None:
    ada = await world.member("Ada")
    await world.give(ada, BuiltinRole.VIEWER, world.everywhere)
    key, clear = await personal_key(world, ada, READ)
    await issuing.revoke(await world.subject(ada), key.id)
    with pytest.raises(Unauthenticated):
        await caller(clear)


async def test_who_may_not_see_keys_finds_none(world: World) -> None:
    key, _ = await personal_key(world, world.owner, READ)
    viewer = await world.someone("Vic", BuiltinRole.VIEWER, world.everywhere)
    beyond = await new_world("beyond")
    eve = await beyond.subject(beyond.owner)
    for subject in (viewer, eve):
        async with refused(NotFound):
            await issuing.revoke(subject, key.id)
        async with refused(NotFound):
            await issuing.rotate(subject, key.id)


async def test_who_only_reads_keys_ends_none(world: World) -> None:
    key, _ = await personal_key(world, world.owner, READ)
    auditor = await world.someone("Aud", BuiltinRole.AUDITOR, world.everywhere)
    async with refused(Forbidden, denied="api_key.revoke", missing=["API_KEYS_REVOKE"]):
        await issuing.revoke(auditor, key.id)


async def test_an_expired_key_is_not_renewed(world: World, movable_clock: MovableClock) -> None:
    key, clear = await personal_key(world, world.owner, READ)
    movable_clock.move(timedelta(days=90))
    with pytest.raises(Unauthenticated):
        await caller(clear)
    async with refused(Conflict):
        await issuing.rotate(world.operator, key.id)
    async with refused(Conflict):
        await issuing.update(
            world.operator, key.id, KeyChange(expiry=Expiry(never=True)), expected_version=1
        )


async def test_only_an_owner_names_a_new_sponsor(world: World) -> None:
    key, _ = await service_key(world, READ, limits=in_a(world))
    kim = await keeper(world, READ)
    async with refused(Forbidden, denied="api_key.update", reason="OWNER_ONLY"):
        await issuing.update(kim, key.id, KeyChange(sponsor_id=kim.actor_id), expected_version=1)
    olga = await world.subject(world.owner)
    changed = await issuing.update(
        olga, key.id, KeyChange(sponsor_id=kim.actor_id), expected_version=1
    )
    assert changed.member_id == kim.actor_id
    gone = await world.member("Gone")
    await members.suspend(world.operator, gone.id)
    async with refused(NotFound):
        await issuing.update(olga, key.id, KeyChange(sponsor_id=gone.id), expected_version=2)
