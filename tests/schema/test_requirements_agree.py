"""The verdict on an operation is what the API then does: random roles, scopes and operations.

`HYPOTHESIS_PROFILE=long` runs it for minutes.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import hypothesis.strategies as st
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    is_composite_type,
    parse,
    validate,
)
from hypothesis import assume, given

from identity import assignments, groups, invitations, roles
from identity.access.permissions import Permission, mask_of
from identity.access_reviews import opening
from identity.api_keys import issuing
from identity.api_keys.wanted import NewKey
from identity.assignments import Principal, Scope
from identity.groups import DirectoryGroup
from identity.refusals import TooExpensive
from models import (
    AccessReviewItem,
    ApiKeyKind,
    Assignment,
    BuiltinRole,
    Invitation,
    Member,
    PrincipalType,
    Role,
    ScopeType,
    Unanswered,
)
from models.clock import now
from models.database import opened
from schema.cost import prices
from schema.execution import Request
from schema.ids import SCOPE_NODES, global_id
from schema.operations import operation_of
from schema.requirements.tree import Conditions, listed, requirements_of
from schema.requirements.verdict import Effect, Judgement, Verdict, holding, judge
from schema.schema import graphql_schema
from tests.conftest import SECRET_KEYS
from tests.examples import examples
from tests.schema.asking import answered
from tests.world import World, at_campaign, at_workspace, new_world

VISIBLE_LISTS = frozenset({"campaigns", "mailingLists", "sendingServers", "workspaces"})
OF_THE_ROW = frozenset({"diff", "viewerCan"})
"""Fields that are left out: a diff is open or not by what its event is about."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A world with one role, `role`, that a member has at a scope of each type."""

    world: World
    role: Role
    members: Mapping[ScopeType, Member]
    ids: Mapping[str, str]
    own: Mapping[ScopeType, Mapping[str, str]]
    """By the type of the scope: its id as OWN_SCOPE, that of the assignment as OWN_ASSIGNMENT."""

    async def judged_and_asked(
        self, query: str, permissions: frozenset[Permission], scope: ScopeType, yes: bool
    ) -> tuple[Judgement, list[str], Any]:
        """The verdict for the role with these permissions, and what the API answers; between them
        the paths of what is guarded.
        """
        for name, own_id in self.own[scope].items():
            query = query.replace(name, own_id)
        document = parse(query)
        assert validate(graphql_schema, document) == []
        operation = operation_of(document, None)
        assert operation is not None
        requirements = requirements_of(graphql_schema, document, operation)
        judgement = judge(requirements, holding(mask_of(permissions), scope))
        names = sorted(permission.value for permission in permissions)
        await Role.filter(id=self.role.id).update(permissions=names)
        await Assignment.filter(role__builtin=BuiltinRole.CREATOR).delete()  # of earlier mutations
        subject = await self.world.subject(self.members[scope])
        variables = {"yes": yes} if "$yes" in query else {}
        body = (await answered(Request(query, variables, None), subject)).body
        return judgement, [each.path for each in listed(requirements)], body


@asynccontextmanager
async def staged(database_url: str) -> AsyncIterator[Stage]:
    async with opened(database_url, SECRET_KEYS):
        yield await new_stage()


