"""The requirement tree of an operation, and the verdict for the fixed roles."""

from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from graphql import DocumentNode, parse, validate

from identity.access.builtin_roles import BUILTIN_PERMISSIONS
from identity.access.kinds import KINDS
from identity.access.permissions import Permission, mask_of
from models import BuiltinRole, ScopeType
from schema.nodes import NODE_TYPES
from schema.operations import operation_of
from schema.requirements.changes import compared
from schema.requirements.guards import EXISTS_WITH, level_of
from schema.requirements.tree import Conditions, Requirements, Spread, listed, requirements_of
from schema.requirements.verdict import Effect, Judgement, Verdict, holding, judge
from schema.schema import graphql_schema
from tests.schema.guarded_library import library_schema
from tests.world import World

OPERATIONS = Path(__file__).parent.parent / "operations"
FRAGMENTS = (OPERATIONS / "fragments" / "campaigns.graphql").read_text()


def valid(query: str) -> DocumentNode:
    document = parse(query)
    assert validate(graphql_schema, document) == []
    return document


def requirements(query: str) -> Requirements:
    document = valid(query)
    operation = operation_of(document, None)
    assert operation is not None
    return requirements_of(graphql_schema, document, operation)


def screen(name: str) -> Requirements:
    query = (OPERATIONS / f"{name}.graphql").read_text()
    used = [f for f in FRAGMENTS.split("\n\n") if f"...{f.split()[1]}" in query]
    return requirements("\n".join([query, *used]))


def told(tree: Requirements) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [
        (each.path, each.guard.coordinate, each.guard.at, each.conditions) for each in listed(tree)
    ]


def judged(
    tree: Requirements, *held: Permission, at: ScopeType = ScopeType.ORGANIZATION
) -> Judgement:
    return judge(tree, holding(mask_of(held), at))


def test_each_guarded_coordinate_is_listed_with_its_path_and_place() -> None:
    assert told(screen("CampaignPage")) == [
        ("workspace.campaigns", "Workspace.campaigns", "each", ()),
        ("workspace.campaigns.nodes[].name", "Campaign.name", "self", ()),
        ("workspace.campaigns.nodes[].status", "Campaign.status", "self", ()),
        ("workspace.campaigns.nodes[].results", "Campaign.results", "self", ()),
    ]
    assert told(screen("SendCampaign"))[0] == (
        "sendCampaign",
        "Mutation.sendCampaign",
        "input.campaignId",
        (),
    )
    assert told(screen("WhoAmI")) == []


def test_conditions_gather_on_the_way_down_and_what_is_never_selected_is_left_out() -> None:
    tree = requirements(
        """
        query ($id: ID!, $more: Boolean!, $brief: Boolean!) {
          campaign(id: $id) @include(if: $more) {
            subject
            ...Text @skip(if: $brief)
            status @skip(if: true)
            name @include(if: true)
          }
        }
        fragment Text on Campaign { body  subject }
        """
    )
    assert told(tree) == [
        ("campaign", "Query.campaign", "value", ("$more",)),
        ("campaign.subject", "Campaign.subject", "self", ("$more",)),
        ("campaign.body", "Campaign.body", "self", ("$more", "not $brief")),
        ("campaign.name", "Campaign.name", "self", ("$more",)),
    ]


def test_an_interface_has_the_requirements_of_each_type() -> None:
    tree = requirements(
        """
        query ($id: ID!) {
          node(id: $id) { id ... on Campaign { title: name } ... on SendingServer { host } }
        }
        """
    )
    assert told(tree) == [
        ("node.title", "Campaign.name", "self", ()),
        ("node.host", "SendingServer.host", "self", ()),
    ]
    lost = judged(tree, Permission.CAMPAIGNS_RESULTS, Permission.SERVERS_USE).lost
    assert [(loss.path, loss.coordinate) for loss in lost] == [("node.host", "SendingServer.host")]
    lost = judged(tree, Permission.SERVERS_READ).lost
    assert [(loss.path, loss.coordinate, loss.missing) for loss in lost] == [
        ("node", "Campaign", (Permission.CAMPAIGNS_READ, Permission.CAMPAIGNS_RESULTS))
    ]


