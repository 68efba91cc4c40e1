"""API keys in GraphQL: made, listed, changed, rotated and ended by people."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from identity import assignments
from identity.access.permissions import Permission
from identity.api_keys.wanted import Limits
from identity.assignments import Principal
from identity.credentials.key_tokens import PATTERN
from models import ApiKey, Assignment, BuiltinRole, PrincipalType
from models.clock import now
from schema.ids import global_id
from tests.clock import MovableClock
from tests.door import Person, sign_in
from tests.keys import caller, personal_key, service_key
from tests.statements import counted_statements
from tests.world import World, at_workspace

READ = Permission.CAMPAIGNS_READ
CREATE = """
    mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) {
      token
      apiKey { id name kind prefix scopes workspaceIds resourceIds networks documentMode rateLimit
        administrative expiresAt live use version needsSponsor member { name } }
    } }
"""
UPDATE = """
    mutation ($input: UpdateApiKeyInput!) { updateApiKey(input: $input) {
      apiKey { name scopes networks documentMode rateLimit version member { name } } } }
"""
ROTATE = """
    mutation ($input: RotateApiKeyInput!) { rotateApiKey(input: $input) {
      token apiKey { id previousSecretExpiresAt } } }
"""
REVOKE = """
    mutation ($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) {
      apiKey { live endReason revokedAt } } }
"""
REVOKE_OWN = """
    mutation ($input: RevokeOwnApiKeyInput!) { revokeOwnApiKey(input: $input) {
      apiKey { live endReason } } }
"""
LIST = """
    query ($filter: ApiKeyFilter) { organization { apiKeys(first: 10, filter: $filter) {
      totalCount nodes { name use live } } } }
