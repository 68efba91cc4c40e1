"""A caller who is only presumed gets an answer only while everything is as it was presumed."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from identity import assignments, groups, members, roles
from identity.access.permissions import Permission
from identity.assignments import Principal
from identity.credentials import sessions
from identity.credentials.gate import Gate, GateClosed
from identity.credentials.limits import SessionLimits
from identity.groups import DirectoryGroup, Membership
from identity.members import Person
from identity.refusals import Unauthenticated
from identity.subject import Origin, Subject
from models import (
    Assignment,
    Campaign,
    Group,
    Member,
    Organization,
    Outcome,
    Plan,
    PrincipalType,
    Role,
    Session,
    Workspace,
    WorkspaceState,
)
from models.clock import now
from schema.execution import Request
from schema.ids import global_id
from tests.clock import MovableClock
from tests.schema.asking import answered_behind
from tests.schema.engine.both import by_graphql_core, text
from tests.world import World, at_workspace, new_world

LIMITS = SessionLimits()
ORIGIN = Origin(request_id="test")
QUERY = "query ($id: ID!) { workspace(id: $id) { campaigns { nodes { name subject } } } }"


RENAME = """
    mutation ($input: UpdateCampaignInput!) {
      updateCampaign(input: $input) { campaign { name } }
    }