F, P, N = Verdict.FULL, Verdict.PARTLY, Verdict.NONE


@pytest.mark.parametrize(
    ("name", "verdicts"),
    [  # Owner Admin Operator Viewer Member Editor Auditor Creator
        ("WhoAmI", (F, F, F, F, F, F, F, F)),
        ("CampaignPage", (F, F, F, F, N, F, F, F)),
        ("CampaignEditor", (F, F, P, P, N, P, F, F)),
        ("SendCampaign", (F, F, F, N, N, N, N, N)),
        ("TeamPage", (F, N, N, N, P, P, F, N)),
        ("ServerSettings", (F, F, P, N, N, N, F, F)),
    ],
)
def test_the_fixed_roles(name: str, verdicts: tuple[Verdict, ...]) -> None:
    tree = screen(name)
    found = [judged(tree, *BUILTIN_PERMISSIONS[role]).verdict for role in BuiltinRole]
    assert found == list(verdicts)


@pytest.mark.parametrize(
    ("scope", "lost"),
    [
        (ScopeType.ORGANIZATION, []),
        (ScopeType.WORKSPACE, ["organization.plan"]),
        (
            ScopeType.CAMPAIGN,
            [
                "organization.plan",
                "workspace.mailingLists",
                "workspace.campaigns.nodes[].mailingList.name",
            ],
        ),
        (ScopeType.MAILING_LIST, ["organization.plan", "workspace.campaigns"]),
    ],
)
def test_where_the_role_is_given_matters(scope: ScopeType, lost: list[str]) -> None:
    tree = requirements(
        """
        query ($id: ID!) {
          organization { plan }
          workspace(id: $id) {
            mailingLists { nodes { name } }
            campaigns { nodes { name mailingList { name } } }
          }
        }
        """
    )
    owner = BUILTIN_PERMISSIONS[BuiltinRole.OWNER]
    assert [loss.path for loss in judged(tree, *owner, at=scope).lost] == lost


def test_the_plan_cuts() -> None:
    tree = screen("TeamPage")
    cut = Permission.ORGANIZATION_READ.bit
    mask = mask_of(BUILTIN_PERMISSIONS[BuiltinRole.OWNER])
    lost = judge(tree, holding(mask, ScopeType.ORGANIZATION, plan_cut=cut)).lost
    assert [(loss.path, loss.effect) for loss in lost] == [("organization.plan", Effect.NULL)]


SEND_AND_DELETE = """
    mutation ($id: ID!%s) {
      sendCampaign(input: {campaignId: $id, expectedVersion: 1}) { campaign { name } }
      deleteCampaign(input: {campaignId: $id}) %s { deletedCampaignId }
    }
"""


def test_a_mutation_works_as_a_whole_or_not_at_all() -> None:
    both = requirements(SEND_AND_DELETE % ("", ""))
    refused = judged(both, Permission.CAMPAIGNS_SEND)

    assert refused.verdict is N
    assert [(loss.path, loss.effect) for loss in refused.lost] == [
        ("deleteCampaign", Effect.REFUSED)
    ]
    assert judged(both, Permission.CAMPAIGNS_SEND, Permission.CAMPAIGNS_DELETE).verdict is F


def test_a_mutation_with_a_refused_field_on_a_condition_works_without_it() -> None:
    tree = requirements(SEND_AND_DELETE % (", $too: Boolean!", "@include(if: $too)"))
    partly = judged(tree, Permission.CAMPAIGNS_SEND)

    assert partly.verdict is P
    assert [(loss.path, loss.conditions) for loss in partly.lost] == [("deleteCampaign", ("$too",))]
    assert judged(tree, Permission.CAMPAIGNS_DELETE).verdict is N


CREATE = "createCampaign(input: %s) { campaign { name } }"
DRAFT = Permission.CAMPAIGNS_DRAFT


