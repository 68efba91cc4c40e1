"""`gatepost documents matrix`: operations by roles, why, and what a change changes."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from identity import organizations, roles
from identity.access.permissions import Permission
from tests.gateway.commands import Gatepost, Said

OPERATIONS = Path(__file__).parent.parent / "operations"

TABLE = """\
operation       Owner   Admin   Operator  Viewer  Member  Editor  Auditor  Creator
CampaignEditor  full    full    partly    partly  none    partly  full     full
CampaignPage    full    full    full      full    none    full    full     full
SendCampaign    full    full    full      none    none    none    none     none
ServerSettings  full    full    partly    none    none    none    full     full
TeamPage        full    none    none      none    partly  partly  full     none
WhoAmI          full    full    full      full    full    full    full     full
"""
HOST_LOST = {
    "path": "workspace.sendingServers.nodes[].host",
    "coordinate": "SendingServer.host",
    "effect": "null",
    "missing": ["servers:read"],
    "reason": "Needs `servers:read` on this object.",
    "conditions": [],
}

NOWHERE = Gatepost("sqlite://nowhere/to/be/found.sqlite3")
"""Most of it needs no database."""


def matrix(*arguments: str | Path, gatepost: Gatepost = NOWHERE) -> Said:
    return gatepost.run("documents", "matrix", *map(str, arguments))


def answered(*arguments: str | Path) -> Any:
    return json.loads(matrix(*arguments, "--json").stdout)


def role(folder: Path, file: str, name: str, *permissions: str) -> Path:
    path = folder / file
    path.write_text(json.dumps({"name": name, "permissions": permissions, "description": "…"}))
    return path


@pytest.fixture
def operations(tmp_path: Path) -> Path:
    """A copy of the operations, to be changed."""
    return Path(shutil.copytree(OPERATIONS, tmp_path / "operations"))


def rewritten(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("arguments", [(), ("--roles",), ("--roles", "all")])
def test_the_table_of_the_fixed_roles_needs_no_database(arguments: tuple[str, ...]) -> None:
    said = matrix(OPERATIONS, *arguments)
    assert (said.exit_code, said.stdout, said.stderr) == (0, TABLE, "")


def test_roles_are_chosen_by_name_and_by_file(tmp_path: Path) -> None:
    sender = role(tmp_path, "sender.json", "Sender", "campaigns:send", "LISTS_READ")
    files = (OPERATIONS / "SendCampaign.graphql", OPERATIONS / "fragments")
    said = matrix(*files, "--roles", f"viewer, {sender}")
    assert said.stdout.splitlines() == [
        "operation     Viewer  Sender",
        "SendCampaign  none    full",
    ]


def test_json_says_what_is_lost_and_why() -> None:
    found = answered(OPERATIONS, "--roles", "operator")

    assert found["roles"] == ["Operator"]
    assert [each["name"] for each in found["operations"]] == sorted(
        path.stem for path in OPERATIONS.glob("*.graphql")
    )
    servers = next(each for each in found["operations"] if each["name"] == "ServerSettings")
    assert servers["kind"] == "query"
    assert servers["place"] == f"{OPERATIONS / 'ServerSettings.graphql'}:1"
    port = {**HOST_LOST, "path": "workspace.sendingServers.nodes[].port"}
    assert servers["roles"] == {
        "Operator": {
            "verdict": "partly",
            "lost": [HOST_LOST, {**port, "coordinate": "SendingServer.port"}],
        }
    }


def test_a_cell_is_explained() -> None:
    said = matrix(OPERATIONS, "--explain", "CampaignEditor", "viewer")
    assert said.exit_code == 0
    assert said.stdout.splitlines() == [
        f"CampaignEditor ({OPERATIONS / 'CampaignEditor.graphql'}:1) for Viewer: partly",
        (
            "  campaign.sendingServer.name  SendingServer.name  null (with $delivery): "
            "needs servers:read or servers:use on this object"
        ),
        (
            "  campaign.sendingServer.host  SendingServer.host  null (with $delivery): "
            "needs servers:read on this object"
        ),
    ]
    refused = answered(OPERATIONS, "--explain", "SendCampaign", "Viewer")
    assert (refused["operation"], refused["role"], refused["verdict"]) == (
        "SendCampaign",
        "Viewer",
        "none",
    )
    assert [(each["path"], each["effect"]) for each in refused["lost"]] == [
        ("sendCampaign", "refused")
    ]


def test_where_the_role_is_given_matters() -> None:
    team = OPERATIONS / "TeamPage.graphql"
    assert matrix(team, "--roles", "owner").stdout.splitlines()[1] == "TeamPage   full"
    said = matrix(team, "--roles", "owner", "--at", "workspace")
    assert said.stdout.splitlines()[1] == "TeamPage   partly"


def test_a_manifest_is_read(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    text = "{ organization { plan ...Members } } fragment Members on Organization { name }"
    named = "query Plan { organization { plan } }"
    manifest.write_text(json.dumps({"one": text, "two": named}))

    found = answered(manifest, "--roles", "owner,viewer")

    assert [
        (each["name"], [cell["verdict"] for cell in each["roles"].values()])
        for each in found["operations"]
    ] == [("Plan", ["full", "none"]), ("one", ["full", "none"])]


def test_the_same_version_changes_nothing(operations: Path) -> None:
    said = matrix(operations, "--against", OPERATIONS, "--fail-on", "change")
    assert (said.exit_code, said.stdout, said.stderr) == (0, "Nothing changes.\n", "")


def test_a_version_that_asks_for_more_than_a_role_may_see_is_a_loss(operations: Path) -> None:
    page = operations / "CampaignPage.graphql"
    rewritten(page, "...CampaignRow", "...CampaignRow sendingServer { host }")
    said = matrix(operations, "--against", OPERATIONS, "--roles", "owner,operator")

    assert said.exit_code == 1
    assert said.stdout.splitlines() == [
        "CampaignPage for Operator: full -> partly",
        (
            "  - workspace.campaigns.nodes[].sendingServer.host  SendingServer.host  "
            "null: needs servers:read on this object"
        ),
    ]


def test_a_version_that_asks_for_less_is_a_gain(operations: Path) -> None:
    rewritten(operations / "ServerSettings.graphql", "        host\n        port\n", "")
    arguments = (operations, "--against", OPERATIONS, "--roles", "operator")

    said = matrix(*arguments)

    assert said.exit_code == 0
    assert said.stdout.splitlines() == [
        "ServerSettings for Operator: partly -> full",
        "  + workspace.sendingServers.nodes[].host  SendingServer.host",
        "  + workspace.sendingServers.nodes[].port  SendingServer.port",
    ]
    assert matrix(*arguments, "--fail-on", "change").exit_code == 1


def test_operations_that_come_and_go_are_named(operations: Path) -> None:
    (operations / "WhoAmI.graphql").rename(operations / "Me.graphql")
    rewritten(operations / "Me.graphql", "query WhoAmI", "query Me")

    said = matrix(operations, "--against", OPERATIONS)

    assert said.exit_code == 0
    assert said.stdout.splitlines() == [
        "New operations: Me",
        "Operations that are gone: WhoAmI",
    ]


def test_two_versions_of_a_role_are_compared(tmp_path: Path) -> None:
    old = role(tmp_path, "old.json", "Sender", "campaigns:send", "campaigns:results")
    new = role(tmp_path, "new.json", "Mail sender", "campaigns:read")
    arguments = (OPERATIONS, "--roles", new, "--against-roles", old)

    said = matrix(*arguments)

    assert said.exit_code == 1
    assert said.stdout.splitlines() == [
        "CampaignPage for Mail sender: full -> partly",
        (
            "  - workspace.campaigns.nodes[].results  Campaign.results  "
            "null: needs campaigns:results on this object"
        ),
        "SendCampaign for Mail sender: full -> none",
        (
            "  - sendCampaign  Mutation.sendCampaign  "
            "refused: needs campaigns:send at input.campaignId"
        ),
    ]
    changes = answered(*arguments)["changes"]
    assert [(each["operation"], each["before"], each["after"]) for each in changes] == [
        ("CampaignPage", "full", "partly"),
        ("SendCampaign", "full", "none"),
    ]
    assert matrix(OPERATIONS, "--roles", old, "--against-roles", new).exit_code == 0


def test_a_role_that_is_gone_is_a_loss(tmp_path: Path) -> None:
    said = matrix(OPERATIONS, "--roles", "owner", "--against-roles", "owner,viewer")
    assert (said.exit_code, said.stdout) == (1, "Roles that are gone: Viewer\n")


def test_the_roles_of_an_organization(gatepost: Gatepost) -> None:
    gatepost.acme()

    async def a_role_of_its_own() -> None:
        subject = await organizations.operator_of("acme")
        await roles.create(subject, name="Sender", permissions=[Permission.CAMPAIGNS_SEND])

    gatepost.look(a_role_of_its_own)

    said = matrix(OPERATIONS, "--org", "acme", gatepost=gatepost)

    lines = said.stdout.splitlines()
    assert (said.exit_code, lines[0].split()[-2:]) == (0, ["Creator", "Sender"])
    assert lines[3].split() == ["SendCampaign", *["full"] * 3, *["none"] * 5, "full"]


def test_an_organization_that_is_not_there_is_wrong_input(gatepost: Gatepost) -> None:
    said = matrix(OPERATIONS, "--org", "other", gatepost=gatepost)
    assert (said.exit_code, said.stdout, said.stderr) == (
        2,
        "",
        "Error: There is no such organization, or you may not see it.\n",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("query A {\n  nobody\n}", "a.graphql:2: Cannot query field 'nobody' on type 'Query'."),
        ("query A {\n  viewer {", "a.graphql:2: Syntax Error: Expected Name, found <EOF>."),
        ("query A { ...No }", "a.graphql:1: Unknown fragment 'No'."),
        ("fragment F on Viewer { name }", ": There is no operation here."),
        (
            "query A { viewer { name } }\nquery A { viewer { email } }",
            "a.graphql:2: A is in {folder}/a.graphql:1 already.",
        ),
        (
            (
                "query A { viewer { ...F } }\nfragment F on Viewer { name }\n"
                "fragment F on Viewer { email }"
            ),
            "a.graphql:3: The fragment F is another one in {folder}/a.graphql:2.",
        ),
        (
            "query A { viewer { " + " ".join(f"a{n}: name" for n in range(101)) + " } }",
            "a.graphql:1: This has 101 aliases; 100 are the most.",
        ),
    ],
)
def test_operations_that_do_not_fit_are_listed(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "a.graphql").write_text(text)
    said = matrix(tmp_path)

    separator = "" if problem.startswith(":") else "/"
    line = f"  {tmp_path}{separator}{problem.replace('{folder}', str(tmp_path))}"
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr.splitlines() == ["Error: These operations do not fit:", line]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"name": "X"}', "A role is written"),
        ('["campaigns:send"]', "A role is written"),
        ('{"name": "X", "permissions": ["campaigns:fly"]}', "There is no permission"),
        ('{"name": "X", "permissions": [1]}', "There is no permission"),
        ("{", "This is not JSON"),
    ],
)
def test_a_wrong_role_file_is_wrong_input(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "role.json"
    path.write_text(content)
    said = matrix(OPERATIONS, "--roles", path)
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr.startswith(f"Error: {path}: {sentence}")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--roles", "nobody"), "--roles: nobody is neither a file nor one of the roles Owner,"),
        (("--roles", ","), "--roles: Name a role, or a file with roles."),
        (("--org", "acme", "--plan", "starter"), "Give --org or --plan, not both"),
        (("--explain", "Nothing", "Owner"), "There is no operation Nothing. There are: Camp"),
        (("--explain", "WhoAmI", "Nobody"), "There is no role Nobody. There are: Owner,"),
        (("--explain", "WhoAmI", "Owner", "--against-roles", "owner"), "--explain is about one"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], sentence: str) -> None:
    said = matrix(OPERATIONS, *arguments)
    assert (said.exit_code, said.stdout) == (2, "")
    assert f"Error: {sentence}" in said.stderr
