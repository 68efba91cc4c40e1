"""`gatepost access`: who may do what, and why."""

import json
from datetime import timedelta
from typing import Any

import pytest

from identity import assignments, groups, members, organizations
from identity.assignments import Principal, Scope
from identity.groups import DirectoryGroup
from models import (
    Assignment,
    AuditEvent,
    BuiltinRole,
    GroupMember,
    Member,
    MemberStatus,
    Organization,
    PermissionUse,
    PrincipalType,
    Role,
    ScopeType,
    Workspace,
)
from models.clock import now
from schema.ids import global_id
from tests.gateway.commands import Gatepost, Said

ANN = ("--org", "acme", "--member", "ann@acme.example")
DENIED = "This needs campaigns:send at the organization, and no role of theirs holds it there."


@pytest.fixture
def ids(gatepost: Gatepost) -> dict[str, str]:
    """Acme, where Ann is an Operator of the workspace through the group Sales."""
    made = gatepost.acme()
    gatepost.look(_ann)
    return made


async def _ann() -> None:
    organization = await Organization.get(slug="acme")
    subject = await organizations.operator_of("acme")
    ann = await organizations.add_member(organization.id, email="ann@acme.example", name="Ann")
    group = await groups.create(subject, DirectoryGroup("Sales", None, {}), member_ids=[ann.id])
    await assignments.assign(
        subject,
        role_id=(await Role.get(builtin=BuiltinRole.OPERATOR)).id,
        principal=Principal(PrincipalType.GROUP, group.id),
        scope=Scope(ScopeType.WORKSPACE, (await Workspace.get()).id),
    )


def printed(said: Said) -> Any:
    assert said.stderr == ""
    return json.loads(said.stdout)


def test_can_says_it_by_its_exit_code(gatepost: Gatepost, ids: dict[str, str]) -> None:
    reason = "Allowed by role Operator at workspace through group Sales."
    at = ("--at", ids["workspace"])
    assert gatepost.run("access", "can", "campaigns:send", *ANN, *at) == Said(0, f"{reason}\n", "")
    assert gatepost.run("access", "can", "CAMPAIGNS_SEND", *ANN) == Said(1, f"{DENIED}\n", "")
    said = gatepost.run("access", "can", "campaigns:send", *ANN, "--json")
    assert (said.exit_code, printed(said)) == (
        1,
        {"permission": "campaigns:send", "allowed": False, "reason": DENIED},
    )


def test_explain_names_grants_or_what_would_do(gatepost: Gatepost, ids: dict[str, str]) -> None:
    at = ("--at", ids["workspace"])
    allowed = printed(gatepost.run("access", "explain", "campaigns:send", *ANN, *at, "--json"))
    (grant,) = allowed["grants"]
    assert (grant["role"], grant["role_version"], grant["source"], grant["group"]) == (
        *("Operator", 1),
        *("group", "Sales"),
    )
    assert (grant["scope_type"], grant["scope"]) == ("workspace", ids["workspace"])
    assert "campaigns:send" in grant["permissions"]
    assert (allowed["name"], allowed["allowed"], allowed["suggestions"]) == ("Ann", True, [])

    denied = printed(gatepost.run("access", "explain", "campaigns:send", *ANN, "--json"))
    assert (denied["allowed"], denied["obstacles"]) == (False, ["missing_permission"])
    assert denied["advice"] == ["A role with campaigns:send has to be given at the organization."]
    assert [each["role"] for each in denied["suggestions"]] == ["Operator", "Admin", "Owner"]
    first = denied["suggestions"][0]
    assert (first["scope_type"], first["grantor_count"]) == ("organization", 1)
    assert first["grantors"] == [{"id": ids["owner"], "name": "olga@acme.example"}]
    assert "campaigns:send" in first["gains"]


def test_explain_is_for_people_too(gatepost: Gatepost, ids: dict[str, str]) -> None:
    said = gatepost.run("access", "explain", "campaigns:send", *ANN)
    assert said.exit_code == 0
    lines = said.stdout.splitlines()
    assert lines[:2] == [
        DENIED,
        "A role with campaigns:send has to be given at the organization.",
    ]
    assert lines[2] == f"  Operator at organization {ids['organization']} would add:"
    assert lines[4] == "    1 could give it: olga@acme.example"
    said = gatepost.run("access", "explain", "campaigns:send", *ANN, "--at", ids["workspace"])
    assert said.stdout.splitlines()[1].startswith(
        f"  Operator (version 1) at workspace {ids['workspace']} through group Sales: "
    )