"""


@pytest.fixture
async def olga(http: httpx.AsyncClient, movable_clock: MovableClock, world: World) -> Person:
    return await sign_in(http, world, world.owner)


async def ada(http: httpx.AsyncClient, world: World, *permissions: Permission) -> Person:
    """A member who holds these permissions in workspace A."""
    member = await world.member("Ada")
    role = await world.custom_role("Hers", *permissions)
    await world.give(member, role, at_workspace(world.a))
    return await sign_in(http, world, member)


async def names(person: Person, **filter_: Any) -> list[str]:
    data = await person.data(LIST, {"filter": filter_})
    found = data["organization"]["apiKeys"]
    assert found["totalCount"] == len(found["nodes"])
    return [node["name"] for node in found["nodes"]]


def id_of(key: ApiKey) -> str:
    return global_id("ApiKey", key.id)


async def test_a_key_is_made_and_its_secret_shown_once(olga: Person, world: World) -> None:
    campaign = await world.campaign(world.a)
    given = {
        "name": "CI",
        "scopes": ["CAMPAIGNS_READ", "CAMPAIGNS_SEND"],
        "resourceIds": [global_id("Campaign", campaign.id)],
        "networks": ["192.0.2.0/24"],
        "documentMode": "REQUIRED",
        "rateLimit": 1000,
    }
    made = (await olga.data(CREATE, {"input": given}))["createApiKey"]
    assert PATTERN.fullmatch(made["token"])
    key = await ApiKey.get()
    assert made["apiKey"] == {
        "id": id_of(key),
        "name": "CI",
        "kind": "PERSONAL",
        "prefix": made["token"][:30],
        "scopes": ["CAMPAIGNS_READ", "CAMPAIGNS_SEND"],
        "workspaceIds": None,
        "resourceIds": [global_id("Campaign", campaign.id)],
        "networks": ["192.0.2.0/24"],
        "documentMode": "REQUIRED",
        "rateLimit": 1000,
        "administrative": False,
        "expiresAt": key.expires_at.isoformat() if key.expires_at else None,
        "live": True,
        "use": "UNUSED",
        "version": 1,
        "needsSponsor": False,
        "member": {"name": world.owner.name},
    }
    assert (await caller(made["token"])).via_id == key.id


async def test_who_may_make_keys_in_a_workspace_makes_them_there(
    http: httpx.AsyncClient, world: World
) -> None:
    person = await ada(http, world, Permission.API_KEYS_CREATE, READ)
    given = {"name": "Hers", "scopes": ["CAMPAIGNS_READ"]}
    refused = await person.ask(CREATE, {"input": given})
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    there = {**given, "workspaceIds": [global_id("Workspace", world.a.id)]}
    made = (await person.data(CREATE, {"input": there}))["createApiKey"]
    assert made["apiKey"]["workspaceIds"] == there["workspaceIds"]
    beyond = {**there, "scopes": ["CAMPAIGNS_SEND", "CAMPAIGNS_READ"]}
    (error,) = (await person.ask(CREATE, {"input": beyond}))["errors"]
    assert error["extensions"] == {"code": "ESCALATION", "missing": ["campaigns:send"]}
    assert await ApiKey.all().count() == 1


async def test_who_may_not_make_keys_makes_none(http: httpx.AsyncClient, world: World) -> None:
    person = await ada(http, world, READ, Permission.API_KEYS_READ)
    given = {"name": "Hers", "scopes": ["CAMPAIGNS_READ"]}
    (error,) = (await person.ask(CREATE, {"input": given}))["errors"]
    assert error["extensions"]["missing"] == ["API_KEYS_CREATE"]
    assert await ApiKey.all().count() == 0


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"networks": ["home"]}, "input.networks"),
        ({"scopes": []}, "input.scopes"),
        ({"sponsorId": "own"}, "input.sponsorId"),
        ({"roleId": "role"}, "input.roleId"),
        ({"workspaceIds": ["x"]}, "input.workspaceIds.0"),
        ({"resourceIds": ["x"]}, "input.resourceIds.0"),
        ({"neverExpires": True, "expiresAt": "2099-01-01T00:00:00Z"}, "input.expiresAt"),
    ],
)
async def test_what_is_wrong_is_named(
    olga: Person, world: World, given: dict[str, Any], field: str
) -> None:
    known = {
        "own": global_id("Member", world.owner.id),
        "role": global_id("Role", (await world.role(BuiltinRole.VIEWER)).id),
    }
    meant = {k: known.get(v, v) if isinstance(v, str) else v for k, v in given.items()}
    body = await olga.ask(CREATE, {"input": {"name": "X", "scopes": ["CAMPAIGNS_READ"], **meant}})
    (error,) = body["errors"]
    assert error["extensions"] == {"code": "BAD_INPUT", "field": field}
    assert await ApiKey.all().count() == 0


async def test_a_service_key_is_made_with_a_role_and_given_another(
    olga: Person, world: World
) -> None:
    viewer = await world.role(BuiltinRole.VIEWER)
    given = {
        "name": "Deploy",
        "kind": "SERVICE",
        "scopes": ["CAMPAIGNS_READ", "LISTS_READ"],
        "roleId": global_id("Role", viewer.id),
        "scopeId": global_id("Workspace", world.a.id),
    }
    made = (await olga.data(CREATE, {"input": given}))["createApiKey"]
    assign = (
        "mutation($input: AssignRoleInput!) { assignRole(input: $input) { assignment { id } } }"
    )
    more = {
        "roleId": given["roleId"],
        "principalId": made["apiKey"]["id"],
        "scopeId": global_id("Workspace", world.b.id),
    }
    await olga.data(assign, {"input": more})
    subject = await caller(made["token"])
    assert subject.access.entered() == frozenset({world.a.id, world.b.id})
    query = """query($id: ID!) { node(id: $id) { ... on ApiKey {
        needsSponsor assignments { role { name } } } } }"""
    node = (await olga.data(query, {"id": made["apiKey"]["id"]}))["node"]
    assert node == {"needsSponsor": False, "assignments": [{"role": {"name": "Viewer"}}] * 2}


async def test_a_role_that_a_key_holds_is_in_use(olga: Person, world: World) -> None:
    role = await world.custom_role("Robots", READ)
    key, _ = await service_key(world, READ)
    await assignments.assign(
        world.operator,
        role_id=role.id,
        principal=Principal(PrincipalType.API_KEY, key.id),
        scope=world.everywhere,
    )
    delete = "mutation($input: DeleteRoleInput!) { deleteRole(input: $input) { deletedRoleId } }"
    body = await olga.ask(delete, {"input": {"roleId": global_id("Role", role.id)}})
    (error,) = body["errors"]
    assert error["extensions"]["code"] == "IN_USE"
    (holder,) = error["extensions"]["holders"]
    assert (holder["type"], holder["id"], holder["name"]) == ("API_KEY", id_of(key), "Deploy bot")
    assert await Assignment.filter(role_id=role.id).count() == 1


async def test_a_key_is_changed_and_a_limit_lifted(olga: Person, world: World) -> None:
    key, _ = await personal_key(world, world.owner, READ, limits=Limits(rate_limit=5))
    given = {"apiKeyId": id_of(key), "expectedVersion": 1, "name": "Nightly", "rateLimit": None}
    changed = (await olga.data(UPDATE, {"input": given}))["updateApiKey"]["apiKey"]
    assert (changed["name"], changed["rateLimit"], changed["version"]) == ("Nightly", None, 2)
    assert changed["scopes"] == ["CAMPAIGNS_READ"]
    (error,) = (await olga.ask(UPDATE, {"input": given}))["errors"]
    assert error["extensions"]["code"] == "CONFLICT"


async def test_a_key_gets_a_new_secret(
    olga: Person, world: World, movable_clock: MovableClock
) -> None:
    key, first = await personal_key(world, world.owner, READ)
    given = {"apiKeyId": id_of(key), "overlapHours": 2}
    made = (await olga.data(ROTATE, {"input": given}))["rotateApiKey"]
    ends = (now() + timedelta(hours=2)).isoformat()
    assert made["apiKey"] == {"id": id_of(key), "previousSecretExpiresAt": ends}
    assert {(await caller(each)).via_id for each in (first, made["token"])} == {key.id}


async def test_a_key_is_ended(olga: Person, world: World) -> None:
    key, _ = await personal_key(world, world.owner, READ)
    ended = (await olga.data(REVOKE, {"input": {"apiKeyId": id_of(key)}}))["revokeApiKey"]
    assert (ended["apiKey"]["live"], ended["apiKey"]["endReason"]) == (False, "REVOKED")


async def test_ones_own_key_is_ended_without_a_permission(
    http: httpx.AsyncClient, world: World
) -> None:
    member = await world.member("Vic")
    await world.give(member, BuiltinRole.VIEWER, world.everywhere)
    vic = await sign_in(http, world, member)
    key, _ = await personal_key(world, member, READ)
    other, _ = await personal_key(world, world.owner, READ)
    viewer = (await vic.data("{ viewer { apiKeys { nodes { id name } } } }"))["viewer"]
    assert viewer["apiKeys"]["nodes"] == [{"id": id_of(key), "name": "CI"}]
    for document, row in ((REVOKE, key), (REVOKE, other), (REVOKE_OWN, other)):
        (error,) = (await vic.ask(document, {"input": {"apiKeyId": id_of(row)}}))["errors"]
        assert error["extensions"]["code"] == "NOT_FOUND"
    ended = await vic.data(REVOKE_OWN, {"input": {"apiKeyId": id_of(key)}})
    assert ended["revokeOwnApiKey"]["apiKey"] == {"live": False, "endReason": "REVOKED"}
    assert (await ApiKey.get(id=other.id)).revoked_at is None


async def test_keys_are_listed_by_class_kind_owner_and_life(
    olga: Person, world: World, movable_clock: MovableClock
) -> None:
    member = await world.member("Ada")
    await world.give(member, BuiltinRole.VIEWER, world.everywhere)
    rows = [(await personal_key(world, member, READ))[0] for _ in range(4)]
    service, _ = await service_key(world, READ)
    ages = (None, timedelta(days=1), timedelta(days=8), timedelta(days=31))
    for number, (row, age) in enumerate(zip(rows, ages, strict=True)):
        used = None if age is None else now() - age
        await ApiKey.filter(id=row.id).update(name=f"K{number}", last_used_at=used)
    await ApiKey.filter(id=rows[3].id).update(revoked_at=now())
    assert await names(olga) == ["Deploy bot", "K3", "K2", "K1", "K0"]
    assert await names(olga, use="UNUSED") == ["Deploy bot", "K0"]
    assert await names(olga, use="ACTIVE") == ["K1"]
    assert await names(olga, use="QUIET") == ["K2"]
    assert await names(olga, use="DORMANT") == ["K3"]
    assert await names(olga, kind="SERVICE") == ["Deploy bot"]
    assert await names(olga, live=False) == ["K3"]
    assert await names(olga, live=True, memberId=global_id("Member", member.id)) == [
        "K2",
        "K1",
        "K0",
    ]
    nodes = (await olga.data(LIST))["organization"]["apiKeys"]["nodes"]
    assert [node["use"] for node in nodes] == ["UNUSED", "DORMANT", "QUIET", "ACTIVE", "UNUSED"]
    assert service.name == "Deploy bot"


async def test_who_may_not_read_keys_sees_none(http: httpx.AsyncClient, world: World) -> None:
    await personal_key(world, world.owner, READ)
    person = await ada(http, world, READ)
    body = await person.ask(LIST)
    assert body["data"] == {"organization": {"apiKeys": None}}
    assert body["errors"][0]["extensions"]["missing"] == ["API_KEYS_READ"]


async def test_a_list_of_keys_costs_the_same_for_one_and_for_many(
    olga: Person, world: World
) -> None:
    counts = []
    for many in (1, 5):
        for _ in range(many):
            await personal_key(world, world.owner, READ)
        await names(olga)
        with counted_statements() as statements:
            await names(olga)
        counts.append(len(statements))
    assert counts[0] == counts[1]


async def test_no_field_shows_a_secret(olga: Person, world: World) -> None:
    _, clear = await personal_key(world, world.owner, READ)
    query = '{ __type(name: "ApiKey") { fields { name } } }'
    fields = (await olga.data(query))["__type"]["fields"]
    assert not {"token", "secret", "secretHash"} & {field["name"] for field in fields}
    query = "{ organization { apiKeys { nodes { prefix } } auditEvents { nodes { diff } } } }"
    body = await olga.ask(query)
    assert clear[31:] not in str(body)