async def new_stage() -> Stage:
    """Everything that can be selected is there, so that what is not in an answer was denied."""
    world = await new_world("acme")
    campaign = await world.campaign(world.a)
    await world.campaign(world.b, "Elsewhere")
    assert campaign.mailing_list is not None
    assert campaign.sending_server is not None
    group = await groups.create(world.operator, DirectoryGroup("Team", None, {}))
    await assignments.assign(
        world.operator,
        role_id=(await world.role(BuiltinRole.MEMBER)).id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=at_workspace(world.a),
    )
    deleted = await world.custom_role("Deleted", Permission.FORMS_READ)
    await roles.delete(world.operator, deleted.id)
    role = await world.custom_role("Subject of the test", Permission.FORMS_READ)
    scopes = {
        ScopeType.ORGANIZATION: world.everywhere,
        ScopeType.WORKSPACE: at_workspace(world.a),
        ScopeType.CAMPAIGN: at_campaign(campaign),
        ScopeType.MAILING_LIST: Scope(ScopeType.MAILING_LIST, campaign.mailing_list.id),
        ScopeType.SENDING_SERVER: Scope(ScopeType.SENDING_SERVER, campaign.sending_server.id),
    }
    members, own = {}, {}
    for scope_type, scope in scopes.items():
        members[scope_type] = await world.member(scope_type.value)
        await give_a_key(world, members[scope_type])
        given = await world.give(members[scope_type], role, scope)
        own[scope_type] = {
            "OWN_SCOPE": global_id(SCOPE_NODES[scope_type], scope.id),
            "OWN_ASSIGNMENT": global_id("Assignment", given.id),
        }
    await invitations.invite(
        world.operator,
        email="guest@acme.example",
        role_id=role.id,
        scope=at_workspace(world.a),
    )
    for workspace_id in (None, world.a.id):
        await opening.open_review(
            world.operator,
            title="Review",
            workspace_id=workspace_id,
            due_at=now() + timedelta(days=10),
            unanswered=Unanswered.KEEP,
        )
    await Assignment.all().update(assigned_by_id=world.owner.id)
    await Invitation.all().update(invited_by_id=world.owner.id)
    await AccessReviewItem.all().update(reviewer_id=world.owner.id)
    rows: Mapping[str, Any] = {
        "Campaign": campaign,
        "Group": group,
        "MailingList": campaign.mailing_list,
        "Member": world.owner,
        "Organization": world.organization,
        "Role": role,
        "SendingServer": campaign.sending_server,
        "Workspace": world.a,
    }
    ids = {name: global_id(name, row.id) for name, row in rows.items()}
    return Stage(world, role, members, {**ids, "Assignment": "OWN_ASSIGNMENT"}, own)


async def give_a_key(world: World, member: Member) -> None:
    """A personal key, of which the member could make one once."""
    once = await world.give(member, BuiltinRole.ADMIN, world.everywhere)
    scopes = [Permission.FORMS_READ]
    new = NewKey(ApiKeyKind.PERSONAL, "Script", scopes, member_id=member.id)
    await issuing.create(world.operator, new)
    await assignments.unassign(world.operator, once.id)


def selectable(type_: GraphQLNamedType) -> list[tuple[str, GraphQLField]]:
    assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
    return [(name, field) for name, field in type_.fields.items() if name not in OF_THE_ROW]


@st.composite
def selections(
    draw: st.DrawFn, type_: GraphQLNamedType, depth: int, conditions: tuple[str, ...]
) -> str:
    """A selection of one to four fields, some on one of the conditions, some in fragments."""
    fields = [
        (name, field)
        for name, field in selectable(type_)
        if depth or not is_composite_type(get_named_type(field.type))
    ]
    if not fields:
        return "{ __typename }"
    chosen = draw(
        st.lists(st.sampled_from(fields), min_size=1, max_size=4, unique_by=lambda f: f[0])
    )
    parts = ["totalCount"] if type_.name.endswith("Connection") else []
    for name, field in chosen:
        condition = draw(st.sampled_from(conditions))
        of = get_named_type(field.type)
        inner = draw(selections(of, depth - 1, conditions)) if is_composite_type(of) else ""
        part = f"{name} {inner}"
        if draw(st.booleans()):
            part = f"... on {type_.name}{condition} {{ {part} }}"
        elif condition:
            part = f"{name}{condition} {inner}"
        parts.append(part)
    return "{ " + " ".join(parts) + " }"


