"""What is generated from the code is committed, and printed as committed."""

from pathlib import Path

import pytest

from gateway.cli.reference import pages
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


def test_help_lists_the_commands() -> None:
    said = Gatepost("sqlite://unused").run("--help")

    _, _, commands = said.stdout.partition("Commands:\n")
    assert [line.split()[0] for line in commands.splitlines()] == [
        "connection",
        "demo",
        "doctor",
        "domain",
        "migrate",
        "org",
        "recover-owner",
        "schema",
        "scim-token",
        "secrets",
        "serve",
    ]
