"""`gatepost roles`: looking at roles, changing them, and keeping them in git."""

import json
from pathlib import Path
from typing import Any

import pytest

from identity import assignments, organizations, role_import, roles
from identity.access.permissions import Permission
from identity.assignments import Principal, Scope
from identity.refusals import Conflict, Escalation
from identity.role_import import WrittenRole
from models import (
    Assignment,
    AuditEvent,
    BuiltinRole,
    Member,
    PrincipalType,
    Role,
    RoleVersion,
    ScopeType,
)
from models.organization import Organization
from tests.gateway.commands import Gatepost, Said
from tests.identity.refusing import refused
from tests.statements import counted_statements
from tests.world import World

P = Permission
SENDER = {"name": "Sender", "description": "Sends.", "permissions": ["campaigns:send"]}
DESIGNER = {"name": "designer", "permissions": ["TEMPLATES_WRITE", "forms:write"]}


@pytest.fixture
def acme(gatepost: Gatepost) -> Gatepost:
    """With the custom roles Shift and Sender."""
    gatepost.acme()
    run(gatepost, "create", "Shift", "--permission", "campaigns:draft")
    run(gatepost, "create", "Sender", "--description", "Sends", "--permission", "campaigns:read")
    return gatepost


def run(gatepost: Gatepost, command: str, *arguments: str, stdin: str | None = None) -> Said:
    return gatepost.run("roles", command, "--org", "acme", *arguments, stdin=stdin)


def told(gatepost: Gatepost, command: str, *arguments: str) -> Any:
    return gatepost.json("roles", command, "--org", "acme", *arguments)


def written(folder: Path, *written_roles: Any) -> str:
    path = folder / "roles.json"
    path.write_text(json.dumps({"roles": written_roles}))
    return str(path)


async def kept() -> Any:
    """Everything that a command about roles could change."""
    return (
        await Role.all().order_by("id").values(),
        await RoleVersion.all().order_by("id").values(),
        await Assignment.all().order_by("id").values(),
        await AuditEvent.all().count(),
    )


async def shift_is_held() -> None:
    subject = await organizations.operator_of("acme")
    member, organization = await Member.get(), await Organization.get()
    await assignments.assign(
        subject,
        role_id=(await Role.get(name="Shift")).id,
        principal=Principal(PrincipalType.MEMBER, member.id),
        scope=Scope(ScopeType.ORGANIZATION, organization.id),
    )


def test_a_role_is_made_changed_deleted_and_restored(gatepost: Gatepost) -> None:
    gatepost.acme()
    made = told(
        gatepost, "create", "Shift", "--permission", "campaigns:read", "--copy-of", "viewer"
    )
    assert (made["name"], made["version"], made["builtin"]) == ("Shift", 1, False)
    assert {"campaigns:read", "lists:read"} <= set(made["permissions"])

    changed = told(
        gatepost,
        *("update", "SHIFT", "--name", "Late", "--description", "Nights."),
        *("--add", "CAMPAIGNS_SEND", "--remove", "lists:read", "--expected-version", "1"),
    )
    assert (changed["name"], changed["description"], changed["version"]) == ("Late", "Nights.", 2)
    assert "campaigns:send" in changed["permissions"]
    assert "lists:read" not in changed["permissions"]

    assert run(gatepost, "delete", "late").stdout == "Late is deleted: version 3.\n"
    restored = told(gatepost, "restore", "late", "--version", "1")
    assert (restored["id"], restored["name"], restored["version"]) == (made["id"], "Shift", 4)
    assert restored["permissions"] == made["permissions"]

    async def recorded() -> list[Any]:
        events = await AuditEvent.filter(action__startswith="role.").order_by("id")
        return [(event.action, event.actor_name, event.operation) for event in events]

    assert gatepost.look(recorded) == [
        (f"role.{verb}", "operator", f"gatepost roles {verb}")
        for verb in ("create", "update", "delete", "restore")
    ]


