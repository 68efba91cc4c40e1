"""The two matrices of the product, line by line: who may do what, for every built-in role.

What each role holds is read from the tables of `test_builtin_roles`, as they were decided. Where
GraphQL has an operation it is tried there: who holds its permission does it, and who does not is
refused, with the permission that is missing, and nothing has changed. All the rest is asked of the
decision engine, at each kind of place, and `docs/permissions.md` says the same.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from identity import invitations, manual_groups, workspaces
from identity.access.decision import Target
from identity.access.kinds import CAMPAIGN, MAILING_LIST, SENDING_SERVER, ResourceKind
from identity.access.permissions import Permission
from models import Assignment, AuditEvent, BuiltinRole, Campaign, Member
from schema.ids import global_id
from tests.door import Person, sign_in
from tests.identity.access.test_builtin_roles import VOCABULARY, cells, expanded
from tests.identity.picture import picture
from tests.world import World, at_campaign, at_workspace

P = Permission
PAPER = Path(__file__).parents[2] / "docs" / "permissions.md"
ROLES = [role for role in BuiltinRole if role is not BuiltinRole.CREATOR]
"""Those that can be held at the organization."""
TABLE: Mapping[str, frozenset[str]] = {
    role.value: frozenset(
        permission
        for named, group, cell in cells()
        if named.lower() == role.value
        for permission in expanded(group, cell)
    )
    for role in BuiltinRole
}
"""What each role holds, by the design's table."""

Given = dict[str, Any]


class Operation(NamedTuple):
    """A mutation, what it needs, and a fresh input for it. Of a `kind` of resource, who does not
    see it does not find it.
    """

    name: str
    needs: Permission
    input: Callable[[World, str], Awaitable[Given]]
    kind: ResourceKind[Any] | None = None
    seen_with: Permission | None = None

    @property
    def document(self) -> str:
        type_name = f"{self.name[0].upper()}{self.name[1:]}Input"
        return f"mutation ($input: {type_name}!) {{ {self.name}(input: $input) {{ __typename }} }}"


async def in_a(world: World, name: str) -> Given:
    return {"workspaceId": global_id("Workspace", world.a.id), "name": name}


async def a_server(world: World, name: str) -> Given:
    return {**await in_a(world, name), "host": "smtp.acme.example"}


async def campaign(world: World, name: str) -> Given:
    row = await world.campaign(world.a, name)
    return {"campaignId": global_id("Campaign", row.id)}


async def draft(world: World, name: str) -> Given:
    return {**await campaign(world, name), "expectedVersion": 1}


async def _free(world: World, name: str) -> Campaign:
    """The rows of a campaign that is gone: a list and a server which none has."""
    row = await world.campaign(world.a, name)
    await row.delete()
    return row


async def mailing_list(world: World, name: str) -> Given:
    row = await _free(world, name)
    assert row.mailing_list_id is not None
    return {"mailingListId": global_id("MailingList", row.mailing_list_id)}


async def server(world: World, name: str) -> Given:
    row = await _free(world, name)
    assert row.sending_server_id is not None
    return {"sendingServerId": global_id("SendingServer", row.sending_server_id)}


async def server_settings(world: World, name: str) -> Given:
    return {**await server(world, name), "expectedVersion": 1, "name": f"{name} again"}


async def server_credentials(world: World, name: str) -> Given:
    given = {**await server(world, name), "expectedVersion": 1}
    return {**given, "username": "acme", "password": "correct horse battery staple"}


async def a_workspace(world: World, name: str) -> Given:
    return {"slug": name.lower(), "name": name}


async def another_workspace(world: World, name: str) -> Given:
    made = await workspaces.create(world.operator, slug=name.lower(), name=name)
    return {"workspaceId": global_id("Workspace", made.id)}


async def a_role(world: World, name: str) -> Given:
    return {"name": name, "permissions": ["CAMPAIGNS_READ"]}


async def role(world: World, name: str) -> Given:
    return {"roleId": global_id("Role", (await world.custom_role(name, P.CAMPAIGNS_READ)).id)}


async def role_change(world: World, name: str) -> Given:
    return {**await role(world, name), "expectedVersion": 1, "add": ["FORMS_READ"]}


async def member(world: World, name: str) -> Given:
    return {"memberId": global_id("Member", (await world.member(name)).id)}


async def a_name(world: World, name: str) -> Given:
    return {**await member(world, name), "expectedVersion": 1, "name": f"{name} Smith"}


async def an_assignment(world: World, name: str) -> Given:
    return {
        "roleId": global_id("Role", (await world.role(BuiltinRole.VIEWER)).id),
        "principalId": (await member(world, name))["memberId"],
        "scopeId": global_id("Workspace", world.a.id),
    }