@pytest.mark.parametrize(
    ("query", "verdict", "lost", "given"),
    [
        ("mutation { %s }", F, [], '{workspaceId: "w", name: "n", mailingListId: null}'),
        (
            "mutation { %s }",
            N,
            [("CreateCampaignInput.mailingListId", ())],
            '{workspaceId: "w", name: "n", mailingListId: "l"}',
        ),
        (
            "mutation ($list: ID!) { %s }",
            N,
            [("CreateCampaignInput.mailingListId", ())],
            '{workspaceId: "w", name: "n", mailingListId: $list}',
        ),
        (
            "mutation ($list: ID) { %s }",
            P,
            [("CreateCampaignInput.mailingListId", ("$list",))],
            '{workspaceId: "w", name: "n", mailingListId: $list}',
        ),
        (
            "mutation ($input: CreateCampaignInput!) { %s }",
            P,
            [
                ("CreateCampaignInput.mailingListId", ("$input.mailingListId",)),
                ("CreateCampaignInput.sendingServerId", ("$input.sendingServerId",)),
            ],
            "$input",
        ),
    ],
)
def test_what_may_not_be_given_refuses_the_operation(
    query: str, verdict: Verdict, lost: list[tuple[str, tuple[str, ...]]], given: str
) -> None:
    tree = requirements(query % (CREATE % given))
    judgement = judged(tree, DRAFT)

    assert judgement.verdict is verdict
    assert [(loss.coordinate, loss.conditions) for loss in judgement.lost] == lost
    assert all(
        (loss.path, loss.effect) == ("createCampaign", Effect.REFUSED) for loss in judgement.lost
    )
    assert judged(tree, DRAFT, Permission.LISTS_READ, Permission.SERVERS_USE).verdict is F


def test_who_holds_nothing_finds_no_workspace() -> None:
    tree = requirements("query ($id: ID!) { workspace(id: $id) { name } workspaces { name } }")

    assert judged(tree, Permission.FORMS_READ).verdict is F
    nothing = judged(tree, Permission.IDENTITY_READ)
    assert nothing.verdict is N
    assert [(loss.path, loss.missing, loss.effect) for loss in nothing.lost] == [
        ("workspace", (), Effect.NULL),
        ("workspaces", (), Effect.LEFT_OUT),
    ]


def test_a_tree_grows_with_the_document_and_not_with_what_it_expands_to() -> None:
    """Each fragment spreads the next one twice: 2**200 fields, read and judged in no time."""
    fragments = [
        f"fragment F{n} on Organization {{ ...F{n + 1} ... on Node {{ ...F{n + 1} }} }}"
        for n in range(200)
    ]
    document = parse(
        "{ organization { ...F0 } } "
        + " ".join(fragments)
        + " fragment F200 on Organization { plan }"
    )
    operation = operation_of(document, None)
    assert operation is not None

    began = perf_counter()
    tree = requirements_of(graphql_schema, document, operation)
    judgement = judged(tree, Permission.FORMS_READ)

    assert perf_counter() - began < 1
    assert [each.path for each in listed(tree)] == ["organization.plan"]
    assert [loss.path for loss in judgement.lost] == ["organization.plan"]


def test_a_fragment_is_read_once_for_each_type() -> None:
    tree = requirements(
        "{ a: viewer { ...V } b: viewer { ...V } } fragment V on Viewer { name email }"
    )
    inner = [
        part.selection
        for field in tree.root.parts
        if not isinstance(field, Spread)
        for inside in field.inside
        for part in inside.selection.parts
        if isinstance(part, Spread)
    ]
    assert len(inner) == 2
    assert inner[0] is inner[1]


def test_every_type_that_not_everybody_finds_is_known() -> None:
    """`Workspace` stands by itself, and everybody finds the own organization."""
    assert EXISTS_WITH.keys() | {"Workspace", "Organization"} == NODE_TYPES.keys()