@st.composite
def queries(draw: st.DrawFn, ids: Mapping[str, str]) -> str:
    """One or two root fields, each asking about what the role may have been given at."""
    types = graphql_schema.type_map
    conditions = draw(st.sampled_from([ALWAYS, ALWAYS, SOMETIMES]))
    roots = []
    names = st.sampled_from(["viewer", "organization", "workspaces", "workspace", "node"])
    for name in draw(st.sets(names, min_size=1, max_size=2)):
        if name == "node":
            kind = draw(st.sampled_from(sorted(ids)))
            inner = draw(selections(types[kind], 3, conditions))
            roots.append(f'node(id: "{ids[kind]}") {{ id ... on {kind} {inner} }}')
            continue
        field = graphql_schema.query_type.fields[name]  # type: ignore[union-attr]
        inner = draw(selections(get_named_type(field.type), 4, conditions))
        argument = f'(id: "{ids["Workspace"]}")' if name == "workspace" else ""
        roots.append(f"{name}{argument} {inner}")
    query = "{ " + " ".join(roots) + " }"
    return f"query ($yes: Boolean!) {query}" if "$yes" in query else query


ALWAYS = ("",)
SOMETIMES = ("", "", " @include(if: $yes)", " @skip(if: $yes)")
HELD = st.frozensets(st.sampled_from(Permission), max_size=12)
HELD_TO_WRITE = st.frozensets(
    st.sampled_from([p for p in Permission if p.action not in ("read", "export")]), max_size=40
)


def affordable(query: str) -> bool:
    """Whether a query is not refused for its cost, whatever its caller may do."""
    document = parse(query)
    try:
        for price in prices(graphql_schema, document).values():
            price.of({"yes": True})
    except TooExpensive:
        return False
    return True


def pattern(path: list[str | int]) -> str:
    text = ""
    for step in path:
        text += "[]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def leaves(value: Any, path: str, key: str) -> Iterator[str]:
    """The paths of what is in an answer, but for what is in a visible list that is empty."""
    if isinstance(value, dict):
        if key not in VISIBLE_LISTS or value["totalCount"] != 0:
            for name, inner in value.items():
                if name != "__typename":
                    yield from leaves(inner, f"{path}.{name}" if path else name, name)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for inner in value:
            yield from leaves(inner, f"{path}[]", "")
    elif value != [] or key not in VISIBLE_LISTS:
        yield path


def lists(value: Any, path: str, key: str) -> Iterator[tuple[str, bool]]:
    """The lists of which everybody gets what they may see, and whether each is empty."""
    if isinstance(value, dict):
        if key in VISIBLE_LISTS and "totalCount" in value:
            yield path, value["totalCount"] == 0
        for name, inner in value.items():
            yield from lists(inner, f"{path}.{name}" if path else name, name)
    elif isinstance(value, list):
        if key in VISIBLE_LISTS:
            yield path, not value
        for inner in value:
            yield from lists(inner, f"{path}[]", "")


def holds(conditions: Conditions, yes: bool) -> bool:
    return all(condition == ("$yes" if yes else "not $yes") for condition in conditions)


def assert_agrees(judgement: Judgement, body: Any, *, yes: bool) -> None:
    """`yes` is what the conditions of the query were run with."""
    lost = [loss for loss in judgement.lost if holds(loss.conditions, yes)]
    denied = {pattern(error["path"]) for error in body.get("errors", [])}
    assert denied == {loss.path for loss in lost if loss.effect is Effect.NULL}
    empty: dict[str, bool] = {}
    for path, is_empty in lists(body["data"], "", ""):
        empty[path] = empty.get(path, True) and is_empty
    left_out = {loss.path for loss in lost if loss.effect is Effect.LEFT_OUT}
    assert {path for path, is_empty in empty.items() if is_empty} == left_out


def assert_verdict(judgement: Judgement, guarded: list[str], body: Any) -> None:
    """The verdict on a query without conditions, from the answer and the guarded paths alone."""
    denied = {pattern(error["path"]) for error in body.get("errors", [])}
    there = set(leaves(body["data"], "", "")) - denied
    if guarded:
        inside = tuple(f"{path}{end}" for path in guarded for end in (".", "["))
        there = {path for path in there if path in guarded or path.startswith(inside)}
    if not judgement.lost:
        assert judgement.verdict is Verdict.FULL
    else:
        assert judgement.verdict is (Verdict.PARTLY if there else Verdict.NONE)


EVERY = examples(60, at_length=3000)


