"""What may not be seen is not found, in the words of what is not there; what may be seen but not
done is forbidden, with the reason.
"""

from uuid import UUID

import pytest

from identity.access import targets
from identity.access.decision import ORGANIZATION, Target
from identity.access.kinds import CAMPAIGN, KINDS, MAILING_LIST, SENDING_SERVER
from identity.access.permissions import Permission
from identity.refusals import Forbidden, NotFound
from models import BuiltinRole, Campaign, MailingList, ScopeType, SendingServer
from tests.world import UNKNOWN_ID, World, at_campaign, at_workspace, new_world


@pytest.fixture
async def other(world: World) -> World:
    """Another organization in the same database."""
    return await new_world("globex")


async def test_the_other_tenants_the_invisible_and_the_missing_campaign_read_alike(
    world: World, other: World
) -> None:
    viewer = await world.someone("Vera", BuiltinRole.VIEWER, at_workspace(world.a))
    hidden = await world.campaign(world.b)
    foreign = await other.campaign(other.a)
    texts = set()
    for campaign_id in (hidden.id, foreign.id, UNKNOWN_ID, world.a.id):
        with pytest.raises(NotFound) as refused:
            await targets.resource(viewer.access, Campaign, campaign_id, Permission.CAMPAIGNS_READ)
        texts.add(str(refused.value))
        with pytest.raises(NotFound) as refused:
            await targets.visible_resource(viewer.access, CAMPAIGN, campaign_id)
        texts.add(str(refused.value))
    assert texts == {"There is no such campaign, or you may not see it."}


async def test_the_other_tenants_the_invisible_and_the_missing_workspace_read_alike(
    world: World, other: World
) -> None:
    viewer = await world.someone("Vera", BuiltinRole.VIEWER, at_workspace(world.a))
    texts = set()
    for workspace_id in (world.b.id, other.a.id, UNKNOWN_ID, world.organization.id):
        with pytest.raises(NotFound) as refused:
            await targets.workspace(viewer.access, workspace_id, Permission.CAMPAIGNS_READ)
        texts.add(str(refused.value))
    assert texts == {"There is no such workspace, or you may not see it."}


async def test_no_role_in_one_organization_reaches_into_another(world: World, other: World) -> None:
    foreign = await other.campaign(other.a)
    owner = await world.subject(world.owner)
    assert owner.access.allows(Permission.CAMPAIGNS_SEND, ORGANIZATION)
    with pytest.raises(NotFound):
        await targets.resource(owner.access, Campaign, foreign.id, Permission.CAMPAIGNS_READ)


async def test_what_is_seen_but_not_allowed_is_forbidden_with_reason_and_permission(
    world: World,
) -> None:
    campaign = await world.campaign(world.a)
    viewer = await world.someone("Vera", BuiltinRole.VIEWER, at_campaign(campaign))
    with pytest.raises(Forbidden) as refused:
        await targets.resource(viewer.access, Campaign, campaign.id, Permission.CAMPAIGNS_SEND)
    assert refused.value.message == (
        "This needs campaigns:send at this resource, and no role of yours holds it there."
    )
    assert refused.value.details == {"reason": "MISSING_PERMISSION", "missing": ["CAMPAIGNS_SEND"]}
    with pytest.raises(Forbidden) as refused:
        await targets.workspace(viewer.access, world.a.id, Permission.CAMPAIGNS_DRAFT)
    assert refused.value.details["missing"] == ["CAMPAIGNS_DRAFT"]


@pytest.mark.parametrize(
    ("permission", "seen"),
    [
        (Permission.CAMPAIGNS_READ, {"campaign"}),
        (Permission.CAMPAIGNS_RESULTS, {"campaign"}),
        (Permission.CAMPAIGNS_DELETE, {"campaign"}),
        (Permission.LISTS_IMPORT, {"mailing list"}),
        (Permission.SERVERS_USE, {"sending server"}),
        (Permission.SERVERS_READ, {"sending server"}),
        (Permission.MEMBERS_ASSIGN, set()),
        (Permission.DOMAINS_USE, set()),
    ],
)
async def test_each_kind_is_seen_with_a_permission_of_its_own_group(
    world: World, permission: Permission, seen: set[str]
) -> None:
    campaign = await world.campaign(world.a)
    role = await world.custom_role("One thing", permission)
    subject = await world.someone("Ann", role, at_workspace(world.a))
    ids: dict[str, UUID | None] = {
        CAMPAIGN.label: campaign.id,
        MAILING_LIST.label: campaign.mailing_list_id,
        SENDING_SERVER.label: campaign.sending_server_id,
    }
    found = set()
    for kind in KINDS.values():
        row_id = ids[kind.label]
        assert row_id is not None
        try:
            await targets.visible_resource(subject.access, kind, row_id)
        except NotFound:
            continue
        found.add(kind.label)
    assert found == seen


async def test_a_scope_names_what_is_visible_and_nothing_else(world: World, other: World) -> None:
    campaign = await world.campaign(world.a)
    access = (await world.subject(world.owner)).access
    organization, workspace = ScopeType.ORGANIZATION, ScopeType.WORKSPACE
    assert await targets.scope(access, organization, world.organization.id) == ORGANIZATION
    assert await targets.scope(access, workspace, world.a.id) == Target(world.a.id)
    assert await targets.scope(access, ScopeType.CAMPAIGN, campaign.id) == Target(
        world.a.id, campaign.id
    )
    for scope_type, scope_id in (
        (organization, other.organization.id),
        (organization, world.a.id),
        (workspace, other.a.id),
        (workspace, world.organization.id),
        (ScopeType.CAMPAIGN, (await other.campaign(other.a)).id),
        (ScopeType.MAILING_LIST, campaign.id),
        (ScopeType.SENDING_SERVER, campaign.mailing_list_id),
    ):
        assert scope_id is not None
        with pytest.raises(NotFound):
            await targets.scope(access, scope_type, scope_id)


async def test_every_kind_of_resource_scope_has_its_table() -> None:
    assert {kind.model: scope for scope, kind in KINDS.items()} == {
        Campaign: ScopeType.CAMPAIGN,
        MailingList: ScopeType.MAILING_LIST,
        SendingServer: ScopeType.SENDING_SERVER,
    }
    beyond = {ScopeType.ORGANIZATION, ScopeType.WORKSPACE}
    assert set(ScopeType) - beyond == set(KINDS)
