"""API keys at the GraphQL door: how they are sent, what they are refused, what is told of them."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from gateway.authenticate import SESSION_COOKIE
from identity import members
from identity.access.permissions import Permission
from identity.api_keys import issuing
from identity.api_keys.wanted import KeyChange, Limits
from identity.credentials.key_uses import key_uses
from models import ApiKey, AuditEvent, BuiltinRole, Outcome
from models.document_mode import DocumentMode
from schema.ids import global_id
from tests.clock import MovableClock
from tests.door import http_client, sign_in
from tests.keys import personal_key, service_key
from tests.statements import counted_statements
from tests.world import World, at_workspace

READ, SEND, RESULTS = (
    Permission.CAMPAIGNS_READ,
    Permission.CAMPAIGNS_SEND,
    Permission.CAMPAIGNS_RESULTS,
)
WHO = "query Who { viewer { name } viewerApiKey { name kind } }"
CAMPAIGNS = "query List($id: ID!) { workspace(id: $id) { campaigns { nodes { name } } } }"


async def asked(
    http: httpx.AsyncClient, clear: str, query: str = WHO, variables: Any = None, **headers: str
) -> httpx.Response:
    body = {"query": query, "variables": variables or {}}
    sent = {"authorization": f"Bearer {clear}", **headers}
    return await http.post("/graphql", json=body, headers=sent)


async def told(http: httpx.AsyncClient, clear: str, query: str, variables: Any = None) -> Any:
    response = await asked(http, clear, query, variables)
    assert response.status_code == 200, response.text
    return response.json()


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["extensions"]["code"]


async def denials() -> list[tuple[str, str | None]]:
    events = await AuditEvent.filter(outcome=Outcome.DENIED).order_by("id")
    return [(event.action, event.reason) for event in events]


async def test_a_personal_key_acts_as_its_owner(http: httpx.AsyncClient, world: World) -> None:
    _, clear = await personal_key(world, world.owner, READ)
    body = await told(http, clear, WHO)
    assert body["data"] == {
        "viewer": {"name": world.owner.name},
        "viewerApiKey": {"name": "CI", "kind": "PERSONAL"},
    }


async def test_a_service_key_is_nobody_but_itself(http: httpx.AsyncClient, world: World) -> None:
    _, clear = await service_key(world, READ)
    body = await told(http, clear, WHO)
    assert body["data"]["viewerApiKey"] == {"name": "Deploy bot", "kind": "SERVICE"}
    (error,) = body["errors"]
    assert (error["path"], error["extensions"]["reason"]) == (["viewer"], "SERVICE_KEY")


async def test_a_key_with_a_session_is_refused(http: httpx.AsyncClient, world: World) -> None:
    _, clear = await personal_key(world, world.owner, READ)
    token = await world.session(world.owner)
    cookie = f"{SESSION_COOKIE}={token}"
    response = await asked(http, clear, cookie=cookie, **{"x-gatepost-client": "tests"})
    assert code_of(response) == (400, "BAD_INPUT")
    assert "not both" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("how", ["cookie", "query", "basic", "twice", "body"])
async def test_a_key_is_taken_from_the_header_alone(
    http: httpx.AsyncClient, world: World, how: str
) -> None:
    _, clear = await personal_key(world, world.owner, READ)
    headers: list[tuple[str, str]] = [("x-gatepost-client", "tests")]
    parameters, body = {}, {"query": WHO}
    match how:
        case "cookie":
            headers.append(("cookie", f"{SESSION_COOKIE}={clear}"))
        case "query":
            parameters = {"access_token": clear, "token": clear}
        case "basic":
            headers.append(("authorization", f"Basic {clear}"))
        case "twice":
            headers += [("authorization", f"Bearer {clear}"), ("authorization", "Bearer x")]
        case "body":
            body["access_token"] = clear
    response = await http.post("/graphql", json=body, headers=headers, params=parameters)
    assert code_of(response) == (401, "UNAUTHENTICATED")


async def test_what_cannot_be_a_key_costs_no_statement(
    http: httpx.AsyncClient, world: World
) -> None:
    _, clear = await personal_key(world, world.owner, READ)
    broken = clear[:-1] + ("a" if clear[-1] != "a" else "b")
    with counted_statements() as statements:
        for each in (broken, "x", clear.upper(), 5000 * "a"):
            assert code_of(await asked(http, each)) == (401, "UNAUTHENTICATED")
    assert statements == []


async def test_a_key_is_found_in_one_statement_and_then_with_the_data(
    http: httpx.AsyncClient, world: World
) -> None:
    await world.campaign(world.a)
    _, clear = await personal_key(world, world.owner, READ)
    variables = {"id": global_id("Workspace", world.a.id)}
    counts = []
    for _ in range(4):
        with counted_statements() as statements:
            body = await told(http, clear, CAMPAIGNS, variables)
        assert body["data"]["workspace"]["campaigns"]["nodes"] == [{"name": "Spring"}]
        counts.append(len(statements))
    assert counts[-1] == 1
    assert counts[0] <= 1 + 2 + 1, "the key, the owner's access, the data"


async def test_an_over_scope_call_names_the_missing_scope(
    http: httpx.AsyncClient, world: World
) -> None:
    campaign = await world.campaign(world.a)
    _, clear = await personal_key(world, world.owner, READ)
    send = "mutation($input: SendCampaignInput!) { sendCampaign(input: $input) { __typename } }"
    given = {"campaignId": global_id("Campaign", campaign.id), "expectedVersion": 1}
    body = await told(http, clear, send, {"input": given})
    (error,) = body["errors"]
    assert error["extensions"] == {
        "code": "SCOPE_MISSING",
        "reason": "MISSING_SCOPE",
        "missing": ["CAMPAIGNS_SEND"],
    }
    assert error["message"] == "This API key does not carry the scope campaigns:send."
    assert body["data"] is None
    await campaign.refresh_from_db()
    assert campaign.version == 1
    assert await denials() == [("campaign.send", f"SCOPE_MISSING: {error['message']}")]


async def test_what_the_owner_lacks_too_is_forbidden(http: httpx.AsyncClient, world: World) -> None:
    campaign = await world.campaign(world.a)
    ada = await world.member("Ada")
    await world.give(ada, BuiltinRole.VIEWER, at_workspace(world.a))
    _, clear = await personal_key(world, ada, READ, limits=Limits(workspaces=[world.a.id]))
    send = "mutation($input: SendCampaignInput!) { sendCampaign(input: $input) { __typename } }"
    given = {"campaignId": global_id("Campaign", campaign.id), "expectedVersion": 1}
    body = await told(http, clear, send, {"input": given})
    assert body["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("executed_by", ["engine", "graphql-core"])
async def test_what_the_scopes_never_show_is_said_so_whether_it_is_there_or_not(
    http: httpx.AsyncClient, world: World, executed_by: str
) -> None:
    campaign = await world.campaign(world.a)
    _, clear = await personal_key(world, world.owner, Permission.LISTS_READ)
    more = "__schema { queryType { name } }" if executed_by == "graphql-core" else ""
    ids = [campaign.id, world.owner.id]
    answers = []
    for row_id in ids:
        node = global_id("Campaign", row_id)
        query = f'{{ node(id: "{node}") {{ id }} {more} }}'
        answers.append((await told(http, clear, query))["errors"][0])
    assert answers[0]["extensions"]["code"] == "SCOPE_MISSING"
    assert answers[0]["extensions"]["missing"] == ["CAMPAIGNS_READ", "CAMPAIGNS_RESULTS"]
    assert answers[0] == answers[1]
    body = await told(http, clear, CAMPAIGNS, {"id": global_id("Workspace", world.a.id)})
    assert body["data"] == {"workspace": None}
    assert body["errors"][0]["extensions"]["code"] == "SCOPE_MISSING"
    assert body["errors"][0]["path"] == ["workspace", "campaigns"]


async def test_a_wrong_secret_of_a_key_is_told_to_the_organization_and_never_the_secret(
    http: httpx.AsyncClient, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    key, clear = await personal_key(world, world.owner, READ)
    await issuing.rotate(world.operator, key.id, overlap=timedelta(0))
    for _ in range(3):
        assert code_of(await asked(http, clear)) == (401, "UNAUTHENTICATED")
    assert await denials() == [("api_key.use", "UNAUTHENTICATED: The secret is wrong.")]
    (event,) = await AuditEvent.filter(outcome=Outcome.DENIED)
    assert (event.target_id, event.actor_type, event.ip) == (key.id, "anonymous", "127.0.0.1")
    secret = clear[31:]
    assert secret not in str(vars(event)) + caplog.text


async def test_guessing_is_limited_by_address(database: str, world: World) -> None:
    _, clear = await personal_key(world, world.owner, READ)
    guess = clear[:-1] + ("a" if clear[-1] != "a" else "b")
    async with http_client(database, rate_limit_failures=3) as http:
        codes = [(await asked(http, guess)).status_code for _ in range(5)]
        assert codes == [401, 401, 401, 429, 429]
        assert (await asked(http, clear)).status_code == 200


async def test_a_key_is_refused_from_another_network(database: str, world: World) -> None:
    key, clear = await personal_key(
        world, world.owner, READ, limits=Limits(networks=["203.0.113.0/24", "2001:db8::/32"])
    )
    proxies = {"trusted_proxies": ("127.0.0.1/32",)}
    async with http_client(database, **proxies) as http:
        for ip in ("203.0.113.9", "2001:db8::7", "::ffff:203.0.113.9"):
            assert (await asked(http, clear, **{"x-forwarded-for": ip})).status_code == 200, ip
        for ip in ("203.0.114.9", "2001:db9::7", "unknown"):
            response = await asked(http, clear, **{"x-forwarded-for": ip})
            assert code_of(response) == (403, "FORBIDDEN"), ip
            assert response.json()["errors"][0]["extensions"]["reason"] == "NETWORK"
        assert (
            await asked(http, clear, **{"x-forwarded-for": "203.0.113.9, 1.1.1.1"})
        ).status_code == 403
    async with http_client(database) as http:
        spoofed = await asked(http, clear, **{"x-forwarded-for": "203.0.113.9"})
        assert code_of(spoofed) == (403, "FORBIDDEN")
    told_of = {(action, reason) for action, reason in await denials()}
    assert told_of == {
        ("api_key.use", "FORBIDDEN: This API key may not be used from this network.")
    }
    assert {event.ip for event in await AuditEvent.filter(action="api_key.use")} == {
        "203.0.114.9",
        "2001:db9::7",
        "127.0.0.1",
        "1.1.1.1",
    }
    assert key.networks == ["203.0.113.0/24", "2001:db8::/32"]


@pytest.mark.parametrize(
    "end", ["revoke", "suspend", "remove", "network", "scope", "rotate", "expire"]
)
async def test_a_key_that_was_just_used_is_over_at_once(
    http: httpx.AsyncClient, world: World, end: str, movable_clock: MovableClock
) -> None:
    await world.campaign(world.a)
    ada = await world.member("Ada")
    await world.give(ada, BuiltinRole.VIEWER, world.everywhere)
    key, clear = await personal_key(world, ada, READ)
    variables = {"id": global_id("Workspace", world.a.id)}
    for _ in range(3):
        body = await told(http, clear, CAMPAIGNS, variables)
        assert body["data"]["workspace"]["campaigns"]["nodes"] == [{"name": "Spring"}]
    match end:
        case "revoke":
            await issuing.revoke(world.operator, key.id)
        case "suspend":
            await members.suspend(world.operator, ada.id)
        case "remove":
            await members.remove(world.operator, ada.id)
        case "network":
            change = KeyChange(networks=["203.0.113.0/24"])
            await issuing.update(world.operator, key.id, change, expected_version=1)
        case "scope":
            change = KeyChange(scopes=[Permission.LISTS_READ])
            await issuing.update(world.operator, key.id, change, expected_version=1)
        case "rotate":
            await issuing.rotate(world.operator, key.id, overlap=timedelta(0))
        case "expire":
            movable_clock.move(timedelta(days=90))
    response = await asked(http, clear, CAMPAIGNS, variables)
    expected = {"network": (403, "FORBIDDEN"), "scope": (200, "SCOPE_MISSING")}
    assert code_of(response) == expected.get(end, (401, "UNAUTHENTICATED"))


async def test_the_last_use_is_written_behind_the_request_and_once_a_minute(
    http: httpx.AsyncClient, world: World, movable_clock: MovableClock
) -> None:
    key, clear = await personal_key(world, world.owner, READ)
    await told(http, clear, WHO)
    first = movable_clock.time
    assert (await ApiKey.get(id=key.id)).last_used_at is None
    await key_uses.write()
    used = await ApiKey.get(id=key.id)
    assert (used.last_used_at, used.last_used_ip, used.last_used_operation, used.version) == (
        first,
        "127.0.0.1",
        "Who",
        1,
    )
    movable_clock.move(timedelta(seconds=59))
    await told(http, clear, "query Later { viewer { name } }")
    assert await key_uses.write() == 0
    movable_clock.move(timedelta(seconds=1))
    await told(http, clear, "query Later { viewer { name } }")
    assert await key_uses.write() == 1
    used = await ApiKey.get(id=key.id)
    assert (used.last_used_at, used.last_used_operation) == (movable_clock.time, "Later")


async def test_a_refused_key_was_not_used(http: httpx.AsyncClient, world: World) -> None:
    key, clear = await personal_key(world, world.owner, READ)
    await issuing.revoke(world.operator, key.id)
    assert (await asked(http, clear)).status_code == 401
    await key_uses.write()
    assert (await ApiKey.get(id=key.id)).last_used_at is None


async def test_each_key_has_a_budget_of_its_own(database: str, world: World) -> None:
    _, small = await personal_key(world, world.owner, READ, limits=Limits(rate_limit=40))
    _, other = await personal_key(world, world.owner, READ)
    async with http_client(database, rate_limit_api_key=1000) as http:
        codes = [(await asked(http, small)).status_code for _ in range(45)]
        assert codes[0] == 200
        assert codes[-1] == 429
        answered = await asked(http, other)
        assert answered.status_code == 200
        assert answered.headers["RateLimit-Policy"] == '"api_key";q=1000;w=60'


async def test_a_key_is_held_to_trusted_documents(database: str, world: World) -> None:
    limits = Limits(document_mode=DocumentMode.REQUIRED)
    _, clear = await personal_key(world, world.owner, READ, limits=limits)
    _, free = await personal_key(world, world.owner, READ)
    async with http_client(database) as http:
        refused = await asked(http, clear)
        assert refused.json()["errors"][0]["extensions"]["reason"] == "DOCUMENT_NOT_TRUSTED"
        assert (await asked(http, free)).status_code == 200
    loose = Limits(document_mode=DocumentMode.ALLOWED)
    _, looser = await personal_key(world, world.owner, READ, limits=loose)
    async with http_client(database, graphql_trusted_documents=DocumentMode.REQUIRED) as http:
        assert code_of(await asked(http, looser)) == (403, "FORBIDDEN")


async def test_a_key_leaves_no_organization_for_its_owner(
    http: httpx.AsyncClient, world: World
) -> None:
    ada = await world.member("Ada")
    await world.give(ada, BuiltinRole.VIEWER, world.everywhere)
    _, clear = await personal_key(world, ada, READ)
    organization = global_id("Organization", world.organization.id)
    leave = (
        "mutation($input: LeaveOrganizationInput!)"
        " { leaveOrganization(input: $input) { __typename } }"
    )
    body = await told(http, clear, leave, {"input": {"organizationId": organization}})
    assert body["errors"][0]["extensions"] == {
        "code": "FORBIDDEN",
        "reason": "BY_KEY",
        "missing": [],
    }
    await ada.refresh_from_db()


async def test_the_audit_log_tells_that_a_key_did_it(http: httpx.AsyncClient, world: World) -> None:
    key, clear = await personal_key(world, world.owner, Permission.ROLES_WRITE, administrative=True)
    make = 'mutation Make { createRole(input: {name: "Robots"}) { role { name } } }'
    body = await told(http, clear, make)
    assert body["data"]["createRole"]["role"]["name"] == "Robots"
    (event,) = await AuditEvent.filter(action="role.create")
    assert (event.actor_type, event.actor_id, event.via, event.via_id, event.operation) == (
        "member",
        world.owner.id,
        "api_key",
        key.id,
        "Make",
    )


async def test_an_idempotent_answer_is_not_given_to_another_credential(
    http: httpx.AsyncClient, world: World
) -> None:
    _, one = await personal_key(world, world.owner, Permission.ROLES_WRITE, administrative=True)
    _, two = await personal_key(world, world.owner, Permission.ROLES_WRITE, administrative=True)
    make = 'mutation { createRole(input: {name: "Robots"}) { role { name } } }'
    header = {"idempotency-key": "k-1"}
    assert "errors" not in (await asked(http, one, make, **header)).json()
    again = await asked(http, one, make, **header)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = (await asked(http, two, make, **header)).json()
    assert other["errors"][0]["extensions"]["code"] == "CONFLICT"


async def test_a_secret_is_shown_once_also_to_who_asks_again(
    http: httpx.AsyncClient, world: World
) -> None:
    olga = await sign_in(http, world, world.owner)
    query = "mutation($i: CreateApiKeyInput!) { createApiKey(input: $i) { token } }"
    body = {"query": query, "variables": {"i": {"name": "CI", "scopes": ["CAMPAIGNS_READ"]}}}
    first = await olga.post(body, **{"idempotency-key": "k-1"})
    assert first.json()["data"]["createApiKey"]["token"].startswith("gp_live_")
    again = await olga.post(body, **{"idempotency-key": "k-1"})
    assert code_of(again) == (409, "CONFLICT")
    assert await ApiKey.all().count() == 1
