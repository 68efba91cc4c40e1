"""Whoever makes a resource may go on with it, as far as that is no way to sending or deleting."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NamedTuple

import pytest

from identity import assignments, campaigns, invitations, mailing_lists, roles, sending_servers
from identity.access.builtin_roles import BUILTIN_PERMISSIONS
from identity.access.kinds import KINDS
from identity.access.permissions import GROUPS, SENSITIVE, Permission
from identity.access.targets import target_of
from identity.assignments import Principal, Scope
from identity.audit.actions import Action
from identity.campaigns import Content
from identity.refusals import BadInput, Busy, Escalation, Forbidden
from identity.sending_servers import Settings
from identity.subject import Subject
from identity.writing import writing
from models import (
    Assignment,
    BuiltinRole,
    Campaign,
    MailingList,
    Member,
    Organization,
    PrincipalType,
    ScopeType,
    SendingServer,
)
from models.clock import now
from models.sql import is_postgres
from tests.clock import MovableClock
from tests.identity.refusing import refused, story
from tests.world import World, at_campaign, at_workspace

P = Permission
Resource = Campaign | MailingList | SendingServer


class Making(NamedTuple):
    """How a resource of a kind is made, what that needs, and what Creator adds to that."""

    make: Callable[[Subject, World], Awaitable[Resource]]
    needs: Permission
    adds: frozenset[Permission]


MAKING = {
    ScopeType.CAMPAIGN: Making(
        lambda subject, world: campaigns.draft(subject, world.a.id, Content(name="New")),
        P.CAMPAIGNS_DRAFT,
        frozenset({P.CAMPAIGNS_RESULTS}),
    ),
    ScopeType.MAILING_LIST: Making(
        lambda subject, world: mailing_lists.create(subject, world.a.id, name="New"),
        P.LISTS_WRITE,
        frozenset(
            {
                P.LISTS_SUBSCRIBERS_READ,
                P.LISTS_SUBSCRIBERS_WRITE,
                P.LISTS_SUBSCRIBERS_DELETE,
                P.LISTS_IMPORT,
            }
        ),
    ),
    ScopeType.SENDING_SERVER: Making(
        lambda subject, world: sending_servers.create(
            subject, world.a.id, Settings("New", "smtp.acme.example", 587)
        ),
        P.SERVERS_WRITE,
        frozenset({P.SERVERS_USE, P.SERVERS_POOLS, P.SERVERS_QUOTAS, P.SERVERS_DELETE}),
    ),
}


async def maker(world: World, kind: ScopeType) -> Subject:
    """A member who holds no more of the kind's group than making one needs."""
    role = await world.custom_role("Maker", MAKING[kind].needs)
    return await world.someone("Mara", role, at_workspace(world.a))


async def revision(world: World) -> int:
    row = await Organization.get(id=world.organization.id)
    return int(row.access_revision)


def held(subject: Subject, resource: Resource) -> set[Permission]:
    at = target_of(resource)
    return {permission for permission in Permission if subject.access.allows(permission, at)}


def test_creator_holds_all_of_the_groups_of_resources_but_what_is_hard_to_undo() -> None:
    kinds = {kind.group for kind in KINDS.values()}
    assert MAKING.keys() == KINDS.keys()
    assert BUILTIN_PERMISSIONS[BuiltinRole.CREATOR] == {
        permission
        for group in GROUPS
        if group.name in kinds
        for permission in group.permissions
        if permission not in SENSITIVE
    }


@pytest.mark.parametrize("kind", MAKING)
async def test_who_makes_a_resource_gets_creator_there_and_nowhere_else(
    world: World, kind: ScopeType
) -> None:
    mara, making = await maker(world, kind), MAKING[kind]
    assert mara.member_id is not None
    before, log = await revision(world), len(await world.events())
    made = await making.make(mara, world)
    other = await making.make(world.operator, world)

    given = await Assignment.get(scope_id=made.id).select_related("role")
    assert given.role.builtin is BuiltinRole.CREATOR
    assert (given.principal_type, given.principal_id) == (PrincipalType.MEMBER, mara.member_id)
    assert (given.scope_type, given.workspace_id, given.expires_at) == (kind, world.a.id, None)
    assert (given.reason, given.assigned_by_id) == ("Created it.", mara.member_id)
    events = (await world.events())[log:]
    assert [event.action for event in events] == [
        f"{kind.value}.create",
        "role.assign",
        f"{kind.value}.create",
    ]
    assert story(events[1]) == ("Mara", "role.assign", "member", "Mara")
    assert (events[1].workspace_id, events[1].reason) == (world.a.id, "Created it.")
    assert events[1].diff == [
        {"path": "role", "before": None, "after": "Creator"},
        {"path": "roleId", "before": None, "after": str(given.role_id)},
        {"path": "scope", "before": None, "after": f"{kind.value}:{made.id}"},
        {"path": "assignmentId", "before": None, "after": str(given.id)},
    ]
    assert await revision(world) == before + 1

    group = making.needs.group
    current = await world.subject(await _member(mara))
    more, usual = held(current, made), held(current, other)
    assert {p for p in more - usual if p.group == group} == making.adds
    assert not more & SENSITIVE


