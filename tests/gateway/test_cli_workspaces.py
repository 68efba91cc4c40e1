"""`gatepost workspace`, and the limits of a plan at the command line."""

import json

from models import AuditEvent
from tests.gateway.commands import Gatepost
from tests.gateway.test_cli_dry_runs import state

OF = ("--org", "acme")


async def told() -> list[tuple[str, str]]:
    events = await AuditEvent.filter(action__startswith="workspace.").order_by("id")
    return [(event.action, event.outcome.value) for event in events]


def test_a_workspace_is_archived_and_comes_back(gatepost: Gatepost) -> None:
    acme = gatepost.acme()
    main = ("--workspace", "main")
    facts = {"workspace": acme["workspace"], "slug": "main", "name": "Acme"}
    before = gatepost.look(state)
    said = gatepost.run("workspace", "archive", *OF, *main, "--dry-run", "--json")
    assert (said.exit_code, json.loads(said.stdout)["members_losing"]) == (0, 1)
    assert gatepost.look(state) == before
    assert gatepost.json("workspace", "archive", *OF, *main) == {**facts, "state": "archived"}
    assert gatepost.run("workspace", "archive", *OF, *main).exit_code == 1
    said = gatepost.run("workspace", "list", *OF, "--json")
    assert json.loads(said.stdout) == [{**facts, "state": "archived"}]
    assert gatepost.json("workspace", "restore", *OF, *main) == {**facts, "state": "active"}
    assert gatepost.look(told) == [
        ("workspace.archive", "success"),
        ("workspace.restore", "success"),
    ]


def test_a_plan_has_so_many_workspaces(gatepost: Gatepost) -> None:
    gatepost.acme()
    gatepost.json("org", "plan", *OF, "--plan", "starter")
    said = gatepost.run("workspace", "create", *OF, "--workspace", "second", "--name", "Second")
    assert (said.exit_code, said.stdout) == (1, "")
    assert said.stderr == (
        "Error: Workspaces in the plan STARTER: at most 1. PREMIUM has room for more.\n"
    )
    gatepost.json("workspace", "archive", *OF, "--workspace", "main")
    again = gatepost.run("workspace", "create", *OF, "--workspace", "second", "--name", "Second")
    assert again == said
    gatepost.json("org", "plan", *OF, "--plan", "premium")
    made = gatepost.json("workspace", "create", *OF, "--workspace", "second", "--name", "Second")
    assert (made["slug"], made["state"]) == ("second", "active")