def test_a_group_is_asked_about_by_its_name(gatepost: Gatepost, ids: dict[str, str]) -> None:
    sales = ("--org", "acme", "--group", "sales", "--at", ids["workspace"])
    assert gatepost.run("access", "can", "campaigns:send", *sales).exit_code == 0
    of = gatepost.run("access", "of", "--org", "acme", "--group", "Sales", "--json")
    assert [(g["role"], g["source"], g["group"]) for g in printed(of)["grants"]] == [
        ("Operator", "direct", None)
    ]


def test_who_can_goes_by_pages(gatepost: Gatepost, ids: dict[str, str]) -> None:
    asked = ("access", "who-can", "campaigns:send", "--org", "acme", "--at", ids["workspace"])
    first = printed(gatepost.run(*asked, "--first", "1", "--json"))
    assert [holder["name"] for holder in first["holders"]] == ["Ann"]
    rest = printed(gatepost.run(*asked, "--first", "1", "--after", first["next"], "--json"))
    assert [holder["name"] for holder in rest["holders"]] == ["olga@acme.example"]
    assert rest["next"] is None
    assert gatepost.run(*asked, "--first", "1").stdout.splitlines() == [
        "Ann: Allowed by role Operator at workspace through group Sales.",
        f"There are more: --after {first['next']}",
    ]


def test_of_lists_what_somebody_was_given(gatepost: Gatepost, ids: dict[str, str]) -> None:
    (line,) = gatepost.run("access", "of", *ANN).stdout.splitlines()
    assert line.startswith(f"Operator (version 1) at workspace {ids['workspace']} through group Sa")

    async def suspended() -> int:
        return await Member.filter(name="Ann").update(status=MemberStatus.SUSPENDED)

    gatepost.look(suspended)
    (grant,) = printed(gatepost.run("access", "of", *ANN, "--json"))["grants"]
    assert grant["permissions"] == []
    said = gatepost.run("access", "can", "campaigns:send", *ANN, "--at", ids["workspace"])
    assert said == Said(1, "The member is not active, and so holds nothing.\n", "")


def test_as_of_tells_what_was_before(gatepost: Gatepost, ids: dict[str, str]) -> None:
    def as_of(*about: str) -> Said:
        return gatepost.run("access", "as-of", "--org", "acme", *about)

    async def taken_out() -> tuple[str, str]:
        ann, moment = await Member.get(name="Ann"), now().isoformat()
        await members.remove(await organizations.operator_of("acme"), ann.id)
        return global_id("Member", ann.id), moment

    ann, before = gatepost.look(taken_out)
    (line,) = as_of("--id", ann, "--at", before).stdout.splitlines()
    assert line.startswith(f"Operator (version 1) at workspace {ids['workspace']} through group Sa")
    (grant,) = printed(as_of("--id", ann, "--at", before, "--json"))["grants"]
    assert "campaigns:send" in grant["permissions"]
    gone = Said(1, "", "Error: There is no such member at that moment, or you may not see it.\n")
    assert as_of("--id", ann, "--at", gatepost.look(_moment)) == gone
    olga = as_of("--member", "olga@acme.example", "--at", before, "--json")
    assert [grant["role"] for grant in printed(olga)["grants"]] == ["Owner"]


async def _moment() -> str:
    return now().isoformat()


@pytest.mark.parametrize(
    ("at", "sentence"),
    [
        ("yesterday", "Error: --at: 'yesterday' is no time, such as 2030-01-31T09:00Z."),
        ("2999-01-01T00:00Z", "Error: at: The moment lies in the future."),
        (
            "2999-01-01T00:00",
            "Error: at: Give the time with its zone, e.g. 2030-01-01T09:00:00Z.",
        ),
    ],
)
def test_as_of_wants_a_moment_that_was(
    gatepost: Gatepost, ids: dict[str, str], at: str, sentence: str
) -> None:
    assert gatepost.run("access", "as-of", *ANN, "--at", at) == Said(1, "", f"{sentence}\n")
    both = gatepost.run("access", "as-of", *ANN, "--id", ids["owner"], "--at", at)
    assert both.exit_code == 2
    assert "Give --id alone, or --member or --group." in both.stderr