async def _member(subject: Subject) -> Member:
    return await Member.get(id=subject.member_id)


@pytest.mark.parametrize("kind", MAKING)
@pytest.mark.parametrize("builtin", [BuiltinRole.OWNER, BuiltinRole.ADMIN])
async def test_who_holds_the_whole_group_gets_nothing(
    world: World, kind: ScopeType, builtin: BuiltinRole
) -> None:
    ada = await world.someone("Ada", builtin, at_workspace(world.a))
    before = await revision(world)
    made = await MAKING[kind].make(ada, world)
    assert not await Assignment.filter(scope_id=made.id).exists()
    assert await revision(world) == before


@pytest.mark.parametrize("kind", MAKING)
async def test_what_the_operator_makes_is_given_to_nobody(world: World, kind: ScopeType) -> None:
    made = await MAKING[kind].make(world.operator, world)
    assert not await Assignment.filter(scope_id=made.id).exists()


@pytest.mark.parametrize("kind", MAKING)
async def test_who_may_not_make_one_gets_nothing(world: World, kind: ScopeType) -> None:
    vera = await world.someone("Vera", BuiltinRole.VIEWER, at_workspace(world.a))
    missing = [MAKING[kind].needs.name]
    async with refused(Forbidden, denied=f"{kind.value}.create", missing=missing):
        await MAKING[kind].make(vera, world)


async def test_who_drafts_cannot_send_what_they_drafted(world: World) -> None:
    """Drafting is no way to sending, nor to deleting."""
    mara = await maker(world, ScopeType.CAMPAIGN)
    made = await campaigns.draft(mara, world.a.id, Content(name="New", subject="Hi", body="Hi"))
    current = await world.subject(await _member(mara))
    async with refused(Forbidden, denied="campaign.send", missing=["CAMPAIGNS_SEND"]):
        await campaigns.send(current, made.id, expected_version=1)
    async with refused(Forbidden, denied="campaign.delete", missing=["CAMPAIGNS_DELETE"]):
        await campaigns.delete(current, made.id)


async def test_it_lasts_no_longer_than_the_role_it_was_made_with(
    world: World, movable_clock: MovableClock
) -> None:
    """The last of the roles that let them make it, of which none lasts for good."""
    member = await world.member("Connie")
    for name, days in (("Short", 1), ("Long", 3)):
        role = await world.custom_role(name, P.CAMPAIGNS_DRAFT)
        await assignments.assign(
            world.operator,
            role_id=role.id,
            principal=Principal(PrincipalType.MEMBER, member.id),
            scope=at_workspace(world.a),
            expires_at=now() + timedelta(days=days),
        )
    ends = now() + timedelta(days=3)
    made = await campaigns.draft(await world.subject(member), world.a.id, Content(name="New"))
    assert (await Assignment.get(scope_id=made.id)).expires_at == ends

    movable_clock.move(timedelta(days=3))
    assert held(await world.subject(member), made) == set()


@pytest.mark.parametrize("where", ["organization", "workspace"])
async def test_creator_is_held_at_single_resources_only(world: World, where: str) -> None:
    scope = world.everywhere if where == "organization" else at_workspace(world.a)
    role = await world.role(BuiltinRole.CREATOR)
    ann = await world.member("Ann")
    async with refused(BadInput, field="scopeId"):
        await world.give(ann, role, scope)
    async with refused(BadInput, field="roleId"):
        await invitations.invite(
            world.operator, email="ben@acme.example", role_id=role.id, scope=scope
        )
    custom = await world.custom_role("Sender", P.CAMPAIGNS_DRAFT)
    await world.give(ann, custom, scope)
    async with refused(BadInput, field="replacementId"):
        await roles.delete(world.operator, custom.id, replacement_id=role.id)

    campaign = await world.campaign(world.a)
    await world.give(ann, role, at_campaign(campaign))
    assert P.CAMPAIGNS_DRAFT in held(await world.subject(ann), campaign)