def test_a_query_gives_what_the_verdict_says(database_url: str) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        stage = runner.run(stack.enter_async_context(staged(database_url)))

        @EVERY
        @given(queries(stage.ids), HELD, st.sampled_from(ScopeType), st.booleans())
        def agrees(query: str, held: frozenset[Permission], scope: ScopeType, yes: bool) -> None:
            assume(affordable(query))
            judgement, guarded, body = runner.run(stage.judged_and_asked(query, held, scope, yes))
            assert_agrees(judgement, body, yes=yes)
            if "$yes" not in query:
                assert_verdict(judgement, guarded, body)

        try:
            agrees()
        finally:
            runner.run(stack.aclose())


MUTATIONS = (
    (
        "createCampaign",
        'workspaceId: "Workspace", name: "New"',
        "campaign { name results { opened } }",
    ),
    (
        "createCampaign",
        'workspaceId: "Workspace", name: "N", mailingListId: "MailingList", sendingServerId: null',
        "__typename",
    ),
    ("updateCampaign", 'campaignId: "Campaign", expectedVersion: 0', "campaign { body }"),
    ("sendCampaign", 'campaignId: "Campaign", expectedVersion: 0', "campaign { status }"),
    ("createMailingList", 'workspaceId: "Workspace", name: "New"', "mailingList { name }"),
    ("updateSendingServer", 'sendingServerId: "SendingServer", expectedVersion: 0', "__typename"),
    ("createSendingServer", 'workspaceId: "Workspace", name: "N", host: "a.example"', "__typename"),
    ("createWorkspace", 'slug: "-", name: ""', "workspace { name }"),
    ("deleteRole", 'roleId: "Role", replacementId: "Role"', "deletedRoleId"),
    ("assignRole", 'roleId: "no id", principalId: "no id", scopeId: "OWN_SCOPE"', "__typename"),
)
"""Root fields that change nothing that the others are about. A type stands for the id of its
object.
"""


@st.composite
def mutations(draw: st.DrawFn) -> str:
    roots = []
    chosen = st.lists(st.sampled_from(MUTATIONS), min_size=1, max_size=2, unique=True)
    for number, (name, given_, selected) in enumerate(draw(chosen)):
        root = f"r{number}: {name}(input: {{{given_}}}) {{ {selected} }}"
        condition = draw(st.sampled_from(["", "", "@include(if: $yes)", "@skip(if: $yes)"]))
        roots.append(f"... on Mutation {condition} {{ {root} }}" if condition else root)
    text = " ".join(roots)
    return f"mutation{' ($yes: Boolean!)' * ('$yes' in text)} {{ {text} }}"


def test_a_mutation_is_refused_as_a_whole_as_the_verdict_says(database_url: str) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        stage = runner.run(stack.enter_async_context(staged(database_url)))

        @EVERY
        @given(mutations(), HELD_TO_WRITE, st.sampled_from(ScopeType), st.booleans())
        def agrees(query: str, held: frozenset[Permission], scope: ScopeType, yes: bool) -> None:
            for name, id_ in stage.ids.items():
                query = query.replace(f': "{name}"', f': "{id_}"')
            judgement, _, body = runner.run(stage.judged_and_asked(query, held, scope, yes))
            lost = [loss for loss in judgement.lost if holds(loss.conditions, yes)]
            refused = {loss.path for loss in lost if loss.effect is Effect.REFUSED}
            if refused:
                assert body["data"] is None
                assert {pattern(error["path"]) for error in body["errors"]} == refused
            else:
                assert body["data"] is not None
                carried_out = tuple(f"{k}." for k, v in body["data"].items() if v is not None)
                denied = {pattern(error["path"]) for error in body.get("errors", [])}
                assert {path for path in denied if path.startswith(carried_out)} == {
                    loss.path for loss in lost if loss.path.startswith(carried_out)
                }
            if "$yes" not in query:
                assert (judgement.verdict is Verdict.NONE) == bool(refused)

        try:
            agrees()
        finally:
            runner.run(stack.aclose())