def test_nothing_is_changed(gatepost: Gatepost, ids: dict[str, str]) -> None:
    async def counted() -> list[int]:
        return [await AuditEvent.all().count(), await Assignment.all().count()]

    before = gatepost.look(counted)
    gatepost.run("access", "explain", "campaigns:send", *ANN)
    gatepost.run("access", "of", *ANN)
    assert gatepost.look(counted) == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("can", "campaigns:fly", *ANN),
            "Error: PERMISSION: There is no permission 'campaigns:fly'.",
        ),
        (
            ("can", "campaigns:send", "--org", "acme", "--member", "no@acme.example"),
            "Error: There is no such member, or you may not see it.",
        ),
        (
            ("of", "--org", "acme", "--group", "Nobody"),
            "Error: There is no such group, or you may not see it.",
        ),
        (
            ("who-can", "campaigns:send", "--org", "acme", "--at", "nonsense"),
            "Error: --at: This is not an id that this API gave out.",
        ),
        (
            ("who-can", "campaigns:send", "--org", "acme", "--first", "101"),
            "Error: first: A page has 0 to 100 items.",
        ),
    ],
)
def test_what_is_wrong_is_said(
    gatepost: Gatepost, ids: dict[str, str], arguments: tuple[str, ...], sentence: str
) -> None:
    assert gatepost.run("access", *arguments) == Said(1, "", f"{sentence}\n")


def test_a_workspace_of_another_organization_is_not_found(
    gatepost: Gatepost, ids: dict[str, str]
) -> None:
    other = gatepost.json(
        *("org", "create", "--slug", "other", "--name", "Other"),
        *("--plan", "enterprise", "--owner", "otto@other.example"),
    )
    said = gatepost.run("access", "can", "campaigns:send", *ANN, "--at", other["workspace"])
    assert said == Said(1, "", "Error: There is no such workspace, or you may not see it.\n")


@pytest.mark.parametrize("about", [(), ("--member", "a@b.example", "--group", "Sales")])
def test_one_of_member_and_group_is_needed(
    gatepost: Gatepost, ids: dict[str, str], about: tuple[str, ...]
) -> None:
    said = gatepost.run("access", "of", "--org", "acme", *about)
    assert said.exit_code == 2
    assert "Give --member or --group." in said.stderr


def test_unused_says_what_could_be_taken_away(gatepost: Gatepost, ids: dict[str, str]) -> None:
    early = printed(gatepost.run("access", "unused", "--org", "acme", "--json"))
    assert [(m["name"], [r["role"] for r in m["roles"]]) for m in early["members"]] == [
        ("Ann", ["Operator"]),
        ("olga@acme.example", ["Owner"]),
    ]
    (role,) = early["members"][0]["roles"]
    assert (role["observed_long_enough"], role["used"], role["smaller"]) == (False, [], None)
    assert "campaigns:send" in role["unused"]

    gatepost.look(_a_hundred_days_ago)
    (role,) = printed(gatepost.run("access", "unused", "--org", "acme", "--json"))["members"][0][
        "roles"
    ]
    assert role["used"] == ["campaigns:read", "campaigns:results"]
    assert role["smaller"] == {"permissions": role["used"], "role": "Viewer"}
    said = gatepost.run("access", "unused", "--org", "acme").stdout.splitlines()
    count = len(role["used"]) + len(role["unused"])
    assert said[0] == f"Ann, Operator: 2 of {count} permissions used"
    assert said[1] == "  Viewer would do."
    assert said[3].startswith("  Observed since ")


async def _a_hundred_days_ago() -> None:
    """Ann has been there for so long, and read campaigns yesterday."""
    ann, ago = await Member.get(email="ann@acme.example"), now() - timedelta(days=100)
    await Member.filter(id=ann.id).update(active_since=ago)
    await GroupMember.all().update(created_at=ago)
    await Assignment.filter(principal_type=PrincipalType.GROUP).update(created_at=ago)
    await PermissionUse.create(
        organization_id=ann.organization_id,
        member_id=ann.id,
        day=now().date() - timedelta(days=1),
        permissions=["campaigns:read", "campaigns:results"],
    )


def test_unused_looks_back_as_far_as_there_is_a_record(
    gatepost: Gatepost, ids: dict[str, str]
) -> None:
    said = gatepost.run("access", "unused", "--org", "acme", "--days", "366")
    assert (said.exit_code, said.stdout) == (1, "")
    assert said.stderr.endswith("days: Give 1 to 365 days.\n")