async def test_creator_is_given_on_by_nobody_who_lacks_a_part_of_it(world: World) -> None:
    """Like every role: it takes holding all of it where it is given."""
    role = await world.custom_role("Lead", P.MEMBERS_ASSIGN, P.ROLES_READ, P.CAMPAIGNS_DRAFT)
    lead = await world.someone("Lea", role, at_workspace(world.a))
    made = await campaigns.draft(lead, world.a.id, Content(name="New"))
    other = await campaigns.draft(world.operator, world.a.id, Content(name="Other"))
    creator, ann = await world.role(BuiltinRole.CREATOR), await world.member("Ann")
    current = await world.subject(await _member(lead))
    async with refused(Escalation, denied="role.assign"):
        await assignments.assign(
            current,
            role_id=creator.id,
            principal=Principal(PrincipalType.MEMBER, ann.id),
            scope=at_campaign(other),
        )
    given = await assignments.assign(
        current,
        role_id=creator.id,
        principal=Principal(PrincipalType.MEMBER, ann.id),
        scope=Scope(ScopeType.CAMPAIGN, made.id),
    )
    assert given.principal_id == ann.id


@pytest.mark.parametrize("kind", MAKING)
async def test_it_goes_with_the_resource(world: World, kind: ScopeType) -> None:
    mara = await maker(world, kind)
    made = await MAKING[kind].make(mara, world)
    ada = await world.someone("Ada", BuiltinRole.ADMIN, at_workspace(world.a))
    deleting = {
        ScopeType.CAMPAIGN: campaigns.delete,
        ScopeType.MAILING_LIST: mailing_lists.delete,
        ScopeType.SENDING_SERVER: sending_servers.delete,
    }[kind]
    before = await revision(world)
    await deleting(ada, made.id)
    assert not await Assignment.filter(scope_id=made.id).exists()
    assert await revision(world) == before + 1
    current = await world.subject(await _member(mara))
    assert held(current, made) == held(current, await MAKING[kind].make(world.operator, world))


@asynccontextmanager
async def another_change_under_way(world: World) -> AsyncIterator[None]:
    """Somebody else makes something in the organization all through the block, on a connection of
    their own.
    """
    under_way, over = asyncio.Event(), asyncio.Event()

    async def change() -> None:
        async with writing(world.operator, Action.WORKSPACE_CREATE):
            under_way.set()
            await over.wait()

    task = asyncio.create_task(change())
    try:
        await under_way.wait()
        yield
    finally:
        over.set()
        await task


@pytest.mark.parametrize("kind", MAKING)
async def test_who_gets_nothing_by_it_makes_a_resource_beside_others(
    world: World, kind: ScopeType
) -> None:
    if not is_postgres():
        pytest.skip("SQLite has one writer")
    olga, mara = await world.subject(world.owner), await maker(world, kind)
    before = await revision(world)
    async with another_change_under_way(world):
        async with asyncio.timeout(5):
            made = await MAKING[kind].make(olga, world)
        waiting = asyncio.ensure_future(MAKING[kind].make(mara, world))
        assert not (await asyncio.wait([waiting], timeout=0.3))[0], "her access changes"
    assert not await Assignment.exists(scope_id=made.id)
    assert await Assignment.exists(scope_id=(await waiting).id)
    assert await revision(world) == before + 1


@pytest.mark.parametrize("kind", MAKING)
async def test_what_counts_is_what_the_maker_holds_when_it_is_made(
    world: World, kind: ScopeType
) -> None:
    """Mara was an Admin when her request began, and Ada was none."""
    mara, ada = (
        await maker(world, kind),
        await world.someone("Ada", BuiltinRole.VIEWER, at_workspace(world.a)),
    )
    promoted = await world.give(await _member(mara), BuiltinRole.ADMIN, at_workspace(world.a))
    mara = await world.subject(await _member(mara))
    await assignments.unassign(world.operator, promoted.id)
    await world.give(await _member(ada), BuiltinRole.ADMIN, at_workspace(world.a))
    before = await revision(world)

    hers = await MAKING[kind].make(mara, world)
    assert await Assignment.exists(scope_id=hers.id)
    assert await revision(world) == before + 1
    other = await MAKING[kind].make(ada, world)
    assert not await Assignment.exists(scope_id=other.id)
    assert await revision(world) == before + 1


async def test_who_would_have_to_wait_with_a_lock_in_hand_is_told_to_come_again(
    world: World,
) -> None:
    if not is_postgres():
        pytest.skip("SQLite has one writer")
    mara = await maker(world, ScopeType.CAMPAIGN)
    promoted = await world.give(await _member(mara), BuiltinRole.ADMIN, at_workspace(world.a))
    mara = await world.subject(await _member(mara))
    await assignments.unassign(world.operator, promoted.id)
    async with another_change_under_way(world):
        with pytest.raises(Busy):
            await campaigns.draft(mara, world.a.id, Content(name="New"))
    assert not await Campaign.exists(workspace=world.a)
