"""Setting up connections and verified domains."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from identity.refusals import BadInput, Conflict, Forbidden, PlanRequired
from identity.sso import connections, domains
from identity.subject import Subject
from models import (
    BuiltinRole,
    Connection,
    ConnectionProtocol,
    ConnectionStatus,
    Organization,
    Outcome,
    VerifiedDomain,
)
from models.organization import Plan
from models.secret import keyring
from tests.identity.refusing import outcome
from tests.world import World, new_world

GIVEN = {
    "name": "Acme ID",
    "issuer": "https://id.acme.example",
    "client_id": "gatepost",
    "client_secret": "a client secret",
}


async def add(world: World, subject: Subject | None = None, **changes: Any) -> Connection:
    return await connections.add_oidc(subject or world.operator, **{**GIVEN, **changes})


async def test_a_connection_is_active_and_its_secret_is_sealed(world: World) -> None:
    row = await Connection.get(id=(await add(world)).id)

    assert (row.status, row.protocol) == (ConnectionStatus.ACTIVE, ConnectionProtocol.OIDC)
    assert (row.name, row.issuer, row.client_id) == (
        "Acme ID",
        "https://id.acme.example",
        "gatepost",
    )
    assert row.client_secret() == "a client secret"
    assert "a client secret" not in {str(value) for value in vars(row).values()}
    assert (row.metadata, row.keys) == (None, None)


async def test_it_is_audited_with_a_fingerprint(world: World) -> None:
    connection = await add(world)
    event = (await world.events())[-1]

    assert (event.action, event.target_id) == ("connection.create", connection.id)
    assert {change["path"]: change["after"] for change in event.diff} == {
        "name": "Acme ID",
        "protocol": "oidc",
        "status": "active",
        "issuer": "https://id.acme.example",
        "clientId": "gatepost",
        "clientSecretFingerprint": keyring.fingerprint("a client secret"),
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "n" * 101),
        ("issuer", "http://id.acme.example"),
        ("issuer", "http://127.0.0.1:4000"),
        ("issuer", "id.acme.example"),
        ("issuer", "https://id.acme.example/?tenant=1"),
        ("issuer", "https://id.acme.example/#top"),
        ("issuer", "https://user@id.acme.example"),
        ("issuer", "https://id.acme.example:port"),
        ("issuer", "https://"),
        ("issuer", "https://id.acme.example/ä"),
        ("issuer", "https://id.acme.example/" + "a" * 500),
        ("client_id", ""),
        ("client_secret", ""),
        ("client_secret", "s" * 1001),
        ("client_secret", "a\nb"),
    ],
)
async def test_bad_input_is_refused_with_its_field(world: World, field: str, value: str) -> None:
    events = len(await world.events())
    wrong: dict[str, Any] = {field: value}
    with pytest.raises(BadInput) as refused:
        await add(world, **wrong)

    assert refused.value.field == field
    assert await Connection.all().count() == 0
    assert len(await world.events()) == events


async def test_for_development_the_loopback_is_allowed(world: World) -> None:
    row = await add(world, issuer="http://127.0.0.1:4000", allow_loopback=True)

    assert row.issuer == "http://127.0.0.1:4000"


async def test_a_name_is_taken_once(world: World) -> None:
    await add(world)
    with pytest.raises(Conflict):
        await add(world)

    assert await Connection.all().count() == 1
    await add(await new_world("globex"))


async def test_a_name_is_given_once_when_many_want_it(world: World) -> None:
    outcomes = await asyncio.gather(*(outcome(add(world)) for _ in range(5)))

    assert Counter(outcomes) == {"DONE": 1, "CONFLICT": 4}
    assert await Connection.all().count() == 1


async def test_an_admin_may_not(world: World) -> None:
    admin = await world.someone("Ada", BuiltinRole.ADMIN, world.everywhere)
    with pytest.raises(Forbidden) as refused:
        await add(world, subject=admin)

    assert refused.value.details["missing"] == ["IDENTITY_MANAGE"]
    assert await Connection.all().count() == 0
    denial = (await world.events())[-1]
    assert (denial.action, denial.outcome) == ("connection.create", Outcome.DENIED)


async def test_a_plan_without_sso_has_none(world: World) -> None:
    await Organization.filter(id=world.organization.id).update(plan=Plan.STARTER)
    with pytest.raises(PlanRequired) as refused:
        await add(world)

    assert refused.value.details["requiredPlan"] == "PREMIUM"
    assert refused.value.details["feature"] == "SSO"
    assert await Connection.all().count() == 0


async def test_a_domain_is_verified_by_the_operator(world: World) -> None:
    row = await domains.verify_by_operator(world.operator, " Acme.Example ")
    again = await domains.verify_by_operator(world.operator, "acme.example")

    assert (row.domain, row.id) == ("acme.example", again.id)
    stored = await VerifiedDomain.get()
    assert stored.verified_at is not None
    events = [event for event in await world.events() if event.action == "domain.verify"]
    assert [event.target_name for event in events] == ["acme.example"]


@pytest.mark.parametrize(
    "domain", ["", "acme", "acme.example.", "-a.example", "*.acme.example", "ä.example", "a@b.c"]
)
async def test_what_is_no_domain_is_refused(world: World, domain: str) -> None:
    with pytest.raises(BadInput):
        await domains.verify_by_operator(world.operator, domain)

    assert await VerifiedDomain.all().count() == 0


async def test_an_owner_cannot_declare_a_domain_verified(world: World) -> None:
    owner = await world.someone("Ona", BuiltinRole.OWNER, world.everywhere)
    with pytest.raises(Forbidden):
        await domains.verify_by_operator(owner, "gmail.com")

    assert await VerifiedDomain.all().count() == 0
