"""`--dry-run` at the command line: what a change would do is printed, and nothing is done."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from identity import manual_groups, organizations, roles, workspaces
from identity.access.permissions import Permission
from identity.assignments import Principal, Scope, assign
from models import AuditEvent, Organization, Plan, PrincipalType, ScopeType
from tests.gateway.commands import Gatepost
from tests.identity.refusing import everything

HELD = ["campaigns:read", "campaigns:send"]


@pytest.fixture
def acme(gatepost: Gatepost) -> Gatepost:
    """With Ann, in the group Senders, whose role Sender holds in the workspace; and Ben."""
    gatepost.acme()

    async def peopled() -> None:
        subject = await organizations.operator_of("acme")
        organization_id = subject.organization_id
        ann, _ = [
            await organizations.add_member(
                organization_id, email=f"{name.lower()}@acme.example", name=name
            )
            for name in ("Ann", "Ben")
        ]
        sender = await roles.create(subject, name="Sender", permissions=[Permission.CAMPAIGNS_SEND])
        group = await manual_groups.create(subject, name="Senders", member_ids=[ann.id])
        main = await workspaces.by_slug(subject.access, "main")
        await assign(
            subject,
            role_id=sender.id,
            principal=Principal(PrincipalType.GROUP, group.id),
            scope=Scope(ScopeType.WORKSPACE, main.id),
        )

    gatepost.look(peopled)
    return gatepost


async def state() -> tuple[Any, ...]:
    return await everything(), await AuditEvent.all().order_by("id").values()


def previewed(acme: Gatepost, *command: str) -> dict[str, Any]:
    """The preview as JSON, of which nothing may be left."""
    before = acme.look(state)
    said = acme.run(*command, "--org", "acme", "--dry-run", "--json")
    assert acme.look(state) == before
    answer: dict[str, Any] = json.loads(said.stdout)
    assert said.exit_code == (0 if answer["refusal"] is None else 1)
    return answer


@pytest.mark.parametrize(
    ("command", "name", "gained", "lost"),
    [
        (("roles", "update", "Sender", "--add", "forms:read"), "Ann", ["forms:read"], []),
        (("roles", "update", "Sender", "--remove", "campaigns:send"), "Ann", [], HELD),
        (("member", "suspend", "--email", "ann@acme.example"), "Ann", [], HELD),
        (("member", "remove", "--email", "ann@acme.example"), "Ann", [], HELD),
        (("group", "add", "--name", "Senders", "--email", "ben@acme.example"), "Ben", HELD, []),
        (("group", "remove", "--name", "Senders", "--email", "ann@acme.example"), "Ann", [], HELD),
        (("group", "delete", "--name", "Senders"), "Ann", [], HELD),
    ],
)
def test_it_prints_who_would_gain_and_lose_what(
    acme: Gatepost, command: Sequence[str], name: str, gained: list[str], lost: list[str]
) -> None:
    answer = previewed(acme, *command)
    (member,) = answer["members"]
    (change,) = member["changes"]
    assert (member["name"], change["scope_type"]) == (name, "workspace")
    assert (change["gained"], change["lost"]) == (gained, lost)
    assert answer["members_affected"] == 1


def test_it_prints_text_for_people(acme: Gatepost) -> None:
    command = ("roles", "update", "Sender", "--org", "acme", "--add", "forms:read")
    said = acme.run(*command, "--remove", "campaigns:send", "--dry-run")
    assert (said.exit_code, said.stderr) == (0, "")
    first, *totals, name, change = said.stdout.splitlines()
    assert first == (
        "Members who would gain anything: 1, who would lose anything: 1. Nothing is changed."
    )
    assert totals == [
        "  campaigns:read: 0 gain, 1 lose",
        "  campaigns:send: 0 gain, 1 lose",
        "  forms:read: 1 gain, 0 lose",
    ]
    assert name == "Ann"
    assert change.endswith(": +forms:read -campaigns:read -campaigns:send")


def test_what_would_be_refused_ends_with_exit_code_1(acme: Gatepost) -> None:
    answer = previewed(acme, "roles", "delete", "Sender")
    assert answer["refusal"]["code"] == "IN_USE"
    answer = previewed(acme, "member", "suspend", "--email", "olga@acme.example")
    assert answer["refusal"]["code"] == "LAST_OWNER"
    said = acme.run(
        "member", "remove", "--org", "acme", "--email", "olga@acme.example", "--dry-run"
    )
    assert said.exit_code == 1
    assert said.stdout.startswith("This would be refused: This would leave the organization")


def test_another_plan_is_rehearsed_and_then_made(acme: Gatepost) -> None:
    answer = previewed(acme, "org", "plan", "--plan", "starter")
    assert answer["permissions"] == [{"permission": "identity:manage", "gaining": 0, "losing": 1}]
    made = acme.json("org", "plan", "--org", "acme", "--plan", "starter")
    assert made["plan"] == "STARTER"

    async def seen() -> None:
        assert (await Organization.get()).plan is Plan.STARTER
        event = (await AuditEvent.all().order_by("id"))[-1]
        assert (event.action, event.actor_name, event.operation) == (
            "organization.plan",
            "operator",
            "gatepost org plan",
        )

    acme.look(seen)
