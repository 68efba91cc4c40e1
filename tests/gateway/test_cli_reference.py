"""What is generated from the code is committed, and printed as committed."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from gateway.cli import COMMANDS, cli
from gateway.cli.reference import pages
from schema.federation import subgraph
from schema.sdl import sdl
from tests.architecture.sources import ROOT
from tests.gateway.commands import Gatepost


@pytest.mark.parametrize("name", ["settings.md", "permissions.md", "audit-actions.md"])
def test_the_page_is_that_of_the_code(name: str) -> None:
    committed = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert committed == pages()[name], "Write it again with: gatepost docs"


def test_the_pages_are_written_into_a_folder(tmp_path: Path) -> None:
    said = Gatepost("sqlite://unused").run("docs", str(tmp_path))

    assert said.exit_code == 0
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == pages()


def test_the_schema_is_printed_as_committed() -> None:
    said = Gatepost("sqlite://unused").run("schema")

    assert said.exit_code == 0
    assert said.stdout == (ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8")


def test_the_subgraph_is_printed_for_a_router() -> None:
    said = Gatepost("sqlite://unused").run("schema", "--federation")

    assert said.exit_code == 0
    assert said.stdout == subgraph(sdl())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_listed_by_its_own_first_sentence(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)

    assert command is not None
    listed = None if command.hidden else command.get_short_help_str(limit=200)
    assert COMMANDS[name].sentence == listed


def test_help_lists_the_commands_and_loads_none() -> None:
    text = (
        "import sys, gateway.cli\n"
        "try: gateway.cli.main(['--help'])\n"
        "finally: print([e.place for e in gateway.cli.COMMANDS.values()"
        " if e.place.partition(':')[0] in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=True
    )

    _, _, commands = said.stdout.partition("Commands:\n")
    *lines, loaded = commands.splitlines()
    assert loaded == "[]"
    assert [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "] == [
        name for name, entry in sorted(COMMANDS.items()) if entry.sentence is not None
    ]