async def assignment(world: World, name: str) -> Given:
    given = await world.give(await world.member(name), BuiltinRole.VIEWER, world.everywhere)
    return {"assignmentId": global_id("Assignment", given.id)}


async def another_reason(world: World, name: str) -> Given:
    return {**await assignment(world, name), "reason": "Holidays."}


async def an_invitation(world: World, name: str) -> Given:
    return {
        "email": f"{name.lower()}@elsewhere.example",
        "roleId": global_id("Role", (await world.role(BuiltinRole.VIEWER)).id),
        "scopeId": global_id("Workspace", world.a.id),
    }


async def invitation(world: World, name: str) -> Given:
    made, _ = await invitations.invite(
        world.operator,
        email=f"{name.lower()}@elsewhere.example",
        role_id=(await world.role(BuiltinRole.VIEWER)).id,
        scope=world.everywhere,
    )
    return {"invitationId": global_id("Invitation", made.id)}


async def group(world: World, name: str) -> Given:
    made = await manual_groups.create(world.operator, name=name)
    return {"groupId": global_id("Group", made.id)}


async def named(world: World, name: str) -> Given:
    return {"name": name}


OPERATIONS = [
    Operation("createCampaign", P.CAMPAIGNS_DRAFT, in_a),
    Operation("updateCampaign", P.CAMPAIGNS_DRAFT, draft, CAMPAIGN),
    Operation("sendCampaign", P.CAMPAIGNS_SEND, draft, CAMPAIGN),
    Operation("deleteCampaign", P.CAMPAIGNS_DELETE, campaign, CAMPAIGN),
    Operation("createMailingList", P.LISTS_WRITE, in_a),
    Operation("deleteMailingList", P.LISTS_DELETE, mailing_list, MAILING_LIST),
    Operation("createSendingServer", P.SERVERS_WRITE, a_server),
    Operation("updateSendingServer", P.SERVERS_WRITE, server_settings, SENDING_SERVER),
    Operation(
        "setSendingServerCredentials", P.SERVERS_CREDENTIALS, server_credentials, SENDING_SERVER
    ),
    Operation("deleteSendingServer", P.SERVERS_DELETE, server, SENDING_SERVER),
    Operation("createWorkspace", P.WORKSPACE_CREATE, a_workspace),
    Operation("archiveWorkspace", P.WORKSPACE_DELETE, another_workspace),
    Operation("createRole", P.ROLES_WRITE, a_role),
    Operation("updateRole", P.ROLES_WRITE, role_change, seen_with=P.ROLES_READ),
    Operation("deleteRole", P.ROLES_DELETE, role, seen_with=P.ROLES_READ),
    Operation("assignRole", P.MEMBERS_ASSIGN, an_assignment),
    Operation("updateAssignment", P.MEMBERS_ASSIGN, another_reason, seen_with=P.MEMBERS_READ),
    Operation("unassignRole", P.MEMBERS_ASSIGN, assignment, seen_with=P.MEMBERS_READ),
    Operation("inviteMember", P.MEMBERS_INVITE, an_invitation),
    Operation("revokeInvitation", P.MEMBERS_INVITE, invitation, seen_with=P.MEMBERS_READ),
    Operation("suspendMember", P.MEMBERS_REMOVE, member, seen_with=P.MEMBERS_READ),
    Operation("removeMember", P.MEMBERS_REMOVE, member, seen_with=P.MEMBERS_READ),
    Operation("createGroup", P.MEMBERS_ASSIGN, named),
    Operation("deleteGroup", P.MEMBERS_ASSIGN, group, seen_with=P.MEMBERS_READ),
]


async def everybody(http: httpx.AsyncClient, world: World) -> Mapping[BuiltinRole, Person]:
    """Somebody with each role at the organization."""
    found: dict[BuiltinRole, Person] = {}
    for builtin in ROLES:
        someone: Member = await world.member(builtin.value)
        await world.give(someone, builtin, world.everywhere)
        found[builtin] = await sign_in(http, world, someone)
    return found


@pytest.mark.parametrize("operation", OPERATIONS, ids=[each.name for each in OPERATIONS])
async def test_an_operation_is_done_by_who_holds_its_permission_and_by_nobody_else(
    http: httpx.AsyncClient, world: World, operation: Operation
) -> None:
    for builtin, person in (await everybody(http, world)).items():
        given = await operation.input(world, f"X{builtin.value}")
        before, log = await picture(world), await AuditEvent.all().count()
        body = await person.ask(operation.document, {"input": given})
        if operation.needs.value in TABLE[builtin.value]:
            assert "errors" not in body, (builtin, body)
            assert (await picture(world)).rows != before.rows
            continue
        found = body["errors"][0]["extensions"]
        if _is_seen(operation, TABLE[builtin.value]):
            assert (found["code"], found["missing"]) == ("FORBIDDEN", [operation.needs.name])
        else:
            assert found["code"] in ("NOT_FOUND", "FORBIDDEN")
        assert (await picture(world)).rows == before.rows, builtin
        events = (await AuditEvent.all().order_by("id"))[log:]
        assert {event.outcome.value for event in events} <= {"denied"}