def test_roles_are_listed_and_shown(acme: Gatepost) -> None:
    listed = told(acme, "list")["roles"]
    assert [role["name"] for role in listed][-3:] == ["Creator", "Shift", "Sender"]
    shown = told(acme, "show", "sender")
    assert shown.pop("levels")["campaigns"] == "custom"
    assert listed[-1] == shown
    assert run(acme, "list").stdout.splitlines()[-2:] == [
        "Shift     version 1, permissions: 1",
        "Sender    version 1, permissions: 1",
    ]
    assert run(acme, "show", "Shift").stdout.splitlines() == [
        "Shift",
        "  campaigns      custom  campaigns:draft",
    ]
    levels = told(acme, "show", "Viewer")["levels"]
    assert (levels["campaigns"], levels["servers"]) == ("read", "none")


def test_history_is_told_also_of_a_deleted_role(acme: Gatepost) -> None:
    run(acme, "update", "Shift", "--name", "Late", "--add", "campaigns:send")
    run(acme, "delete", "Late")
    run(acme, "restore", "Late", "--version", "1")
    run(acme, "delete", "Shift")

    versions = told(acme, "history", "shift")["versions"]

    assert [(v["number"], v["change"], v["restored_from"], v["name"]) for v in versions] == [
        (5, "deleted", None, "Shift"),
        (4, "restored", 1, "Shift"),
        (3, "deleted", None, "Late"),
        (2, "updated", None, "Late"),
        (1, "created", None, "Shift"),
    ]
    assert (versions[3]["added"], versions[3]["previous_name"]) == (["campaigns:send"], "Shift")
    assert {v["actor"] for v in versions} == {"operator"}
    lines = run(acme, "history", "shift").stdout.splitlines()
    assert [line.split("operator")[-1].strip() for line in lines] == [
        "deleted",
        "restored from version 1",
        "name: Late -> Shift",
        "+ campaigns:draft",
        "deleted",
        "updated",
        "name: Shift -> Late",
        "+ campaigns:send",
        "created",
        "+ campaigns:draft",
    ]


def test_two_roles_and_two_versions_are_compared(acme: Gatepost) -> None:
    assert run(acme, "compare", "Shift", "Sender").stdout.splitlines() == [
        "Both: campaigns:read",
        "Only Shift: campaigns:draft",
        "Only Sender: nothing",
    ]
    run(acme, "update", "Shift", "--add", "audit:read")
    versions = ("Shift", "Shift", "--version", "1", "--other-version", "2")
    assert told(acme, "compare", *versions) == {
        "name": "Shift",
        "other_name": "Shift",
        "in_both": ["campaigns:read", "campaigns:draft"],
        "only_in_role": [],
        "only_in_other": ["audit:read"],
    }
    assert run(acme, "compare", *versions).stdout.splitlines()[-1] == "  audit          none / read"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("show", "Nobody"), "There is no such role, or you may not see it."),
        (("history", "Nobody"), "There is no such role, or you may not see it."),
        (("create", "shift"), "There is a role named 'shift' already."),
        (("create", "New", "--permission", "all"), "--permission: There is no permission 'all'."),
        (
            ("update", "Shift", "--add", "forms:read", "--remove", "forms:read"),
            "remove: This is also to be added: forms:read.",
        ),
        (
            ("update", "Shift", "--expected-version", "7"),
            (
                "It was changed meanwhile: you expected version 7, it is at 1. "
                "Load it again and repeat your change."
            ),
        ),
        (
            ("update", "Owner", "--remove", "forms:read"),
            "Owner is built in and fixed. Copy it to a role of your own.",
        ),
        (("delete", "Admin"), "Admin is built in and fixed. Copy it to a role of your own."),
        (
            ("restore", "Shift", "--version", "9"),
            "There is no such version of this role, or you may not see it.",
        ),
    ],
)
def test_what_is_refused_changes_no_role(
    acme: Gatepost, arguments: tuple[str, ...], sentence: str
) -> None:
    before = acme.look(kept)
    said = run(acme, *arguments)
    assert (said.exit_code, said.stdout, said.stderr) == (1, "", f"Error: {sentence}\n")
    assert acme.look(kept)[:3] == before[:3]