async def test_objects_are_checked_at_the_level_of_their_type(world: World) -> None:
    campaign = await world.campaign(world.a)
    rows: dict[str, Any] = {
        "Campaign": campaign,
        "MailingList": campaign.mailing_list,
        "SendingServer": campaign.sending_server,
        "Workspace": world.a,
        "Organization": world.organization,
        "Member": world.owner,
        "Role": await world.role(BuiltinRole.OWNER),
    }
    for name, row in rows.items():
        target = NODE_TYPES[name][0](row=row).access_target()
        level = level_of(graphql_schema.type_map[name])
        assert (level is ScopeType.ORGANIZATION) == (target.workspace_id is None), name
        assert (level in KINDS) == (target.resource_id is not None), name


SUBJECT = "query ($id: ID!) { campaign(id: $id) { name subject } }"
STATUS = "query ($id: ID!) { campaign(id: $id) { name status } }"


def test_two_judgements_are_compared() -> None:
    results, read = [Permission.CAMPAIGNS_RESULTS], [Permission.CAMPAIGNS_READ]
    subject, status = requirements(SUBJECT), requirements(STATUS)

    assert compared(judged(subject, *read), judged(subject, *read)) is None
    role = compared(judged(subject, *read), judged(subject, *results))
    assert role is not None
    assert (role.is_loss, role.is_gain) == (True, False)
    assert [loss.path for loss in role.lost] == ["campaign.subject"]
    operation = compared(judged(subject, *results), judged(status, *results))
    assert operation is not None
    assert (operation.is_loss, operation.is_gain) == (False, True)
    assert [loss.path for loss in operation.gained] == ["campaign.subject"]


def test_what_lies_in_a_closed_list_is_no_news() -> None:
    before = requirements("{ organization { roles { name } } }")
    after = requirements("{ organization { roles { name permissions } } }")

    assert compared(judged(before), judged(after)) is None


def test_what_lies_in_a_closed_coordinate_is_no_news() -> None:
    tree = requirements(SUBJECT)
    change = compared(judged(tree), judged(tree, Permission.CAMPAIGNS_RESULTS))

    assert change is not None
    assert (change.is_loss, change.is_gain) == (False, True)
    assert change.before.verdict is N
    assert change.after.verdict is P


@pytest.mark.parametrize(
    ("query", "given"),
    [
        ("{ bind(style: PLAIN) }", []),
        ("{ bind(style: GOLDEN) }", [("bind", "Style.GOLDEN", ())]),
        ("{ gild }", [("gild", "Style.GOLDEN", ())]),
        ("query ($skip: Boolean!) { bind(seal: null) gild(style: PLAIN) @skip(if: $skip) }", []),
        ('{ b: bind(seal: "S") }', [("b", "Query.bind(seal:)", ())]),
        (
            (
                '{ bind(binding: {covers: [{style: GOLDEN}], inner: {covers: {text: "T"}}})'
                " @include(if: true) }"
            ),
            [("bind", "Style.GOLDEN", ()), ("bind", "Cover.text", ())],
        ),
        (
            "query ($binding: Binding) { bind(binding: $binding) }",
            [
                ("bind", "Style.GOLDEN", ("$binding.covers.style = GOLDEN",)),
                ("bind", "Cover.text", ("$binding.covers.text",)),
            ],
        ),
        (
            (
                "query ($style: Style!, $go: Boolean!) { ...Q @include(if: $go) }"
                " fragment Q on Query { bind(style: $style) }"
            ),
            [("bind", "Style.GOLDEN", ("$go", "$style = GOLDEN"))],
        ),
        (
            "{ shelf { books(filter: {price: 1}, orderBy: TITLE) { title } } }",
            [("shelf.books", "BookFilter.price", ())],
        ),
    ],
)
def test_what_is_given_is_listed(query: str, given: list[tuple[str, str, Conditions]]) -> None:
    document = parse(query)
    assert validate(library_schema, document) == []
    operation = operation_of(document, None)
    assert operation is not None

    tree = requirements_of(library_schema, document, operation)

    assert [(each.path, each.guard.coordinate, each.conditions) for each in tree.given] == given