def _is_seen(operation: Operation, held: frozenset[str]) -> bool:
    if operation.kind is not None:
        return any(permission.value in held for permission in operation.kind.seen_with)
    return operation.seen_with is None or operation.seen_with.value in held


FIELDS = {
    P.CAMPAIGNS_READ: "workspace(id: $workspace) { campaigns { edges { node { body } } } }",
    P.LISTS_READ: "workspace(id: $workspace) { mailingLists { edges { node { name } } } }",
    P.SERVERS_READ: "workspace(id: $workspace) { sendingServers { edges { node { host } } } }",
    P.MEMBERS_READ: "organization { members { edges { node { email } } } }",
    P.ROLES_READ: "organization { roles { name permissions } }",
    P.ORGANIZATION_READ: "organization { plan }",
}


@pytest.mark.parametrize("permission", FIELDS, ids=[each.name for each in FIELDS])
async def test_a_field_is_read_by_who_holds_its_permission_and_by_nobody_else(
    http: httpx.AsyncClient, world: World, permission: Permission
) -> None:
    await world.campaign(world.a)
    variables = "($workspace: ID!)" if "$workspace" in FIELDS[permission] else ""
    document = f"query {variables} {{ {FIELDS[permission]} }}"
    for builtin, person in (await everybody(http, world)).items():
        body = await person.ask(document, {"workspace": global_id("Workspace", world.a.id)})
        leaves = list(_leaves(body.get("data")))
        if permission.value in TABLE[builtin.value]:
            assert "errors" not in body, (builtin, body)
            assert leaves
            assert None not in leaves
        else:
            assert set(leaves) <= {None}, (builtin, body)


def _leaves(value: Any) -> Any:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


EVERYTHING = {f"{group}:{action}" for group, actions in VOCABULARY.items() for action in actions}
COUNTING = (
    EVERYTHING,
    {p for p in EVERYTHING if not p.startswith(("identity:", "organization:"))},
    {p for p in EVERYTHING if p.startswith("campaigns:")}
    | {"members:read", "members:assign", "roles:read"},
)
"""What means something at the organization, at a workspace, at a campaign."""


@pytest.mark.parametrize("builtin", BuiltinRole)
async def test_the_engine_allows_what_the_table_says_at_each_kind_of_place(
    world: World, builtin: BuiltinRole
) -> None:
    """What means something at the organization only is held nowhere else, and at a campaign what
    is about campaigns, and about who has roles there.
    """
    spring = await world.campaign(world.a)
    creator = builtin is BuiltinRole.CREATOR
    someone = await world.member("Someone")
    scopes = [world.everywhere, at_workspace(world.a), at_campaign(spring)]
    places = [Target(), Target(world.a.id), Target(world.a.id, spring.id)]
    for given_at, place in enumerate(places):
        if creator and given_at < 2:
            continue
        given = await world.give(someone, builtin, scopes[given_at])
        access = (await world.subject(someone)).access
        found = {permission.value for permission in P if access.allows(permission, place)}
        below = given_at > 0
        assert found == TABLE[builtin.value] & COUNTING[given_at]
        outside = Target(world.b.id) if below else place
        assert below is not any(access.allows(permission, outside) for permission in P)
        await Assignment.filter(id=given.id).delete()


def test_the_paper_says_the_same() -> None:
    """Its table, cell by cell, read by a few lines of their own."""
    rows = [
        [cell.strip() for cell in line.strip("|\n ").split("|")]
        for line in PAPER.read_text().partition("## Built-in roles")[2].splitlines()
        if line.startswith("|") and "---" not in line
    ]
    head, *lines = rows
    assert [name.lower() for name in head[1:]] == [builtin.value for builtin in BuiltinRole]
    assert [line[0] for line in lines] == list(VOCABULARY)
    for name, *levels in lines:
        for builtin, level in zip(BuiltinRole, levels, strict=True):
            assert _said(name, level) == {
                permission
                for permission in TABLE[builtin.value]
                if permission.partition(":")[0] == name
            }, (name, builtin)


def _said(group_name: str, level: str) -> set[str]:
    actions = VOCABULARY[group_name]
    if level in ("full", "read", "-"):
        return {
            f"{group_name}:{action}"
            for action, reads in actions.items()
            if level == "full" or (level == "read" and reads)
        }
    named_actions = set(re.sub("^full without ", "", level).split(", "))
    held = set(actions) - named_actions if level.startswith("full without ") else named_actions
    return {f"{group_name}:{action}" for action in held}