def test_a_role_in_use_is_deleted_only_with_a_replacement(acme: Gatepost) -> None:
    acme.look(shift_is_held)
    before = acme.look(kept)
    said = run(acme, "delete", "Shift")
    assert said.exit_code == 1
    first, holder = said.stderr.splitlines()
    assert first == "Error: This role is in use, assignments: 1. Name a replacement role."
    assert holder.startswith("  member olga@acme.example at organization ")
    assert acme.look(kept) == before

    assert run(acme, "delete", "Shift", "--replacement", "Viewer").exit_code == 0
    names = acme.look(lambda: Assignment.all().select_related("role").values_list("role__name"))
    assert sorted(names) == [("Owner",), ("Viewer",)]


def test_an_export_is_sorted_and_imports_without_any_change(acme: Gatepost, tmp_path: Path) -> None:
    run(acme, "update", "Shift", "--add", "audit:read", "--add", "campaigns:send")
    exported = run(acme, "export").stdout
    assert json.loads(exported) == {
        "roles": [
            {"name": "Sender", "description": "Sends", "permissions": ["campaigns:read"]},
            {
                "name": "Shift",
                "description": "",
                "permissions": ["audit:read", "campaigns:draft", "campaigns:send"],
            },
        ]
    }
    assert run(acme, "export").stdout == exported
    everything = run(acme, "export", "--builtin").stdout
    assert len(json.loads(everything)["roles"]) == len(BuiltinRole) + 2
    before = acme.look(kept)
    for text in (exported, everything):
        path = tmp_path / "roles.json"
        path.write_text(text)
        said = run(acme, "diff", str(path), "--prune")
        assert (said.exit_code, said.stdout) == (0, "Nothing changes.\n")
        assert run(acme, "import", str(path), "--prune").stdout == "Nothing changes.\n"
    assert acme.look(kept) == before


def test_a_difference_is_told_with_exit_code_1(acme: Gatepost, tmp_path: Path) -> None:
    before = acme.look(kept)
    path = written(tmp_path, SENDER | {"name": "SENDER"}, DESIGNER)

    said = run(acme, "diff", path)
    assert (said.exit_code, said.stdout.splitlines()) == (
        1,
        [
            "+ designer",
            "  + forms:write",
            "  + templates:write",
            "~ Sender",
            "  renamed: Sender -> SENDER",
            "  description: Sends -> Sends.",
            "  + campaigns:send",
            "  - campaigns:read",
            "Not in the file, and kept without --prune: Shift",
        ],
    )
    assert run(acme, "diff", path, "--prune").stdout.splitlines()[-1] == "- Shift"
    answer = run(acme, "diff", path, "--prune", "--json")
    assert answer.exit_code == 1
    assert json.loads(answer.stdout) == {
        "new": [
            {
                "name": "designer",
                "description": "",
                "permissions": ["forms:write", "templates:write"],
            }
        ],
        "changed": [
            {
                "name": "Sender",
                "renamed": {"before": "Sender", "after": "SENDER"},
                "description": {"before": "Sends", "after": "Sends."},
                "added": ["campaigns:send"],
                "removed": ["campaigns:read"],
            }
        ],
        "deleted": ["Shift"],
        "kept": [],
    }
    assert acme.look(kept) == before


def test_an_import_asks_and_then_changes_everything(acme: Gatepost, tmp_path: Path) -> None:
    path = written(tmp_path, SENDER, DESIGNER)
    before = acme.look(kept)
    said = run(acme, "import", path, "--prune", stdin="n\n")
    assert said.exit_code == 1
    assert said.stdout.splitlines()[0] == "+ designer"
    assert acme.look(kept) == before

    assert run(acme, "import", path, "--prune", stdin="y\n").exit_code == 0

    assert json.loads(run(acme, "export").stdout)["roles"] == [
        {
            "name": "designer",
            "description": "",
            "permissions": ["forms:write", "templates:write"],
        },
        SENDER,
    ]
    assert run(acme, "diff", path, "--prune").exit_code == 0

    async def recorded() -> list[Any]:
        events = await AuditEvent.filter(operation="gatepost roles import").order_by("id")
        return [(event.action, event.target_name) for event in events]

    assert acme.look(recorded) == [
        ("role.delete", "Shift"),
        ("role.update", "Sender"),
        ("role.create", "designer"),
    ]


