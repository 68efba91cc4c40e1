"""`gatepost org create` and `gatepost recover-owner`."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from identity import assignments, organizations
from identity.assignments import Principal, Scope
from identity.refusals import Forbidden
from identity.sso import links
from models import (
    Assignment,
    AuditEvent,
    BuiltinRole,
    LoginAttempt,
    Member,
    MemberStatus,
    Organization,
    Outcome,
    Plan,
    PrincipalType,
    Role,
    ScopeType,
    User,
    Workspace,
)
from models.clock import now
from schema.ids import global_id
from tests.gateway.commands import PUBLIC_URL, Gatepost
from tests.world import World

CREATE = ("org", "create", "--name", "Acme", "--plan", "enterprise")


async def row_counts() -> tuple[int, ...]:
    models = (Organization, Workspace, User, Member, Role, Assignment, AuditEvent, LoginAttempt)
    return tuple([await model.all().count() for model in models])


async def told() -> list[tuple[str, str, str | None]]:
    events = await AuditEvent.all().order_by("id")
    return [(event.action, event.actor_name, event.operation) for event in events]


def token_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["token"][0]


def test_an_organization_is_opened_with_a_workspace_and_an_owner(gatepost: Gatepost) -> None:
    answer = gatepost.acme()

    assert list(answer) == ["organization", "workspace", "owner", "sign_in_url"]
    assert answer["sign_in_url"].startswith(f"{PUBLIC_URL}/auth/link?token=")

    async def opened() -> None:
        organization = await Organization.get()
        workspace, owner = await Workspace.get(), await Member.get()
        assert answer["organization"] == global_id("Organization", organization.id)
        assert answer["workspace"] == global_id("Workspace", workspace.id)
        assert answer["owner"] == global_id("Member", owner.id)
        assert (organization.slug, organization.plan) == ("acme", Plan.ENTERPRISE)
        assert (owner.email, owner.status) == ("olga@acme.example", MemberStatus.ACTIVE)
        assert (await links.usable(token_of(answer["sign_in_url"]))).member_id == owner.id

    gatepost.look(opened)
    assert gatepost.look(told) == [
        ("organization.create", "operator", "gatepost org create"),
        ("sign_in_link.create", "operator", "gatepost org create"),
    ]


def test_without_json_it_is_told_in_words(gatepost: Gatepost) -> None:
    said = gatepost.run(*CREATE, "--slug", "acme", "--owner", "olga@acme.example")

    lines = said.stdout.splitlines()
    assert (said.exit_code, said.stderr, lines[0]) == (0, "", "Acme is open.")
    assert [line.split()[0] for line in lines[1:]] == [
        "organization",
        "workspace",
        "owner",
        "sign_in_url",
    ]


@pytest.mark.parametrize(
    ("slug", "owner", "sentence"),
    [
        ("acme", "o@x.example", "There is an organization 'acme' already. Choose another slug."),
        (
            "A me",
            "o@x.example",
            "slug: Use 1 to 63 lower-case letters, digits and hyphens, e.g. acme-mail.",
        ),
        ("other", "olga", "owner: This is not an email address."),
    ],
)
def test_a_refused_organization_leaves_nothing(
    gatepost: Gatepost, slug: str, owner: str, sentence: str
) -> None:
    gatepost.acme()
    before = gatepost.look(row_counts)

    said = gatepost.run(*CREATE, "--slug", slug, "--owner", owner)

    assert (said.exit_code, said.stdout, said.stderr) == (1, "", f"Error: {sentence}\n")
    assert gatepost.look(row_counts) == before


def test_an_unknown_plan_is_wrong_usage(gatepost: Gatepost) -> None:
    said = gatepost.run(
        *("org", "create", "--slug", "acme", "--name", "Acme"),
        *("--plan", "gold", "--owner", "olga@acme.example"),
    )

    assert said.exit_code == 2
    assert said.stderr.splitlines()[-1] == (
        "Error: Invalid value for '--plan': "
        "'gold' is not one of 'starter', 'premium', 'enterprise'."
    )
    assert gatepost.look(row_counts) == (0,) * 8


def test_a_suspended_owner_is_recovered(gatepost: Gatepost) -> None:
    """Bob is a suspended member; Olga is gone. The operator lets Bob in again, as an owner."""
    gatepost.acme()

    async def bob_is_suspended_and_an_owner_for_a_while() -> UUID:
        subject = await organizations.operator_of("acme")
        organization = await Organization.get()
        bob = await organizations.add_member(organization.id, email="Bob@acme.example", name="Bob")
        owner = await Role.get(builtin=BuiltinRole.OWNER)
        await assignments.assign(
            subject,
            role_id=owner.id,
            principal=Principal(PrincipalType.MEMBER, bob.id),
            scope=Scope(ScopeType.ORGANIZATION, organization.id),
            expires_at=now() + timedelta(days=1),
        )
        await Member.filter(id=bob.id).update(
            status=MemberStatus.SUSPENDED, suspended_by_directory=True
        )
        return bob.id

    bob_id = gatepost.look(bob_is_suspended_and_an_owner_for_a_while)
    revision = gatepost.look(lambda: Organization.get()).access_revision

    answer = gatepost.json("recover-owner", "--org", "acme", "--email", "bob@ACME.example")

    assert list(answer) == ["member", "sign_in_url"]
    assert answer["member"] == global_id("Member", bob_id)

    async def recovered() -> None:
        bob = await Member.get(id=bob_id)
        assert (bob.status, bob.suspended_by) == (MemberStatus.ACTIVE, frozenset())
        (assignment,) = await Assignment.filter(principal_id=bob_id).select_related("role")
        assert (assignment.role.builtin, assignment.expires_at) == (BuiltinRole.OWNER, None)
        assert (await links.usable(token_of(answer["sign_in_url"]))).member_id == bob_id
        assert (await Organization.get()).access_revision == revision + 1
        event = await AuditEvent.get(action="owner.recover")
        assert (event.target_name, event.operation) == ("Bob", "gatepost recover-owner")
        assert event.diff == [
            {"path": "status", "before": "suspended", "after": "active"},
            {"path": "role", "before": None, "after": "owner"},
        ]
        log = AuditEvent.filter(target_id=bob_id, diff__isnull=False).order_by("id")
        given, ended, anew = [e for e in await log if e.action.startswith("role.")]
        assert (given.action, ended.action, anew.action) == (
            "role.assign",
            "role.unassign",
            "role.assign",
        )
        before, after = (
            {change["path"]: change["before"] or change["after"] for change in event.diff}
            for event in (ended, anew)
        )
        assert before.pop("expiresAt") is not None, "the end that was taken away"
        assert before == after
        assert after["assignmentId"] == str(assignment.id)

    gatepost.look(recovered)


@pytest.mark.parametrize(
    ("slug", "email", "sentence"),
    [
        ("acme", "nobody@acme.example", "There is no such member, or you may not see it."),
        ("other", "olga@acme.example", "There is no such organization, or you may not see it."),
    ],
)
def test_nobody_is_made_an_owner_by_mistake(
    gatepost: Gatepost, slug: str, email: str, sentence: str
) -> None:
    gatepost.acme()
    before = gatepost.look(row_counts)

    said = gatepost.run("recover-owner", "--org", slug, "--email", email)

    assert (said.exit_code, said.stdout, said.stderr) == (1, "", f"Error: {sentence}\n")
    assert gatepost.look(row_counts) == before


def test_two_members_of_one_address_are_no_owner(gatepost: Gatepost) -> None:
    gatepost.acme()

    async def a_second_olga() -> None:
        organization = await Organization.get()
        second = await organizations.add_member(
            organization.id, email="o@acme.example", name="Olga"
        )
        await Member.filter(id=second.id).update(
            email="olga@acme.example", email_key="olga@acme.example"
        )

    gatepost.look(a_second_olga)
    before = gatepost.look(row_counts)

    said = gatepost.run("recover-owner", "--org", "acme", "--email", "olga@acme.example")

    assert said.exit_code == 1
    assert said.stderr == "Error: 2 members have the address olga@acme.example.\n"
    assert gatepost.look(row_counts) == before


async def test_no_member_recovers_an_owner(world: World) -> None:
    vera = await world.someone("Vera", BuiltinRole.VIEWER, world.everywhere)
    before = await Assignment.all().count()

    with pytest.raises(Forbidden) as refused:
        await organizations.recover_owner(vera, email="vera@acme.example")

    assert refused.value.details["reason"] == "OPERATOR_ONLY"
    assert await Assignment.all().count() == before
    denial = (await world.events())[-1]
    assert (denial.action, denial.outcome) == ("owner.recover", Outcome.DENIED)
