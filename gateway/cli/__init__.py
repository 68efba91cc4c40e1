"""The command line: the operator's door.

Owns: the commands, one module a group; how they open settings and database (`opening`), and what
they print. Every refusal is one sentence on standard error and exit code 1; wrong usage is 2.
May import: `gateway.app`, `gateway.settings`, `schema`, `identity`, `models`, click, uvicorn.
Leaves to others: the rules (`identity`). The demo is loaded by name, and only to run it.
"""

from collections.abc import Sequence
from importlib import import_module

import click

from gateway.cli import (
    database,
    directory,
    doctor,
    organization,
    reference,
    secret_keys,
    serve,
    sign_in,
)
from gateway.cli.opening import FAILURES, sentence

DEMO = "gateway.demo.command"


class Commands(click.Group):
    """All commands. What may go wrong is said in a sentence here, and nowhere else."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), "demo"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "demo":
            command: click.Command = import_module(DEMO).demo
            return command
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except FAILURES as error:
            raise click.ClickException(sentence(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gatepost")
def cli() -> None:
    """Gatepost: a GraphQL gateway with SSO and SCIM."""


cli.add_command(serve.serve)
cli.add_command(database.migrate)
cli.add_command(doctor.doctor)
cli.add_command(organization.organization)
cli.add_command(organization.recover_owner)
cli.add_command(directory.scim_token)
cli.add_command(sign_in.connection)
cli.add_command(sign_in.domain)
cli.add_command(secret_keys.secret_keys)
cli.add_command(reference.schema)
cli.add_command(reference.docs)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave the process with its exit code."""
    cli.main(arguments, prog_name="gatepost")