"""


class Ada:
    """Somebody of a directory who reads campaigns in workspace A: by a role, and by a group."""

    def __init__(self, world: World, member: Member, given: Assignment, group: Group) -> None:
        self.world, self.member, self.given, self.group = world, member, given, group
        self.token = ""

    @property
    def request(self) -> Request:
        return Request(QUERY, {"id": global_id("Workspace", self.world.a.id)}, None)

    async def signed_in(self) -> Subject:
        return await sessions.authenticate(self.token, limits=LIMITS, origin=ORIGIN)

    def presumed(self) -> tuple[Subject, Gate]:
        found = sessions.presumed(self.token, limits=LIMITS, origin=ORIGIN)
        assert found is not None
        return found


def person(*, active: bool = True) -> Person:
    return Person("ada", "ada@acme.example", "Ada", active, None, {}, {})


@pytest.fixture
async def ada(world: World, movable_clock: MovableClock) -> Ada:
    await world.campaign(world.a)
    member = await members.provision(world.operator, person())
    team = DirectoryGroup("Team", None, {})
    group = await groups.create(world.operator, team, member_ids=[member.id])
    role = await world.custom_role("Reader", Permission.CAMPAIGNS_READ)
    await assignments.assign(
        world.operator,
        role_id=(await world.custom_role("Counter", Permission.CAMPAIGNS_RESULTS)).id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=at_workspace(world.a),
    )
    ada = Ada(world, member, await world.give(member, role, at_workspace(world.a)), group)
    ada.token = await world.session(member)
    await ada.signed_in()
    return ada


async def may_draft(ada: Ada) -> None:
    role = await ada.world.custom_role("Writer", Permission.CAMPAIGNS_DRAFT)
    await ada.world.give(ada.member, role, at_workspace(ada.world.a))
    await ada.signed_in()


async def renaming(ada: Ada) -> Request:
    return renamed(await Campaign.get(workspace=ada.world.a))


def renamed(campaign: Campaign) -> Request:
    node_id = global_id("Campaign", campaign.id)
    given = {"campaignId": node_id, "name": "Summer", "expectedVersion": 1}
    return Request(RENAME, {"input": given}, None)


Change = Callable[[Ada], Awaitable[object]]


async def signs_out(ada: Ada) -> None:
    await sessions.sign_out(await ada.signed_in())


async def is_suspended(ada: Ada) -> None:
    await members.update(ada.world.operator, ada.member.id, person(active=False))


async def is_suspended_by_hand(ada: Ada) -> None:
    await Member.filter(id=ada.member.id).update(status="suspended")


async def is_removed(ada: Ada) -> None:
    await members.remove(ada.world.operator, ada.member.id)


async def loses_the_role(ada: Ada) -> None:
    await assignments.unassign(ada.world.operator, ada.given.id)


async def has_a_lesser_role(ada: Ada) -> None:
    role = await Role.get(id=ada.given.role_id)
    await roles.update(
        ada.world.operator,
        role.id,
        expected_version=role.version,
        remove=[Permission.CAMPAIGNS_READ],
    )


async def leaves_the_group(ada: Ada) -> None:
    team = DirectoryGroup("Team", None, {})
    gone = Membership(leave=frozenset({ada.member.id}))
    await groups.update(ada.world.operator, ada.group.id, team, gone)


async def sees_the_group_go(ada: Ada) -> None:
    await groups.delete(ada.world.operator, ada.group.id)


async def is_on_another_plan(ada: Ada) -> None:
    await Organization.filter(id=ada.world.organization.id).update(plan=Plan.STARTER)


async def is_idle(ada: Ada) -> None:
    idle = now() - LIMITS.idle
    await Session.filter(member_id=ada.member.id).update(last_seen_at=idle)


async def outlives_the_session(ada: Ada) -> None:
    await Session.filter(member_id=ada.member.id).update(expires_at=now())


async def has_another_name(ada: Ada) -> None:
    await Member.filter(id=ada.member.id).update(name="Ada Lovelace")


CHANGES: list[Change] = [
    signs_out,
    is_suspended,
    is_suspended_by_hand,
    is_removed,
    loses_the_role,
    has_a_lesser_role,
    leaves_the_group,
    sees_the_group_go,
    is_on_another_plan,
    is_idle,
    outlives_the_session,
    has_another_name,
]


async def test_the_same_answer_while_nothing_changes(ada: Ada) -> None:
    presumed = await answered_behind(ada.request, *ada.presumed())

    certain = await by_graphql_core(ada.request, await ada.signed_in())
    assert text(presumed) == text(certain)
    assert presumed.body["data"]["workspace"]["campaigns"]["nodes"] == [
        {"name": "Spring", "subject": "Hello"}
    ]


@pytest.mark.parametrize("change", CHANGES)
async def test_nothing_is_answered_after(ada: Ada, change: Change) -> None:
    presumed = ada.presumed()
    await answered_behind(ada.request, *presumed)

    await change(ada)

    with pytest.raises(GateClosed):
        await answered_behind(ada.request, *presumed)
    again = sessions.presumed(ada.token, limits=LIMITS, origin=ORIGIN)
    if again is not None:
        with pytest.raises(GateClosed):
            await answered_behind(ada.request, *again)


@pytest.mark.parametrize("change", [loses_the_role, has_a_lesser_role])
async def test_who_authenticates_anew_gets_what_is_left(ada: Ada, change: Change) -> None:
    await change(ada)
    subject = await ada.signed_in()

    presumed = await answered_behind(ada.request, *ada.presumed())

    assert text(presumed) == text(await by_graphql_core(ada.request, subject))
    assert presumed.body["data"]["workspace"]["campaigns"]["nodes"] == [
        {"name": "Spring", "subject": None}
    ]


async def test_a_change_of_data_begins_behind_the_gate(ada: Ada) -> None:
    await may_draft(ada)

    done = await answered_behind(await renaming(ada), *ada.presumed())

    assert done.body == {"data": {"updateCampaign": {"campaign": {"name": "Summer"}}}}
    event = (await ada.world.events())[-1]
    assert (event.actor_name, event.action) == ("Ada", "campaign.update")


@pytest.mark.parametrize("change", CHANGES)
async def test_nothing_is_changed_after(ada: Ada, change: Change) -> None:
    await may_draft(ada)
    presumed, request = ada.presumed(), await renaming(ada)
    await change(ada)
    before = await ada.world.events()

    with pytest.raises(GateClosed):
        await answered_behind(request, *presumed)

    assert (await Campaign.get(workspace=ada.world.a)).name == "Spring"
    assert await ada.world.events() == before


async def test_a_denial_behind_the_gate_is_recorded_like_any_other(ada: Ada) -> None:
    done = await answered_behind(await renaming(ada), *ada.presumed())

    assert [error["extensions"]["code"] for error in done.body["errors"]] == ["FORBIDDEN"]
    assert (await Campaign.get(workspace=ada.world.a)).name == "Spring"
    event = (await ada.world.events())[-1]
    assert (event.action, event.outcome, event.target_name) == (
        "campaign.update",
        Outcome.DENIED,
        "Spring",
    )


async def test_what_is_not_to_be_seen_is_not_found_behind_the_gate(ada: Ada) -> None:
    await may_draft(ada)
    hidden = await ada.world.campaign(ada.world.b, "Hidden")
    theirs = await (other := await new_world("globex")).campaign(other.a, "Theirs")

    for campaign in (hidden, theirs):
        done = await answered_behind(renamed(campaign), *ada.presumed())
        assert [error["extensions"] for error in done.body["errors"]] == [{"code": "NOT_FOUND"}]
        assert (await Campaign.get(id=campaign.id)).version == 1


@pytest.mark.parametrize(
    "selections",
    [
        "updateCampaign(input: $input) @skip(if: true) DONE __typename",
        "updateCampaign(input: $input) DONE again: updateCampaign(input: $input) DONE",
        'updateCampaign(input: $input) DONE createRole(input: {name: "R"}) DONE',
    ],
)
async def test_a_mutation_without_one_target_needs_a_certain_caller(
    ada: Ada, selections: str
) -> None:
    await may_draft(ada)
    selections = selections.replace("DONE", "{ __typename }")
    document = f"mutation ($input: UpdateCampaignInput!) {{ {selections} }}"
    request = replace(await renaming(ada), query=document)
    before = await ada.world.events()

    with pytest.raises(GateClosed):
        await answered_behind(request, *ada.presumed())

    assert (await Campaign.get(workspace=ada.world.a)).version == 1
    assert await ada.world.events() == before


async def test_a_mutation_of_no_id_needs_a_certain_caller(ada: Ada) -> None:
    request = Request(RENAME, {"input": {"campaignId": "x", "expectedVersion": 1}}, None)
    before = await ada.world.events()

    with pytest.raises(GateClosed):
        await answered_behind(request, *ada.presumed())

    assert await ada.world.events() == before


async def test_another_session_of_the_same_member_is_none(ada: Ada) -> None:
    other = await ada.world.session(ada.member)

    assert sessions.presumed(other, limits=LIMITS, origin=ORIGIN) is None


async def test_a_role_that_ended_is_not_presumed(ada: Ada, movable_clock: MovableClock) -> None:
    soon = now() + timedelta(seconds=30)
    await Assignment.filter(id=ada.given.id).update(expires_at=soon)
    await Organization.filter(id=ada.world.organization.id).update(access_revision=99)
    await ada.signed_in()
    assert ada.presumed()[0].access.valid_until == soon

    movable_clock.move(timedelta(seconds=30))

    assert sessions.presumed(ada.token, limits=LIMITS, origin=ORIGIN) is None


async def test_a_session_is_looked_up_again_each_minute(
    ada: Ada, movable_clock: MovableClock
) -> None:
    movable_clock.move(sessions.TOUCH_EVERY)

    assert sessions.presumed(ada.token, limits=LIMITS, origin=ORIGIN) is None


@pytest.mark.parametrize(
    "query",
    [
        "{ workspaces { name } }",
        "{ __typename }",
        "{ viewer { name } __schema { queryType { name } } }",
        "{ nothing }",
        'mutation { createWorkspace(input: {slug: "x", name: "X"}) { __typename } }',
        "subscription { accessChanged { accessRevision } }",
        '{ operationAccess(document: "{ viewer { name } }") { verdict } }',
    ],
)
async def test_what_reads_no_row_of_its_own_needs_a_certain_caller(ada: Ada, query: str) -> None:
    before = await ada.world.events()

    with pytest.raises(GateClosed):
        await answered_behind(Request(query, {}, None), *ada.presumed())

    assert await ada.world.events() == before
    assert await Workspace.filter(slug="x").count() == 0


async def test_an_archived_workspace_is_read_as_archived(ada: Ada) -> None:
    """Archiving belongs to what the access revision counts, like every change of access."""
    await Workspace.filter(id=ada.world.a.id).update(state=WorkspaceState.ARCHIVED)
    revision = (await ada.signed_in()).revision
    await Organization.filter(id=ada.world.organization.id).update(access_revision=revision + 1)

    with pytest.raises(GateClosed):
        await answered_behind(ada.request, *ada.presumed())

    assert (await ada.signed_in()).access.archived_workspaces == {ada.world.a.id}


async def test_a_removed_member_cannot_authenticate(ada: Ada) -> None:
    await is_removed(ada)

    with pytest.raises(Unauthenticated):
        await ada.signed_in()