def test_an_import_that_cannot_be_carried_out_changes_nothing(
    acme: Gatepost, tmp_path: Path
) -> None:
    acme.look(shift_is_held)
    path = written(tmp_path, SENDER, DESIGNER)
    before = acme.look(kept)
    said = run(acme, "import", path, "--prune", "--yes")
    assert said.exit_code == 1
    assert said.stderr.startswith("Error: This role is in use, assignments: 1.")
    assert acme.look(kept) == before


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "This is not JSON"),
        ('{"roles": [{"name": "A"}]}', "A role is written"),
        ('{"roles": [{"name": "A", "permissions": [], "description": 1}]}', "A role is written"),
        ('[{"name": "A", "permissions": ["campaigns:all"]}]', "There is no permission"),
        ('[{"name": "A", "permissions": []}, {"name": "a", "permissions": []}]', "Two roles have"),
        ('{"name": "Owner", "permissions": []}', "Owner is built in and fixed."),
        ('{"name": "", "permissions": []}', "This must not be empty."),
    ],
)
def test_a_file_that_cannot_be_is_refused(
    acme: Gatepost, tmp_path: Path, content: str, sentence: str
) -> None:
    path = tmp_path / "roles.json"
    path.write_text(content)
    before = acme.look(kept)
    said = run(acme, "import", str(path), "--yes")
    assert said.exit_code == 1
    assert sentence in said.stderr
    assert acme.look(kept) == before


async def test_an_import_is_not_carried_out_on_other_roles_than_were_shown(world: World) -> None:
    """Neither an edit in between, nor one that was taken back, nor a role that came along."""
    subject = world.operator
    role = await world.custom_role("Shift", P.CAMPAIGNS_READ)
    wanted = [WrittenRole("Shift", frozenset({P.FORMS_READ}))]

    shown = await role_import.difference(subject.access, wanted)
    await roles.update(subject, role.id, expected_version=1, add=[P.FORMS_READ])
    await roles.update(subject, role.id, expected_version=2, remove=[P.FORMS_READ])
    async with refused(Conflict):
        await role_import.apply(subject, wanted, shown)

    shown = await role_import.difference(subject.access, wanted, prunes=True)
    late = await world.custom_role("Late", P.CAMPAIGNS_READ)
    async with refused(Conflict):
        await role_import.apply(subject, wanted, shown)

    shown = await role_import.difference(subject.access, wanted)
    await role_import.apply(subject, wanted, shown)
    assert (await Role.get(id=role.id)).permissions == ["forms:read"]
    assert await Role.exists(id=late.id)


async def test_who_imports_gives_no_more_than_they_hold(world: World) -> None:
    designer = await world.custom_role("Designer", P.ROLES_WRITE, P.CAMPAIGNS_DRAFT)
    dora = await world.someone("Dora", designer, world.everywhere)
    wanted = [
        WrittenRole("Fair", frozenset({P.CAMPAIGNS_DRAFT})),
        WrittenRole("Sneaky", frozenset({P.CAMPAIGNS_SEND})),
    ]
    shown = await role_import.difference(dora.access, wanted)
    async with refused(Escalation, denied="role.create", missing=["campaigns:send"]):
        await role_import.apply(dora, wanted, shown)


@pytest.mark.parametrize("count", [1, 12])
async def test_a_difference_takes_two_statements(world: World, count: int) -> None:
    for number in range(count):
        await world.custom_role(f"Role {number}", P.CAMPAIGNS_READ)
    wanted = [WrittenRole(f"role {n}", frozenset({P.FORMS_READ})) for n in range(count)]
    with counted_statements() as statements:
        shown = await role_import.difference(world.operator.access, wanted)
    assert len(shown.edits) == count
    assert len(statements) == 2, statements
