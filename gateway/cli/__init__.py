"""The command line: the operator's door.

Owns: the commands, one module a group; how they open settings and database (`opening`), and what
they print. Every refusal is one sentence on standard error and exit code 1; wrong usage is 2.
May import: `gateway.app`, `gateway.settings`, `schema`, `identity`, `models`, click, uvicorn.
Leaves to others: the rules (`identity`).
"""

from collections.abc import Mapping, Sequence
from importlib import import_module

import click

from gateway.cli.opening import FAILURES, sentence

COMMANDS: Mapping[str, str] = {
    "connection": "gateway.cli.sign_in:connection",
    "demo": "gateway.demo.command:demo",
    "docs": "gateway.cli.reference:docs",
    "doctor": "gateway.cli.doctor:doctor",
    "domain": "gateway.cli.sign_in:domain",
    "migrate": "gateway.cli.database:migrate",
    "org": "gateway.cli.organization:organization",
    "recover-owner": "gateway.cli.organization:recover_owner",
    "schema": "gateway.cli.reference:schema",
    "scim-token": "gateway.cli.directory:scim_token",
    "secrets": "gateway.cli.secret_keys:secret_keys",
    "serve": "gateway.cli.serve:serve",
}
"""Where each command is. It is loaded when it is run, so that a small one need not wait for the
application, and nothing but `demo` ever loads the demo.
"""


class Commands(click.Group):
    """All commands. What may go wrong is said in a sentence here, and nowhere else."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except FAILURES as error:
            raise click.ClickException(sentence(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gatepost")
def cli() -> None:
    """Gatepost: a GraphQL gateway with SSO and SCIM."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave the process with its exit code."""
    cli.main(arguments, prog_name="gatepost")
